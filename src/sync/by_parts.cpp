#include "sync/by_parts.h"

#include <algorithm>

namespace ox::sync {

namespace {

/// An error: it can't be told.
Result<bool> stands_as_directory(provider::Provider& provider, const RelPath& path) {
  const Result<tree::Entry> entry = provider.look(path);
  if (entry.failed_with(Code::kNotFound)) {
    return false;
  }
  TRY(entry);
  return entry->kind == tree::Kind::kDirectory;
}

Result<bool> is_parked(provider::Provider& provider, const std::string& name) {
  TRY_ASSIGN(const std::vector<std::string> parked, provider.parked());
  return std::ranges::find(parked, name) != parked.end();
}

}  // namespace

bool goes_by_parts(const provider::Capabilities& can, const state::Action& action) {
  const bool moves =
      action.kind == state::ActionKind::kMove || action.kind == state::ActionKind::kPark;
  return moves && !can.native_directory_move && action.before.has_value() &&
         action.before->kind == tree::Kind::kDirectory;
}

Result<bool> finish_by_parts(provider::Provider& provider, const state::Action& action) {
  TRY_ASSIGN(const bool arrived, stands_as_directory(provider, action.path));
  TRY_ASSIGN(const bool left, action.parked.empty() ? stands_as_directory(provider, action.from)
                                                    : is_parked(provider, action.parked));
  if (!arrived || !left) {
    return false;
  }
  TRY(action.parked.empty() ? provider.finish_move(action.from, action.path)
                            : provider.finish_unpark(action.parked, action.path));
  return true;
}

Result<void> finish_broken_off(provider::Provider& provider, ReplicaIndex replica,
                               const std::vector<state::Action>& actions) {
  const auto first = std::ranges::find_if(actions, [&](const state::Action& action) {
    return action.replica == replica && !action.done &&
           goes_by_parts(provider.capabilities(), action);
  });
  if (first == actions.end()) {
    return {};
  }
  const Result<bool> finished = finish_by_parts(provider, *first);
  // What somebody has put there since keeps its name; ours stays where it was.
  return finished.ok() || finished.failed_with(Code::kExists) ? Result<void>{} : finished.error();
}

}  // namespace ox::sync
