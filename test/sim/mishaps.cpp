#include "sim/mishaps.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ox::sim {
namespace {

constexpr std::array kKinds{Weather::kAmnesia, Weather::kRestored, Weather::kFilters,
                            Weather::kFull};

/// An empty folder without our mark is held until somebody approves it.
bool shows_what_it_is(const std::optional<Tree>& copy) {
  return copy.has_value() && std::ranges::any_of(*copy, [](const auto& entry) {
           return !is_within(entry.first, ".syncoxiders") ||
                  is_within(entry.first, ".syncoxiders/id");
         });
}

}  // namespace

Mishaps::Mishaps(const Setting& setting, World& world, Oracle& oracle,
                 std::vector<std::unique_ptr<User>>& users, rt::SeededRandom& random, Tell tell)
    : setting_(setting),
      world_(world),
      oracle_(oracle),
      users_(users),
      random_(random),
      tell_(std::move(tell)) {}

std::span<const Weather> Mishaps::kinds() {
  return kKinds;
}

void Mishaps::happen() {
  for (const Weather kind : kKinds) {
    happen(kind);
  }
}

void Mishaps::happen(Weather kind) {
  if (!setting_.brings(kind)) {
    return;
  }
  switch (kind) {
    case Weather::kAmnesia:
      return forget_something();
    case Weather::kRestored:
      return restore_something();
    case Weather::kFilters:
      return change_filter();
    case Weather::kFull:
      return fill_something();
    default:
      return;
  }
}

void Mishaps::end() {
  exclude(std::nullopt);
  make_room();
}

void Mishaps::put_state(const std::vector<std::pair<std::string, Bytes>>& files) {
  make_room();
  world_.put_state(files);
}

void Mishaps::make_room() {
  world_.make_room();
  full_ = false;
}

void Mishaps::forget_something() {
  switch (random_.below(8)) {
    case 0:
      world_.end_process();
      copied_state_ = world_.copy_state();
      break;
    case 1:
      if (copied_state_.has_value()) {
        tell_("the state comes back from an older copy");
        put_state(*copied_state_);
        oracle_.disturbed();
      }
      break;
    case 2:
      tell_("the state is lost");
      put_state({});
      oracle_.disturbed();
      break;
    default:
      break;
  }
}

void Mishaps::restore_something() {
  const std::size_t replica = random_.below(world_.size());
  const std::uint64_t choice = random_.below(6);
  if (choice < 2) {
    world_.end_process();
    copied_roots_[replica] = world_.ground(replica).copy_out();
  } else if (choice == 2 && shows_what_it_is(copied_roots_[replica])) {
    tell_("a root comes back from an older copy");
    world_.end_process();
    // Files get their old times back: as with any such change, ctime at least has to move.
    world_.clock().advance(2 * setting_.habits.time_step);
    users_[replica]->drop_open_file();
    oracle_.root_comes_back(replica, *copied_roots_[replica]);
    tell_(oracle_.describe());
  }
}

void Mishaps::fill_something() {
  if (random_.below(2) == 0) {
    make_room();
    return;
  }
  const std::size_t seat = random_.below(world_.size() + 1);
  tell_(seat < world_.size() ? "a replica's disk is nearly full"
                             : "the state's disk is nearly full");
  world_.fill_disk(seat, random_.below(3) * 3000);
  full_ = true;
}

void Mishaps::change_filter() {
  constexpr std::array<const char*, 3> kExcluded{"a", "c", "d.txt"};
  const std::uint64_t choice = random_.below(8);
  if (choice < kExcluded.size()) {
    exclude(kExcluded[choice]);
  } else if (choice == kExcluded.size()) {
    exclude(std::nullopt);
  }
}

void Mishaps::exclude(const std::optional<std::string>& name) {
  if (name == excluded_) {
    return;
  }
  excluded_ = name;
  tell_(name.has_value() ? "excluded: " + *name : "nothing is excluded any more");
  world_.exclude(name);
  oracle_.excludes(name);
}

}  // namespace ox::sim
