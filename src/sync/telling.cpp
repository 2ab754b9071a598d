#include "sync/telling.h"

#include <algorithm>
#include <set>

namespace ox::sync {

namespace {

std::string message_of(const plan::Conflict& conflict) {
  if (conflict.kind == "merged") {
    return "changed on " + conflict.winner + " and " + conflict.loser + "; merged";
  }
  if (conflict.kind == "delete") {
    return "changed on " + conflict.winner + ", deleted on " + conflict.loser + "; kept";
  }
  if (conflict.copy_path.is_root() && conflict.kind == "content") {
    return "kept the version of " + conflict.winner + " rather than that of " + conflict.loser;
  }
  if (conflict.copy_path.is_root()) {
    return "moved or renamed differently on several sides; kept one";
  }
  return "kept the version of " + conflict.winner + "; the one of " + conflict.loser +
         " stands beside it";
}

}  // namespace

void count(const plan::Operation& operation, RunCounts& counts) {
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

Event event_of(EventKind kind, const plan::Operation& operation) {
  const bool put = operation.kind == plan::OperationKind::kPut;
  return {.kind = kind,
          .action = std::string(action_word(operation)),
          .replica = operation.replica,
          .path = operation.path,
          .from = operation.from,
          .bytes = put ? operation.value.content.size : 0};
}

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
    count(operation, counts);
    if (services.events) {
      services.events(event_of(EventKind::kPlanned, operation));
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

std::vector<state::Problem> notes_of(const std::vector<EngineReplica>& replicas,
                                     const std::vector<std::uint64_t>& hard_linked,
                                     const std::map<ReplicaIndex, Unkept>& unkept) {
  std::vector<state::Problem> notes;
  const auto note = [&](ReplicaIndex i, std::string_view code, std::string message) {
    notes.push_back({.replica = i, .path = {}, .code = std::string(code), .message = message});
  };
  const auto files = [](std::uint64_t count) {
    return std::to_string(count) + (count == 1 ? " file" : " files");
  };
  for (ReplicaIndex i = 0; i < replicas.size(); ++i) {
    const std::string& label = replicas[i].label;
    if (i < hard_linked.size() && hard_linked[i] != 0) {
      note(i, "hard_links",
           files(hard_linked[i]) + " with several names (hard links) on " + label +
               ": each name is synced as a file of its own");
    }
    const auto lost = unkept.find(i);
    if (lost == unkept.end()) {
      continue;
    }
    if (lost->second.modes != 0) {
      note(i, "modes", label + " can't keep the permissions of " + files(lost->second.modes));
    }
    if (lost->second.xattrs != 0) {
      note(i, "xattrs",
           label + " can't keep the extended attributes of " + files(lost->second.xattrs));
    }
  }
  return notes;
}

void tell_notes(const std::vector<state::Problem>& notes, const Services& services) {
  for (const state::Problem& note : notes) {
    if (services.events) {
      services.events({.kind = EventKind::kNote,
                       .action = {},
                       .replica = note.replica,
                       .path = {},
                       .code = note.code,
                       .message = note.message});
    }
  }
}

state::Problem problem_of_parked(ReplicaIndex replica, const RelPath& path) {
  return {.replica = replica,
          .path = path,
          .code = "stands_aside",
          .message =
              "stands aside since a run was interrupted; the next run puts it back here "
              "before anything else, and what is told of it here takes that for done"};
}

state::ConflictRecord record_of(const plan::Conflict& conflict, RunId run, Timestamp when) {
  return {.run = run,
          .node = conflict.node,
          .copy = conflict.copy,
          .path = conflict.path,
          .copy_path = conflict.copy_path,
          .kind = conflict.kind,
          .winner = conflict.winner,
          .loser = conflict.loser,
          .when = when};
}

state::RunOutcome outcome_of(const RunReport& report) {
  if (report.outcome == state::RunOutcome::kFailed || report.outcome == state::RunOutcome::kHeld) {
    return report.outcome;
  }
  static const std::set<std::string_view> kHarmless{
      "special",    "name_collision", "name_refused",  "symlinks_unsupported",
      "in_the_way", "assumed_equal",  "kept",          "changed_meanwhile",
      "recovered",  "stands_aside",   "changed_unseen"};
  if (!report.held.empty()) {
    return state::RunOutcome::kHeld;
  }
  const bool partly = std::ranges::any_of(report.problems, [&](const state::Problem& problem) {
    return problem.code != "held" && !kHarmless.contains(problem.code);
  });
  return partly ? state::RunOutcome::kPartly : report.outcome;
}

std::uint64_t changes_in(const RunCounts& counts) {
  return counts.created + counts.updated + counts.moved + counts.removed + counts.directories +
         counts.attributes;
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

namespace {

state::Problem problem_with_advice(ReplicaIndex replica, Code code, std::string message) {
  if (code == Code::kNoSpace) {
    message +=
        ": make room there (what was replaced and deleted before is kept in its trash: "
        "--trash-size 0 lets go of it)";
  }
  return {.replica = replica,
          .path = {},
          .code = std::string(name_of(code)),
          .message = std::move(message)};
}

}  // namespace

state::Problem problem_of(ReplicaIndex replica, const ClosedRoot& root) {
  std::string message = root.why.message();
  if (root.waiting != 0) {
    message += "; " + std::to_string(root.waiting) + " more changes wait for a later run";
  }
  return problem_with_advice(replica, root.why.code(), std::move(message));
}

state::Problem problem_of_left_alone(ReplicaIndex replica, const Error& error) {
  return problem_with_advice(replica, error.code(), "left alone in this run: " + error.to_string());
}

}  // namespace ox::sync
