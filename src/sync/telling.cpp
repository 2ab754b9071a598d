#include "sync/telling.h"

#include <algorithm>

#include "sync/execute.h"

namespace ox::sync {

namespace {

std::string message_of(const plan::Conflict& conflict) {
  if (conflict.kind == "merged") {
    return "changed on " + conflict.winner + " and " + conflict.loser + "; merged";
  }
  if (conflict.kind == "delete") {
    return "changed on " + conflict.winner + ", deleted on " + conflict.loser + "; kept";
  }
  if (conflict.copy_path.is_root()) {
    return "moved or renamed differently on several sides; kept one";
  }
  return "kept the version of " + conflict.winner + "; the one of " + conflict.loser +
         " stands beside it";
}

void count_planned(const plan::Operation& operation, RunCounts& counts) {
  switch (operation.kind) {
    case plan::OperationKind::kMakeDirectory:
      ++counts.directories;
      break;
    case plan::OperationKind::kPut:
      ++(operation.expected.has_value() ? counts.updated : counts.created);
      counts.bytes += operation.value.content.size;
      break;
    case plan::OperationKind::kSetAttributes:
      ++counts.attributes;
      break;
    case plan::OperationKind::kRemove:
      ++counts.removed;
      break;
    case plan::OperationKind::kMove:
    case plan::OperationKind::kExchange:
    case plan::OperationKind::kUnpark:
      ++counts.moved;
      break;
    case plan::OperationKind::kPark:
      break;
  }
}

}  // namespace

void tell_conflict(const plan::Conflict& conflict, const Services& services) {
  if (services.events) {
    services.events({.kind = EventKind::kConflict,
                     .action = {},
                     .replica = std::nullopt,
                     .path = conflict.path,
                     .from = conflict.copy_path,
                     .code = conflict.kind,
                     .message = message_of(conflict)});
  }
}

void tell_planned(const plan::Plan& plan, const Services& services, RunCounts& counts) {
  const auto tell = [&](const plan::Operation& operation) {
    const bool put = operation.kind == plan::OperationKind::kPut;
    count_planned(operation, counts);
    if (services.events) {
      services.events({.kind = EventKind::kPlanned,
                       .action = std::string(action_word(operation)),
                       .replica = operation.replica,
                       .path = operation.path,
                       .from = operation.from,
                       .bytes = put ? operation.value.content.size : 0});
    }
  };
  for (const auto& list : plan.structure_operations) {
    std::ranges::for_each(list, tell);
  }
  for (const plan::ContentTask& task : plan.content) {
    std::ranges::for_each(task.operations, tell);
  }
  for (const auto& list : plan.removal_operations) {
    std::ranges::for_each(list, tell);
  }
  std::ranges::for_each(plan.source_removals, tell);
}

void add_counts(RunCounts& sum, const RunCounts& more) {
  sum.created += more.created;
  sum.updated += more.updated;
  sum.moved += more.moved;
  sum.removed += more.removed;
  sum.directories += more.directories;
  sum.attributes += more.attributes;
  sum.bytes += more.bytes;
  sum.failed += more.failed;
}

}  // namespace ox::sync
