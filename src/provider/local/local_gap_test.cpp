// What somebody else does between our check and our change.
#include <gtest/gtest.h>

#include "fs/faulty/faulty_fs.h"
#include "fs/memory/memory_fs.h"
#include "provider/local/hooked_fs_for_test.h"
#include "provider/local/local_root_for_test.h"

namespace ox::provider {
namespace {

using conformance::at;
using conformance::kTrash;
using conformance::stage_bytes;
using fs::Support;

class GapTest : public testing::TestWithParam<fs::MemoryOptions> {
 protected:
  GapTest()
      : disk_(rt::system_clock(), GetParam()),
        root_([this] { return std::make_unique<HookedDirectory>(disk_.root(), before_); }) {}

  /// Runs `action` once, before the first `call` that makes or swaps the name "file" or "new".
  void in_the_gap(std::string_view call, const std::function<void()>& action) {
    *before_ = [this, call = std::string(call), action](std::string_view told,
                                                        std::string_view name) {
      if (told == call && (name == "file" || name == "new")) {
        const auto now = action;
        *before_ = nullptr;
        now();
      }
    };
  }
  std::map<std::string, std::string> trash() {
    std::map<std::string, std::string> found;
    const auto items = root_.provider().list_trash();
    EXPECT_OK(items);
    for (const Provider::TrashItem& item : *items) {
      found[item.path.text()] = root_.read(at(".syncoxiders/trash").join(item.path)).value_or("");
    }
    return found;
  }

