#include "sync/parked.h"

namespace ox::sync {

namespace {

Result<BroughtHome> bring_one(provider::Provider& provider, const std::string& name,
                              const ParkedWay* way) {
  std::vector<RelPath> places;
  if (way != nullptr) {
    places.push_back(way->home);
    if (way->destination.has_value()) {
      places.push_back(*way->destination);
    }
  }
  const std::size_t proper = places.size();
  if (way != nullptr) {
    places.push_back(
        way->home.parent().child(std::string(way->home.name()) + ".recovered-" + name));
  }
  places.push_back(RelPath().child("recovered-" + name));
  Error last(Code::kNotFound, "nothing is parked under this name");
  for (std::size_t k = 0; k < places.size(); ++k) {
    Result<tree::Entry> back = provider.unpark(name, places[k]);
    if (back.ok()) {
      return BroughtHome{
          .name = name, .path = places[k], .entry = std::move(*back), .beside = k >= proper};
    }
    last = back.error();
  }
  return last;
}

}  // namespace

void add_parked_ways(ParkedWays& ways, ReplicaIndex replica,
                     const std::vector<state::Action>& actions) {
  for (const state::Action& action : actions) {
    if (action.replica != replica || action.parked.empty()) {
      continue;
    }
    if (action.kind == state::ActionKind::kPark) {
      ways[action.parked] = {.home = action.path, .destination = std::nullopt};
    } else if (const auto way = ways.find(action.parked); way != ways.end()) {
      way->second.destination = action.path;
    }
  }
}

Result<std::vector<BroughtHome>> bring_parked_home(provider::Provider& provider,
                                                   const ParkedWays& ways) {
  TRY_ASSIGN(const std::vector<std::string> parked, provider.parked());
  std::vector<BroughtHome> home;
  for (const std::string& name : parked) {
    const auto way = ways.find(name);
    TRY_ASSIGN(BroughtHome one,
               bring_one(provider, name, way == ways.end() ? nullptr : &way->second));
    home.push_back(std::move(one));
  }
  return home;
}

state::Problem recovered(ReplicaIndex replica, const BroughtHome& one) {
  return {.replica = replica,
          .path = one.path,
          .code = "recovered",
          .message = "stood aside while others were moved, and its place is taken now"};
}

}  // namespace ox::sync
