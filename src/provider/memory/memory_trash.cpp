#include <algorithm>
#include <utility>

#include "provider/memory/memory_store.h"

namespace ox::provider {
namespace {

bool is_rule(std::string_view text) {
  return text.size() == 32 && std::ranges::all_of(text, [](char digit) {
           return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f');
         });
}

Error not_in_trash(const RelPath& path) {
  return Error(Code::kNotFound, "no such trashed version").with_context(path.text());
}

}  // namespace

Result<std::optional<RootIdentity>> MemoryProvider::read_identity(std::string_view rule) {
  TRY(store_->begin_call("read_identity", {}));
  if (!is_rule(rule)) {
    return Error(Code::kInvalidArgument, "not a rule").with_context(rule);
  }
  const rt::Lock lock(store_->mutex);
  const auto found = store_->contents.identities.find(std::string(rule));
  return found == store_->contents.identities.end() ? std::optional<RootIdentity>{}
                                                    : std::optional(found->second);
}

Result<void> MemoryProvider::write_identity(const RootIdentity& identity) {
  TRY(store_->begin_call("write_identity", {}));
  if (!is_rule(identity.rule)) {
    return Error(Code::kInvalidArgument, "not a rule").with_context(identity.rule);
  }
  TRY(store_->before_effect("write_identity", {}));
  {
    const rt::Lock lock(store_->mutex);
    store_->contents.identities[identity.rule] = identity;
  }
  return store_->after_effect("write_identity", {});
}

Result<tree::Entry> MemoryProvider::look_trashed(const RelPath& trash_path) {
  TRY(store_->begin_call("look_trashed", trash_path));
  const rt::Lock lock(store_->mutex);
  const auto found = store_->contents.trash.find(trash_path);
  if (found == store_->contents.trash.end()) {
    return not_in_trash(trash_path);
  }
  return store_->entry_of(trash_path.name(), *found->second, true);
}

Result<std::unique_ptr<Source>> MemoryProvider::open_trashed(const RelPath& trash_path) {
  TRY(store_->begin_call("open_trashed", trash_path));
  const rt::Lock lock(store_->mutex);
  ++store_->counters.opens;
  const auto found = store_->contents.trash.find(trash_path);
  if (found == store_->contents.trash.end()) {
    return not_in_trash(trash_path);
  }
  if (found->second->kind != tree::Kind::kFile) {
    return Error(Code::kUnsupported, "not a file").with_context(trash_path.text());
  }
  return std::unique_ptr<Source>(std::make_unique<MemorySource>(
      store_, trash_path, found->second, store_->fingerprint_of(*found->second)));
}

Result<tree::Entry> MemoryProvider::restore_trashed(const RelPath& trash_path,
                                                    const RelPath& path) {
  TRY(store_->begin_call("restore_trashed", path));
  TRY(store_->before_effect("restore_trashed", path));
  tree::Entry entry;
  {
    const rt::Lock lock(store_->mutex);
    const auto found = store_->contents.trash.find(trash_path);
    if (found == store_->contents.trash.end()) {
      return not_in_trash(trash_path);
    }
    if (store_->find(path) != nullptr) {
      return Error(Code::kExists, "something stands here").with_context(path.text());
    }
    TRY_ASSIGN(const MemoryNodePtr parent, store_->parent_for(path));
    const MemoryNodePtr node = found->second;
    store_->contents.trash.erase(found);
    store_->attach(parent, path.name(), node);
    entry = store_->entry_of(path.name(), *node, true);
  }
  TRY(store_->after_effect("restore_trashed", path));
  return entry;
}

Result<void> MemoryProvider::purge_trashed(const RelPath& trash_path) {
  TRY(store_->begin_call("purge_trashed", trash_path));
  TRY(store_->before_effect("purge_trashed", trash_path));
  {
    const rt::Lock lock(store_->mutex);
    if (store_->contents.trash.erase(trash_path) == 0) {
      return not_in_trash(trash_path);
    }
  }
  return store_->after_effect("purge_trashed", trash_path);
}

Result<std::vector<Provider::TrashItem>> MemoryProvider::list_trash() {
  TRY(store_->begin_call("list_trash", {}));
  const rt::Lock lock(store_->mutex);
  std::vector<TrashItem> items;
  for (const auto& [path, node] : store_->contents.trash) {
    items.push_back({.path = path, .entry = store_->entry_of(path.name(), *node, true)});
  }
  const auto& folders = store_->contents.trash_folders;
  std::ranges::sort(items, {}, [&](const TrashItem& item) {
    return std::pair(folders.at(std::string(item.path.first())), item.path);
  });
  return items;
}

Result<std::uint64_t> MemoryProvider::sweep() {
  TRY(store_->begin_call("sweep", {}));
  return 0;  // what was staged goes with its batch
}

Result<std::unique_ptr<ChangeFeed>> MemoryProvider::watch() {
  return Error(Code::kUnsupported, "changes in memory can't be watched");
}

Result<std::optional<std::uint64_t>> MemoryProvider::free_bytes() {
  return std::optional<std::uint64_t>{};
}

Result<std::size_t> MemoryProvider::MemorySource::read_at(std::uint64_t offset,
                                                          std::span<std::uint8_t> into) {
  TRY(store_->begin_call("read", path_));
  const rt::Lock lock(store_->mutex);
  // What stands now, not what was opened: a reader of a disk sees a change under its hands, too.
  const std::string& bytes = *node_->content;
  if (offset >= bytes.size()) {
    return 0;
  }
  const std::size_t size = std::min(into.size(), bytes.size() - offset);
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), size, into.begin());
  store_->counters.bytes_read += size;
  return size;
}

Result<void> MemoryProvider::MemorySource::verify_unchanged() {
  TRY(store_->begin_call("verify_unchanged", path_));
  const rt::Lock lock(store_->mutex);
  if (!store_->fingerprint_of(*node_).same_version(fingerprint_)) {
    return Error(Code::kPreconditionFailed, "the file changed while it was read")
        .with_context(path_.text());
  }
  if (node_->held_open && store_->options.capabilities.leases) {
    return Error(Code::kBusy, "the file is open for writing", Retry::kLater)
        .with_context(path_.text());
  }
  return {};
}

Result<std::vector<Source::Xattr>> MemoryProvider::MemorySource::xattrs() {
  const rt::Lock lock(store_->mutex);
  return store_->options.capabilities.xattrs ? node_->xattrs : std::vector<Xattr>{};
}

void* MemoryProvider::MemorySource::native_handle(const std::type_info& type) {
  return type == typeid(MemorySource) ? this : nullptr;
}

std::shared_ptr<const std::string> MemoryProvider::MemorySource::content() const {
  const rt::Lock lock(store_->mutex);
  return node_->content;
}

}  // namespace ox::provider