  fs::MemoryFileSystem disk_;
  std::shared_ptr<HookedDirectory::Before> before_ = std::make_shared<HookedDirectory::Before>();
  LocalTestRoot root_;
};

fs::MemoryOptions with(const std::function<void(fs::MemoryOptions&)>& change) {
  fs::MemoryOptions options;
  options.leases = Support::kNo;  // with leases the writers of these tests would have to wait
  change(options);
  return options;
}

const auto kExchange = with([](fs::MemoryOptions&) {});
const auto kLinks =
    with([](fs::MemoryOptions& options) { options.rename_exchange = Support::kNo; });
const auto kAside = with([](fs::MemoryOptions& options) {
  options.rename_exchange = options.hard_links = Support::kNo;
});

using ExchangeGapTest = GapTest;
INSTANTIATE_TEST_SUITE_P(Exchange, ExchangeGapTest, testing::Values(kExchange));

TEST_P(ExchangeGapTest, AnEditBeforeTheSwapIsKeptAndTold) {
  root_.write(at("file"), "old");
  const auto print = conformance::print_of(root_, "file");
  const auto batch = root_.provider().begin_batch().value();
  const Staged staged = stage_bytes(*batch, "ours");
  in_the_gap("exchange", [&] { root_.write(at("file"), "their edit"); });
  const auto published = batch->publish(staged, at("file"), Precondition::matches(print), kTrash);
  ASSERT_OK(published);
  EXPECT_FALSE(published->displaced_as_expected);
  EXPECT_EQ("ours", root_.read(at("file")));
  EXPECT_EQ("their edit", trash().at("run-1/file"));
}

TEST_P(ExchangeGapTest, ASaveBeforeTheSwapIsKeptAndTold) {
  root_.write(at("file"), "old");
  const auto print = conformance::print_of(root_, "file");
  const auto batch = root_.provider().begin_batch().value();
  const Staged staged = stage_bytes(*batch, "ours");
  in_the_gap("exchange", [&] { root_.save(at("file"), "new"); });
  const auto published = batch->publish(staged, at("file"), Precondition::matches(print), kTrash);
  ASSERT_OK(published);
  EXPECT_FALSE(published->displaced_as_expected) << "same size, another inode";
  EXPECT_EQ("new", trash().at("run-1/file"));
}

TEST_P(ExchangeGapTest, ADirectoryInTheGapIsPutAsideWhole) {
  root_.write(at("file"), "old");
  const auto print = conformance::print_of(root_, "file");
  const auto batch = root_.provider().begin_batch().value();
  const Staged staged = stage_bytes(*batch, "ours");
  in_the_gap("exchange", [&] {
    root_.remove(at("file"));
    root_.make_directory(at("file"));
    root_.write(at("file/inner"), "theirs");
  });
  const auto published = batch->publish(staged, at("file"), Precondition::matches(print), kTrash);
  ASSERT_OK(published);
  EXPECT_FALSE(published->displaced_as_expected);
  EXPECT_EQ("theirs", trash().at("run-1/file/inner"));
}

TEST_P(ExchangeGapTest, ADeleteInTheGapFailsThePrecondition) {
  root_.write(at("file"), "old");
  const auto print = conformance::print_of(root_, "file");
  const auto batch = root_.provider().begin_batch().value();
  const Staged staged = stage_bytes(*batch, "ours");
  in_the_gap("exchange", [&] { root_.remove(at("file")); });
  EXPECT_CODE(Code::kPreconditionFailed,
              batch->publish(staged, at("file"), Precondition::matches(print), kTrash));
  EXPECT_FALSE(root_.read(at("file")).has_value());
  EXPECT_TRUE(trash().empty()) << "our own version must not be left in the trash";
  EXPECT_OK(batch->publish(staged, at("file"), Precondition::absent(), kTrash));
  EXPECT_EQ("ours", root_.read(at("file")));
}

TEST_P(ExchangeGapTest, AnEditAfterTheSwapIsNotTakenForOurs) {
  root_.write(at("file"), "old");
  const auto print = conformance::print_of(root_, "file");
  const auto batch = root_.provider().begin_batch().value();
  const Staged staged = stage_bytes(*batch, "ours");
  const auto published = batch->publish(staged, at("file"), Precondition::matches(print), kTrash);
  ASSERT_OK(published);
  root_.write(at("file"), "edit");
  EXPECT_FALSE(published->entry.fingerprint.same_version(conformance::print_of(root_, "file")));
}

using AnyGapTest = GapTest;
INSTANTIATE_TEST_SUITE_P(AllWays, AnyGapTest, testing::Values(kExchange, kLinks, kAside));

TEST_P(AnyGapTest, NothingIsCreatedOverWhatCameMeanwhile) {
  const auto batch = root_.provider().begin_batch().value();
  const Staged staged = stage_bytes(*batch, "ours");
  in_the_gap("rename", [&] { root_.write(at("file"), "theirs"); });
  EXPECT_CODE(Code::kExists, batch->publish(staged, at("file"), Precondition::absent(), kTrash));
  EXPECT_EQ("theirs", root_.read(at("file")));
}

TEST_P(AnyGapTest, AnEditBeforeARemoveStands) {
  root_.write(at("file"), "old");
  const auto print = conformance::print_of(root_, "file");
  in_the_gap("rename", [&] { root_.write(at("file"), "their edit"); });
  EXPECT_CODE(Code::kPreconditionFailed, root_.provider().remove(at("file"), print, kTrash));
  EXPECT_EQ("their edit", root_.read(at("file")));
  EXPECT_TRUE(trash().empty());
}

TEST_P(AnyGapTest, ASaveBeforeAMoveStands) {
  root_.write(at("file"), "old");
  const auto print = conformance::print_of(root_, "file");
  in_the_gap("rename", [&] { root_.save(at("file"), "their save"); });
  EXPECT_CODE(Code::kPreconditionFailed, root_.provider().move(at("file"), at("new"), print));
  EXPECT_EQ("their save", root_.read(at("file")));
  EXPECT_FALSE(root_.read(at("new")).has_value());
}

TEST_P(AnyGapTest, AReplaceLosesNoEditOfTheGap) {
  root_.write(at("file"), "old");
  const auto print = conformance::print_of(root_, "file");
  const auto batch = root_.provider().begin_batch().value();
  const Staged staged = stage_bytes(*batch, "ours");
  const char* const call = root_.provider().capabilities().exchange ? "exchange" : "rename";
  in_the_gap(call, [&] { root_.write(at("file"), "their edit"); });
  const auto published = batch->publish(staged, at("file"), Precondition::matches(print), kTrash);
  const auto trashed = trash();
  const bool in_trash = trashed.contains("run-1/file") && trashed.at("run-1/file") == "their edit";
  EXPECT_TRUE(in_trash || root_.read(at("file")) == "their edit");
  if (published.ok()) {
    EXPECT_FALSE(published->displaced_as_expected);
    EXPECT_EQ("ours", root_.read(at("file")));
  } else {
    EXPECT_CODE(Code::kPreconditionFailed, published);
  }
}

using AsideGapTest = GapTest;
INSTANTIATE_TEST_SUITE_P(Aside, AsideGapTest, testing::Values(kAside));

TEST_P(AsideGapTest, ANameTakenWhileTheOldIsAsideKeepsBoth) {
  root_.write(at("file"), "old");
  const auto print = conformance::print_of(root_, "file");
  const auto batch = root_.provider().begin_batch().value();
  const Staged staged = stage_bytes(*batch, "ours");
  // The first rename moves the old version into the trash, the second one ours to its name.
  in_the_gap("rename",
             [&] { in_the_gap("rename", [&] { root_.write(at("file"), "came meanwhile"); }); });
  EXPECT_CODE(Code::kPreconditionFailed,
              batch->publish(staged, at("file"), Precondition::matches(print), kTrash));
  EXPECT_EQ("came meanwhile", root_.read(at("file")));
  EXPECT_EQ("old", trash().at("run-1/file"));
}

/// Where a rename is a link and a removal, the name that goes may stand for something else by then.
TEST(LinkedMoveGapTest, AtNoCallAMoveTakesASaveAway) {
  const auto links_only = with([](fs::MemoryOptions& options) {
    options.rename_exchange = options.rename_no_replace = Support::kNo;
  });
  bool saved = true;
  for (std::uint64_t gap = 1; saved; ++gap) {
    SCOPED_TRACE("before call " + std::to_string(gap));
    fs::MemoryFileSystem disk(rt::system_clock(), links_only);
    const auto plan = std::make_shared<fs::FaultPlan>();
    LocalTestRoot root([&] { return fs::make_faulty(disk.root(), plan); });
    root.write(at("file"), "the old version");
    const auto print = conformance::print_of(root, "file");
    saved = false;
    plan->clear();
    plan->set_hook([&](std::uint64_t call) {
      if (call == gap && !saved) {
        saved = true;
        root.save(at("file"), "saved meanwhile");
      }
    });
    ignore(root.provider().move(at("file"), at("new"), print), "either is right");
    plan->set_hook({});
    const auto parked = root.provider().parked();
    ASSERT_OK(parked);
    EXPECT_TRUE(parked->empty());
    const bool in_new = root.read(at("new")) == "saved meanwhile";
    const bool in_file = root.read(at("file")) == "saved meanwhile";
    EXPECT_EQ(saved, in_new || in_file);
    EXPECT_TRUE(in_new || root.read(at("new")) == "the old version" || in_file);
  }
}

}  // namespace
}  // namespace ox::provider
