// Other file systems below the root.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include "fs/os/temporary_directory.h"
#include "provider/local/local_root_for_test.h"

namespace ox::provider {
namespace {

using conformance::at;
using conformance::kTrash;
using conformance::stage_bytes;

TEST(LocalMounts, OtherFileSystemsOccupyTheirNameAndNothingElse) {
  const fs::TemporaryDirectory where;
  const std::string place = where / "mounted";
  // In a mount namespace of our own nobody else sees it, and it ends with the process. Handles
  // opened before belong to the old one.
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    GTEST_SKIP() << "may not mount";
  }
  LocalTestRoot root([&] { return fs::open_os_directory(where.path()).value(); });
  root.make_directory(at("mounted"));
  root.write(at("file"), "bytes");
  if (::mount("none", place.c_str(), "tmpfs", 0, nullptr) != 0) {
    GTEST_SKIP() << "may not mount";
  }
  root.write(at("mounted/inner"), "on another file system");
  const tree::Entry entry = conformance::look(root, "mounted");
  EXPECT_EQ(tree::Kind::kOther, entry.kind);
  Provider& provider = root.provider();
  EXPECT_CODE(Code::kUnreachable, provider.list(at("mounted"), nullptr, {}));
  EXPECT_CODE(Code::kUnreachable, provider.look(at("mounted/inner")));
  EXPECT_CODE(Code::kUnreachable, provider.open(at("mounted/inner"), nullptr));
  const auto batch = provider.begin_batch().value();
  const Staged staged = stage_bytes(*batch, "ours");
  EXPECT_CODE(Code::kUnreachable,
              batch->publish(staged, at("mounted/new"), Precondition::absent(), kTrash));
  EXPECT_CODE(Code::kPreconditionFailed, provider.remove(at("mounted"), entry.fingerprint, kTrash));
  EXPECT_EQ("on another file system", root.read(at("mounted/inner")));
  EXPECT_EQ(0, ::umount(place.c_str()));
}

}  // namespace
}  // namespace ox::provider
