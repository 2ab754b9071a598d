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

}  // namespace

void rebase(Input& input) {
  std::vector<bool> keep(input.nodes.size(), false);
  {
    Work work(input);
    identify(work);
    classify_changes(work);
    for (std::size_t n = 0; n < input.nodes.size(); ++n) {
      keep[n] = input.nodes[n].id == kRootNode || shown_everywhere(work, static_cast<NodeIndex>(n));
    }
  }
  const bool has_source = input.policy.mode != Mode::kTwoWay;
  for (std::size_t n = 0; n < input.nodes.size(); ++n) {
    for (ReplicaIndex i = 0; i < input.replicas.size(); ++i) {
      tree::ReplicaSide& side = input.nodes[n].sides[i];
      // Of one that is away: what it was knowingly left with may be its own edit in another mode,
      // and what the source may only have lost must not count as deleted when it comes back.
      const bool goes = !keep[n] && (input.replicas[i].traits.online || has_source);
      if (goes || (!input.replicas[i].traits.online && side.waived.has_value())) {
        side = {};
      }
    }
  }
}

}  // namespace ox::plan
