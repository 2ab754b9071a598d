#pragma once

#include "fs/memory/memory_fs.h"
#include "rt/clock.h"
#include "rt/random.h"

namespace ox::fs {

inline constexpr std::int64_t kStart = 1'700'000'000'000'000'000;

/// One machine whose power is cut after a script has run.
class Machine {
 public:
  explicit Machine(MemoryOptions options = {}) : file_system_(clock_, std::move(options)) {}

  std::unique_ptr<Directory> root() { return file_system_.root(); }
  MemoryFileSystem& file_system() { return file_system_; }
  rt::ManualClock& clock() { return clock_; }
  void cut(std::uint64_t seed) {
    rt::SeededRandom random(seed);
    file_system_.power_cut(random);
  }

 private:
  rt::ManualClock clock_{Timestamp{kStart}};
  MemoryFileSystem file_system_;
};

}  // namespace ox::fs
