#include "provider/memory/memory_provider.h"

#include <algorithm>
#include <utility>

#include "provider/memory/memory_store.h"

namespace ox::provider {
namespace {

Result<void> check_stop(const std::stop_token& stop) {
  if (stop.stop_requested()) {
    return Error(Code::kCancelled, "stopped");
  }
  return {};
}

}  // namespace

Capabilities full_capabilities() {
  Capabilities can;
  can.create = Cas::kAtomic;
  can.replace = Cas::kDetectAfter;
  can.remove = Cas::kDetectAfter;
  can.move = Cas::kDetectAfter;
  can.stable_ids = true;
  can.native_directory_move = true;
  can.staged_trees = true;
  can.exchange = true;
  can.symlinks = true;
  can.modes = true;
  can.xattrs = true;
  can.mtime_settable = true;
  can.has_mtime = true;
  can.ctime_reliable = true;
  can.leases = true;
  return can;
}

namespace {

MemoryOptions consistent(MemoryOptions options) {
  Capabilities& can = options.capabilities;
  can.staged_trees = can.staged_trees && can.directories;
  return options;
}

}  // namespace

MemoryProvider::MemoryProvider(MemoryOptions options)
    : store_(std::make_shared<Store>(consistent(std::move(options)))) {}

MemoryProvider::~MemoryProvider() = default;

const Capabilities& MemoryProvider::capabilities() const {
  return store_->options.capabilities;
}

Result<std::vector<tree::Entry>> MemoryProvider::list(const RelPath& directory,
                                                      const tree::Fingerprint* expected,
                                                      std::stop_token stop) {
  TRY(store_->begin_call("list", directory));
  TRY(check_stop(stop));
  const rt::Lock lock(store_->mutex);
  ++store_->counters.lists;
  TRY_ASSIGN(const MemoryNodePtr node, store_->see(directory));
  if (node->kind != tree::Kind::kDirectory) {
    return Error(Code::kNotADirectory, "not a directory").with_context(directory.text());
  }
  if (expected != nullptr && store_->options.capabilities.stable_ids &&
      !store_->entry_of("", *node, false).fingerprint.same_object(*expected)) {
    return Error(Code::kPreconditionFailed, "another directory took its place")
        .with_context(directory.text());
  }
  std::vector<tree::Entry> entries;
  entries.reserve(node->children.size());
  for (const auto& [key, child] : node->children) {
    entries.push_back(store_->entry_of(child.name, *child.node, false));
  }
  for (const auto& [place, name] : store_->shown) {
    const auto parked = store_->contents.parked.find(name);
    if (place.parent() == directory && parked != store_->contents.parked.end() &&
        !node->children.contains(store_->key_of(place.name()))) {
      entries.push_back(store_->entry_of(place.name(), *parked->second, false));
    }
  }
  if (!store_->options.capabilities.consistent) {
    const auto [last, first_time] = store_->last_listings.try_emplace(directory);
    if (!first_time && !last->second.shown_late && last->second.entries != entries) {
      last->second.shown_late = true;
      return last->second.entries;
    }
    last->second = {.entries = entries, .shown_late = false};
  }
  return entries;
}

Result<tree::Entry> MemoryProvider::look(const RelPath& path) {
  TRY(store_->begin_call("look", path));
  const rt::Lock lock(store_->mutex);
  TRY_ASSIGN(const MemoryNodePtr node, store_->see(path));
  if (path.is_root()) {
    return store_->entry_of("", *node, true);
  }
  TRY_ASSIGN(const MemoryNodePtr parent, store_->see(path.parent()));
  const auto child = parent->children.find(store_->key_of(path.name()));
  return store_->entry_of(child == parent->children.end() ? path.name() : child->second.name, *node,
                          true);
}

Result<std::unique_ptr<Source>> MemoryProvider::open(const RelPath& path,
                                                     const tree::Fingerprint* expected) {
  TRY(store_->begin_call("open", path));
  const rt::Lock lock(store_->mutex);
  ++store_->counters.opens;
  TRY_ASSIGN(MemoryNodePtr node, store_->see(path));
  if (node->kind != tree::Kind::kFile) {
    return Error(node->kind == tree::Kind::kDirectory ? Code::kIsADirectory : Code::kUnsupported,
                 "not a file")
        .with_context(path.text());
  }
  if (expected != nullptr && !store_->matches(*node, *expected)) {
    return Error(Code::kPreconditionFailed, "another version stands here")
        .with_context(path.text());
  }
  tree::Fingerprint print = store_->fingerprint_of(*node);
  return std::unique_ptr<Source>(
      std::make_unique<MemorySource>(store_, path, std::move(node), std::move(print)));
}

Result<std::unique_ptr<Batch>> MemoryProvider::begin_batch() {
  TRY(store_->begin_call("begin_batch", {}));
  return std::unique_ptr<Batch>(std::make_unique<MemoryBatch>(store_));
}

Result<tree::Entry> MemoryProvider::make_directory(const RelPath& path,
                                                   std::optional<tree::Attributes> attributes) {
  TRY(store_->begin_call("make_directory", path));
  TRY(check_safety(capabilities().create, path.text()));
  if (!capabilities().directories) {
    return Error(Code::kUnsupported, "this store has no directories").with_context(path.text());
  }
  TRY(store_->before_effect("make_directory", path));
  tree::Entry entry;
  {
    const rt::Lock lock(store_->mutex);
    if (store_->find(path) != nullptr) {
      return Error(Code::kExists, "something stands here").with_context(path.text());
    }
    TRY_ASSIGN(const MemoryNodePtr parent, store_->parent_for(path));
    MemoryNodePtr node = store_->new_node(tree::Kind::kDirectory);
    if (attributes.has_value() && attributes->mode != tree::kModeUnknown) {
      node->mode = attributes->mode;
    }
    store_->attach(parent, path.name(), node);
    entry = store_->entry_of(path.name(), *node, true);
  }
  TRY(store_->after_effect("make_directory", path));
  return entry;
}

Result<tree::Entry> MemoryProvider::set_attributes(const RelPath& path,
                                                   const tree::Fingerprint& expected,
                                                   const tree::Attributes& attributes,
                                                   std::optional<Timestamp> mtime,
                                                   Source* xattr_source) {
  TRY(store_->begin_call("set_attributes", path));
  std::vector<Source::Xattr> xattrs;
  const bool takes_xattrs = xattr_source != nullptr && capabilities().xattrs;
  if (takes_xattrs) {
    TRY_ASSIGN(xattrs, xattr_source->xattrs());
  }
  TRY(store_->before_effect("set_attributes", path));
  tree::Entry entry;
  {
    const rt::Lock lock(store_->mutex);
    TRY(store_->check_expected(path, expected));
    MemoryNode& node = *store_->find(path);
    if (node.kind != tree::Kind::kSymlink && attributes.mode != tree::kModeUnknown) {
      node.mode = attributes.mode;
    }
    if (takes_xattrs) {
      node.xattrs = std::move(xattrs);
    }
    if (mtime.has_value() && capabilities().mtime_settable) {
      node.mtime = store_->stored_mtime(*mtime);
    }
    store_->touch(node);
    entry = store_->entry_of(path.name(), node, true);
  }
  TRY(store_->after_effect("set_attributes", path));
  return entry;
}

Result<std::optional<Trashed>> MemoryProvider::remove(const RelPath& path,
                                                      const tree::Fingerprint& expected,
                                                      const TrashFolder& trash) {
  TRY(store_->begin_call("remove", path));
  const Cas cas = capabilities().remove;
  TRY(check_safety(cas, path.text()));
  if (path.is_root() || !is_valid_name(trash.name)) {
    return Error(Code::kInvalidArgument, "can't remove this").with_context(path.text());
  }
  {
    const rt::Lock lock(store_->mutex);
    TRY(store_->check_expected(path, expected));
    const MemoryNodePtr node = store_->find(path);
    if (node->held_open && capabilities().leases) {
      return Error(Code::kBusy, "the file is open for writing", Retry::kLater)
          .with_context(path.text());
    }
  }
  TRY(store_->before_effect("remove", path));
  std::optional<Trashed> trashed;
  {
    const rt::Lock lock(store_->mutex);
    const MemoryNodePtr node = store_->find(path);
    if (node == nullptr || (cas != Cas::kRacy && !store_->matches(*node, expected))) {
      return Error(Code::kPreconditionFailed, "it changed meanwhile").with_context(path.text());
    }
    if (node->kind == tree::Kind::kDirectory && !node->children.empty()) {
      return Error(Code::kNotEmpty, "the directory is not empty").with_context(path.text());
    }
    store_->detach(path);
    if (node->kind != tree::Kind::kDirectory) {
      trashed = store_->put_in_trash(trash, path, node);
    }
  }
  TRY(store_->after_effect("remove", path));
  return trashed;
}

Result<void> MemoryProvider::make_durable() {
  TRY(store_->begin_call("make_durable", {}));
  TRY(store_->before_effect("make_durable", {}));
  {
    const rt::Lock lock(store_->mutex);
    ++store_->counters.make_durable;
  }
  return store_->after_effect("make_durable", {});
}

}  // namespace ox::provider
