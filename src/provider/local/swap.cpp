#include "provider/local/swap.h"

#include <utility>

#include "provider/local/placing.h"

namespace ox::provider {
namespace {

Error changed(const Place& place) {
  return Error(Code::kPreconditionFailed, "what stands here is not what was expected")
      .with_context(place.name);
}

// What a rename says when the target went away or turned into a directory.
bool tells_of_a_change(const Error& error) {
  return error.code() == Code::kNotFound || error.code() == Code::kIsADirectory ||
         error.code() == Code::kNotADirectory || error.code() == Code::kNotEmpty;
}

Result<fs::Stat> check_replaceable(LocalRoot& root, const Place& place,
                                   const tree::Fingerprint& expected) {
  TRY_ASSIGN(const fs::Stat stat, check_expected(root, place, expected));
  if (stat.type != fs::NodeType::kFile && stat.type != fs::NodeType::kSymlink) {
    return changed(place);
  }
  return stat;
}

Result<Displaced> finish(LocalRoot& root, LocalTrash& trash, TrashSlot slot,
                         const std::string& name, const fs::Stat& before) {
  TRY_ASSIGN(const fs::Stat after, slot.directory->stat(name));
  TRY_ASSIGN(Trashed trashed, trash.describe(slot, name));
  return Displaced{.trashed = std::move(trashed),
                   .as_expected = same_after_rename(root, before, after),
                   .slot = std::move(slot)};
}

Result<Displaced> swap_by_exchange(LocalRoot& root, LocalTrash& trash, const OwnEntry& own,
                                   const Place& place, TrashSlot slot,
                                   const tree::Fingerprint& expected) {
  TRY_ASSIGN(const std::string name,
             trash.put(slot, Whose::kOurs, own.type, own.directory, own.name));
  const auto exchange = [&]() -> Result<fs::Stat> {
    TRY_ASSIGN(fs::Stat before, check_replaceable(root, place, expected));
    TRY(slot.directory->rename(name, *place.directory, place.name, fs::RenameMode::kExchange));
    return before;
  };
  TRY_ASSIGN(const fs::Stat ours, slot.directory->stat(name));
  auto before = exchange();
  if (!before.ok()) {
    // An answer that got lost may hide a swap that was made: then theirs is in the trash, and
    // stays.
    TRY_ASSIGN(const fs::Stat there, slot.directory->stat(name));
    if (there.inode != ours.inode) {
      return std::move(before).error();
    }
    TRY(move_to_free_name(root, Whose::kOurs, own.type, *slot.directory, name, own.directory,
                          own.name));
    return tells_of_a_change(before.error()) ? changed(place) : std::move(before).error();
  }
  return finish(root, trash, std::move(slot), name, *before);
}

Result<std::string> link_into(LocalRoot& root, const Place& place, const TrashSlot& slot) {
  const std::size_t max_bytes = root.capabilities().names.max_name_bytes;
  for (unsigned number = 1;; ++number) {
    std::string name = numbered_name(slot.name, number, max_bytes);
    const auto linked = place.directory->link(place.name, *slot.directory, name);
    if (linked.ok()) {
      return name;
    }
    if (!linked.failed_with(Code::kExists)) {
      return linked.error();
    }
  }
}

Result<Displaced> swap_by_link(LocalRoot& root, LocalTrash& trash, const OwnEntry& own,
                               const Place& place, TrashSlot slot, const fs::Stat& before,
                               const std::string& name) {
  const auto replace = [&]() -> Result<void> {
    // The link itself moved ctime, so the version is told by the rest.
    TRY_ASSIGN(const fs::Stat linked, slot.directory->stat(name));
    TRY_ASSIGN(const fs::Stat standing, place.directory->stat(place.name));
    if (!same_after_rename(root, before, linked) || !same_after_rename(root, before, standing)) {
      return changed(place);
    }
    return own.directory.rename(own.name, *place.directory, place.name, fs::RenameMode::kReplace);
  };
  if (auto replaced = replace(); !replaced.ok()) {
    // Only a second name may go: an error may hide that the rename was made.
    const auto standing = place.directory->stat(place.name);
    const auto linked = slot.directory->stat(name);
    if (standing.ok() && linked.ok() && standing->inode == linked->inode) {
      ignore(slot.directory->remove_file(name), "a name too many in the trash loses nothing");
    }
    return tells_of_a_change(replaced.error()) ? changed(place) : std::move(replaced).error();
  }
  return finish(root, trash, std::move(slot), name, before);
}

Result<Displaced> swap_by_stepping_aside(LocalRoot& root, LocalTrash& trash, const OwnEntry& own,
                                         const Place& place, TrashSlot slot,
                                         const fs::Stat& before) {
  auto put = trash.put(slot, Whose::kUsers, before.type, *place.directory, place.name);
  if (!put.ok()) {
    return tells_of_a_change(put.error()) ? changed(place) : std::move(put).error();
  }
  const std::string& name = *put;
  auto placed = move_to_free_name(root, Whose::kOurs, own.type, own.directory, own.name,
                                  *place.directory, place.name);
  if (!placed.ok()) {
    // Fails only when somebody took the name: then theirs is the newer one, ours is in the trash.
    ignore(move_to_free_name(root, Whose::kOurs, before.type, *slot.directory, name,
                             *place.directory, place.name),
           "the old version stays in the trash");
    return placed.failed_with(Code::kExists) ? changed(place) : std::move(placed).error();
  }
  return finish(root, trash, std::move(slot), name, before);
}

}  // namespace

bool same_after_rename(const LocalRoot& root, const fs::Stat& before, const fs::Stat& after) {
  if (root.facts().inodes_are_ids && (before.inode != after.inode || before.birth != after.birth)) {
    return false;
  }
  return before.type == after.type && before.size == after.size && before.mtime == after.mtime;
}

Result<fs::Stat> check_expected(LocalRoot& root, const Place& place,
                                const tree::Fingerprint& expected) {
  auto stat = place.directory->stat(place.name);
  if (stat.failed_with(Code::kNotFound)) {
    return changed(place);
  }
  if (stat.ok() && !root.matches(*stat, expected)) {
    return changed(place);
  }
  return stat;
}

Result<std::unique_ptr<fs::ReadLease>> lease_against_writers(LocalRoot& root, const Place& place,
                                                             fs::NodeType type) {
  std::unique_ptr<fs::ReadLease> lease;
  if (!root.capabilities().leases || type != fs::NodeType::kFile) {
    return lease;
  }
  auto file = place.directory->open_file(place.name, fs::Access::kRead);
  if (!file.ok()) {
    return lease;  // unreadable for us: nothing more can be found out
  }
  auto taken = (*file)->take_read_lease();
  if (taken.failed_with(Code::kBusy)) {
    return Error(Code::kBusy, "the file is open for writing", Retry::kLater)
        .with_context(place.name);
  }
  if (taken.ok()) {
    lease = std::move(taken).value();
  }
  return lease;
}

Result<Displaced> swap_in(LocalRoot& root, LocalTrash& trash, const OwnEntry& own,
                          const Place& place, const RelPath& path,
                          const tree::Fingerprint& expected, const TrashFolder& folder) {
  TRY_ASSIGN(fs::Stat before, check_replaceable(root, place, expected));
  TRY_ASSIGN(TrashSlot slot, trash.make_slot(folder, path));
  TRY_ASSIGN(const auto lease, lease_against_writers(root, place, before.type));
  if (root.facts().renames.exchange) {
    return swap_by_exchange(root, trash, own, place, std::move(slot), expected);
  }
  TRY_ASSIGN(before, check_replaceable(root, place, expected));
  if (root.facts().renames.hard_links) {
    auto linked = link_into(root, place, slot);
    if (linked.ok()) {
      return swap_by_link(root, trash, own, place, std::move(slot), before, *linked);
    }
    if (linked.failed_with(Code::kNotFound)) {
      return changed(place);
    }
    // Some file systems link files and not symlinks, others limit the number of links.
  }
  return swap_by_stepping_aside(root, trash, own, place, std::move(slot), before);
}

Result<Displaced> move_to_trash(LocalRoot& root, LocalTrash& trash, const Place& place,
                                const RelPath& path, const tree::Fingerprint& expected,
                                const TrashFolder& folder) {
  TRY_ASSIGN(fs::Stat before, check_replaceable(root, place, expected));
  TRY_ASSIGN(TrashSlot slot, trash.make_slot(folder, path));
  TRY_ASSIGN(const auto lease, lease_against_writers(root, place, before.type));
  TRY_ASSIGN(before, check_replaceable(root, place, expected));
  auto put = trash.put(slot, Whose::kUsers, before.type, *place.directory, place.name);
  if (!put.ok()) {
    return put.failed_with(Code::kNotFound) ? changed(place) : std::move(put).error();
  }
  TRY_ASSIGN(Displaced displaced, finish(root, trash, std::move(slot), *put, before));
  if (displaced.as_expected) {
    return displaced;
  }
  // Another version slipped in: it goes back, unless somebody has taken the name again.
  const TrashSlot& used = displaced.slot;
  TRY_ASSIGN(const fs::Stat other, used.directory->stat(*put));
  ignore(move_to_free_name(root, Whose::kOurs, other.type, *used.directory, *put, *place.directory,
                           place.name),
         "then it stays in the trash, whole");
  return changed(place);
}

}  // namespace ox::provider
