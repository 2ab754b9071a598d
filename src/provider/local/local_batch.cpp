#include "provider/local/local_batch.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "provider/local/placing.h"
#include "provider/local/resume_part.h"
#include "provider/local/swap.h"
#include "provider/xattrs.h"

namespace ox::provider {
namespace {

constexpr std::string_view kTrees = "t";
constexpr std::string_view kBatchPrefix = "batch-";
constexpr std::uint32_t kOwnerWrites = 0200;
constexpr std::uint32_t kOwnerMayAll = 0700;
constexpr std::size_t kOpenDirectories = 32;

}  // namespace

LocalBatch::LocalBatch(LocalRoot& root, LocalTrash& trash, std::string name,
                       std::shared_ptr<fs::Directory> folder)
    : root_(root),
      trash_(trash),
      name_(std::move(name)),
      folder_(std::move(folder)),
      staged_directories_(root.facts().file_system.sync_whole),
      published_directories_(root.facts().file_system.sync_whole) {}

Result<std::unique_ptr<Batch>> LocalBatch::begin(LocalRoot& root, LocalTrash& trash) {
  TRY(root.check_writable());
  std::string name = root.random_name(kBatchPrefix);
  root.add_live(name);
  const auto make = [&]() -> Result<std::unique_ptr<fs::Directory>> {
    TRY(root.stage()->make_directory(name, 0700));
    return root.stage()->open_directory(name);
  };
  auto folder = make();
  if (!folder.ok()) {
    root.drop_live(name);
    return std::move(folder).error();
  }
  return std::unique_ptr<Batch>(
      new LocalBatch(root, trash, std::move(name), std::move(folder).value()));
}

LocalBatch::~LocalBatch() {
  ignore(remove_tree(*root_.stage(), name_), "what can't be removed now is swept later");
  root_.drop_live(name_);
}

Result<LocalBatch::Items::value_type*> LocalBatch::reserve(const StageRequest& request,
                                                           RelPath& path) {
  const rt::Lock lock(mutex_);
  if (request.place.is_root()) {
    const std::string number = std::to_string(next_number_++);
    path = RelPath{}.child(number);
    // No tree is ever called like our own folder, so these keys never meet a request's place.
    const auto at = items_.try_emplace(RelPath{}.child(kOwnFolder).child(number)).first;
    at->second.item.path = path;
    return &*at;
  }
  auto parent = items_.end();
  if (!request.place.parent().is_root()) {
    parent = items_.find(request.place.parent());
    if (parent == items_.end() || parent->second.item.kind != tree::Kind::kDirectory) {
      return Error(Code::kNotFound, "the directory is not staged")
          .with_context(request.place.parent().text());
    }
  }
  if (!has_trees_) {
    TRY(folder_->make_directory(kTrees, 0700));
    has_trees_ = true;
  }
  Slot* const directory = parent == items_.end() ? nullptr : &parent->second;
  const auto [at, added] = items_.try_emplace(request.place);
  if (!added) {
    return Error(Code::kExists, "staged already").with_context(request.place.text());
  }
  if (directory != nullptr) {
    directory->children.push_back(&*at);
  }
  path = RelPath{}.child(kTrees).join(request.place);
  at->second.item.path = path;
  return &*at;
}

Result<Place> LocalBatch::place_of(const RelPath& path_in_folder) {
  const RelPath parent = path_in_folder.parent();
  std::string name(path_in_folder.name());
  if (parent.is_root()) {
    return Place{.directory = folder_, .name = std::move(name)};
  }
  {
    const rt::Lock lock(mutex_);
    if (const auto found = opened_.find(parent); found != opened_.end()) {
      return Place{.directory = found->second, .name = std::move(name)};
    }
  }
  TRY_ASSIGN(std::shared_ptr<fs::Directory> directory, folder_->open_below(parent));
  const rt::Lock lock(mutex_);
  if (opened_.size() >= kOpenDirectories) {
    opened_.clear();
  }
  opened_.emplace(parent, directory);
  return Place{.directory = std::move(directory), .name = std::move(name)};
}

void LocalBatch::forget(const RelPath& place, std::unordered_map<RelPath, tree::Entry>* inside) {
  const rt::Lock lock(mutex_);
  opened_.clear();
  const auto found = items_.find(place);
  if (found == items_.end()) {
    return;
  }
  if (const auto parent = items_.find(place.parent()); parent != items_.end()) {
    std::erase(parent->second.children, &*found);
  }
  std::vector<Items::value_type*> below = std::move(found->second.children);
  items_.erase(found);
  while (!below.empty()) {
    auto& [path, slot] = *below.back();
    below.pop_back();
    below.insert(below.end(), slot.children.begin(), slot.children.end());
    if (inside != nullptr) {
      inside->emplace(path, describe(slot.item, path.name(), slot.item.stat));
    }
    items_.erase(items_.find(path));
  }
}

void LocalBatch::take_back(const RelPath& key, const RelPath& path_in_folder) {
  const bool is_in_tree = path_in_folder.first() == kTrees;
  const auto remove = [&]() -> Result<void> {
    TRY_ASSIGN(const Place place, place_of(path_in_folder));
    auto removed = place.directory->remove_file(place.name);
    if (removed.failed_with(Code::kIsADirectory)) {
      removed = place.directory->remove_directory(place.name);
    }
    if (removed.ok() && is_in_tree) {
      return place.directory->sync();  // else a power cut may bring it back in what is published
    }
    return removed.failed_with(Code::kNotFound) ? Result<void>{} : removed;
  };
  const Result<void> removed = remove();
  forget(key);
  if (!removed.ok() && is_in_tree) {
    const rt::Lock lock(mutex_);
    spoilt_.emplace(key.first(), removed.error());
  }
}

void LocalBatch::discard(const Staged& staged) {
  RelPath path;
  {
    const rt::Lock lock(mutex_);
    const auto found = items_.find(staged.place);
    if (found == items_.end()) {
      return;
    }
    path = found->second.item.path;
  }
  take_back(staged.place, path);
}

Result<Staged> LocalBatch::stage(const StageRequest& request, std::stop_token stop) {
  if ((request.kind == tree::Kind::kFile) != (request.source != nullptr) ||
      request.kind == tree::Kind::kOther) {
    return Error(Code::kInvalidArgument, "a file needs a source and nothing else has one");
  }
  Item item;
  item.kind = request.kind;
  TRY_ASSIGN(Items::value_type* const slot, reserve(request, item.path));
  Staged staged;
  staged.place = slot->first;
  auto place = place_of(item.path);
  if (!place.ok()) {
    forget(staged.place);
    return std::move(place).error();
  }
  if (auto filled = fill(request, *place, stop, item, staged); !filled.ok()) {
    take_back(staged.place, item.path);
    return std::move(filled).error();
  }
  if (!request.place.is_root()) {
    TRY(staged_directories_.note(item.path.parent().text(), place->directory));
  }
  const rt::Lock lock(mutex_);
  slot->second.item = std::move(item);
  return staged;
}

Result<void> LocalBatch::fill(const StageRequest& request, const Place& place, std::stop_token stop,
                              Item& item, Staged& staged) {
  fs::Directory& directory = *place.directory;
  if (stop.stop_requested()) {
    return Error(Code::kCancelled, "stopped");
  }
  if (request.kind == tree::Kind::kFile) {
    return stage_file(request, place, std::move(stop), item, staged);
  }
  if (request.kind == tree::Kind::kSymlink) {
    if (!root_.capabilities().symlinks) {
      return Error(Code::kUnsupported, "this file system has no symlinks");
    }
    TRY(directory.make_symlink(place.name, request.link_target));
    item.link_target = request.link_target;
    if (root_.capabilities().mtime_settable) {
      TRY(directory.set_mtime(place.name, request.mtime));
    }
  } else {
    item.late_mode = root_.mode_of(request.attributes);
    TRY(directory.make_directory(place.name, item.late_mode.has_value() ? 0700 : 0777));
    if (item.late_mode.has_value() && (*item.late_mode & kOwnerMayAll) == kOwnerMayAll) {
      TRY(directory.set_mode(place.name, *item.late_mode));
      item.late_mode.reset();
    }
    if (item.late_mode.has_value()) {
      TRY_ASSIGN(auto made, directory.open_directory(place.name));
      TRY(staged_directories_.note(item.path.text(), std::move(made)));
    }
  }
  TRY_ASSIGN(item.stat, directory.stat(place.name));
  return {};
}

Result<void> LocalBatch::stage_file(const StageRequest& request, const Place& place,
                                    std::stop_token stop, Item& item, Staged& staged) {
  staged.size = request.source->size();
  std::unique_ptr<fs::File> file;
  if (!request.resume_key.empty() && staged.size >= root_.options().resume_threshold) {
    TRY_ASSIGN(file, stage_resumable(request, place, stop, staged));
  }
  if (file == nullptr) {
    TRY_ASSIGN(file, stage_bytes(request, place, stop, staged));
  }
  TRY(dress_file(request, *file, item));
  return keep_for_sync(place, std::move(file));
}

Result<std::unique_ptr<fs::File>> LocalBatch::stage_bytes(const StageRequest& request,
                                                          const Place& place, std::stop_token stop,
                                                          Staged& staged) {
  // The folder keeps others out, so the mode may be the final one from the start.
  const std::uint32_t mode = root_.mode_of(request.attributes).value_or(0666) & 0777U;
  TRY_ASSIGN(auto file, place.directory->create_file(place.name, mode));
  if (request.expected_digest.has_value()) {
    TRY_ASSIGN(const bool copied, copy_natively(request, *file, stop));
    if (copied) {
      staged.digest = request.expected_digest;
      return file;
    }
  }
  Copier copier(request, *file, stop);
  TRY(copier.copy(0, staged.size));
  TRY(copier.end(staged.size));
  staged.digest = copier.finish();
  return file;
}

Result<std::unique_ptr<fs::File>> LocalBatch::stage_resumable(const StageRequest& request,
                                                              const Place& place,
                                                              std::stop_token stop,
                                                              Staged& staged) {
  TRY_ASSIGN(const auto part,
             ResumePart::open(root_, request.resume_key, request.source->fingerprint()));
  if (part == nullptr) {
    return std::unique_ptr<fs::File>{};
  }
  const std::uint64_t chunk = root_.options().resume_chunk;
  // Whoever holds the source open may store into what was read, and leave no trace.
  bool is_still = request.source->verify_unchanged().ok();
  TRY(part->keep(is_still ? static_cast<std::size_t>(staged.size / chunk) : 0));
  Copier copier(request, part->file(), stop);
  TRY_ASSIGN(std::uint64_t done, copier.take_over_chunks(*part, chunk));
  while (done < staged.size) {
    const std::uint64_t end = std::min(done + chunk, staged.size);
    if (auto copied = copier.copy(done, end); !copied.ok()) {
      if (copied.failed_with(Code::kPreconditionFailed)) {
        part->discard();
      }
      return std::move(copied).error();
    }
    is_still = is_still && request.source->verify_unchanged().ok();
    if (end - done == chunk && is_still) {
      TRY(copier.end(end));
      TRY(part->add(copier.so_far()));
    }
    done = end;
  }
  TRY(copier.end(staged.size));
  staged.digest = copier.finish();
  return part->finish(*place.directory, place.name);
}

Result<void> LocalBatch::dress_file(const StageRequest& request, fs::File& file, Item& item) {
  const Capabilities& can = root_.capabilities();
  if (can.xattrs) {
    TRY_ASSIGN(auto xattrs, request.source->xattrs());
    // What this file system can't hold is left out; the digest says so to whoever compares.
    std::erase_if(xattrs, [&](const Source::Xattr& xattr) {
      return !file.set_extended_attribute({.name = xattr.name, .value = xattr.value}).ok();
    });
    item.xattrs = digest_of_xattrs(xattrs);
  }
  if (can.mtime_settable) {
    TRY(file.set_mtime(request.mtime));
  }
  TRY_ASSIGN(item.stat, file.stat());
  // The umask may have cut what the file was made with, and nothing is made with more than 0777.
  const auto mode = root_.mode_of(request.attributes);
  if (mode.has_value() && item.stat.mode != *mode) {
    TRY(file.set_mode(*mode));
    TRY_ASSIGN(item.stat, file.stat());
  }
  return {};
}

Result<void> LocalBatch::keep_for_sync(const Place& place, std::unique_ptr<fs::File> file) {
  if (!root_.facts().file_system.sync_whole) {
    return file->sync();
  }
  {
    const rt::Lock lock(mutex_);
    if (many_unsynced_) {
      return {};
    }
  }
  // A handle for writing would make the file look busy to everybody who asks for a lease.
  auto for_reading = place.directory->open_file(place.name, fs::Access::kRead);
  if (!for_reading.ok()) {
    return file->sync();
  }
  file.reset();
  std::vector<std::unique_ptr<fs::File>> closed_unlocked;
  const rt::Lock lock(mutex_);
  unsynced_.push_back(std::move(for_reading).value());
  if (many_unsynced_ || unsynced_.size() > DirtyDirectories::kFew) {
    many_unsynced_ = true;
    closed_unlocked.swap(unsynced_);
  }
  return {};
}

Result<void> LocalBatch::set_late_modes() {
  std::vector<std::pair<RelPath, std::uint32_t>> modes;
  {
    const rt::Lock lock(mutex_);
    for (auto& [place, slot] : items_) {
      Item& item = slot.item;
      const bool is_top = item.path.parent().text() == kTrees;
      // Moving a directory needs the right to write it: such a mode comes after publishing.
      if (item.late_mode.has_value() && !(is_top && (*item.late_mode & kOwnerWrites) == 0)) {
        modes.emplace_back(item.path, *item.late_mode);
        item.late_mode.reset();
      }
    }
  }
  // Children come before a parent that may lock us out.
  std::ranges::sort(modes, std::greater<>());
  for (const auto& [path, mode] : modes) {
    TRY_ASSIGN(const Place place, place_of(path));
    TRY(place.directory->set_mode(place.name, mode));
  }
  return {};
}

Result<Reach> LocalBatch::make_durable() {
  TRY(set_late_modes());
  TRY(staged_directories_.sync(*folder_));
  std::vector<std::unique_ptr<fs::File>> files;
  bool many = false;
  {
    const rt::Lock lock(mutex_);
    files.swap(unsynced_);
    many = std::exchange(many_unsynced_, false);
  }
  if (many) {
    auto published = published_directories_.take();
    if (auto synced = folder_->sync_file_system(); !synced.ok()) {
      published_directories_.put_back(std::move(published));
      const rt::Lock lock(mutex_);
      many_unsynced_ = true;
      return synced.error();
    }
    return Reach::kDomain;
  }
  for (const auto& file : files) {
    if (auto synced = file->sync(); !synced.ok()) {
      const rt::Lock lock(mutex_);
      std::ranges::move(files, std::back_inserter(unsynced_));
      return synced.error();
    }
  }
  TRY(folder_->sync());
  return Reach::kStaged;
}

Result<void> LocalBatch::settle() {
  return published_directories_.sync(*folder_);
}

}  // namespace ox::provider
