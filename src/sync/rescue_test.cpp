#include "sync/rescue.h"

#include "sync/engine_lab_for_test.h"

namespace ox::sync {
namespace {

/// A user of `b` copies a file over another one in the gap between the engine's last look and its
/// change of it. The time of the copy is an old one, so that nothing says at the end of the run
/// that it came during it.
class InTheGap : public EngineLab, public ::testing::WithParamInterface<provider::Cas> {
 protected:
  void SetUp() override {
    add_replica();
    provider::Capabilities can = provider::full_capabilities();
    can.create = can.replace = GetParam();
    add_replica(std::move(can));
    write(0, "file", "old bytes");
    run_clean();
    run_clean();
  }

  void copy_in_the_gap() {
    stores_[1]->set_hook([this](const provider::MemoryEvent& event) -> Result<void> {
      if (copied_ || event.when != provider::MemoryEvent::When::kBeforeEffect ||
          event.call != "publish") {
        return {};
      }
      copied_ = true;
      clock_.advance(std::chrono::seconds(1));
      TRY(stores_[1]->user_write(at("file"), "the edit of a user of b"));
      return stores_[1]->user_touch(at("file"), Timestamp{1'000});
    });
  }

  std::set<std::string> all_bytes(std::size_t replica) const {
    std::set<std::string> found;
    for (const auto& [path, bytes] : files(replica)) {
      found.insert(bytes);
    }
    return found;
  }

  bool copied_ = false;
};

TEST_P(InTheGap, BothVersionsStandOnBothSides) {
  write(0, "file", "the edit of a user of a");
  copy_in_the_gap();
  ASSERT_TRUE(run().ok());
  EXPECT_TRUE(copied_);
  heal(1);
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(all_bytes(0),
            (std::set<std::string>{"the edit of a user of a", "the edit of a user of b"}))
      << "one is in a trash at best";
  EXPECT_EQ(files(1), files(0));
}

/// A link takes the name of a folder that is about to come.
TEST_P(InTheGap, ALinkThatANewFolderDisplacedStandsBesideIt) {
  write(0, "folder/file", "bytes in the folder");
  stores_[1]->set_hook([this](const provider::MemoryEvent& event) -> Result<void> {
    if (copied_ || event.when != provider::MemoryEvent::When::kBeforeEffect ||
        event.call != "publish") {
      return {};
    }
    copied_ = true;
    return stores_[1]->user_symlink(at("folder"), "the target");
  });
  ASSERT_TRUE(run().ok());
  EXPECT_TRUE(copied_);
  heal(1);
  ASSERT_TRUE(run().ok());
  for (const auto& store : stores_) {
    const auto entries = store->entries();
    EXPECT_EQ(std::ranges::count_if(entries,
                                    [](const auto& entry) {
                                      return entry.second.content.link_target == "the target";
                                    }),
              1);
    EXPECT_TRUE(entries.contains(at("folder/file")));
  }
}

INSTANTIATE_TEST_SUITE_P(OnStoresThat, InTheGap,
                         ::testing::Values(provider::Cas::kRacy, provider::Cas::kDetectAfter,
                                           provider::Cas::kAtomic),
                         [](const auto& replace) {
                           return replace.param == provider::Cas::kRacy          ? "LookBefore"
                                  : replace.param == provider::Cas::kDetectAfter ? "LookAfter"
                                                                                 : "Refuse";
                         });

}  // namespace
}  // namespace ox::sync
