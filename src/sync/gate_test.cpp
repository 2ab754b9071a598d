#include "sync/gate.h"

#include "sync/engine_lab_for_test.h"

namespace ox::sync {
namespace {

provider::Capabilities read_only() {
  provider::Capabilities can = provider::full_capabilities();
  can.create = can.replace = can.remove = can.move = provider::Cas::kNone;
  can.exchange = can.mtime_settable = false;
  return can;
}

/// The second root takes no writes, and so no mark.
class Unmarked : public EngineLab {
 protected:
  void SetUp() override {
    add_replica();
    add_replica(read_only());
    write(1, "kept", "bytes of what is kept");
    older_ = stores_[1]->snapshot();
    write(1, "file", "bytes of the file");
    ASSERT_TRUE(run().ok());
    ASSERT_EQ(files(0).size(), 2U);
  }

  std::shared_ptr<const provider::MemoryProvider::Snapshot> older_;
};

TEST_F(Unmarked, IsHeldWhenItIsEmpty) {
  ASSERT_TRUE(stores_[1]->user_remove(at("kept")).ok());
  ASSERT_TRUE(stores_[1]->user_remove(at("file")).ok());
  const RunReport report = run().value();
  EXPECT_EQ(report.held, std::vector<std::string>{"root b"});
  EXPECT_EQ(files(0).size(), 2U);
}

TEST_F(Unmarked, IsBelievedAsLongAsItTakesNoWrites) {
  ASSERT_TRUE(stores_[1]->user_remove(at("file")).ok());
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(files(0).size(), 1U);
}

TEST_F(Unmarked, IsNotBelievedOnceItTakesWrites) {
  stores_[1] = std::make_unique<provider::MemoryProvider>(
      provider::MemoryOptions{.capabilities = provider::full_capabilities(), .clock = &clock_});
  stores_[1]->restore(older_);
  replicas_[1].provider = stores_[1].get();
  const RunReport report = run().value();
  EXPECT_TRUE(report.rebased);
  EXPECT_EQ(files(0).size(), 2U) << "it may have come back from an older copy";
  EXPECT_EQ(files(1), files(0));
}

}  // namespace
}  // namespace ox::sync
