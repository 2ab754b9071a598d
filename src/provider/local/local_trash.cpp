#include "provider/local/local_trash.h"

#include <algorithm>
#include <utility>

#include "provider/local/placing.h"

namespace ox::provider {
namespace {

constexpr std::string_view kTrashName = "trash";
constexpr unsigned kMostVersions = 100'000;

Error no_free_name(std::string_view name) {
  return Error(Code::kNoSpace, "too many versions in one trash folder").with_context(name);
}

}  // namespace

Result<TrashSlot> LocalTrash::make_slot(const TrashFolder& folder, const RelPath& path) {
  if (!is_valid_name(folder.name) || path.is_root()) {
    return Error(Code::kInvalidArgument, "not a trash folder's name").with_context(folder.name);
  }
  TRY_ASSIGN(std::shared_ptr<fs::Directory> at, root_.make_own(kTrashName));
  const std::size_t max_bytes = root_.capabilities().names.max_name_bytes;
  RelPath made;
  decltype(TrashSlot::changed) changed;
  RelPath rest = RelPath{}.child(folder.name).join(path.parent());
  for (; !rest.is_root(); rest = rest.after_first()) {
    const std::string wanted(rest.first());
    std::shared_ptr<fs::Directory> next;
    for (unsigned number = 1; next == nullptr; ++number) {
      if (number > kMostVersions) {
        return no_free_name(wanted);
      }
      const std::string name = numbered_name(wanted, number, max_bytes);
      auto opened = at->open_directory(name);
      if (opened.failed_with(Code::kNotFound)) {
        if (auto created = at->make_directory(name, 0700);
            !created.ok() && !created.failed_with(Code::kExists)) {
          return std::move(created).error();
        }
        changed.emplace_back(made, at);
        opened = at->open_directory(name);
      }
      if (opened.failed_with(Code::kNotADirectory) || opened.failed_with(Code::kUnsupported)) {
        continue;
      }
      TRY_ASSIGN(next, std::move(opened));
      made = made.child(name);
    }
    at = std::move(next);
  }
  return TrashSlot{.directory = std::move(at),
                   .directory_path = std::move(made),
                   .name = std::string(path.name()),
                   .changed = std::move(changed)};
}

Result<std::string> LocalTrash::put(const TrashSlot& slot, Whose whose, fs::NodeType type,
                                    fs::Directory& from, const std::string& from_name) {
  const std::size_t max_bytes = root_.capabilities().names.max_name_bytes;
  for (unsigned number = 1; number <= kMostVersions; ++number) {
    std::string name = numbered_name(slot.name, number, max_bytes);
    const auto moved =
        move_to_free_name(root_, whose, type, from, from_name, *slot.directory, name);
    if (moved.ok()) {
      return name;
    }
    if (moved.error().code() != Code::kExists) {
      return moved.error();
    }
  }
  return no_free_name(slot.name);
}

Result<Trashed> LocalTrash::describe(const TrashSlot& slot, const std::string& name) {
  TRY_ASSIGN(const fs::Stat stat, slot.directory->stat(name));
  return Trashed{.path = slot.directory_path.child(name),
                 .fingerprint = root_.fingerprint_of(stat)};
}

Result<Place> LocalTrash::find(const RelPath& trash_path) {
  if (trash_path.is_root()) {
    return Error(Code::kInvalidArgument, "not a trashed version");
  }
  TRY_ASSIGN(std::shared_ptr<fs::Directory> at, root_.open_own(kTrashName));
  for (RelPath rest = trash_path.parent(); !rest.is_root(); rest = rest.after_first()) {
    auto next = at->open_directory(rest.first());
    if (next.failed_with(Code::kNotADirectory)) {
      return Error(Code::kNotFound, "no such trashed version").with_context(trash_path.text());
    }
    TRY_ASSIGN(at, std::move(next));
  }
  return Place{.directory = std::move(at), .name = std::string(trash_path.name())};
}

Result<void> LocalTrash::purge(const RelPath& trash_path) {
  TRY(root_.check_writable());
  TRY_ASSIGN(const Place place, find(trash_path));
  TRY_ASSIGN(const fs::Stat stat, place.directory->stat(place.name));
  if (stat.type == fs::NodeType::kDirectory) {
    TRY_ASSIGN([[maybe_unused]] const std::uint64_t removed,
               remove_tree(*place.directory, place.name));
  } else {
    TRY(place.directory->remove_file(place.name));
  }
  prune_above(trash_path);
  return {};
}

void LocalTrash::prune_above(const RelPath& trash_path) {
  for (RelPath path = trash_path.parent(); !path.is_root(); path = path.parent()) {
    const auto place = find(path);
    if (!place.ok() || !place->directory->remove_directory(place->name).ok()) {
      return;
    }
  }
}

Result<std::vector<Provider::TrashItem>> LocalTrash::list() {
  std::vector<Provider::TrashItem> items;
  auto trash = root_.open_own(kTrashName);
  if (trash.failed_with(Code::kNotFound)) {
    return items;
  }
  TRY_ASSIGN(const auto directory, std::move(trash));
  TRY_ASSIGN(auto folders, directory->list());
  std::ranges::sort(folders, {}, [](const fs::DirectoryItem& item) {
    return std::pair(item.stat.birth.value_or(item.stat.mtime), item.name);
  });
  for (const fs::DirectoryItem& folder : folders) {
    if (folder.stat.type != fs::NodeType::kDirectory) {
      continue;
    }
    TRY_ASSIGN(const auto opened, directory->open_directory(folder.name));
    TRY(list_below(*opened, RelPath{}.child(folder.name), items));
  }
  return items;
}

Result<void> LocalTrash::list_below(fs::Directory& directory, const RelPath& path,
                                    std::vector<Provider::TrashItem>& items) {
  TRY_ASSIGN(auto found, directory.list());
  std::ranges::sort(found, {}, &fs::DirectoryItem::name);
  for (const fs::DirectoryItem& item : found) {
    const RelPath item_path = path.child(item.name);
    if (item.stat.type == fs::NodeType::kDirectory) {
      const std::size_t before = items.size();
      TRY_ASSIGN(const auto opened, directory.open_directory(item.name));
      TRY(list_below(*opened, item_path, items));
      if (items.size() != before) {
        continue;
      }
    }
    TRY_ASSIGN(tree::Entry entry, root_.look_at(directory, item.name));
    items.push_back({.path = item_path, .entry = std::move(entry)});
  }
  return {};
}

Result<std::uint64_t> remove_tree(fs::Directory& parent, const std::string& name) {
  auto opened = parent.open_directory(name);
  if (opened.failed_with(Code::kPermissionDenied)) {
    TRY(parent.set_mode(name, 0700));
    opened = parent.open_directory(name);
  }
  TRY_ASSIGN(const auto directory, std::move(opened));
  TRY_ASSIGN(const auto items, directory->list());
  std::uint64_t removed = 0;
  for (const fs::DirectoryItem& item : items) {
    if (item.stat.type == fs::NodeType::kDirectory) {
      TRY_ASSIGN(const std::uint64_t below, remove_tree(*directory, item.name));
      removed += below;
      continue;
    }
    auto gone = directory->remove_file(item.name);
    if (gone.failed_with(Code::kPermissionDenied)) {
      TRY(parent.set_mode(name, 0700));
      gone = directory->remove_file(item.name);
    }
    TRY(std::move(gone));
    ++removed;
  }
  TRY(parent.remove_directory(name));
  return removed + 1;
}

}  // namespace ox::provider
