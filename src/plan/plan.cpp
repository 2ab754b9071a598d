#include "plan/plan.h"

#include <algorithm>

#include "plan/work.h"

namespace ox::plan {

bool Plan::has_operations() const {
  const auto any = [](const std::vector<std::vector<Operation>>& lists) {
    return std::ranges::any_of(lists, [](const auto& list) { return !list.empty(); });
  };
  return any(structure_operations) || any(removal_operations) || !content.empty() ||
         !source_removals.empty();
}

bool Plan::empty() const {
  return !has_operations() && adopted.empty() && structure.empty() && removals.empty() &&
         finished.empty();
}

namespace {

/// Bits for what comes from stores without modes: without an agreed value each replica would bring
/// up its own default as a change in the next run.
void settle_unspecified_modes(Work& work) {
  const bool anywhere = std::ranges::any_of(
      work.input().replicas, [](const Replica& replica) { return replica.traits.modes; });
  for (Node& node : work.nodes) {
    if (anywhere && node.next.has_value() && !node.frozen && node.id != kRootNode &&
        node.next->kind != tree::Kind::kSymlink &&
        node.next->attributes.mode == tree::kModeUnknown) {
      node.next->attributes.mode = node.next->kind == tree::Kind::kDirectory ? 0755U : 0644U;
    }
  }
}

/// Runs the deciding steps; true when they came to an end without asking for anything.
bool decide_all(Work& work) {
  identify(work);
  if (work.needs_digests()) {
    return false;
  }
  classify_changes(work);
  decide(work);
  if (work.needs_digests() || !work.merge_requests.empty()) {
    return false;
  }
  repair(work);
  if (work.needs_digests()) {
    return false;
  }
  settle_unspecified_modes(work);
  target(work);
  return !work.needs_digests();
}

Outcome question(Work& work) {
  if (work.needs_digests()) {
    return work.take_needed();
  }
  return NeedMerge{std::move(work.merge_requests)};
}

void sort_reports(Plan& plan) {
  std::ranges::sort(plan.reports, {}, [](const Report& report) {
    return std::tuple(report.path, report.code, report.replica.value_or(UINT32_MAX));
  });
  std::ranges::sort(plan.conflicts, {}, [](const Conflict& conflict) {
    return std::tuple(conflict.path, conflict.copy_path, conflict.kind);
  });
}

}  // namespace

Outcome make_plan(const Input& input) {
  std::set<NodeId> frozen;
  std::set<std::pair<ReplicaIndex, RelPath>> frozen_own;
  std::vector<std::string> held;
  while (true) {
    Work work(input);
    work.frozen = frozen;
    work.frozen_own = frozen_own;
    if (!decide_all(work)) {
      return question(work);
    }
    freeze_over_budget(work);
    if (held.empty() && !work.held.empty()) {
      frozen = work.frozen;
      frozen_own = work.frozen_own;
      held = work.held;
      continue;
    }
    Plan plan;
    schedule(work, plan);
    if (work.needs_digests()) {
      return question(work);
    }
    plan.conflicts = std::move(work.conflicts);
    plan.reports = std::move(work.reports);
    plan.held = std::move(held);
    plan.look_again = work.look_again;
    plan.next_node = work.next_node();
    sort_reports(plan);
    return plan;
  }
}

}  // namespace ox::plan
