#include <algorithm>

#include "plan/work.h"

namespace ox::plan {

namespace {

/// Does every online replica show exactly the agreed value, so that nothing can be mistaken?
bool shown_everywhere(const Work& work, NodeIndex n) {
  const Node& node = work.nodes[n];
  if (!node.agreed()) {
    return false;
  }
  const tree::NodeValue& agreed = *node.record->agreed;
  for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
    if (!work.online(i)) {
      continue;
    }
    const tree::Acknowledged* known = work.acknowledged(n, i);
    // Below a directory that is new there is no parent to compare with.
    if (!work.present(n, i) || work.side(n, i).parent == kNone || known == nullptr ||
        known->value != agreed || work.side(n, i).change != ContentChange::kSame ||
        work.nodes[work.side(n, i).parent].id != agreed.parent ||
        work.seen_name(n, i) != agreed.name || (known->assumed && work.policy().compare.hash)) {
      return false;
    }
  }
  return true;
}

/// `shown`: all online replicas show the agreed value.
void forget_sides(tree::NodeRecord& record, const std::vector<bool>& online, Mode mode,
                  bool shown) {
  const bool has_source = mode != Mode::kTwoWay;
  for (ReplicaIndex i = 0; i < online.size(); ++i) {
    tree::ReplicaSide& side = record.sides[i];
    // Of one that is away: what it was knowingly left with may be its own edit in another mode, and
    // what the source may only have lost must not count as deleted when it comes back.
    const bool goes = !shown && (online[i] || has_source);
    if (goes || (!online[i] && side.waived.has_value())) {
      side = {};
    }
  }
}

}  // namespace

void doubt(tree::NodeRecord& record, const std::vector<bool>& online, Mode mode) {
  forget_sides(record, online, mode, false);
}

void rebase(Input& input) {
  std::vector<bool> shown(input.nodes.size(), false);
  {
    Work work(input);
    identify(work);
    classify_changes(work);
    for (std::size_t n = 0; n < input.nodes.size(); ++n) {
      shown[n] =
          input.nodes[n].id == kRootNode || shown_everywhere(work, static_cast<NodeIndex>(n));
    }
  }
  std::vector<bool> online;
  for (const Replica& replica : input.replicas) {
    online.push_back(replica.traits.online);
  }
  for (std::size_t n = 0; n < input.nodes.size(); ++n) {
    forget_sides(input.nodes[n], online, input.policy.mode, shown[n]);
  }
}

}  // namespace ox::plan
