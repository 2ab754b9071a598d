#include "rt/mutex.h"
#include "sync/engine_lab_for_test.h"

namespace ox::sync {
namespace {

constexpr std::size_t kFiles = 24;
constexpr std::size_t kThreads = 8;

/// Counts who is staging at the same time, and lets nobody go on before as many as wanted have met
/// once. Waiting has an end, so that a run with too few of them fails instead of hanging.
class Meeting {
 public:
  explicit Meeting(std::size_t wanted) : wanted_(wanted) {}

  void attend() {
    const rt::Lock lock(mutex_);
    ++present_;
    most_ = std::max(most_, present_);
    met_.notify_all();
    while (most_ < wanted_) {
      if (!met_.wait_for(mutex_, std::chrono::seconds(5))) {
        wanted_ = 0;
      }
    }
    // Whoever is one too many has time to come in.
    met_.wait_for(mutex_, std::chrono::milliseconds(5));
    --present_;
  }

  std::size_t most() const {
    const rt::Lock lock(mutex_);
    return most_;
  }

 private:
  mutable rt::Mutex mutex_;
  rt::Condition met_;
  std::size_t wanted_ OX_GUARDED_BY(mutex_);
  std::size_t present_ OX_GUARDED_BY(mutex_) = 0;
  std::size_t most_ OX_GUARDED_BY(mutex_) = 0;
};

class Transfers : public EngineLab, public ::testing::WithParamInterface<std::size_t> {};

TEST_P(Transfers, NoMoreThanAskedForAreUnderWay) {
  for (int i = 0; i < 3; ++i) {
    add_replica();
  }
  threads_ = std::make_unique<rt::ThreadPool>(kThreads);
  options_.transfers = GetParam();
  options_.batch_files = 9;
  // Large enough that none is handed out together with another.
  for (std::size_t number = 0; number < kFiles; ++number) {
    write(number % 2, "file " + std::to_string(number), std::string(1U << 20U, 'x'));
  }
  Meeting meeting(GetParam());
  for (const auto& store : stores_) {
    store->set_hook([&](const provider::MemoryEvent& event) -> Result<void> {
      if (event.call == "stage" && event.when == provider::MemoryEvent::When::kBeforeCall) {
        meeting.attend();
      }
      return {};
    });
  }
  run_clean();
  EXPECT_EQ(meeting.most(), GetParam());
  EXPECT_EQ(files(2).size(), kFiles);
}

INSTANTIATE_TEST_SUITE_P(Asked, Transfers, ::testing::Values(1U, 3U, 7U),
                         [](const auto& asked) { return std::to_string(asked.param); });

}  // namespace
}  // namespace ox::sync
