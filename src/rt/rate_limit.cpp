#include "rt/rate_limit.h"

#include <algorithm>

namespace ox::rt {

namespace {

/// How long a waiter sleeps before it looks at the stop token and the rate again.
constexpr std::chrono::nanoseconds kSlice = std::chrono::milliseconds(50);

/// What an idle line saves up: enough to bridge late wake-ups, too little to be felt as a burst.
constexpr double kBurstSeconds = 0.1;

Error stopped() {
  return Error(Code::kCancelled, "stopped while waiting for bandwidth");
}

}  // namespace

RateLimit::RateLimit(Clock& clock, std::uint64_t bytes_per_second)
    : clock_(clock), rate_(bytes_per_second), filled_at_(clock.monotonic()) {}

void RateLimit::refill() {
  const std::chrono::nanoseconds now = clock_.monotonic();
  const double rate = static_cast<double>(rate_.load());
  const double seconds = std::chrono::duration<double>(now - filled_at_).count();
  filled_at_ = now;
  allowed_ = std::min(allowed_ + rate * seconds, reserved_ + rate * kBurstSeconds);
}

Result<void> RateLimit::acquire(std::uint64_t bytes, std::stop_token stop) {
  if (stop.stop_requested()) {
    return stopped();
  }
  if (rate_ == 0) {
    return {};
  }
  double begin = 0;
  {
    const Lock lock(mutex_);
    refill();
    begin = reserved_;
    reserved_ += static_cast<double>(bytes);
  }
  while (true) {
    std::chrono::nanoseconds pause{};
    {
      const Lock lock(mutex_);
      const auto rate = static_cast<double>(rate_.load());
      refill();
      if (allowed_ >= begin || rate == 0) {
        return {};
      }
      if (stop.stop_requested()) {
        // Those behind us move up by what we give back.
        allowed_ += static_cast<double>(bytes);
        return stopped();
      }
      const double missing_ns = (begin - allowed_) / rate * 1e9;
      pause = missing_ns < static_cast<double>(kSlice.count())
                  ? std::chrono::nanoseconds(static_cast<std::int64_t>(missing_ns) + 1)
                  : kSlice;
    }
    clock_.sleep_for(pause);
  }
}

void RateLimit::set_rate(std::uint64_t bytes_per_second) {
  const Lock lock(mutex_);
  refill();
  if (rate_ == 0 || bytes_per_second == 0) {
    // What stood before a time without limit has passed or is going to: nobody owes anything.
    allowed_ = reserved_;
  }
  rate_ = bytes_per_second;
}

}  // namespace ox::rt
