#pragma once

#include <map>
#include <set>
#include <string>

#include "rt/random.h"
#include "state/store.h"

/// What a store should hold, kept in plain maps; for tests.
namespace ox::state {

class StoreModel {
 public:
  /// A commit of about `steps` random changes that fit, applied here too. A `crowd` of over
  /// 100 nodes is created on top; a smaller one bounds how many one step may create.
  Commit change(rt::SeededRandom& random, int steps, std::uint64_t crowd);

  /// Asks the store for everything and fails the running test where it differs.
  void expect_same(Store& store) const;
  /// True when the store holds exactly this, without failing a test.
  bool is_same(Store& store) const;
  std::size_t size() const { return nodes_.size(); }

 private:
  using Place = std::pair<NodeId, std::string>;

  void create(rt::SeededRandom& random, Commit& commit, std::uint64_t count);
  void modify(rt::SeededRandom& random, Commit& commit);
  void move(rt::SeededRandom& random, Commit& commit);
  void swap(rt::SeededRandom& random, Commit& commit);
  void detach(rt::SeededRandom& random, Commit& commit);
  void forget(rt::SeededRandom& random, Commit& commit);
  void revive(rt::SeededRandom& random, Commit& commit);
  void clear_range(rt::SeededRandom& random, Commit& commit);

  /// A random node that this commit has not touched; kNoNode when luck fails.
  NodeId pick(rt::SeededRandom& random);
  Place free_place(rt::SeededRandom& random) const;
  void put(Commit& commit, NodeId id, std::optional<tree::NodeRecord> record);

  std::map<NodeId, tree::NodeRecord> nodes_;
  std::map<Place, NodeId> places_;
  std::set<NodeId> touched_;
  std::uint64_t next_id_ = 2;
};

}  // namespace ox::state
