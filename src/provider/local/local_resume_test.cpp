// Large files that a killed run left half done.
#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "fs/faulty/faulty_fs.h"
#include "fs/memory/memory_fs.h"
#include "provider/local/local_root_for_test.h"

namespace ox::provider {
namespace {

using conformance::at;
using conformance::kTrash;

constexpr std::uint64_t kChunk = 64ULL << 10U;

/// A source that counts what is read of it and can break off.
class CountingSource final : public Source {
 public:
  CountingSource(std::string bytes, std::uint64_t version) : bytes_(std::move(bytes)) {
    print_.size = bytes_.size();
    print_.id = 7;
    print_.ctime.ns = static_cast<std::int64_t>(version);
  }
  std::uint64_t size() const override { return bytes_.size(); }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    if (offset + into.size() > break_at) {
      return Error(Code::kIo, "broken off");
    }
    read += into.size();
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return into.size();
  }
  Result<void> verify_unchanged() override {
    return held_open ? Result<void>(Error(Code::kBusy, "somebody may write")) : Result<void>{};
  }
  const tree::Fingerprint& fingerprint() const override { return print_; }

  std::uint64_t break_at = ~std::uint64_t{0};
  std::uint64_t read = 0;
  bool held_open = false;
  tree::Fingerprint print_;

 private:
  std::string bytes_;
};

std::string pattern(std::uint64_t size) {
  std::string bytes;
  for (std::uint64_t number = 1; bytes.size() < size; ++number) {
    bytes += std::to_string(number * 0x9E3779B97F4A7C15ULL);
  }
  bytes.resize(size);
  return bytes;
}

class ResumeTest : public testing::Test {
 protected:
  std::unique_ptr<Provider> open(std::shared_ptr<fs::FaultPlan> plan = nullptr) {
    LocalOptions options;
    options.root = plan == nullptr ? disk_.root() : fs::make_faulty(disk_.root(), plan);
    options.rule = kTestRule;
    options.resume_threshold = kChunk;
    options.resume_chunk = kChunk;
    return make_local_provider(std::move(options)).value();
  }
  static Result<Staged> stage(Batch& batch, Source& source) {
    StageRequest request;
    request.source = &source;
    request.mtime = conformance::kMtime;
    request.resume_key = "content-1";
    return batch.stage(request, {});
  }
  std::unique_ptr<fs::Directory> stage_folder() {
    return disk_.root()
        ->open_directory(kOwnFolder)
        .value()
        ->open_directory("stage")
        .value()
        ->open_directory(kTestRule)
        .value();
  }
  /// Stages up to a break after `chunks` whole chunks and half of the next one.
  void break_off(std::uint64_t chunks, std::uint64_t version = 1) {
    const auto provider = open();
    const auto batch = provider->begin_batch().value();
    CountingSource source(bytes_, version);
    source.break_at = chunks * kChunk + kChunk / 2;
    EXPECT_CODE(Code::kIo, stage(*batch, source));
  }
  /// Stages and publishes with no break and returns how much was read of the source.
  std::uint64_t finish(std::uint64_t version = 1) {
    const auto provider = open();
    const auto batch = provider->begin_batch().value();
    CountingSource source(bytes_, version);
    const auto staged = stage(*batch, source);
    EXPECT_OK(staged);
    EXPECT_EQ(crypto::sha256(as_bytes_view(bytes_)), staged->digest);
    EXPECT_OK(batch->publish(*staged, at("file"), Precondition::absent(), kTrash));
    LocalTestRoot root([this] { return disk_.root(); });
    EXPECT_TRUE(root.read(at("file")) == bytes_);
    return source.read;
  }

