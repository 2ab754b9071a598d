#pragma once

#include <deque>
#include <functional>
#include <utility>

#include "rt/pool.h"
#include "rt/random.h"

namespace ox::sim {

/// Runs tasks on the calling thread, one by one and whole, once somebody waits for them, in an
/// order that the seed says. So they are seen to end in any order in which threads might end them.
class ShuffledPool final : public rt::Pool {
 public:
  explicit ShuffledPool(std::uint64_t seed) : random_(seed) {}

  void submit(std::function<void()> task) override { waiting_.push_back(std::move(task)); }
  bool run_one() override {
    if (waiting_.empty()) {
      return false;
    }
    std::swap(waiting_[random_.below(waiting_.size())], waiting_.back());
    const std::function<void()> task = std::move(waiting_.back());
    waiting_.pop_back();
    task();
    return true;
  }
  std::size_t next_of(std::size_t waiting) override { return random_.below(waiting); }
  std::size_t width() const override { return 1; }

 private:
  rt::SeededRandom random_;
  std::deque<std::function<void()>> waiting_;
};

}  // namespace ox::sim
