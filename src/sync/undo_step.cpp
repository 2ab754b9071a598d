#include "sync/undo_step.h"

#include <algorithm>

#include "sync/undo_places.h"

namespace ox::sync {

namespace {

using state::Action;
using state::ActionKind;

ActionKind kind_of_revert(const Action& action) {
  switch (action.kind) {
    case ActionKind::kMakeDirectory:
      return ActionKind::kRemove;
    case ActionKind::kMove:
      return action.parked.empty() ? ActionKind::kMove : ActionKind::kPark;
    case ActionKind::kPut:
      return action.trashed.has_value() ? ActionKind::kPut : ActionKind::kRemove;
    case ActionKind::kSetAttributes:
      return ActionKind::kSetAttributes;
    case ActionKind::kRemove:
      return action.before.has_value() && action.before->kind == tree::Kind::kDirectory
                 ? ActionKind::kMakeDirectory
                 : ActionKind::kPut;
    case ActionKind::kPark:
      return ActionKind::kMove;
    case ActionKind::kExchange:
      return ActionKind::kExchange;
  }
  return ActionKind::kPut;
}

}  // namespace

UndoStep undo_step(const Action& action, std::size_t order) {
  UndoStep step{.original = &action,
                .order = order,
                .mine = {.kind = kind_of_revert(action),
                         .replica = action.replica,
                         .node = action.node,
                         .path = action.path,
                         .parked = action.parked},
                .staged = std::nullopt,
                .meant = std::nullopt,
                .source = nullptr};
  if (action.kind == ActionKind::kMove && action.parked.empty()) {
    step.mine.path = action.from;
    step.mine.from = action.path;
  } else if (action.kind == ActionKind::kExchange) {
    step.mine.from = action.from;
  }
  // The journal's start-up finds a version displaced just before a crash by what was expected.
  if (step.mine.kind != ActionKind::kMakeDirectory && action.kind != ActionKind::kRemove) {
    step.mine.before = action.after;
  }
  return step;
}

UndoWays::UndoWays(const std::vector<const Action*>& actions) {
  for (std::size_t k = actions.size(); k-- > 0;) {
    if (actions[k]->kind == ActionKind::kPark) {
      homes_[{actions[k]->replica, actions[k]->parked}] = {.order = k, .path = actions[k]->path};
    }
  }
  for (std::size_t k = 0; k < actions.size(); ++k) {
    const Action& action = *actions[k];
    if (action.kind == ActionKind::kExchange) {
      add(k, action, {.order = k, .path = action.from});
      leaving_[{action.replica, action.from}].push_back(
          {.order = k, .to = {.order = k, .path = action.path}});
    } else if (action.kind == ActionKind::kMove && action.parked.empty()) {
      add(k, action, {.order = k, .path = action.from});
    } else if (action.kind == ActionKind::kMove) {
      if (const Stop* home = home_of(action.replica, action.parked); home != nullptr) {
        add(k, action, *home);
      }
    }
  }
}

void UndoWays::add(std::size_t order, const Action& action, const Stop& to) {
  leaving_[{action.replica, action.path}].push_back({.order = order, .to = to});
  if (action.after.has_value()) {
    arriving_[{action.replica, to.path}].push_back({.order = to.order, .version = &*action.after});
  }
}

const UndoWays::Leap* UndoWays::next_leap(std::size_t order, const Place& place) const {
  const auto found = leaving_.find(place);
  if (found == leaving_.end()) {
    return nullptr;
  }
  const auto next = std::ranges::upper_bound(found->second, order, {}, &Leap::order);
  return next == found->second.end() ? nullptr : &*next;
}

std::vector<RelPath> UndoWays::places_after(ReplicaIndex replica, Stop stop) const {
  std::vector<RelPath> places;
  while (true) {
    const Leap* taken = nullptr;
    RelPath from;
    // It goes along with each directory above it.
    for (RelPath above = stop.path; !above.is_root(); above = above.parent()) {
      const Leap* next = next_leap(stop.order, {replica, above});
      if (next != nullptr && (taken == nullptr || next->order < taken->order)) {
        taken = next;
        from = above;
      }
    }
    if (taken == nullptr) {
      return places;
    }
    stop = {.order = taken->to.order, .path = moved_path(stop.path, from, taken->to.path)};
    places.push_back(stop.path);
  }
}

std::vector<const tree::Entry*> UndoWays::arrivals_after(ReplicaIndex replica,
                                                         const Stop& stop) const {
  std::vector<const tree::Entry*> versions;
  if (const auto found = arriving_.find({replica, stop.path}); found != arriving_.end()) {
    for (const Arrival& arrival : found->second) {
      if (arrival.order > stop.order) {
        versions.push_back(arrival.version);
      }
    }
  }
  return versions;
}

const UndoWays::Stop* UndoWays::home_of(ReplicaIndex replica, const std::string& parked) const {
  const auto found = homes_.find({replica, parked});
  return found == homes_.end() ? nullptr : &found->second;
}

}  // namespace ox::sync