  fs::MemoryFileSystem disk_{rt::system_clock()};
  std::string bytes_ = pattern(10 * kChunk + 1234);
};

TEST_F(ResumeTest, GoesOnAtTheLastWholeChunk) {
  break_off(6);
  EXPECT_EQ(bytes_.size() - 6 * kChunk, finish());
  EXPECT_EQ(1U, stage_folder()->list().value().size()) << "nothing of the part is left";
}

TEST_F(ResumeTest, NeedsNothingToResume) {
  EXPECT_EQ(bytes_.size(), finish());
}

TEST_F(ResumeTest, ABrokenChunkIsReadAgain) {
  break_off(6);
  for (const fs::DirectoryItem& item : stage_folder()->list().value()) {
    if (item.name.ends_with(".part")) {
      const auto part = stage_folder()->open_file(item.name, fs::Access::kReadWrite).value();
      ASSERT_OK(part->write_at(3 * kChunk + 5, as_bytes_view("rot")));
    }
  }
  EXPECT_EQ(bytes_.size() - 3 * kChunk, finish());
}

TEST_F(ResumeTest, AnotherVersionOfTheSourceStartsOver) {
  break_off(6, 1);
  EXPECT_EQ(bytes_.size(), finish(2));
}

TEST_F(ResumeTest, ATornListIsNotBelieved) {
  break_off(6);
  for (const fs::DirectoryItem& item : stage_folder()->list().value()) {
    if (item.name.ends_with(".list")) {
      const auto list = stage_folder()->open_file(item.name, fs::Access::kReadWrite).value();
      ASSERT_OK(list->truncate(item.stat.size - 40));
    }
  }
  EXPECT_EQ(bytes_.size() - 4 * kChunk, finish()) << "one digest lost whole, one torn";
}

TEST_F(ResumeTest, ARacySourceIsNeverResumed) {
  const auto provider = open();
  for (int round = 0; round < 2; ++round) {
    const auto batch = provider->begin_batch().value();
    CountingSource source(bytes_, 1);
    source.print_.racy = true;
    source.break_at = 6 * kChunk;
    EXPECT_CODE(Code::kIo, stage(*batch, source));
    EXPECT_EQ(6 * kChunk, source.read);
  }
}

TEST_F(ResumeTest, WhatWasReadWhileSomebodyHeldTheSourceOpenIsReadAgain) {
  for (const bool held_first : {true, false}) {
    const auto provider = open();
    for (const bool first : {true, false}) {
      const auto batch = provider->begin_batch().value();
      CountingSource source(bytes_, held_first ? 1 : 2);
      source.held_open = first == held_first;
      source.break_at = 6 * kChunk;
      EXPECT_CODE(Code::kIo, stage(*batch, source));
      EXPECT_EQ(6 * kChunk, source.read);
    }
  }
}

TEST_F(ResumeTest, TwoTransfersOfOneContentDoNotMeet) {
  const auto provider = open();
  const auto batch = provider->begin_batch().value();
  CountingSource inner(bytes_, 1);
  CountingSource outer(bytes_, 1);
  StageRequest request;
  request.source = &outer;
  request.resume_key = "content-1";
  bool nested = false;
  request.on_bytes = [&](std::uint64_t) -> Result<void> {
    if (!std::exchange(nested, true)) {
      const auto staged = stage(*batch, inner);
      EXPECT_OK(staged);
      EXPECT_EQ(crypto::sha256(as_bytes_view(bytes_)), staged->digest);
    }
    return {};
  };
  const auto staged = batch->stage(request, {});
  ASSERT_OK(staged);
  EXPECT_EQ(crypto::sha256(as_bytes_view(bytes_)), staged->digest);
}

TEST_F(ResumeTest, AfterACrashOrPowerCutAnywhereTheBytesAreRight) {
  for (std::uint64_t call = 1;; call += 3) {
    disk_ = fs::MemoryFileSystem(rt::system_clock());
    ASSERT_NE(nullptr, open());
    const auto plan = std::make_shared<fs::FaultPlan>();
    {
      const auto provider = open(plan);
      plan->crash_at(plan->calls() + call);
      if (const auto batch = provider->begin_batch(); batch.ok()) {
        CountingSource source(bytes_, 1);
        ignore(stage(**batch, source), "it crashes in there");
      }
    }
    if (!plan->crashed()) {
      break;
    }
    rt::SeededRandom random(call);
    call % 2 == 0 ? disk_.power_cut(random) : disk_.crash();
    finish();
    if (HasFailure()) {
      FAIL() << "crashed at call " << call << " (" << plan->last_call() << ")";
    }
  }
}

TEST_F(ResumeTest, ReadsBackWhatTheDiskHolds) {
  const auto provider = open();
  auto batch = provider->begin_batch().value();
  CountingSource source(pattern(kChunk * 2), 1);
  StageRequest request;
  request.source = &source;
  const Staged staged = batch->stage(request, {}).value();
  ASSERT_TRUE(batch->make_durable().ok());
  EXPECT_EQ(batch->read_back(staged, {}).value(), *staged.digest);
  // A bit rots.
  const auto stage = stage_folder();
  for (const fs::DirectoryItem& item : stage->list().value()) {
    if (item.name.starts_with("batch-")) {
      const auto folder = stage->open_directory(item.name).value();
      const auto file = folder->open_file("0", fs::Access::kReadWrite).value();
      ASSERT_TRUE(file->write_at(kChunk, as_bytes_view("!")).ok());
    }
  }
  EXPECT_NE(batch->read_back(staged, {}).value(), *staged.digest);
}

}  // namespace
}  // namespace ox::provider
