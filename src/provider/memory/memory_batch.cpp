#include <algorithm>
#include <utility>

#include "crypto/digest.h"
#include "provider/memory/memory_store.h"

namespace ox::provider {
namespace {

constexpr std::size_t kPiece = std::size_t{64} << 10U;

}  // namespace

Result<void> MemoryProvider::MemoryBatch::check_request(const StageRequest& request) const {
  const Capabilities& can = store_->options.capabilities;
  if ((request.kind == tree::Kind::kFile) != (request.source != nullptr) ||
      request.kind == tree::Kind::kOther) {
    return Error(Code::kInvalidArgument, "a file needs a source and nothing else has one");
  }
  if ((request.kind == tree::Kind::kSymlink && !can.symlinks) ||
      (request.kind == tree::Kind::kDirectory && !can.directories)) {
    return Error(Code::kUnsupported, "this store has no such entries");
  }
  return {};
}

Result<std::shared_ptr<const std::string>> MemoryProvider::MemoryBatch::read_all(
    const StageRequest& request, const std::stop_token& stop, Staged& staged) {
  auto* native = static_cast<MemorySource*>(request.source->native_handle(typeid(MemorySource)));
  if (native != nullptr && request.expected_digest.has_value()) {
    staged.digest = request.expected_digest;
    return native->content();
  }
  auto bytes = std::make_shared<std::string>(request.source->size(), '\0');
  for (std::size_t at = 0; at < bytes->size();) {
    if (stop.stop_requested()) {
      return Error(Code::kCancelled, "stopped");
    }
    const std::size_t size = std::min(kPiece, bytes->size() - at);
    if (request.on_bytes) {
      TRY(request.on_bytes(size));
    }
    const std::span into(reinterpret_cast<std::uint8_t*>(bytes->data()) + at, size);
    TRY_ASSIGN(const std::size_t got, request.source->read_at(at, into));
    if (got != size) {
      return Error(Code::kPreconditionFailed, "the source became shorter while it was read");
    }
    at += got;
  }
  staged.digest = crypto::sha256(as_bytes_view(*bytes));
  return std::shared_ptr<const std::string>(std::move(bytes));
}

Result<RelPath> MemoryProvider::MemoryBatch::keep(const RelPath& place, MemoryNodePtr node) {
  const rt::Lock lock(mutex_);
  if (place.is_root()) {
    // No tree is ever called like our own folder, so these keys never meet a request's place.
    RelPath key = RelPath{}.child(kOwnFolder).child(std::to_string(next_number_++));
    staged_[key] = std::move(node);
    return key;
  }
  if (staged_.contains(place)) {
    return Error(Code::kExists, "staged already").with_context(place.text());
  }
  if (!place.parent().is_root()) {
    const auto parent = staged_.find(place.parent());
    if (parent == staged_.end() || parent->second->kind != tree::Kind::kDirectory) {
      return Error(Code::kNotFound, "the directory is not staged").with_context(place.text());
    }
    TRY(store_->check_name(place.name()));
    const rt::Lock store_lock(store_->mutex);
    if (parent->second->children.contains(store_->key_of(place.name()))) {
      return Error(Code::kExists, "a name like this is staged").with_context(place.text());
    }
    store_->attach(parent->second, place.name(), node);
  }
  staged_[place] = std::move(node);
  return place;
}

Result<Staged> MemoryProvider::MemoryBatch::stage(const StageRequest& request,
                                                  std::stop_token stop) {
  TRY(store_->begin_call("stage", request.place));
  TRY(check_request(request));
  if (stop.stop_requested()) {
    return Error(Code::kCancelled, "stopped");
  }
  Staged staged;
  std::shared_ptr<const std::string> bytes;
  std::vector<Source::Xattr> xattrs;
  if (request.kind == tree::Kind::kFile) {
    TRY_ASSIGN(bytes, read_all(request, stop, staged));
    TRY_ASSIGN(xattrs, request.source->xattrs());
    staged.size = bytes->size();
  }
  TRY(store_->before_effect("stage", request.place));
  MemoryNodePtr node;
  {
    const rt::Lock lock(store_->mutex);
    node = store_->new_node(request.kind);
    if (bytes != nullptr) {
      store_->counters.bytes_staged += bytes->size();
      node->content = std::move(bytes);
    }
    if (store_->options.capabilities.xattrs) {
      node->xattrs = std::move(xattrs);
    }
    node->link_target = request.link_target;
    if (request.attributes.has_value() && request.attributes->mode != tree::kModeUnknown &&
        request.kind != tree::Kind::kSymlink) {
      node->mode = request.attributes->mode;
    }
    if (store_->options.capabilities.mtime_settable && request.kind != tree::Kind::kDirectory) {
      node->mtime = store_->stored_mtime(request.mtime);
    }
  }
  TRY_ASSIGN(staged.place, keep(request.place, std::move(node)));
  if (auto after = store_->after_effect("stage", request.place); !after.ok()) {
    const rt::Lock lock(mutex_);
    staged_.erase(staged.place);
    return std::move(after).error();
  }
  return staged;
}

Result<Reach> MemoryProvider::MemoryBatch::make_durable() {
  TRY(store_->begin_call("make_durable", {}));
  TRY(store_->before_effect("make_durable", {}));
  {
    const rt::Lock lock(store_->mutex);
    ++store_->counters.make_durable;
  }
  TRY(store_->after_effect("make_durable", {}));
  return Reach::kStaged;
}

Result<void> MemoryProvider::MemoryBatch::settle() {
  TRY(store_->begin_call("settle", {}));
  TRY(store_->before_effect("settle", {}));
  return store_->after_effect("settle", {});
}

Result<MemoryNodePtr> MemoryProvider::MemoryBatch::find_staged(const Staged& staged) {
  const rt::Lock lock(mutex_);
  const auto found = staged_.find(staged.place);
  if (found == staged_.end()) {
    return Error(Code::kInvalidArgument, "not staged here").with_context(staged.place.text());
  }
  return found->second;
}

Result<Digest> MemoryProvider::MemoryBatch::read_back(const Staged& staged, std::stop_token) {
  TRY(store_->begin_call("read_back", {}));
  TRY_ASSIGN(const MemoryNodePtr node, find_staged(staged));
  return crypto::sha256(as_bytes_view(*node->content));
}

Result<Published> MemoryProvider::MemoryBatch::publish(const Staged& staged, const RelPath& path,
                                                       const Precondition& precondition,
                                                       const TrashFolder& trash) {
  TRY(store_->begin_call("publish", path));
  TRY_ASSIGN(const MemoryNodePtr node, find_staged(staged));
  TRY_ASSIGN(Published published, store_->publish(node, path, precondition, trash));
  release(staged.place, &published.inside);
  TRY(store_->after_effect("publish", path));
  return published;
}

void MemoryProvider::MemoryBatch::release(const RelPath& place,
                                          std::unordered_map<RelPath, tree::Entry>* inside) {
  const rt::Lock lock(mutex_);
  staged_.erase(place);
  // What was staged inside goes with its directory: one range, for no name begins before byte 1.
  auto at = staged_.lower_bound(place.child("\x01"));
  while (at != staged_.end() && place.contains(at->first)) {
    if (inside != nullptr) {
      const rt::Lock store_lock(store_->mutex);
      inside->emplace(at->first, store_->entry_of(at->first.name(), *at->second, true));
    }
    at = staged_.erase(at);
  }
}

void MemoryProvider::MemoryBatch::discard(const Staged& staged) {
  {
    const rt::Lock lock(mutex_);
    const auto above = staged_.find(staged.place.parent());
    if (above != staged_.end() && above->second->kind == tree::Kind::kDirectory) {
      const rt::Lock store_lock(store_->mutex);
      above->second->children.erase(store_->key_of(staged.place.name()));
    }
  }
  release(staged.place, nullptr);
}

Result<void> MemoryProvider::Store::check_publish(tree::Kind kind, const RelPath& path,
                                                  const Precondition& precondition) {
  const MemoryNodePtr standing = find(path);
  if (!precondition.expected.has_value()) {
    if (standing != nullptr) {
      return Error(Code::kExists, "something stands here").with_context(path.text());
    }
    return {};
  }
  if (kind == tree::Kind::kDirectory) {
    return Error(Code::kInvalidArgument, "a directory replaces nothing").with_context(path.text());
  }
  TRY(check_expected(path, *precondition.expected));
  if (standing->kind == tree::Kind::kDirectory) {
    return Error(Code::kPreconditionFailed, "a directory stands here").with_context(path.text());
  }
  if (options.capabilities.leases && standing->held_open) {
    return Error(Code::kBusy, "the file is open for writing", Retry::kLater)
        .with_context(path.text());
  }
  return {};
}

Result<Published> MemoryProvider::Store::publish(const MemoryNodePtr& staged, const RelPath& path,
                                                 const Precondition& precondition,
                                                 const TrashFolder& trash) {
  const Cas cas = precondition.expected.has_value() ? options.capabilities.replace
                                                    : options.capabilities.create;
  if (cas == Cas::kNone) {
    return Error(Code::kUnsupported, "this store can't be written safely");
  }
  if (path.is_root() || !is_valid_name(trash.name)) {
    return Error(Code::kInvalidArgument, "not a place to publish at").with_context(path.text());
  }
  {
    const rt::Lock lock(mutex);
    TRY(check_parent(path));
    TRY(check_publish(staged->kind, path, precondition));
  }
  TRY(before_effect("publish", path));
  const rt::Lock lock(mutex);
  TRY(check_parent(path));
  const auto still = check_publish(staged->kind, path, precondition);
  const MemoryNodePtr standing = find(path);
  // Nobody can slip a directory under a file, whatever the store: that much every rename refuses.
  const bool directory_in_the_way = standing != nullptr && standing->kind == tree::Kind::kDirectory;
  if (!still.ok() && (cas == Cas::kAtomic || directory_in_the_way)) {
    return still.error();
  }
  Published published;
  published.displaced_as_expected = still.ok() || cas == Cas::kRacy;
  std::string name(path.name());
  if (standing != nullptr) {
    published.displaced = put_in_trash(trash, path, detach(path));
  }
  // Taking the old one out may have emptied a directory that only exists while it holds something.
  TRY_ASSIGN(const MemoryNodePtr into, parent_for(path));
  attach(into, name, staged);
  published.entry = entry_of(name, *staged, true);
  return published;
}

}  // namespace ox::provider
