#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "rt/mutex.h"

namespace ox::rt {

/// What a run is doing, in the order in which it does it.
enum class Phase : std::uint8_t {
  kWaiting,
  kScanning,
  kPlanning,
  kTransferring,
  kVerifying,
  kFinished,
};

/// The stable lower-case name of a phase ("scanning"), used in JSON.
std::string_view name_of(Phase phase);

/// Files and bytes, signed: a transfer that starts over takes back what it had counted.
struct Amount {
  std::int64_t files = 0;
  std::int64_t bytes = 0;

  friend bool operator==(Amount, Amount) = default;
};

/// Where a run tells how far it is. Safe from several threads; calls are cheap and never fail.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void enter(Phase phase) = 0;
  /// Totals grow while a scan finds more and shrink when a thing turns out to need no work.
  virtual void add_total(Amount amount) = 0;
  virtual void add_done(Amount amount) = 0;
  /// `item` (usually a path) is being worked on. With several at once the last one stands.
  virtual void set_current(std::string_view item) = 0;
};

/// For callers that nobody watches.
class NullProgress final : public Progress {
 public:
  void enter(Phase) override {}
  void add_total(Amount) override {}
  void add_done(Amount) override {}
  void set_current(std::string_view) override {}
};

/// All that a Progress was told, at one instant.
struct ProgressSnapshot {
  Phase phase = Phase::kWaiting;
  Amount total;
  Amount done;
  std::string current;

  friend bool operator==(const ProgressSnapshot&, const ProgressSnapshot&) = default;
};

/// Keeps the sums for whoever shows them.
class CountingProgress final : public Progress {
 public:
  void enter(Phase phase) override;
  void add_total(Amount amount) override;
  void add_done(Amount amount) override;
  void set_current(std::string_view item) override;

  ProgressSnapshot snapshot() const;

 private:
  mutable Mutex mutex_;
  ProgressSnapshot state_ OX_GUARDED_BY(mutex_);
};

/// Speed and time left from samples of "this much is done". Pure: the caller brings the time. The
/// rate is the mean over the last `window`, so that it neither jumps nor remembers an old stall.
/// Not thread-safe.
class RateEstimator {
 public:
  explicit RateEstimator(std::chrono::nanoseconds window = std::chrono::seconds(10));

  /// `at` is monotonic time; a sample that is older than the last one is left out.
  void sample(std::chrono::nanoseconds at, std::int64_t bytes_done);
  /// 0 until two samples at different times stand, and while work is taken back.
  double bytes_per_second() const;
  /// None while nothing moves. At most a hundred years.
  std::optional<std::chrono::nanoseconds> time_left(std::int64_t bytes_left) const;

 private:
  struct Sample {
    std::chrono::nanoseconds at;
    std::int64_t bytes;
  };
  std::chrono::nanoseconds window_;
  std::deque<Sample> samples_;
};

}  // namespace ox::rt
