#include <algorithm>

#include "plan/work.h"

namespace ox::plan {

namespace {

struct Loss {
  NodeIndex node;
  std::string name;
};

/// What only a destination has and --mirror removes there.
bool is_own_removal(const Work& work, NodeIndex n) {
  const Node& node = work.nodes[n];
  return node.only.has_value() && !node.next.has_value() && work.present(n, *node.only);
}

RelPath own_path(const Work& work, NodeIndex n) {
  const ReplicaIndex i = *work.nodes[n].only;
  return work.entry_path(i, work.side(n, i).entry);
}

/// Would following C′ remove this node from, or put other bytes over it on, some replica?
std::optional<std::string> loss_of(const Work& work, NodeIndex n) {
  const Node& node = work.nodes[n];
  if (is_own_removal(work, n)) {
    return "delete " + own_path(work, n).text() + " on " + work.traits(*node.only).label;
  }
  if (node.record == nullptr || node.frozen || node.id == kRootNode || node.only.has_value()) {
    return std::nullopt;
  }
  for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
    if (!work.present(n, i) || work.side(n, i).target != Target::kFollow) {
      continue;
    }
    if (!node.next.has_value()) {
      return "delete " + work.known_path(n).text();
    }
    if (node.agreed() && node.next->kind == tree::Kind::kFile && !keeps_own_version(work, n, i) &&
        !holds_next_bytes(work, n, i)) {
      return "overwrite " + work.known_path(n).text();
    }
  }
  return std::nullopt;
}

}  // namespace

void freeze_over_budget(Work& work) {
  const std::optional<Budget>& budget = work.policy().budget;
  if (!budget.has_value() || !work.frozen.empty() || !work.frozen_own.empty()) {
    return;
  }
  std::vector<Loss> losses;
  for (NodeIndex n = 0; n < work.nodes.size(); ++n) {
    if (std::optional<std::string> name = loss_of(work, n)) {
      losses.push_back({n, std::move(*name)});
    }
  }
  const double share = budget->max_fraction * static_cast<double>(work.input().agreed_count);
  if (losses.size() <= budget->max_nodes || static_cast<double>(losses.size()) <= share) {
    return;
  }
  const std::set<std::string> approved(work.input().approved.begin(), work.input().approved.end());
  const bool covered =
      std::ranges::all_of(losses, [&](const Loss& loss) { return approved.contains(loss.name); });
  if (covered) {
    return;
  }
  for (Loss& loss : losses) {
    if (is_own_removal(work, loss.node)) {
      work.frozen_own.emplace(*work.nodes[loss.node].only, own_path(work, loss.node));
    } else {
      work.frozen.insert(work.nodes[loss.node].id);
    }
    work.held.push_back(std::move(loss.name));
  }
  std::ranges::sort(work.held);
}

}  // namespace ox::plan
