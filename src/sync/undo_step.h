#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "provider/provider.h"
#include "state/store.h"

namespace ox::sync {

/// One change to take back, and the change that does it.
struct UndoStep {
  const state::Action* original = nullptr;
  std::size_t order = 0;  ///< its place among all that are taken back
  state::Action mine;
  std::optional<provider::Staged> staged;
  std::optional<tree::Entry> meant;  ///< what is staged
  std::unique_ptr<provider::Source> source;
};

UndoStep undo_step(const state::Action& action, std::size_t order);

/// Where things come to stand while the moves of a run are taken back. An undo that goes on after a
/// crash finds what the one before it brought back not where it was put, but there.
class UndoWays {
 public:
  /// In the order in which they are taken back.
  explicit UndoWays(const std::vector<const state::Action*>& actions);

  /// At this path after this step.
  struct Stop {
    std::size_t order = 0;
    RelPath path;
  };

  /// Where what stands at `stop` goes to by later steps, one after the other.
  std::vector<RelPath> places_after(ReplicaIndex replica, Stop stop) const;
  /// The versions that later steps bring to this path.
  std::vector<const tree::Entry*> arrivals_after(ReplicaIndex replica, const Stop& stop) const;
  /// Where what the run parked comes home; null: it was not parked.
  const Stop* home_of(ReplicaIndex replica, const std::string& parked) const;

 private:
  struct Leap {
    std::size_t order = 0;  ///< of the step that takes it away
    Stop to;
  };
  struct Arrival {
    std::size_t order = 0;
    const tree::Entry* version = nullptr;
  };
  using Place = std::pair<ReplicaIndex, RelPath>;

  /// Takes back that `action` had brought something to its path.
  void add(std::size_t order, const state::Action& action, const Stop& to);
  const Leap* next_leap(std::size_t order, const Place& place) const;

  std::map<Place, std::vector<Leap>> leaving_;  ///< by increasing order
  std::map<Place, std::vector<Arrival>> arriving_;
  std::map<std::pair<ReplicaIndex, std::string>, Stop> homes_;
};

}  // namespace ox::sync
