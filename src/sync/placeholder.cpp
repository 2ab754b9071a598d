#include "sync/placeholder.h"

#include <algorithm>

namespace ox::sync {

namespace {

bool stands_still(provider::Provider& provider, const RelPath& path, const tree::Entry& before) {
  const Result<tree::Entry> entry = provider.look(path);
  return entry.ok() && entry->kind == before.kind &&
         (before.kind == tree::Kind::kDirectory
              ? before.fingerprint.id == 0 || entry->fingerprint.same_object(before.fingerprint)
              : entry->fingerprint.same_version(before.fingerprint));
}

bool is_that_file(const Result<tree::Entry>& entry, const tree::Entry& before) {
  return entry.ok() && entry->kind == before.kind && before.fingerprint.id != 0 &&
         entry->fingerprint.same_object(before.fingerprint);
}

/// The version before has left its place to the one that is to come.
bool has_stepped_aside(provider::Provider& provider, const tree::Entry& standing,
                       const state::Action& action, const provider::TrashFolder& trash) {
  return !standing.fingerprint.same_object(action.before->fingerprint) &&
         provider.look_trashed(RelPath().child(trash.name).join(action.path)).ok();
}

/// What a placeholder for this action looks like; none: it needs none, or has what it wanted.
std::optional<tree::Kind> kind_of_placeholder(provider::Provider& provider,
                                              const state::Action& action) {
  const provider::Capabilities& can = provider.capabilities();
  if (action.kind == state::ActionKind::kPut) {
    const bool is_empty = action.after.has_value() && action.after->kind == tree::Kind::kFile &&
                          action.after->content.size == 0;
    return can.create == provider::Cas::kRacy && !is_empty ? std::optional(tree::Kind::kFile)
                                                           : std::nullopt;
  }
  if (action.kind == state::ActionKind::kRemove) {
    // What came in the gap was on its way back.
    const bool had_bytes = action.before.has_value() && action.before->kind == tree::Kind::kFile &&
                           action.before->fingerprint.size != 0;
    return can.create == provider::Cas::kRacy && had_bytes ? std::optional(tree::Kind::kFile)
                                                           : std::nullopt;
  }
  if (action.kind != state::ActionKind::kMove || !action.before.has_value()) {
    return std::nullopt;
  }
  const bool directory = action.before->kind == tree::Kind::kDirectory;
  if ((directory ? can.move : can.create) != provider::Cas::kRacy ||
      !stands_still(provider, action.from, *action.before)) {
    return std::nullopt;
  }
  return directory ? tree::Kind::kDirectory : tree::Kind::kFile;
}

}  // namespace

bool may_leave_placeholder(const provider::Capabilities& can) {
  return can.create == provider::Cas::kRacy || can.move == provider::Cas::kRacy;
}

Result<void> Announcements::add(const state::Action& action) {
  if (batch_.actions.empty()) {
    TRY_ASSIGN(const std::vector<state::ActionBatch> batches, store_.batches(run_));
    batch_.run = run_;
    batch_.number = batches.empty() ? 0 : batches.back().number + 1;
  }
  batch_.actions.push_back(action);
  state::Commit commit;
  commit.batches.push_back(batch_);
  return store_.commit(commit);
}

void Announcements::close(state::Commit& commit) {
  if (!batch_.actions.empty()) {
    batch_.open = false;
    batch_.actions.clear();
    commit.batches.push_back(std::move(batch_));
    batch_ = {};
  }
}

bool is_announced_homecoming(const state::Action& action) {
  return action.kind == state::ActionKind::kMove && action.node == kNoNode &&
         !action.parked.empty();
}

state::Action announced_return(ReplicaIndex replica, const RelPath& path,
                               const tree::Entry& version) {
  return {.kind = state::ActionKind::kPut,
          .replica = replica,
          .node = kNoNode,
          .path = path,
          .after = version};
}

void clear_placeholder(provider::Provider& provider, const state::Action& action,
                       const provider::TrashFolder& trash) {
  const std::optional<tree::Kind> kind = kind_of_placeholder(provider, action);
  if (!kind.has_value()) {
    return;
  }
  if (action.kind != state::ActionKind::kMove && action.before.has_value()) {
    const Result<tree::Entry> entry = provider.look(action.path);
    if (!entry.ok() || !has_stepped_aside(provider, *entry, action, trash)) {
      return;
    }
  }
  take_away_if_empty(provider, action.path, kind, trash);
}

void clear_placeholder_of_parked(provider::Provider& provider, const state::Action& unparking,
                                 const std::vector<state::Action>& actions,
                                 const provider::TrashFolder& trash) {
  const Result<std::vector<std::string>> parked = provider.parked();
  if (!may_leave_placeholder(provider.capabilities()) || !parked.ok() ||
      std::ranges::find(*parked, unparking.parked) == parked->end()) {
    return;
  }
  const bool was_there = std::ranges::any_of(actions, [&](const state::Action& action) {
    const RelPath& left = action.kind == state::ActionKind::kMove ? action.from : action.path;
    return action.replica == unparking.replica && left == unparking.path &&
           action.before.has_value() && stands_still(provider, left, *action.before);
  });
  if (!was_there) {
    take_away_if_empty(provider, unparking.path, std::nullopt, trash);
  }
}

void clear_second_name(provider::Provider& provider, const state::Action& action,
                       const provider::TrashFolder& trash) {
  if (action.kind != state::ActionKind::kMove || !action.before.has_value() ||
      action.before->kind == tree::Kind::kDirectory) {
    return;
  }
  const Result<tree::Entry> second = provider.look(action.path);
  if (!is_that_file(second, *action.before) || second->fingerprint.link_count < 2) {
    return;
  }
  if (!action.parked.empty()) {
    ignore(provider.unpark(action.parked, action.path), "it is not parked any more");
    return;
  }
  if (!is_that_file(provider.look(action.from), *action.before)) {
    return;
  }
  const auto removed = provider.remove(action.path, second->fingerprint, trash);
  if (removed.ok() && removed->has_value() &&
      is_that_file(provider.look(action.from), *action.before)) {
    ignore(provider.purge_trashed((*removed)->path), "one name too many loses nothing");
  }
}

void take_away_if_empty(provider::Provider& provider, const RelPath& path,
                        std::optional<tree::Kind> kind, const provider::TrashFolder& trash) {
  const Result<tree::Entry> entry = provider.look(path);
  const bool has_its_kind =
      entry.ok() && (kind.has_value() ? entry->kind == *kind
                                      : entry->kind == tree::Kind::kFile ||
                                            entry->kind == tree::Kind::kDirectory);
  if (!has_its_kind || entry->fingerprint.size != 0) {
    return;
  }
  // A directory that holds anything refuses to go.
  const auto removed = provider.remove(path, entry->fingerprint, trash);
  if (removed.ok() && removed->has_value()) {
    ignore(provider.purge_trashed((*removed)->path), "it is empty");
  }
}

bool is_placeholder_in_trash(const tree::Entry& entry, const tree::Entry& before) {
  return entry.kind == tree::Kind::kFile && entry.fingerprint.size == 0 &&
         (before.kind != tree::Kind::kFile || before.fingerprint.size != 0);
}

}  // namespace ox::sync
