#include "sync/placeholder.h"

namespace ox::sync {

namespace {

bool stands_still(provider::Provider& provider, const RelPath& path, const tree::Entry& before) {
  const Result<tree::Entry> entry = provider.look(path);
  return entry.ok() && entry->kind == before.kind &&
         (before.kind == tree::Kind::kDirectory
              ? before.fingerprint.id == 0 || entry->fingerprint.same_object(before.fingerprint)
              : entry->fingerprint.same_version(before.fingerprint));
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

void clear_placeholder(provider::Provider& provider, const state::Action& action,
                       const provider::TrashFolder& trash) {
  const std::optional<tree::Kind> kind = kind_of_placeholder(provider, action);
  if (!kind.has_value()) {
    return;
  }
  const Result<tree::Entry> entry = provider.look(action.path);
  if (!entry.ok() || entry->kind != *kind || entry->fingerprint.size != 0) {
    return;
  }
  if (action.kind == state::ActionKind::kPut && action.before.has_value() &&
      !has_stepped_aside(provider, *entry, action, trash)) {
    return;
  }
  // A directory that holds anything refuses to go.
  const auto removed = provider.remove(action.path, entry->fingerprint, trash);
  if (removed.ok() && removed->has_value()) {
    ignore(provider.purge_trashed((*removed)->path), "it is empty");
  }
}

bool is_placeholder_in_trash(const tree::Entry& entry, const tree::Entry& before) {
  return entry.kind == tree::Kind::kFile && entry.fingerprint.size == 0 &&
         (before.kind != tree::Kind::kFile || before.fingerprint.size != 0);
}

}  // namespace ox::sync
