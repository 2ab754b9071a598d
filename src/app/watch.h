#pragma once

#include <functional>

#include "app/sync.h"

namespace ox::app {

/// What a watch has to say.
struct WatchEvent {
  enum class What : std::uint8_t {
    kWatching,   ///< everything is in sync as far as possible; waiting for changes
    kSynced,     ///< a run ended; see `result`
    kFailed,     ///< a run could not be made; it is tried again
    kUnwatched,  ///< a folder can't be watched; it is looked at every so often
  };
  What what = What::kWatching;
  const SyncResult* result = nullptr;  ///< kSynced
  std::string message;                 ///< kFailed, kUnwatched: for a person
  std::string path;                    ///< kUnwatched: the folder
};

/// Stays and syncs on change until the process is asked to stop, which is no error. A change is
/// waited after for 100 ms of quiet, at most 500 ms. What can't be reached is tried again, with
/// growing pauses up to half a minute. An error: the rule can't be run at all.
Result<void> watch_rule(const Places& places, Rule rule, const Process& process,
                        const std::function<void(const WatchEvent&)>& tell);

}  // namespace ox::app
