#pragma once

#include <atomic>
#include <stop_token>

#include "rt/pool.h"

namespace ox::cli {

/// Turns SIGINT, SIGTERM and SIGHUP into a stop; a second one ends the process at once with 130.
/// Make it before any other thread: they inherit that these signals are taken here. SIGPIPE is
/// ignored, so that a closed output does not end a sync half-way.
class StopOnSignal {
 public:
  StopOnSignal();
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  void listen();

  std::stop_source source_;
  std::atomic<bool> closing_ = false;
  std::atomic<int> listener_ = 0;  ///< the number of its thread, once it listens
  rt::ThreadPool pool_;
  rt::TaskGroup group_;
};

/// A store into a mapped file whose disk has no room for it, or fails, is answered by SIGBUS. The
/// index of the state's log is such a file, for processes share it, and some file systems (btrfs)
/// need room for every store. From now on the process then ends with a message and
/// ExitCode::kState, which is as safe as a crash; any other SIGBUS ends it as ever.
void explain_lost_mappings();

}  // namespace ox::cli
