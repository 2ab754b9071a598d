#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plan/toy_world.h"

/// Hard cases as tests: a case is told with roles ("one replica edits, another deletes") and run in
/// every arrangement of roles, orders and kinds of replicas.
namespace ox::toy {

/// What kind of store all replicas of an arrangement are.
enum class Store : std::uint8_t {
  kLocal,    ///< stable ids, birth and change times, exchange
  kNetwork,  ///< no ids, mtime and change time
  kCloud,    ///< no ids, revisions, no modes
  kMixed,    ///< one after the other
};

struct Arrangement {
  std::vector<ReplicaIndex> roles;  ///< replica that plays role 0, 1, …
  std::vector<ReplicaIndex> order;  ///< of the policy
  Store store = Store::kLocal;
  Shortcuts shortcuts = Shortcuts::kListAll;
  ListingOrder listing = ListingOrder::kByName;

  std::string text() const;
};

/// What a run leaves.
enum class Afterwards : std::uint8_t {
  kSettled,
  kWaits,  ///< not all can be done yet, as something cannot be looked at, or not be held
};

Abilities abilities_of(Store store, ReplicaIndex replica);

/// A world in one arrangement, seen by roles. Each step that should succeed is a test assertion.
class Lab {
 public:
  Lab(const Arrangement& arrangement, plan::Policy policy);

  World world;

  ReplicaIndex replica_of(std::size_t role) const { return roles_[role]; }
  ToyReplica& at(std::size_t role) { return world.at(roles_[role]); }
  std::size_t count() const { return roles_.size(); }
  const Arrangement& arrangement() const { return arrangement_; }
  const std::string& label(std::size_t role) { return at(role).traits().label; }

  // Edits by a role.
  void write(std::size_t role, std::string_view path, std::string_view text);
  void save(std::size_t role, std::string_view path, std::string_view text);
  void mkdir(std::size_t role, std::string_view path);
  void rename(std::size_t role, std::string_view from, std::string_view to);
  void remove(std::size_t role, std::string_view path);
  void chmod(std::size_t role, std::string_view path, std::uint32_t mode);
  void symlink(std::size_t role, std::string_view path, std::string_view target);
  void copy(std::size_t role, std::string_view from, std::string_view to);
  void touch(std::size_t role, std::string_view path, Timestamp mtime);
  /// Other bytes under the old mtime.
  void write_silently(std::size_t role, std::string_view path, std::string_view text);
  void set_unreadable(std::size_t role, std::string_view path, bool unreadable);

  /// Files that all replicas agree on: written by role 0 and synced.
  void base(std::initializer_list<std::pair<const char*, const char*>> files);
  void offline(std::size_t role) { world.set_online(roles_[role], false); }
  void online(std::size_t role) { world.set_online(roles_[role], true); }

  /// Runs once; afterwards all must be settled (mode two-way).
  plan::Plan sync();
  /// Runs once without judging.
  plan::Plan run();
  /// From a copy of this world, crashes after each step in turn; each must converge to what an
  /// uncrashed run gives.
  void crash_everywhere(Afterwards afterwards = Afterwards::kSettled);

  /// From a copy of this world, `act` happens beside a run, before each of its steps in turn. A few
  /// runs more must settle the rest; then `judge` looks.
  void beside_every_step(const std::function<void(Lab&)>& act,
                         const std::function<void(Lab&)>& judge);

  /// The role that wins where only the order tells: of those that brought `texts` (role 0, 1, …)
  /// the one that stands first at the named `places` of the order; none of them does: the smaller
  /// digest.
  std::size_t winner_by_order(std::initializer_list<std::string_view> texts,
                              std::initializer_list<std::size_t> places) const;

  /// Every online replica holds exactly these: "path" → text; "path/" an empty directory;
  /// "path" → "-> target". Names with `*` stand for one conflict copy each.
  void expect(std::initializer_list<std::pair<std::string, std::string>> tree);
  /// Of the "a.txt" that roles 0 and 1 brought, the winner's is that everywhere, and the other one
  /// stands beside it.
  void expect_winner(std::size_t winner, const std::array<std::string, 2>& texts);
  void expect_at(std::size_t role, std::initializer_list<std::pair<std::string, std::string>> tree);

 private:
  Arrangement arrangement_;
  std::vector<ReplicaIndex> roles_;
};

/// Name, as Lab::expect takes it, of the conflict copy of the "a.txt" that a role brought.
std::string copy_of(Lab& lab, std::size_t role);

/// Are bytes to be copied, and not only moved?
bool has_content_operations(const plan::Plan& plan);

/// Texts longer than 1 KiB, so that replicas without ids recognise them when they move.
std::string big(std::string_view text);

using Case = std::function<void(Lab&)>;

/// Runs a case with `roles` acting replicas among 2 … 5. `policy` without an order. Up to three
/// replicas take every casting in every order with every store, shortcut and listing; four every
/// casting in every order, the rest drawn; five every casting and every order, but not each of one
/// with each of the other.
void in_every_arrangement(std::size_t roles, const plan::Policy& policy, const Case& run);
/// The same on stores of one kind only.
void in_every_arrangement(std::size_t roles, const plan::Policy& policy,
                          const std::vector<Store>& stores, const Case& run);
/// The same with role 0 as path1, which is the source of modes that have one.
void in_mode(const plan::Policy& policy, std::size_t roles, const Case& run);

}  // namespace ox::toy
