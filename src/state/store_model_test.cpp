#include "state/store_model.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "fs/memory/memory_fs.h"
#include "rt/clock.h"
#include "state/page.h"
#include "state/page_table.h"
#include "state/samples.h"
#include "state/temporary_directory.h"

namespace ox::state {
namespace {

using rt::SeededRandom;
using tree::NodeRecord;

constexpr std::uint64_t kDirectories = 6;
constexpr std::uint64_t kNames = 3'000;

bool by_id(const NodeRecord& a, const NodeRecord& b) {
  return a.id < b.id;
}

bool stands_elsewhere(const NodeRecord& record) {
  for (const tree::ReplicaSide& side : record.sides) {
    if (side.acknowledged && (side.acknowledged->value.parent != record.agreed->parent ||
                              side.acknowledged->value.name != record.agreed->name)) {
      return true;
    }
  }
  return false;
}

NodeRecord at_place(SeededRandom& random, NodeId id, NodeId parent, const std::string& name) {
  return samples::any_record(random, id, parent, name, 1 + random.below(3));
}

/// All but the last page of a directory hold enough, and none too much.
bool pages_are_filled(const std::vector<Bytes>& pages, NodeId directory) {
  for (std::size_t index = 0; index < pages.size(); ++index) {
    const std::size_t count = PageCursor(pages[index], directory).count();
    const bool last = index + 1 == pages.size();
    if (count == 0 || count > kMaxPageRecords || (!last && count < kJoinBelowRecords)) {
      return false;
    }
  }
  return true;
}

}  // namespace

void StoreModel::put(Commit& commit, NodeId id, std::optional<NodeRecord> record) {
  NodeChange change{.id = id, .stored = {}, .record = std::move(record)};
  if (const auto old = nodes_.find(id); old != nodes_.end()) {
    change.stored = old->second.agreed;
    if (const auto& agreed = old->second.agreed) {
      const auto place = places_.find({agreed->parent, agreed->name});
      if (place != places_.end() && place->second == id) {
        places_.erase(place);
      }
    }
    nodes_.erase(old);
  }
  if (change.record) {
    nodes_[id] = *change.record;
    if (const auto& agreed = change.record->agreed) {
      places_[{agreed->parent, agreed->name}] = id;
    }
  }
  touched_.insert(id);
  commit.nodes.push_back(std::move(change));
}

NodeId StoreModel::pick(SeededRandom& random) {
  for (int tries = 0; tries < 10 && !nodes_.empty(); ++tries) {
    auto found = nodes_.lower_bound(NodeId{random.below(next_id_)});
    if (found != nodes_.end() && found->first != kRootNode && !touched_.contains(found->first)) {
      return found->first;
    }
  }
  return kNoNode;
}

StoreModel::Place StoreModel::free_place(SeededRandom& random) const {
  while (true) {
    // Most nodes crowd into one directory, so that it splits.
    const NodeId directory{random.below(3) != 0 ? 1 : 1 + random.below(kDirectories)};
    Place place{directory, "n" + std::to_string(random.below(kNames))};
    if (!places_.contains(place)) {
      return place;
    }
  }
}

void StoreModel::create(SeededRandom& random, Commit& commit, std::uint64_t count) {
  const bool in_order = random.below(4) == 0;
  const NodeId directory{20 + random.below(3)};
  for (; count > 0; --count) {
    const NodeId id{next_id_++};
    Place place = free_place(random);
    if (in_order) {
      place = {directory, "z" + std::to_string(100'000'000 + id.value)};
    }
    put(commit, id, at_place(random, id, place.first, place.second));
  }
}

void StoreModel::modify(SeededRandom& random, Commit& commit) {
  const NodeId id = pick(random);
  if (id == kNoNode) {
    return;
  }
  const NodeRecord old = nodes_[id];
  if (old.agreed) {
    put(commit, id, at_place(random, id, old.agreed->parent, old.agreed->name));
  }
}

void StoreModel::move(SeededRandom& random, Commit& commit) {
  const NodeId id = pick(random);
  if (id != kNoNode) {
    const auto [directory, name] = free_place(random);
    put(commit, id, at_place(random, id, directory, name));
  }
}

void StoreModel::swap(SeededRandom& random, Commit& commit) {
  const NodeId a = pick(random);
  const NodeId b = pick(random);
  if (a == kNoNode || b == kNoNode || a == b || !nodes_[a].agreed || !nodes_[b].agreed) {
    return;
  }
  const tree::NodeValue of_a = *nodes_[a].agreed;
  const tree::NodeValue of_b = *nodes_[b].agreed;
  put(commit, a, at_place(random, a, of_b.parent, of_b.name));
  put(commit, b, at_place(random, b, of_a.parent, of_a.name));
}

void StoreModel::detach(SeededRandom& random, Commit& commit) {
  const NodeId id = pick(random);
  if (id != kNoNode) {
    NodeRecord record = nodes_[id];
    record.agreed.reset();
    put(commit, id, record);
  }
}

void StoreModel::forget(SeededRandom& random, Commit& commit) {
  const NodeId id = pick(random);
  if (id != kNoNode) {
    put(commit, id, std::nullopt);
  }
}

void StoreModel::revive(SeededRandom& random, Commit& commit) {
  for (const auto& [id, record] : nodes_) {
    if (!record.agreed && !touched_.contains(id)) {
      const auto [directory, name] = free_place(random);
      put(commit, id, at_place(random, id, directory, name));
      return;
    }
  }
}

void StoreModel::clear_range(SeededRandom& random, Commit& commit) {
  const NodeId directory{random.below(2) == 0 ? 1 : 20 + random.below(3)};
  auto place = places_.lower_bound({directory, "n" + std::to_string(random.below(kNames))});
  std::vector<NodeId> gone;
  for (std::uint64_t count = random.below(300); count > 0 && place != places_.end(); ++place) {
    if (!touched_.contains(place->second)) {
      gone.push_back(place->second);
      --count;
    }
  }
  for (const NodeId id : gone) {
    if (id != kRootNode) {
      put(commit, id, std::nullopt);
    }
  }
}

Commit StoreModel::change(SeededRandom& random, int steps, std::uint64_t crowd) {
  Commit commit;
  touched_.clear();
  if (!nodes_.contains(kRootNode)) {
    put(commit, kRootNode, at_place(random, kRootNode, kNoNode, ""));
  }
  if (crowd > 100) {
    create(random, commit, crowd);
  }
  for (int step = 0; step < steps; ++step) {
    switch (random.below(16)) {
      case 0:
      case 1:
        create(random, commit, 1 + random.below(std::min<std::uint64_t>(crowd, 50)));
        break;
      case 2:
        create(random, commit, 1);
        break;
      case 3:
      case 4:
        move(random, commit);
        break;
      case 5:
        swap(random, commit);
        break;
      case 6:
        detach(random, commit);
        break;
      case 7:
        forget(random, commit);
        break;
      case 8:
        revive(random, commit);
        break;
      case 9:
        if (random.below(12) == 0) {
          clear_range(random, commit);
        }
        break;
      default:
        modify(random, commit);
    }
  }
  return commit;
}

bool StoreModel::is_same(Store& store) const {
  std::map<NodeId, std::vector<NodeRecord>> directories;
  std::vector<NodeRecord> unsettled;
  for (const auto& [place, id] : places_) {
    directories[place.first].push_back(nodes_.at(id));
  }
  for (const auto& [id, record] : nodes_) {
    if (!record.agreed || stands_elsewhere(record)) {
      unsettled.push_back(record);
    }
  }
  for (std::uint64_t number = 0; number < 30; ++number) {
    const NodeId directory{number};
    const auto children = store.children(directory);
    const auto pages = store.pages(directory);
    if (!children.ok() || *children != directories[directory] || !pages.ok() ||
        !pages_are_filled(*pages, directory)) {
      return false;
    }
  }
  auto told = store.unsettled();
  if (!told.ok()) {
    return false;
  }
  std::sort(told->begin(), told->end(), by_id);
  const auto count = store.node_count();
  const auto root = store.root();
  return *told == unsettled && count.ok() && root.ok() &&
         *count + (*root ? 1 : 0) == places_.size();
}

void StoreModel::expect_same(Store& store) const {
  ASSERT_TRUE(is_same(store));
  int asked = 0;
  for (const auto& [place, id] : places_) {
    if (++asked % 17 == 0) {
      const auto found = store.find_child(place.first, place.second);
      ASSERT_TRUE(found.ok());
      ASSERT_EQ(*found, nodes_.at(id));
      const auto missing = store.find_child(place.first, place.second + "!");
      ASSERT_TRUE(missing.ok());
      ASSERT_FALSE(missing->has_value());
    }
  }
}

namespace {

enum class Medium { kRealFile, kMemory };

class StoreAgainstModel : public testing::TestWithParam<Medium> {
 protected:
  StoreLocation location() {
    StoreLocation where;
    if (GetParam() == Medium::kRealFile) {
      where.os_path = directory_.path() + "/state";
    } else {
      where.directory = std::shared_ptr<fs::Directory>(memory_.root());
      where.name = "state";
    }
    return where;
  }

