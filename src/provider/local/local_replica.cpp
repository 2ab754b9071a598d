#include "provider/local/local_replica.h"

#include <algorithm>
#include <utility>

#include "provider/local/local_attributes.h"
#include "provider/local/local_batch.h"
#include "provider/local/local_feed.h"
#include "provider/local/local_identity.h"
#include "provider/local/local_source.h"
#include "provider/local/local_sweep.h"
#include "provider/local/placing.h"
#include "provider/local/swap.h"

namespace ox::provider {
namespace {

Result<void> check_stop(const std::stop_token& stop) {
  if (stop.stop_requested()) {
    return Error(Code::kCancelled, "stopped");
  }
  return {};
}

Error about(Error error, const RelPath& path) {
  return std::move(error).with_context(path.text());
}

}  // namespace

Result<std::vector<tree::Entry>> LocalProvider::list(const RelPath& directory,
                                                     const tree::Fingerprint* expected,
                                                     std::stop_token stop) {
  TRY(check_stop(stop));
  auto opened = root_->open_directory(directory);
  if (opened.failed_with(Code::kNotFound) && !directory.is_root()) {
    // A file in its place is another answer than nothing in its place.
    const auto place = root_->open_parent(directory);
    if (place.ok() && place->directory->stat(place->name).ok()) {
      return Error(Code::kNotADirectory, "not a directory").with_context(directory.text());
    }
  }
  TRY_ASSIGN(const auto handle, std::move(opened));
  if (expected != nullptr && capabilities().stable_ids) {
    TRY_ASSIGN(const fs::Stat stat, handle->stat());
    if (!root_->entry_of("", stat).fingerprint.same_object(*expected)) {
      return Error(Code::kPreconditionFailed, "another directory took its place")
          .with_context(directory.text());
    }
  }
  const Timestamp begun = root_->now();
  TRY_ASSIGN(auto items, handle->list());
  TRY(root_->note_listed(directory, *handle));
  TRY_ASSIGN(std::vector<tree::Entry> entries, root_->entries_of(*handle, std::move(items), begun));
  for (const std::string& name : root_->shown_in(directory)) {
    if (auto entry = look(directory.child(name));
        entry.ok() && std::ranges::find(entries, name, &tree::Entry::name) == entries.end()) {
      entries.push_back(std::move(*entry));
    }
  }
  return entries;
}

Result<tree::Entry> LocalProvider::look(const RelPath& path) {
  if (path.is_root()) {
    TRY_ASSIGN(const fs::Stat stat, root_->root().stat());
    return root_->entry_of("", stat);
  }
  TRY_ASSIGN(const Place place, root_->see(path));
  TRY_ASSIGN(tree::Entry entry, root_->look_at(*place.directory, place.name));
  entry.name = path.name();
  return entry;
}

Result<std::unique_ptr<Source>> LocalProvider::open(const RelPath& path,
                                                    const tree::Fingerprint* expected) {
  if (path.is_root()) {
    return Error(Code::kIsADirectory, "the root is a directory");
  }
  auto file = root_->open_file(path);
  if (!file.ok()) {
    return about(std::move(file).error(), path);
  }
  auto source = LocalSource::open(*root_, std::move(file).value(), expected);
  if (!source.ok()) {
    return about(std::move(source).error(), path);
  }
  root_->note_file(path);
  return source;
}

Result<std::unique_ptr<Batch>> LocalProvider::begin_batch() {
  return LocalBatch::begin(*root_, trash_);
}

Result<Place> LocalProvider::writable_place(const RelPath& path) {
  TRY(root_->check_writable());
  if (path.is_root()) {
    return Error(Code::kInvalidArgument, "the root itself can't be changed");
  }
  TRY_ASSIGN(Place place, root_->open_parent(path));
  root_->note_directory(path.parent());
  return place;
}

Result<tree::Entry> LocalProvider::make_directory(const RelPath& path,
                                                  std::optional<tree::Attributes> attributes) {
  TRY_ASSIGN(const Place place, writable_place(path));
  const auto mode = root_->mode_of(attributes);
  // With its mode from the start: one that a crash left with another would count as changed.
  TRY(place.directory->make_directory(place.name, mode.value_or(0777)));
  if (mode.has_value()) {  // the umask may have cut it
    TRY(place.directory->set_mode(place.name, *mode));
  }
  return root_->entry_after_change(*place.directory, place.name);
}

// On a root that folds case, "a" stands in the way of its own new name "A". A rename straight from
// one to the other is taken for no change at all by some file systems.
Result<void> LocalProvider::change_case(const Place& from, const fs::Stat& stat, const Place& to) {
  const std::string between = root_->random_name("parked-case-");
  TRY(move_to_private_name(*root_, *from.directory, from.name, *root_->stage(), between));
  auto moved = move_to_free_name(*root_, Whose::kOurs, stat.type, *root_->stage(), between,
                                 *to.directory, to.name);
  if (!moved.ok()) {
    TRY(move_to_free_name(*root_, Whose::kOurs, stat.type, *root_->stage(), between,
                          *from.directory, from.name));
  }
  return moved;
}

Result<fs::Stat> LocalProvider::move_checked(const Place& from, const tree::Fingerprint& expected,
                                             const Place& to, NewName name) {
  TRY_ASSIGN(const fs::Stat before, check_expected(*root_, from, expected));
  auto moved =
      name == NewName::kPrivate
          ? move_to_private_name(*root_, *from.directory, from.name, *to.directory, to.name)
          : move_to_free_name(*root_, Whose::kUsers, before.type, *from.directory, from.name,
                              *to.directory, to.name);
  if (moved.failed_with(Code::kExists) && name == NewName::kOtherSpelling) {
    moved = change_case(from, before, to);
  }
  TRY(std::move(moved));
  TRY_ASSIGN(const fs::Stat after, to.directory->stat(to.name));
  const bool is_same =
      before.type == fs::NodeType::kDirectory
          ? after.type == before.type && (after.inode == before.inode || expected.id == 0)
          : same_after_rename(*root_, before, after);
  if (is_same) {
    return after;
  }
  ignore(move_to_free_name(*root_, Whose::kUsers, after.type, *to.directory, to.name,
                           *from.directory, from.name),
         "the old name was taken again; both versions stand");
  return Error(Code::kPreconditionFailed, "another version was there").with_context(from.name);
}

Result<tree::Entry> LocalProvider::move(const RelPath& from, const RelPath& to,
                                        const tree::Fingerprint& expected) {
  if (from.contains(to)) {
    return Error(Code::kInvalidArgument, "a directory can't move into itself")
        .with_context(to.text());
  }
  TRY_ASSIGN(const Place from_place, writable_place(from));
  TRY_ASSIGN(const Place to_place, writable_place(to));
  // By the rules of names and not by inodes: by FUSE each spelling may have a number of its own.
  const tree::NameRules& names = capabilities().names;
  const bool own_name = from.parent() == to.parent() && from != to &&
                        names.collision_key(from.name()) == names.collision_key(to.name());
  const auto moved = move_checked(from_place, expected, to_place,
                                  own_name ? NewName::kOtherSpelling : NewName::kFree);
  if (!moved.ok()) {
    return about(moved.error(), from);
  }
  TRY_ASSIGN(tree::Entry entry, root_->entry_after_change(*to_place.directory, to_place.name));
  tell_as_left(entry, *moved);
  return entry;
}

/// Where somebody was quicker than our look it is told as what we left there, so that what stands
/// now is found to be another version.
void LocalProvider::tell_as_left(tree::Entry& entry, const fs::Stat& left) const {
  const tree::Fingerprint ours = root_->fingerprint_of(left);
  if (entry.kind != tree::Kind::kDirectory && !entry.fingerprint.same_version(ours)) {
    entry.fingerprint = ours;
    entry.fingerprint.racy = true;
  }
}

Result<std::pair<tree::Entry, tree::Entry>> LocalProvider::exchange(const RelPath& a,
                                                                    const RelPath& b) {
  if (!capabilities().exchange) {
    return Error(Code::kUnsupported, "names can't be exchanged on this file system");
  }
  TRY_ASSIGN(const Place first, writable_place(a));
  TRY_ASSIGN(const Place second, writable_place(b));
  TRY(first.directory->rename(first.name, *second.directory, second.name,
                              fs::RenameMode::kExchange));
  TRY_ASSIGN(tree::Entry at_a, root_->entry_after_change(*first.directory, first.name));
  TRY_ASSIGN(tree::Entry at_b, root_->entry_after_change(*second.directory, second.name));
  return std::pair(std::move(at_a), std::move(at_b));
}

Result<void> LocalProvider::park(const RelPath& path, const tree::Fingerprint& expected,
                                 std::string_view name) {
  TRY_ASSIGN(const Place from, writable_place(path));
  TRY_ASSIGN(std::string parked_name, name_of_parked(name));
  TRY(move_checked(from, expected,
                   Place{.directory = root_->stage(), .name = std::move(parked_name)},
                   NewName::kPrivate));
  return root_->note_own(std::string(kOwnFolder), root_->stage());
}

Result<tree::Entry> LocalProvider::unpark(std::string_view name, const RelPath& path) {
  TRY_ASSIGN(const Place to, writable_place(path));
  TRY_ASSIGN(const std::string parked_name, name_of_parked(name));
  TRY_ASSIGN(const fs::Stat stat, root_->stage()->stat(parked_name));
  auto moved = move_to_free_name(*root_, Whose::kOurs, stat.type, *root_->stage(), parked_name,
                                 *to.directory, to.name);
  if (moved.failed_with(Code::kExists) && stat.type != fs::NodeType::kDirectory &&
      stat.link_count > 1 && is_same_inode(*to.directory, to.name, stat)) {
    moved = root_->stage()->remove_file(parked_name);  // of a link and a removal, one was made
  }
  TRY(std::move(moved));
  return root_->entry_after_change(*to.directory, to.name);
}

Result<tree::Entry> LocalProvider::finish_move(const RelPath&, const RelPath& to) {
  return Error(Code::kUnsupported, "no move is broken off here").with_context(to.text());
}

Result<tree::Entry> LocalProvider::finish_unpark(std::string_view, const RelPath& path) {
  return Error(Code::kUnsupported, "no move is broken off here").with_context(path.text());
}

Result<std::vector<std::string>> LocalProvider::parked() {
  return list_parked(*root_);
}

Result<void> LocalProvider::show_parked(std::map<RelPath, std::string> places) {
  for (auto& [place, name] : places) {
    TRY_ASSIGN(name, name_of_parked(name));
  }
  root_->show(std::move(places));
  return {};
}

Result<tree::Entry> LocalProvider::set_attributes(const RelPath& path,
                                                  const tree::Fingerprint& expected,
                                                  const tree::Attributes& attributes,
                                                  std::optional<Timestamp> mtime,
                                                  Source* xattr_source) {
  TRY_ASSIGN(const Place place, writable_place(path));
  TRY_ASSIGN(const fs::Stat set,
             set_local_attributes(*root_, place, expected, attributes, mtime, xattr_source));
  root_->note_file(path);
  TRY_ASSIGN(tree::Entry entry, root_->entry_after_change(*place.directory, place.name));
  tell_as_left(entry, set);
  return entry;
}

Result<std::optional<Trashed>> LocalProvider::remove(const RelPath& path,
                                                     const tree::Fingerprint& expected,
                                                     const TrashFolder& trash) {
  TRY_ASSIGN(const Place place, writable_place(path));
  TRY_ASSIGN(const fs::Stat stat, check_expected(*root_, place, expected));
  if (stat.type == fs::NodeType::kDirectory) {
    auto removed = place.directory->remove_directory(place.name);
    if (removed.failed_with(Code::kNotADirectory) || removed.failed_with(Code::kNotFound)) {
      return Error(Code::kPreconditionFailed, "it changed meanwhile").with_context(path.text());
    }
    TRY(std::move(removed));
    return std::optional<Trashed>{};
  }
  TRY_ASSIGN(Displaced displaced, move_to_trash(*root_, trash_, place, path, expected, trash));
  TRY(root_->note_own(displaced.slot.directory_path.text(), displaced.slot.directory));
  for (auto& [changed_path, directory] : displaced.slot.changed) {
    TRY(root_->note_own(changed_path.text(), std::move(directory)));
  }
  return std::optional(std::move(displaced.trashed));
}

Result<std::optional<RootIdentity>> LocalProvider::read_identity(std::string_view rule) {
  return read_local_identity(*root_, rule);
}

Result<void> LocalProvider::write_identity(const RootIdentity& identity) {
  return write_local_identity(*root_, identity);
}

Result<tree::Entry> LocalProvider::look_trashed(const RelPath& trash_path) {
  TRY_ASSIGN(const Place place, trash_.find(trash_path));
  return root_->look_at(*place.directory, place.name);
}

Result<std::unique_ptr<Source>> LocalProvider::open_trashed(const RelPath& trash_path) {
  TRY_ASSIGN(const Place place, trash_.find(trash_path));
  TRY_ASSIGN(auto file, place.directory->open_file(place.name, fs::Access::kRead));
  return LocalSource::open(*root_, std::move(file), nullptr);
}

Result<tree::Entry> LocalProvider::restore_trashed(const RelPath& trash_path, const RelPath& path) {
  TRY_ASSIGN(const Place to, writable_place(path));
  TRY_ASSIGN(const Place from, trash_.find(trash_path));
  TRY_ASSIGN(const fs::Stat stat, from.directory->stat(from.name));
  TRY(move_to_free_name(*root_, Whose::kOurs, stat.type, *from.directory, from.name, *to.directory,
                        to.name));
  trash_.prune_above(trash_path);
  return root_->entry_after_change(*to.directory, to.name);
}

Result<void> LocalProvider::purge_trashed(const RelPath& trash_path) {
  return trash_.purge(trash_path);
}

Result<std::uint64_t> LocalProvider::sweep() {
  return sweep_stage(*root_);
}

Result<std::unique_ptr<ChangeFeed>> LocalProvider::watch() {
  return watch_local(root_->options().os_path);
}

Result<std::optional<std::uint64_t>> LocalProvider::free_bytes() {
  TRY_ASSIGN(const fs::FileSystemInfo info, root_->root().info());
  if (info.total_bytes == 0) {
    return std::optional<std::uint64_t>{};
  }
  return std::optional(info.free_bytes);
}

}  // namespace ox::provider
