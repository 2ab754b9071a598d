#include <algorithm>
#include <utility>

#include "crypto/digest.h"
#include "provider/local/local_batch.h"
#include "provider/local/placing.h"
#include "provider/local/swap.h"

namespace ox::provider {
namespace {

constexpr std::uint64_t kReadBytes = 1U << 20U;

fs::NodeType type_of(tree::Kind kind) {
  switch (kind) {
    case tree::Kind::kFile:
      return fs::NodeType::kFile;
    case tree::Kind::kDirectory:
      return fs::NodeType::kDirectory;
    case tree::Kind::kSymlink:
      return fs::NodeType::kSymlink;
    case tree::Kind::kOther:
      break;
  }
  return fs::NodeType::kOther;
}

std::string tree_key(const RelPath& path) {
  return "tree/" + path.text();
}
std::string trash_key(const RelPath& path) {
  return "trash/" + path.text();
}

}  // namespace

Result<LocalBatch::Item> LocalBatch::find_staged(const Staged& staged) {
  const rt::Lock lock(mutex_);
  const auto found = items_.find(staged.place);
  if (found == items_.end()) {
    return Error(Code::kInvalidArgument, "not staged here").with_context(staged.place.text());
  }
  if (const auto why = spoilt_.find(std::string(staged.place.first())); why != spoilt_.end()) {
    return Error(Code::kIo, "what was staged in it can't be taken back: " + why->second.message());
  }
  return found->second.item;
}

Result<Digest> LocalBatch::read_back(const Staged& staged, std::stop_token stop) {
  TRY_ASSIGN(const Item item, find_staged(staged));
  TRY_ASSIGN(const Place place, place_of(item.path));
  TRY_ASSIGN(const auto file, place.directory->open_file(place.name, fs::Access::kRead));
  file->advise_uncached();
  crypto::Sha256 hasher;
  Bytes buffer(static_cast<std::size_t>(std::clamp<std::uint64_t>(staged.size, 1, kReadBytes)));
  for (std::uint64_t offset = 0;;) {
    if (stop.stop_requested()) {
      return Error(Code::kCancelled, "stopped");
    }
    TRY_ASSIGN(const std::size_t count, file->read_at(offset, buffer));
    if (count == 0) {
      return hasher.finish();
    }
    hasher.update(BytesView(buffer).first(count));
    offset += count;
  }
}

Result<Published> LocalBatch::publish(const Staged& staged, const RelPath& path,
                                      const Precondition& precondition, const TrashFolder& trash) {
  if (path.is_root()) {
    return Error(Code::kInvalidArgument, "nothing can be published as the root");
  }
  TRY_ASSIGN(const Item item, find_staged(staged));
  if (item.kind == tree::Kind::kDirectory && precondition.expected.has_value()) {
    return Error(Code::kInvalidArgument, "a directory replaces nothing").with_context(path.text());
  }
  TRY_ASSIGN(const Place place, root_.open_parent(path));
  TRY_ASSIGN(const Place from, place_of(item.path));
  Published published;
  TRY(put_in_place(item, from, place, path, precondition, trash, published));
  forget(staged.place, &published.inside);
  TRY(published_directories_.note(tree_key(path.parent()), place.directory));
  if (item.late_mode.has_value()) {
    TRY(place.directory->set_mode(place.name, *item.late_mode));
  }
  TRY_ASSIGN(published.entry, describe_published(item, place));
  return published;
}

Result<void> LocalBatch::put_in_place(const Item& item, const Place& from, const Place& place,
                                      const RelPath& path, const Precondition& precondition,
                                      const TrashFolder& trash, Published& published) {
  if (!precondition.expected.has_value()) {
    auto moved = move_to_free_name(root_, Whose::kOurs, type_of(item.kind), *from.directory,
                                   from.name, *place.directory, place.name);
    return moved.ok() ? Result<void>{} : std::move(moved).error().with_context(path.text());
  }
  const OwnEntry own{.directory = *from.directory, .name = from.name, .type = type_of(item.kind)};
  TRY_ASSIGN(Displaced displaced,
             swap_in(root_, trash_, own, place, path, *precondition.expected, trash));
  published.displaced_as_expected = displaced.as_expected;
  published.displaced = std::move(displaced.trashed);
  TRY(published_directories_.note(trash_key(displaced.slot.directory_path),
                                  displaced.slot.directory));
  for (auto& [changed_path, directory] : displaced.slot.changed) {
    TRY(published_directories_.note(trash_key(changed_path), std::move(directory)));
  }
  return {};
}

Result<tree::Entry> LocalBatch::describe_published(const Item& item, const Place& place) {
  const auto stat = place.directory->stat(place.name);
  const bool is_ours =
      stat.ok() && (item.kind == tree::Kind::kDirectory
                        ? stat->inode == item.stat.inode || !root_.facts().inodes_are_ids
                        : same_after_rename(root_, item.stat, *stat));
  // Somebody was quicker than our look: what we put there is told with its old ctime, so that what
  // stands now is found to be another version.
  return describe(item, place.name, is_ours ? *stat : item.stat);
}

tree::Entry LocalBatch::describe(const Item& item, std::string_view name,
                                 const fs::Stat& stat) const {
  tree::Entry entry = root_.entry_of(std::string(name), stat);
  entry.fingerprint.racy = item.kind == tree::Kind::kFile;
  entry.attributes.xattrs = item.xattrs;
  entry.content.link_target = item.link_target;
  return entry;
}

}  // namespace ox::provider
