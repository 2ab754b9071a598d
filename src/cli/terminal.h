#pragma once

#include <string>
#include <string_view>

#include "rt/clock.h"
#include "rt/mutex.h"
#include "rt/pool.h"
#include "rt/progress.h"

namespace ox::cli {

/// Where text goes: stdout for answers, stderr for complaints, and a progress line on stderr when
/// that is a terminal. Keeps them from mixing. Safe from several threads.
class Terminal {
 public:
  enum class Progress : std::uint8_t { kShow, kHide };

  /// The line is drawn only when stderr is a terminal.
  Terminal(Progress progress, rt::CountingProgress& counts, rt::Clock& clock);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// A whole line, without its end.
  void say(std::string_view line);
  void complain(std::string_view line);
  /// Something that was said could not be written, and not because the reader had left.
  bool broken() const;

 private:
  void write(int descriptor, std::string_view line);
  void clear_line() OX_REQUIRES(mutex_);
  void draw();
  std::string line_of(const rt::ProgressSnapshot& now);

  rt::CountingProgress& counts_;
  rt::Clock& clock_;
  rt::RateEstimator rate_;
  mutable rt::Mutex mutex_;
  rt::Condition closing_wake_;
  bool closing_ OX_GUARDED_BY(mutex_) = false;
  bool drawn_ OX_GUARDED_BY(mutex_) = false;
  bool broken_ OX_GUARDED_BY(mutex_) = false;
  std::unique_ptr<rt::ThreadPool> painter_;
  std::unique_ptr<rt::TaskGroup> group_;
};

}  // namespace ox::cli
