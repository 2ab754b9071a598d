#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ox::sim {

/// What may happen beside edits between the runs; each seed draws one.
enum class Weather : std::uint8_t {
  kCalm,       ///< nothing
  kEdits,      ///< edits at any moment
  kFailures,   ///< calls fail, before their effect or after it, or half done
  kCrashes,    ///< the process dies at any call
  kPowerCuts,  ///< disks lose what was not synced
  kAll,
  kAmnesia,  ///< all, and the state is lost or comes back from an older copy
  // Each of these comes with one of the above.
  kDirections,       ///< modes that go from the first replica to the others
  kKeepModes,        ///< any keep-mode, and texts are merged
  kAway,             ///< replicas are away for some runs
  kRestored,         ///< a root comes back from an older copy
  kFilters,          ///< names are excluded, and included again
  kFull,             ///< disks are full for some runs
  kDestinationWins,  ///< one-way with keep-modes by which another than the source may win
  kPolicies,         ///< mode, keep-mode and merging change between runs
  kMembers,          ///< replicas leave the rule and join it again
  kClocks,           ///< clocks are set back and forward between runs
  kStores,           ///< some replicas are stores that may lack anything
  kWhole,            ///< a long history with any of the above together, told step by step
  kParts,            ///< the same, and some stores move directories entry by entry
};
inline constexpr std::uint64_t kWeathers = 20;
constexpr bool is_whole(Weather weather) {
  return weather >= Weather::kWhole;
}
/// Those before it are drawn first, so that they come out as they always did.
inline constexpr std::uint64_t kFirstWeathers = 7;

/// Disks that are forced on all replicas.
enum class Disks : std::uint8_t {
  kDrawn,       ///< none: as the seed says
  kWhole,       ///< with all a local disk can do
  kNoExchange,  ///< names can't be exchanged: one of them is parked
  kLinks,       ///< of safe renames only hard links
  kBare,        ///< not even those
};
inline constexpr std::uint64_t kDisksKinds = 5;

/// How much a run takes in hand at once.
enum class Portions : std::uint8_t {
  kWhole,  ///< more than these histories ever have
  kSmall,  ///< few entries to plan, few files in a batch; how few the seed says
};
inline constexpr std::uint64_t kPortionsKinds = 2;

/// What hits one call of one run; the history is calm otherwise and ends with that run.
enum class Blow : std::uint8_t {
  kCrash,       ///< the process dies there
  kPowerCut,    ///< the machine does
  kError,       ///< the call fails and did nothing
  kLostAnswer,  ///< the call fails and did all
  kHalf,        ///< the call fails and did half
  kCutDisk,     ///< one disk loses power and is back at once; the process goes on
};
inline constexpr std::uint64_t kBlows = 6;

struct Strike {
  std::uint64_t run = 1;  ///< from 1
  std::uint64_t call = 1;
  Blow blow = Blow::kCrash;
  std::size_t disk = 0;  ///< kCutDisk: that of a replica, or of the state (the number after them)
};

struct PlayOptions {
  std::optional<Weather> weather = {};  ///< none: as the seed says
  Disks disks = Disks::kDrawn;
  std::optional<Portions> portions = {};  ///< none: as the seed says
  std::optional<Strike> strike = {};      ///< of the weather only the policy stays
  std::set<std::uint64_t> without = {};   ///< steps of a whole history that are left out
  bool verbose = false;
  bool note_deeds = false;  ///< tell what each run does when nothing disturbs it, as for a strike
};

/// What one run did.
struct RunNote {
  std::uint64_t calls = 0;
  std::map<std::string, std::uint64_t> deeds;  ///< word of an event → how often; "park", "conflict"
};

struct Verdict {
  std::optional<std::string> violation;
  std::uint64_t runs = 0;
  std::uint64_t edits = 0;
  std::uint64_t faults = 0;
  std::uint64_t crashes = 0;   ///< of the process or of the machine with it
  std::uint64_t steps = 0;     ///< of a whole history, those left out included
  std::size_t disks = 1;       ///< that can lose power by themselves
  std::vector<RunNote> notes;  ///< of each run that followed edits
};

/// Whether a history has all that a whole one must have.
bool is_whole(const Verdict& verdict);

/// Plays the history of `seed`; the same seed always gives the same one. `verbose` tells it.
Verdict play(std::uint64_t seed, const PlayOptions& options);

}  // namespace ox::sim
