#pragma once

#include <cstdint>
#include <vector>

#include "base/error.h"
#include "fs/faulty/fault_plan.h"
#include "rt/random.h"
#include "sim/history.h"
#include "sim/setting.h"

namespace ox::sim {

/// Something that happens before one call of a run.
struct Disturbance {
  enum class Kind : std::uint8_t { kEdit, kCrash, kCutMachine, kCutReplica, kCutState };

  std::uint64_t call = 0;
  Kind kind = Kind::kEdit;
  std::size_t replica = 0;
  std::uint64_t step = 0;  ///< of the history, where those are counted
};

/// One call of a run that fails.
struct Failure {
  std::uint64_t call = 0;
  Code code = Code::kIo;
  fs::Effect effect = fs::Effect::kNone;
};

/// All that is to befall one run.
struct Disturbances {
  std::vector<Disturbance> happenings;  ///< by call
  std::vector<Failure> failures;

  bool fails_by(std::uint64_t last_call) const;  ///< one of the calls up to this one fails
  bool denies() const;                           ///< one of them by saying that it is not allowed
  void sort();
};

/// Those of an undisturbed run are none. `calls`: how many the run may make.
Disturbances draw_disturbances(rt::SeededRandom& random, const Setting& setting,
                               std::uint64_t calls);

/// A call of a run of about so many; half of them late, where the writing is done.
std::uint64_t some_call(rt::SeededRandom& random, std::uint64_t calls);

/// The blow of a sweep.
Disturbances struck_by(const Strike& strike, std::size_t replicas);

}  // namespace ox::sim
