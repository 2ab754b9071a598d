#include "sim/mishaps.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sim/draw.h"

namespace ox::sim {
namespace {

constexpr std::array kKinds{Weather::kAmnesia, Weather::kRestored, Weather::kFilters,
                            Weather::kFull,    Weather::kPolicies, Weather::kMembers,
                            Weather::kClocks};

/// An empty folder without our mark is held until somebody approves it.
bool shows_what_it_is(const std::optional<Tree>& copy) {
  return copy.has_value() && std::ranges::any_of(*copy, [](const auto& entry) {
           return !is_within(entry.first, ".syncoxiders") ||
                  is_within(entry.first, ".syncoxiders/id");
         });
}

}  // namespace

Mishaps::Mishaps(const Setting& setting, World& world, Oracle& oracle,
                 std::vector<std::unique_ptr<User>>& users, rt::SeededRandom& random,
                 plan::Policy& policy, Tell tell)
    : setting_(setting),
      world_(world),
      oracle_(oracle),
      users_(users),
      random_(random),
      policy_(policy),
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
    case Weather::kPolicies:
      return change_policy();
    case Weather::kMembers:
      return change_members();
    case Weather::kClocks:
      return set_clock();
    default:
      return;
  }
}

void Mishaps::end() {
  exclude(std::nullopt);
  make_room();
  for (std::size_t i = 0; i < world_.size(); ++i) {
    let_join(i);
  }
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
    make_room();
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

void Mishaps::change_policy() {
  if (random_.below(3) != 0) {
    return;
  }
  std::vector<ReplicaIndex> order = policy_.order;
  policy_ = draw_any_policy(random_);
  policy_.order = std::move(order);
  tell_("mode " + std::to_string(static_cast<int>(policy_.mode)) + ", keep-mode " +
        std::to_string(static_cast<int>(policy_.keep_mode)) + (policy_.mirror ? ", mirror" : "") +
        (policy_.auto_merge ? ", merging" : ""));
  oracle_.other_rules(rules_of(policy_));
}

/// The first one stays: it is the source of any direction.
void Mishaps::change_members() {
  const std::size_t replica = 1 + random_.below(world_.size() - 1);
  const std::uint64_t choice = random_.below(3);
  if (choice == 0) {
    let_join(replica);
  } else if (choice == 1 && world_.members() > 2 && world_.is_member(replica)) {
    tell_("r" + std::to_string(replica) + " leaves");
    set_member(replica, false);
  }
}

void Mishaps::let_join(std::size_t replica) {
  if (!world_.is_member(replica)) {
    tell_("r" + std::to_string(replica) + " joins");
    set_member(replica, true);
  }
}

void Mishaps::set_member(std::size_t replica, bool is_member) {
  make_room();
  copied_state_.reset();  // a state of other roots is set aside
  world_.set_member(replica, is_member);
  oracle_.disturbed();
}

/// All of it stays well below the age at which a trash is purged.
void Mishaps::set_clock() {
  using namespace std::chrono_literals;
  if (random_.below(3) != 0) {
    return;
  }
  const std::chrono::nanoseconds by =
      one_of<std::chrono::nanoseconds, 5>(random_, {1s, 60s, 1h, 24h, 72h}) +
      std::chrono::nanoseconds(random_.below(1'000'000'000));
  const bool back = random_.below(2) == 0;
  tell_("the clock is set " + std::string(back ? "back by " : "forward by ") +
        std::to_string(by.count()) + " ns");
  const std::int64_t now = world_.clock().now().ns;
  world_.clock().set_wall({back ? now - by.count() : now + by.count()});
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
