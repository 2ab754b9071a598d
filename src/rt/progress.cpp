#include "rt/progress.h"

#include <algorithm>

#include "base/expects.h"

namespace ox::rt {

std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::kWaiting:
      return "waiting";
    case Phase::kScanning:
      return "scanning";
    case Phase::kPlanning:
      return "planning";
    case Phase::kTransferring:
      return "transferring";
    case Phase::kVerifying:
      return "verifying";
    case Phase::kFinished:
      return "finished";
  }
  contract_violated(std::source_location::current());
}

void CountingProgress::enter(Phase phase) {
  const Lock lock(mutex_);
  state_.phase = phase;
}

void CountingProgress::add_total(Amount amount) {
  const Lock lock(mutex_);
  state_.total.files += amount.files;
  state_.total.bytes += amount.bytes;
}

void CountingProgress::add_done(Amount amount) {
  const Lock lock(mutex_);
  state_.done.files += amount.files;
  state_.done.bytes += amount.bytes;
}

void CountingProgress::set_current(std::string_view item) {
  const Lock lock(mutex_);
  state_.current = item;
}

ProgressSnapshot CountingProgress::snapshot() const {
  const Lock lock(mutex_);
  return state_;
}

namespace {

/// However often sample() is called, no more samples than about this many stand.
constexpr int kMaxSamples = 64;

double seconds_of(std::chrono::nanoseconds span) {
  return std::chrono::duration<double>(span).count();
}

}  // namespace

RateEstimator::RateEstimator(std::chrono::nanoseconds window) : window_(window) {
  expects(window > std::chrono::nanoseconds(0));
}

void RateEstimator::sample(std::chrono::nanoseconds at, std::int64_t bytes_done) {
  if (!samples_.empty() && at < samples_.back().at) {
    return;
  }
  // The last sample moves along until it is far enough from the one before it.
  const std::size_t count = samples_.size();
  if (count >= 2 && samples_[count - 1].at - samples_[count - 2].at < window_ / kMaxSamples) {
    samples_.back() = {at, bytes_done};
  } else {
    samples_.push_back({at, bytes_done});
  }
  // One sample at or before the window's beginning stays, or the window would not be covered.
  while (samples_.size() > 2 && samples_[1].at <= at - window_) {
    samples_.pop_front();
  }
}

double RateEstimator::bytes_per_second() const {
  if (samples_.size() < 2 || samples_.back().at == samples_.front().at) {
    return 0;
  }
  const double bytes =
      static_cast<double>(samples_.back().bytes) - static_cast<double>(samples_.front().bytes);
  return bytes <= 0 ? 0 : bytes / seconds_of(samples_.back().at - samples_.front().at);
}

std::optional<std::chrono::nanoseconds> RateEstimator::time_left(std::int64_t bytes_left) const {
  if (bytes_left <= 0) {
    return std::chrono::nanoseconds(0);
  }
  const double rate = bytes_per_second();
  if (rate <= 0) {
    return std::nullopt;
  }
  constexpr double kHundredYearsInSeconds = 100.0 * 365 * 24 * 3600;
  const double seconds = static_cast<double>(bytes_left) / rate;
  return std::chrono::nanoseconds(
      static_cast<std::int64_t>(std::min(seconds, kHundredYearsInSeconds) * 1e9));
}

}  // namespace ox::rt
