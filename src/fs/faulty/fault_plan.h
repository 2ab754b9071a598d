#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "rt/mutex.h"
#include "rt/random.h"

namespace ox::fs {

/// What a call does, for restricting faults.
enum class CallClass : std::uint8_t {
  kRead,        ///< looking, listing, opening, reading, taking a lease
  kWrite,       ///< changing bytes or attributes
  kSync,        ///< making durable
  kNameChange,  ///< creating, linking, renaming, removing
};

/// When a planned error shows, relative to the call's effect.
enum class Effect : std::uint8_t {
  kNone,      ///< the call fails and did nothing
  kComplete,  ///< the call did all, but its acknowledgement is lost
  kHalf,      ///< of a write, the first half of the bytes was written; of any other call, nothing
};

/// Decides for every call of the file systems that share it whether it fails. Calls are counted
/// from 1 over all of them. Safe from several threads.
class FaultPlan {
 public:
  /// Makes call number `call` fail with `error`. Several calls can be planned.
  void fail_call(std::uint64_t call, Error error, Effect effect = Effect::kNone);
  /// From call number `call` on, that one included, nothing has an effect any more: the process is
  /// dead, and every call fails with kUnreachable so that the code above unwinds.
  void crash_at(std::uint64_t call);
  /// Each call fails with `error` by a chance of `per_million`; of class `only`, if given. `random`
  /// must outlive the plan's use.
  void fail_randomly(rt::Random& random, std::uint32_t per_million, Error error,
                     std::optional<CallClass> only = std::nullopt, Effect effect = Effect::kNone);
  /// `hook` is called with the number of each call before the call does anything, until the crash.
  /// No lock is held: it may change the file systems below, and plan faults for that very call.
  void set_hook(std::function<void(std::uint64_t call)> hook);
  /// Nothing fails any more and counting starts over; the hook stays.
  void clear();

  std::uint64_t calls() const;
  bool crashed() const;
  /// The name of the latest call ("rename"); of the call it crashed at, once it did.
  std::string last_call() const;

  struct Fault {
    Error error;
    Effect effect;
  };
  /// Counts a call and tells its fault. For the decorators.
  std::optional<Fault> next(CallClass call_class, std::string_view name);

 private:
  using Hook = std::function<void(std::uint64_t call)>;
  struct Chance {
    rt::Random* random;
    std::uint32_t per_million;
    std::optional<CallClass> only;
    Fault fault;
  };

  mutable rt::Mutex mutex_;
  std::uint64_t calls_ OX_GUARDED_BY(mutex_) = 0;
  std::uint64_t crash_at_ OX_GUARDED_BY(mutex_) = std::numeric_limits<std::uint64_t>::max();
  std::map<std::uint64_t, Fault> planned_ OX_GUARDED_BY(mutex_);
  std::optional<Chance> chance_ OX_GUARDED_BY(mutex_);
  std::string_view last_call_ OX_GUARDED_BY(mutex_);
  std::shared_ptr<const Hook> hook_ OX_GUARDED_BY(mutex_);
};

}  // namespace ox::fs
