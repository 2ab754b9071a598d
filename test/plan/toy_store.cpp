#include "plan/toy_store.h"

#include <algorithm>
#include <string>
#include <utility>

namespace ox::toy {

namespace {

Error broken(const std::string& what, NodeId id) {
  return Error(Code::kCorrupt, what).with_context("node " + std::to_string(id.value));
}

bool is_empty(const tree::NodeRecord& record) {
  return !record.agreed.has_value() &&
         std::ranges::none_of(record.sides, [](const tree::ReplicaSide& side) {
           return side.acknowledged.has_value() || side.waived.has_value();
         });
}

}  // namespace

const tree::NodeRecord* ToyStore::find(NodeId id) const {
  const auto found = records_.find(id);
  return found == records_.end() ? nullptr : &found->second;
}

void ToyStore::forget_below(NodeId id) {
  std::vector<NodeId> below;
  for (const auto& [child, record] : records_) {
    if (record.agreed.has_value() && record.agreed->parent == id) {
      below.push_back(child);
    }
  }
  records_.erase(id);
  for (const NodeId child : below) {
    forget_below(child);
  }
}

Result<void> ToyStore::apply(const plan::RecordUpdate& update) {
  if (update.id == kNoNode) {
    return broken("an update of no node", update.id);
  }
  const auto found = records_.find(update.id);
  const bool known = found != records_.end();
  if (update.forget) {
    forget_below(update.id);
    return {};
  }
  if (!update.sides.empty() && update.sides.size() != replicas_) {
    return broken("an update with a wrong number of sides", update.id);
  }
  tree::NodeRecord& record = known ? found->second : records_[update.id];
  record.id = update.id;
  record.sides.resize(replicas_);
  record.agreed = update.agreed;
  for (std::size_t i = 0; i < update.sides.size(); ++i) {
    if (update.sides[i].has_value()) {
      record.sides[i] = *update.sides[i];
    }
  }
  drop_if_empty(update.id);
  return {};
}

tree::ReplicaSide* ToyStore::side(NodeId id, ReplicaIndex replica) {
  const auto found = records_.find(id);
  return found == records_.end() ? nullptr : &found->second.sides[replica];
}

void ToyStore::drop_if_empty(NodeId id) {
  const auto found = records_.find(id);
  if (found != records_.end() && is_empty(found->second)) {
    records_.erase(found);
  }
}

void ToyStore::add_replica() {
  ++replicas_;
  for (auto& [id, record] : records_) {
    record.sides.resize(replicas_);
  }
}

void ToyStore::replace(const std::vector<tree::NodeRecord>& records) {
  records_.clear();
  for (const tree::NodeRecord& record : records) {
    if (!is_empty(record)) {
      records_[record.id] = record;
    }
  }
}

Result<void> ToyStore::check() const {
  std::vector<std::pair<NodeId, std::string_view>> places;
  places.reserve(records_.size());
  NodeId known = kRootNode;  // siblings stand together: most parents have just been looked up
  for (const auto& [id, record] : records_) {
    const auto check_value = [&](const tree::NodeValue& value) -> Result<void> {
      if (id == kRootNode || value.parent == known) {
        return {};
      }
      if (value.parent != kRootNode && !records_.contains(value.parent)) {
        return broken("'" + value.name + "' has a parent without a record", id);
      }
      known = value.parent;
      return {};
    };
    if (record.agreed.has_value()) {
      TRY(check_value(*record.agreed));
      places.emplace_back(record.agreed->parent, record.agreed->name);
    }
    for (const tree::ReplicaSide& side : record.sides) {
      if (side.acknowledged.has_value()) {
        TRY(check_value(side.acknowledged->value));
      }
    }
  }
  std::ranges::sort(places);
  if (const auto twice = std::ranges::adjacent_find(places); twice != places.end()) {
    return broken("two agreed nodes stand at '" + std::string(twice->second) + "'", twice->first);
  }
  return {};
}

}  // namespace ox::toy
