#include "cli/output.h"

namespace ox::cli {

std::string_view name_of(state::RunOutcome outcome) {
  switch (outcome) {
    case state::RunOutcome::kRunning:
      return "running";
    case state::RunOutcome::kInSync:
      return "in_sync";
    case state::RunOutcome::kPartly:
      return "partly";
    case state::RunOutcome::kHeld:
      return "held";
    case state::RunOutcome::kFailed:
      return "failed";
    case state::RunOutcome::kInterrupted:
      return "interrupted";
  }
  return "";
}

std::string_view name_of(const state::Action& action) {
  const bool directory = action.before.has_value() && action.before->kind == tree::Kind::kDirectory;
  switch (action.kind) {
    case state::ActionKind::kMakeDirectory:
      return "mkdir";
    case state::ActionKind::kMove:
    case state::ActionKind::kPark:
      return "move";
    case state::ActionKind::kPut:
      return action.before.has_value() ? "update" : "create";
    case state::ActionKind::kSetAttributes:
      return "attributes";
    case state::ActionKind::kRemove:
      return directory ? "rmdir" : "delete";
    case state::ActionKind::kExchange:
      return "swap";
  }
  return "";
}

std::string_view name_of(tree::Kind kind) {
  switch (kind) {
    case tree::Kind::kFile:
      return "file";
    case tree::Kind::kDirectory:
      return "directory";
    case tree::Kind::kSymlink:
      return "symlink";
    case tree::Kind::kOther:
      return "special";
  }
  return "";
}

std::string_view name_of(tree::Verdict verdict) {
  switch (verdict) {
    case tree::Verdict::kIncluded:
      return "included";
    case tree::Verdict::kExcludedByPattern:
      return "pattern";
    case tree::Verdict::kTooSmall:
      return "too_small";
    case tree::Verdict::kTooLarge:
      return "too_large";
    case tree::Verdict::kTooOld:
      return "too_old";
    case tree::Verdict::kTooNew:
      return "too_new";
  }
  return "";
}

std::string_view label_of(const std::vector<std::string>& labels,
                          std::optional<ReplicaIndex> replica) {
  return replica.has_value() && *replica < labels.size() ? std::string_view(labels[*replica])
                                                         : std::string_view();
}

}  // namespace ox::cli
