#include "provider/wrap/forwarding.h"
#include "sync/engine_lab_for_test.h"

namespace ox::sync {
namespace {

/// A disk that gives back other bytes than it took, the first `misreads` times.
class RottenBatch final : public provider::ForwardingBatch {
 public:
  RottenBatch(std::unique_ptr<provider::Batch> inner, std::size_t& misreads)
      : ForwardingBatch(std::move(inner)), misreads_(misreads) {}
  Result<Digest> read_back(const provider::Staged& staged, std::stop_token stop) override {
    TRY_ASSIGN(Digest read, inner().read_back(staged, std::move(stop)));
    if (misreads_ > 0) {
      --misreads_;
      read.bytes.front() ^= 1U;
    }
    return read;
  }

 private:
  std::size_t& misreads_;
};

class RottenDisk final : public provider::ForwardingProvider {
 public:
  RottenDisk(std::unique_ptr<Provider> inner, std::size_t& misreads)
      : ForwardingProvider(std::move(inner)), misreads_(misreads) {}
  Result<std::unique_ptr<provider::Batch>> begin_batch() override {
    TRY_ASSIGN(auto batch, inner().begin_batch());
    return std::unique_ptr<provider::Batch>(
        std::make_unique<RottenBatch>(std::move(batch), misreads_));
  }

 private:
  std::size_t& misreads_;
};

class ReadBack : public EngineLab {
 protected:
  void SetUp() override {
    add_replica();
    auto memory =
        std::make_unique<provider::MemoryProvider>(provider::MemoryOptions{.clock = &clock_});
    disk_of_b_ = memory.get();
    rotten_ = std::make_unique<RottenDisk>(std::move(memory), misreads_);
    replicas_.push_back({.provider = rotten_.get(), .label = "b", .filter = &filter_});
    facts_.replicas.push_back({.address = "/b", .label = "b"});
    options_.policy.order.push_back(1);
    write(0, "file", "old bytes");
    run_clean();
    options_.read_back = true;
    write(0, "file", "new bytes");
    write(0, "other", "other bytes");
  }

  std::size_t misreads_ = 0;
  provider::MemoryProvider* disk_of_b_ = nullptr;
  std::unique_ptr<RottenDisk> rotten_;
};

TEST_F(ReadBack, WrongBytesNeverGetAFinalName) {
  misreads_ = SIZE_MAX;
  const RunReport report = run().value();
  EXPECT_EQ(report.outcome, state::RunOutcome::kPartly);
  EXPECT_TRUE(has_problem(report, "corrupt"));
  EXPECT_EQ(report.counts.failed, 2U);
  EXPECT_EQ(disk_of_b_->content(at("file")), "old bytes");
  EXPECT_EQ(disk_of_b_->content(at("other")), std::nullopt);
  EXPECT_TRUE(disk_of_b_->trash_contents().empty()) << "nothing may be displaced";
  misreads_ = 0;
  run_clean();
  EXPECT_EQ(disk_of_b_->content(at("file")), "new bytes");
}

TEST_F(ReadBack, IsTriedOnceMore) {
  misreads_ = 1;
  run_clean();
  EXPECT_EQ(misreads_, 0U);
  EXPECT_EQ(disk_of_b_->content(at("file")), "new bytes");
  EXPECT_EQ(disk_of_b_->content(at("other")), "other bytes");
}

TEST_F(ReadBack, OneBadFileDoesNotKeepTheOthers) {
  misreads_ = 1;
  // The first is read wrong both times, the second is right.
  bool first = true;
  stores_[0]->set_hook([&](const provider::MemoryEvent& event) -> Result<void> {
    if (event.call == "open" && event.when == provider::MemoryEvent::When::kBeforeCall &&
        event.path == at("file")) {
      if (!first) {
        misreads_ = 1;
      }
      first = false;
    }
    return {};
  });
  const RunReport report = run().value();
  EXPECT_TRUE(has_problem(report, "corrupt"));
  EXPECT_EQ(disk_of_b_->content(at("file")), "old bytes");
  EXPECT_EQ(disk_of_b_->content(at("other")), "other bytes");
}

}  // namespace
}  // namespace ox::sync