  void open() {
    store_.reset();
    auto opened = Store::open(location(), OpenMode::kReadWrite);
    ASSERT_TRUE(opened.ok()) << opened.error().to_string();
    store_ = *std::move(opened);
  }

  TemporaryDirectory directory_;
  rt::ManualClock clock_{Timestamp{1}};
  fs::MemoryFileSystem memory_{clock_};
  std::unique_ptr<Store> store_;
};

TEST_P(StoreAgainstModel, HoldsWhatThousandsOfCommitsMade) {
  SeededRandom random(21);
  StoreModel model;
  open();
  std::size_t most = 0;
  const int rounds = GetParam() == Medium::kRealFile ? 250 : 1'000;
  for (int round = 0; round < rounds; ++round) {
    const std::uint64_t crowd = round % 100 == 9 ? 1'200 : 4;
    Commit commit = model.change(random, 1 + static_cast<int>(random.below(12)), crowd);
    commit.durable = random.below(4) == 0;
    const auto done = store_->commit(commit);
    ASSERT_TRUE(done.ok()) << done.error().to_string();
    if (round % 3 != 0) {
      open();
    }
    if (round % 20 == 0 || round < 40) {
      ASSERT_NO_FATAL_FAILURE(model.expect_same(*store_)) << round;
    }
    most = std::max(most, model.size());
  }
  model.expect_same(*store_);
  EXPECT_GT(most, 4 * kMaxPageRecords);
}

TEST_P(StoreAgainstModel, ACommitThatDoesntFitChangesNothing) {
  SeededRandom random(22);
  StoreModel model;
  open();
  ASSERT_TRUE(store_->commit(model.change(random, 60, 300)).ok());
  StoreModel untouched = model;
  const Commit good = model.change(random, 30, 30);
  std::vector<Commit> bad(5, good);
  // A name that is taken, a stored place that isn't so, a node twice, a bad name, an id that lies.
  const auto taken = store_->children(NodeId{1});
  ASSERT_TRUE(taken.ok() && taken->size() > 3);
  const NodeId fresh{999'999};
  bad[0].nodes.push_back({fresh, {}, at_place(random, fresh, NodeId{40}, "same")});
  bad[0].nodes.push_back(
      {NodeId{999'998}, {}, at_place(random, NodeId{999'998}, NodeId{40}, "same")});
  bad[1].nodes.push_back({fresh, samples::any_value(random, NodeId{1}, "nobody"), std::nullopt});
  bad[2].nodes.push_back(bad[2].nodes.front());
  bad[3].nodes.push_back({fresh, {}, at_place(random, fresh, NodeId{1}, "a/b")});
  bad[4].nodes.push_back({fresh, {}, at_place(random, NodeId{5}, NodeId{1}, "fine")});
  for (const Commit& commit : bad) {
    EXPECT_TRUE(store_->commit(commit).failed_with(Code::kInvalidArgument));
    untouched.expect_same(*store_);
  }
  ASSERT_TRUE(store_->commit(good).ok());
  model.expect_same(*store_);
}

TEST_P(StoreAgainstModel, ANameThatIsTakenIsRefused) {
  SeededRandom random(23);
  open();
  Commit first;
  first.nodes.push_back({NodeId{2}, {}, at_place(random, NodeId{2}, NodeId{1}, "a")});
  ASSERT_TRUE(store_->commit(first).ok());
  Commit second;
  second.nodes.push_back({NodeId{3}, {}, at_place(random, NodeId{3}, NodeId{1}, "a")});
  EXPECT_TRUE(store_->commit(second).failed_with(Code::kInvalidArgument));
  // Another node's place can't be taken by claiming to stand there.
  second.nodes.front().stored = samples::any_value(random, NodeId{1}, "a");
  EXPECT_TRUE(store_->commit(second).failed_with(Code::kInvalidArgument));
  const auto children = store_->children(NodeId{1});
  ASSERT_TRUE(children.ok());
  ASSERT_EQ(children->size(), 1U);
  EXPECT_EQ(children->front(), *first.nodes.front().record);
}

INSTANTIATE_TEST_SUITE_P(Media, StoreAgainstModel,
                         testing::Values(Medium::kRealFile, Medium::kMemory),
                         [](const auto& parameter) {
                           return parameter.param == Medium::kRealFile ? "RealFile" : "Memory";
                         });

}  // namespace
}  // namespace ox::state
