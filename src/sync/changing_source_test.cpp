#include "sync/engine_lab_for_test.h"

namespace ox::sync {
namespace {

constexpr std::size_t kManyPieces = std::size_t{1} << 20U;

/// A file is written again, as long as it was, while the engine reads it piece by piece.
class ChangingSource : public EngineLab {
 protected:
  void SetUp() override {
    add_replica();
    add_replica();
    write(0, "file", std::string(kManyPieces, 'a'));
  }

  void change_at_read(std::size_t number) {
    stores_[0]->set_hook([this, number](const provider::MemoryEvent& event) -> Result<void> {
      reads_ += event.call == "read" ? 1 : 0;
      if (changed_ || reads_ != number) {
        return {};
      }
      changed_ = true;
      clock_.advance(std::chrono::seconds(1));
      return stores_[0]->user_write(at("file"), std::string(kManyPieces, 'b'));
    });
  }

  void watch_what_appears() {
    stores_[1]->set_hook([this](const provider::MemoryEvent& event) -> Result<void> {
      if (event.when == provider::MemoryEvent::When::kAfterEffect && event.call == "publish") {
        seen_.push_back(stores_[1]->content(event.path).value_or(""));
      }
      return {};
    });
  }

  static bool is_one_version(const std::string& bytes) {
    return bytes.size() == kManyPieces && std::ranges::count(bytes, bytes.front()) == kManyPieces;
  }

  std::size_t reads_ = 0;
  bool changed_ = false;
  std::vector<std::string> seen_;
};

TEST_F(ChangingSource, IsNeverSeenInPiecesOfTwoVersions) {
  change_at_read(3);
  watch_what_appears();
  run_clean();
  EXPECT_TRUE(changed_);
  for (const std::string& bytes : seen_) {
    EXPECT_TRUE(is_one_version(bytes));
  }
  const std::string arrived = files(1).at("file");
  EXPECT_TRUE(is_one_version(arrived) && arrived.front() == 'b');
}

}  // namespace
}  // namespace ox::sync
