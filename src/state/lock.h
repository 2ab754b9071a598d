#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace ox::state {

/// Keeps two runs of one rule apart, across processes and inside one. Ends when destroyed, and with
/// the process however that dies.
class RunLock {
 public:
  /// Locks `<store_path>.lock`, which stays behind. `now` is told to whom finds it
  /// locked. kLocked with "another run (pid 123, since …) holds this rule"; never waits.
  static Result<std::unique_ptr<RunLock>> take(const std::string& store_path, Timestamp now);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  explicit RunLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace ox::state
