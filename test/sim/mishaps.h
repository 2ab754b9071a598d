#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/oracle.h"
#include "sim/setting.h"
#include "sim/user.h"
#include "sim/world.h"

namespace ox::sim {

/// What happens between the runs of one history beside edits: to the state, to roots and disks, to
/// what is excluded.
class Mishaps {
 public:
  using Tell = std::function<void(const std::string& text)>;

  /// All must outlive it.
  Mishaps(const Setting& setting, World& world, Oracle& oracle,
          std::vector<std::unique_ptr<User>>& users, rt::SeededRandom& random, plan::Policy& policy,
          Tell tell);

  /// Those that there are, in the order in which they happen.
  static std::span<const Weather> kinds();
  /// After a run: of each kind that comes in this history, something or nothing.
  void happen();
  /// Only this kind.
  void happen(Weather kind);
  /// Nothing is excluded, and no disk is full any more.
  void end();
  bool some_disk_is_full() const { return full_; }

 private:
  void forget_something();
  void restore_something();
  void fill_something();
  void change_filter();
  void change_policy();
  void change_members();
  void set_clock();
  void put_state(const std::vector<std::pair<std::string, Bytes>>& files);
  void exclude(const std::optional<std::string>& name);
  void make_room();
  void let_join(std::size_t replica);
  void set_member(std::size_t replica, bool is_member);

  const Setting& setting_;
  World& world_;
  Oracle& oracle_;
  std::vector<std::unique_ptr<User>>& users_;
  rt::SeededRandom& random_;
  plan::Policy& policy_;  ///< of the runs to come
  const Tell tell_;
  std::optional<std::vector<std::pair<std::string, Bytes>>> copied_state_;
  std::map<std::size_t, std::optional<Tree>> copied_roots_;
  std::optional<std::string> excluded_;
  bool full_ = false;
};

}  // namespace ox::sim
