#pragma once

#include <chrono>

#include "base/time.h"
#include "rt/mutex.h"

namespace ox::rt {

/// Where time comes from, so that a simulation can own it.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() = 0;                       ///< wall clock
  virtual std::chrono::nanoseconds monotonic() = 0;  ///< never goes back
  virtual void sleep_for(std::chrono::nanoseconds pause) = 0;
};

/// The machine's own clocks.
Clock& system_clock();

/// Stands still until told; sleeping advances it. Safe from several threads.
class ManualClock : public Clock {
 public:
  explicit ManualClock(Timestamp start) : now_(start) {}
  Timestamp now() override {
    const Lock lock(mutex_);
    return now_;
  }
  std::chrono::nanoseconds monotonic() override {
    const Lock lock(mutex_);
    return elapsed_;
  }
  void sleep_for(std::chrono::nanoseconds pause) override { advance(pause); }
  void advance(std::chrono::nanoseconds by) {
    const Lock lock(mutex_);
    now_.ns += by.count();
    elapsed_ += by;
  }
  /// Sets the wall clock, also backwards; the monotonic clock does not follow.
  void set_wall(Timestamp now) {
    const Lock lock(mutex_);
    now_ = now;
  }

 private:
  Mutex mutex_;
  Timestamp now_ OX_GUARDED_BY(mutex_);
  std::chrono::nanoseconds elapsed_ OX_GUARDED_BY(mutex_){0};
};

}  // namespace ox::rt
