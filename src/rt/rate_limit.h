#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stop_token>

#include "base/result.h"
#include "rt/clock.h"
#include "rt/mutex.h"

namespace ox::rt {

/// A token bucket that any number of transfers share. Whoever asks first is served first; a caller
/// may go when all bytes asked for before it have been paid for, so one large request is never
/// stuck, and over any span at most `rate × span + rate / 10 s + one request` bytes pass.
/// Ask for pieces (256 KiB, say) and not for whole files, or small transfers wait behind large
/// ones. Safe from several threads.
class RateLimit {
 public:
  /// A rate of 0 is no limit.
  RateLimit(Clock& clock, std::uint64_t bytes_per_second);

  /// Blocks until `bytes` may pass. kCancelled, and nothing is used up, when `stop` asks to stop;
  /// a stop acts within 100 ms.
  Result<void> acquire(std::uint64_t bytes, std::stop_token stop);

  /// Also reaches those that wait now, within 100 ms.
  void set_rate(std::uint64_t bytes_per_second);
  std::uint64_t rate() const { return rate_; }

 private:
  void refill() OX_REQUIRES(mutex_);

  Clock& clock_;
  /// Written under the mutex; read without it, so that no limit costs no lock.
  std::atomic<std::uint64_t> rate_;
  Mutex mutex_;
  /// Both count bytes on one endless tape: what has been asked for, and how far it may pass.
  double reserved_ OX_GUARDED_BY(mutex_) = 0;
  double allowed_ OX_GUARDED_BY(mutex_) = 0;
  std::chrono::nanoseconds filled_at_ OX_GUARDED_BY(mutex_);
};

}  // namespace ox::rt
