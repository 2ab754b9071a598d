#include "sync/parked.h"

namespace ox::sync {

namespace {

/// Whatever is parked was parked by one of them: every run begins by bringing all home.
constexpr std::uint64_t kRunsThatMayHaveParked = 16;

struct ParkedPlace {
  RelPath path;
  bool proper = true;  ///< no name of ours
};

/// In the order in which they are tried.
std::vector<ParkedPlace> places_for(const std::string& name, const ParkedWays& ways) {
  std::vector<ParkedPlace> places;
  if (const auto way = ways.by_name.find(name); way != ways.by_name.end()) {
    const RelPath& home = way->second.home;
    places.push_back({.path = home});
    if (way->second.destination.has_value()) {
      places.push_back({.path = *way->second.destination});
    }
    places.push_back({.path = home.parent().child(std::string(home.name()) + ".recovered-" + name),
                      .proper = false});
  }
  places.push_back({.path = RelPath().child("recovered-" + name), .proper = false});
  return places;
}

state::Action announcement(ReplicaIndex replica, const std::string& name, const RelPath& path) {
  return {.kind = state::ActionKind::kMove,
          .replica = replica,
          .node = kNoNode,
          .path = path,
          .parked = name};
}

/// A place may bear what an earlier attempt left; a new one is announced first.
Result<void> prepare(provider::Provider& provider, const std::string& name,
                     const ParkedPlace& place, const ParkedWays& ways,
                     const Homecoming& homecoming) {
  if (!may_leave_placeholder(provider.capabilities())) {
    return {};
  }
  if (!place.proper || ways.announced.contains({name, place.path})) {
    if (homecoming.clear_through.has_value()) {
      take_away_if_empty(provider, place.path, std::nullopt, *homecoming.clear_through);
    }
    return {};
  }
  const bool is_free = provider.look(place.path).failed_with(Code::kNotFound);
  return is_free ? homecoming.announce(announcement(homecoming.replica, name, place.path))
                 : Result<void>{};
}

Result<BroughtHome> bring_one(provider::Provider& provider, const std::string& name,
                              const ParkedWays& ways, const Homecoming& homecoming) {
  Error last(Code::kNotFound, "nothing is parked under this name");
  for (const ParkedPlace& place : places_for(name, ways)) {
    TRY(prepare(provider, name, place, ways, homecoming));
    Result<tree::Entry> back = provider.unpark(name, place.path);
    if (back.ok()) {
      return BroughtHome{
          .name = name, .path = place.path, .entry = std::move(*back), .beside = !place.proper};
    }
    last = back.error();
  }
  return last;
}

bool can_be_put(provider::Provider& provider, const RelPath& path) {
  const RelPath parent = path.parent();
  if (!provider.look(path).failed_with(Code::kNotFound)) {
    return false;
  }
  const Result<tree::Entry> above = provider.look(parent);
  return above.ok() && above->kind == tree::Kind::kDirectory;
}

}  // namespace

void add_parked_ways(ParkedWays& ways, ReplicaIndex replica,
                     const std::vector<state::Action>& actions) {
  for (const state::Action& action : actions) {
    if (action.replica != replica || action.parked.empty()) {
      continue;
    }
    if (action.kind == state::ActionKind::kPark) {
      ways.by_name[action.parked] = {.home = action.path, .destination = std::nullopt};
    } else if (is_announced_homecoming(action)) {
      ways.announced.emplace(action.parked, action.path);
    } else if (const auto way = ways.by_name.find(action.parked); way != ways.by_name.end()) {
      way->second.destination = action.path;
    }
  }
}

Result<ParkedWays> parked_ways(state::Store& store, ReplicaIndex replica) {
  ParkedWays ways;
  TRY_ASSIGN(const std::vector<state::RunRecord> runs, store.runs(kRunsThatMayHaveParked));
  for (const state::RunRecord& run : runs) {
    TRY_ASSIGN(const std::vector<state::ActionBatch> batches, store.batches(run.id));
    ParkedWays of_run;
    for (const state::ActionBatch& batch : batches) {
      add_parked_ways(of_run, replica, batch.actions);
    }
    ways.by_name.merge(of_run.by_name);
    ways.announced.merge(of_run.announced);
  }
  return ways;
}

Result<std::vector<BroughtHome>> bring_parked_home(provider::Provider& provider,
                                                   const ParkedWays& ways,
                                                   const Homecoming& homecoming) {
  TRY_ASSIGN(const std::vector<std::string> parked, provider.parked());
  std::vector<BroughtHome> home;
  for (const std::string& name : parked) {
    TRY_ASSIGN(BroughtHome one, bring_one(provider, name, ways, homecoming));
    home.push_back(std::move(one));
  }
  return home;
}

Result<std::vector<RelPath>> show_parked_home(state::Store& store, provider::Provider& provider,
                                              ReplicaIndex replica) {
  TRY_ASSIGN(const std::vector<std::string> parked, provider.parked());
  std::vector<RelPath> places;
  if (parked.empty()) {
    return places;
  }
  TRY_ASSIGN(const ParkedWays ways, parked_ways(store, replica));
  std::map<RelPath, std::string> shown;
  for (const std::string& name : parked) {
    for (const ParkedPlace& place : places_for(name, ways)) {
      if (!shown.contains(place.path) && can_be_put(provider, place.path)) {
        shown.emplace(place.path, name);
        places.push_back(place.path);
        TRY(provider.show_parked(shown));  // the next may belong into this one
        break;
      }
    }
  }
  return places;
}

state::Problem recovered(ReplicaIndex replica, const BroughtHome& one) {
  return {.replica = replica,
          .path = one.path,
          .code = "recovered",
          .message = "stood aside while others were moved, and its place is taken now"};
}

}  // namespace ox::sync
