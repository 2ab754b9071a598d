// Races with writers, leases, holes and the racy mark.
#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "fs/memory/memory_fs.h"
#include "fs/os/temporary_directory.h"
#include "provider/local/hooked_fs_for_test.h"
#include "provider/local/local_root_for_test.h"

namespace ox::provider {
namespace {

using namespace std::chrono_literals;
using conformance::at;
using conformance::kTrash;
using conformance::stage_bytes;

class BusyTest : public testing::Test {
 protected:
  std::unique_ptr<fs::File> hold_open(std::string_view name) {
    return disk_.root()->open_file(name, fs::Access::kReadWrite).value();
  }
  fs::MemoryFileSystem disk_{rt::system_clock()};
  LocalTestRoot root_{[this] { return disk_.root(); }};
};

TEST_F(BusyTest, ASourceThatIsBeingWrittenSaysSo) {
  root_.write(at("file"), "bytes");
  auto writer = hold_open("file");
  const auto source = root_.provider().open(at("file"), nullptr);
  ASSERT_OK(source) << "it can be read all the same";
  EXPECT_EQ("bytes", conformance::read_all(**source));
  EXPECT_CODE(Code::kBusy, (*source)->verify_unchanged());
  writer.reset();
  const auto again = root_.provider().open(at("file"), nullptr).value();
  EXPECT_OK(again->verify_unchanged());
}

TEST_F(BusyTest, ABusyTargetIsLeftAlone) {
  root_.write(at("file"), "theirs");
  const auto print = conformance::print_of(root_, "file");
  const auto batch = root_.provider().begin_batch().value();
  const Staged staged = stage_bytes(*batch, "ours");
  auto writer = hold_open("file");
  EXPECT_CODE(Code::kBusy,
              batch->publish(staged, at("file"), Precondition::matches(print), kTrash));
  EXPECT_CODE(Code::kBusy, root_.provider().remove(at("file"), print, kTrash));
  EXPECT_EQ("theirs", root_.read(at("file")));
  EXPECT_TRUE(root_.provider().list_trash().value().empty());
  writer.reset();
  EXPECT_OK(batch->publish(staged, at("file"), Precondition::matches(print), kTrash));
}

TEST_F(BusyTest, AWriterIsNotKeptWaitingByAReader) {
  root_.write(at("file"), "bytes");
  const auto source = root_.provider().open(at("file"), nullptr).value();
  EXPECT_CODE(Code::kBusy, disk_.root()->open_file("file", fs::Access::kReadWrite))
      << "the lease stands";
  EXPECT_EQ("bytes", conformance::read_all(*source));
  EXPECT_OK(disk_.root()->open_file("file", fs::Access::kReadWrite))
      << "the next reading gives it back";
  EXPECT_CODE(Code::kBusy, source->verify_unchanged());
}

TEST_F(BusyTest, WhatWasPublishedIsNotBusy) {
  const auto batch = root_.provider().begin_batch().value();
  const Staged staged = stage_bytes(*batch, "ours");
  ASSERT_OK(batch->publish(staged, at("file"), Precondition::absent(), kTrash));
  const auto source = root_.provider().open(at("file"), nullptr).value();
  EXPECT_OK(source->verify_unchanged()) << "the batch's own handle must not count as a writer";
}

class RacyTest : public testing::Test {
 protected:
  rt::ManualClock clock_{Timestamp{1'700'000'000'000'000'000}};
  fs::MemoryFileSystem disk_{clock_};
  LocalTestRoot root_{[this] { return disk_.root(); }, &clock_};
};

TEST_F(RacyTest, AFreshVersionIsRacyAndAnOldOneIsNot) {
  root_.write(at("file"), "bytes");
  EXPECT_TRUE(conformance::print_of(root_, "file").racy);
  EXPECT_TRUE(root_.provider().list(at(""), nullptr, {}).value().front().fingerprint.racy);
  EXPECT_TRUE(root_.provider().open(at("file"), nullptr).value()->fingerprint().racy);
  clock_.advance(10s);
  EXPECT_FALSE(conformance::print_of(root_, "file").racy);
  EXPECT_FALSE(root_.provider().list(at(""), nullptr, {}).value().front().fingerprint.racy);
  EXPECT_FALSE(root_.provider().open(at("file"), nullptr).value()->fingerprint().racy);
}

TEST_F(RacyTest, TheFileSystemsOwnClockDecides) {
  root_.write(at("file"), "bytes");
  clock_.advance(1ms);
  EXPECT_FALSE(conformance::print_of(root_, "file").racy)
      << "its clock has moved on: a further change would get another stamp";
  EXPECT_FALSE(root_.provider().list(at(""), nullptr, {}).value().front().fingerprint.racy);
}

TEST_F(RacyTest, AScanOfOldFilesWritesNothing) {
  root_.write(at("file"), "bytes");
  clock_.advance(10s);
  const auto stage = root_.open_parent(at(".syncoxiders/stage").child(kTestRule).child("clock"));
  const auto before = stage->stat("clock").value().ctime;
  clock_.advance(10s);
  ASSERT_OK(root_.provider().list(at(""), nullptr, {}));
  EXPECT_EQ(before, stage->stat("clock").value().ctime);
}

TEST_F(RacyTest, CoarseStampsAreRacyForTheirWholeStep) {
  fs::MemoryOptions options;
  options.time_step = 2s;
  fs::MemoryFileSystem coarse(clock_, options);
  LocalTestRoot root([&] { return coarse.root(); }, &clock_);
  root.write(at("file"), "bytes");
  clock_.advance(1900ms);
  EXPECT_TRUE(conformance::print_of(root, "file").racy);
  clock_.advance(20s);
  EXPECT_FALSE(conformance::print_of(root, "file").racy);
}

TEST_F(RacyTest, AFreshVersionIsRacyThoughOpeningTookLong) {
  const auto before = std::make_shared<HookedDirectory::Before>(
      [this](std::string_view, std::string_view) { clock_.advance(1s); });
  LocalTestRoot root([&] { return std::make_unique<HookedDirectory>(disk_.root(), before); },
                     &clock_);
  *before = nullptr;
  root.write(at("file"), "bytes");
  EXPECT_TRUE(root.provider().list(at(""), nullptr, {}).value().front().fingerprint.racy);
}

TEST(LocalHoles, StayHoles) {
  const fs::TemporaryDirectory where;
  LocalTestRoot root([&] { return fs::open_os_directory(where.path()).value(); });
  constexpr std::uint64_t kSize = 64ULL << 20U;
  {
    const auto file =
        fs::open_os_directory(where.path()).value()->create_file("sparse", 0644).value();
    ASSERT_OK(file->write_at(5 << 20U, as_bytes_view("an island")));
    ASSERT_OK(file->write_at(40 << 20U, as_bytes_view(std::string(1 << 20U, 'x'))));
    ASSERT_OK(file->truncate(kSize));
    if (file->stat()->allocated_bytes >= kSize) {
      GTEST_SKIP() << "no holes on this file system";
    }
  }
  const auto source = root.provider().open(at("sparse"), nullptr).value();
  const auto batch = root.provider().begin_batch().value();
  StageRequest request;
  request.source = source.get();
  const auto staged = batch->stage(request, {});
  ASSERT_OK(staged);
  EXPECT_EQ(kSize, staged->size);
  std::string bytes(kSize, '\0');
  bytes.replace(5 << 20U, 9, "an island");
  bytes.replace(40 << 20U, 1 << 20U, std::string(1 << 20U, 'x'));
  EXPECT_EQ(crypto::sha256(as_bytes_view(bytes)), staged->digest);
  ASSERT_OK(batch->publish(*staged, at("copy"), Precondition::absent(), kTrash));
  EXPECT_TRUE(root.read(at("copy")) == bytes);
  const auto copied = fs::open_os_directory(where.path()).value()->stat("copy").value();
  EXPECT_EQ(kSize, copied.size);
  EXPECT_LT(copied.allocated_bytes, 8ULL << 20U);
}

TEST(LocalWatching, TellsWhereSomethingChangedAndNotOfItself) {
  const fs::TemporaryDirectory where;
  LocalOptions options;
  options.root = fs::open_os_directory(where.path()).value();
  options.rule = kTestRule;
  options.os_path = where.path();
  const auto provider = make_local_provider(std::move(options)).value();
  ASSERT_OK(provider->make_directory(at("d"), std::nullopt));
  auto watching = provider->watch();
  ASSERT_OK(watching);
  const auto batch = provider->begin_batch().value();
  stage_bytes(*batch, "staged, and told to nobody");
  const auto root = fs::open_os_directory(where.path()).value();
  ASSERT_OK(root->open_directory("d").value()->create_file("file", 0644));
  bool told = false;
  for (int tries = 0; tries < 200 && !told; ++tries) {
    const auto changes = (*watching)->wait(100ms);
    ASSERT_OK(changes);
    for (const Change& change : *changes) {
      EXPECT_EQ(Change::What::kDirectory, change.what);
      EXPECT_EQ(at("d"), change.directory);
      told = true;
    }
  }
  EXPECT_TRUE(told);
}

TEST(LocalWatching, NeedsARealPath) {
  fs::MemoryFileSystem disk(rt::system_clock());
  LocalTestRoot root([&] { return disk.root(); });
  EXPECT_CODE(Code::kUnsupported, root.provider().watch());
}

}  // namespace
}  // namespace ox::provider
