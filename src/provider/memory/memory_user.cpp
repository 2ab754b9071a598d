#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "provider/memory/memory_store.h"

namespace ox::provider {
namespace {

Error in_the_way(const RelPath& path) {
  return Error(Code::kNotADirectory, "something else stands in the way").with_context(path.text());
}

}  // namespace

Result<void> MemoryProvider::user_write(const RelPath& path, std::string bytes) {
  const rt::Lock lock(store_->mutex);
  if (MemoryNodePtr node = store_->find(path); node != nullptr) {
    if (node->kind != tree::Kind::kFile) {
      return in_the_way(path);
    }
    node->content = std::make_shared<const std::string>(std::move(bytes));
    store_->touch_content(*node);
    return {};
  }
  TRY(store_->check_name(path.name()));
  const MemoryNodePtr parent = store_->make_parents(path.parent());
  if (parent == nullptr) {
    return in_the_way(path);
  }
  MemoryNodePtr node = store_->new_node(tree::Kind::kFile);
  node->content = std::make_shared<const std::string>(std::move(bytes));
  store_->attach(parent, path.name(), std::move(node));
  return {};
}

Result<void> MemoryProvider::user_save(const RelPath& path, std::string bytes) {
  {
    const rt::Lock lock(store_->mutex);
    const MemoryNodePtr node = store_->find(path);
    if (node != nullptr && node->kind != tree::Kind::kDirectory) {
      const MemoryNodePtr parent = store_->find(path.parent());
      MemoryNodePtr saved = store_->new_node(tree::Kind::kFile);
      saved->mode = node->kind == tree::Kind::kFile ? node->mode : saved->mode;
      saved->content = std::make_shared<const std::string>(std::move(bytes));
      store_->attach(parent, path.name(), std::move(saved));
      return {};
    }
  }
  return user_write(path, std::move(bytes));
}

Result<void> MemoryProvider::silent_write(const RelPath& path, std::string bytes) {
  const rt::Lock lock(store_->mutex);
  TRY_ASSIGN(const MemoryNodePtr node, store_->get(path));
  node->content = std::make_shared<const std::string>(std::move(bytes));
  store_->touch(*node);
  return {};
}

Result<void> MemoryProvider::decay(const RelPath& path, std::string bytes) {
  const rt::Lock lock(store_->mutex);
  TRY_ASSIGN(const MemoryNodePtr node, store_->get(path));
  node->content = std::make_shared<const std::string>(std::move(bytes));
  return {};
}

Result<void> MemoryProvider::user_make_directory(const RelPath& path) {
  const rt::Lock lock(store_->mutex);
  TRY(store_->check_names(path));
  return store_->make_parents(path) == nullptr ? in_the_way(path) : Result<void>{};
}

Result<void> MemoryProvider::user_symlink(const RelPath& path, std::string target) {
  const rt::Lock lock(store_->mutex);
  if (!capabilities().symlinks) {
    return Error(Code::kUnsupported, "this store has no symlinks").with_context(path.text());
  }
  TRY(store_->check_name(path.name()));
  const MemoryNodePtr parent = store_->make_parents(path.parent());
  if (parent == nullptr || store_->find(path) != nullptr) {
    return in_the_way(path);
  }
  MemoryNodePtr node = store_->new_node(tree::Kind::kSymlink);
  node->link_target = std::move(target);
  store_->attach(parent, path.name(), std::move(node));
  return {};
}

Result<void> MemoryProvider::user_remove(const RelPath& path) {
  const rt::Lock lock(store_->mutex);
  TRY_ASSIGN([[maybe_unused]] const MemoryNodePtr node, store_->get(path));
  store_->detach(path);
  return {};
}

Result<void> MemoryProvider::user_rename(const RelPath& from, const RelPath& to) {
  const rt::Lock lock(store_->mutex);
  TRY_ASSIGN(const MemoryNodePtr node, store_->get(from));
  const MemoryNodePtr standing = store_->find(to);
  const bool is_taken =
      standing != nullptr && standing != node && standing->kind == tree::Kind::kDirectory;
  if (from.contains(to) || is_taken) {
    return in_the_way(to);
  }
  TRY(store_->check_name(to.name()));
  store_->detach(from);
  const MemoryNodePtr parent = store_->make_parents(to.parent());
  if (parent == nullptr) {
    store_->attach(store_->make_parents(from.parent()), from.name(), node);
    return in_the_way(to);
  }
  store_->attach(parent, to.name(), node);
  return {};
}

Result<void> MemoryProvider::user_chmod(const RelPath& path, std::uint32_t mode) {
  const rt::Lock lock(store_->mutex);
  TRY_ASSIGN(const MemoryNodePtr node, store_->get(path));
  node->mode = mode;
  store_->touch(*node);
  return {};
}

Result<void> MemoryProvider::user_touch(const RelPath& path, Timestamp mtime) {
  const rt::Lock lock(store_->mutex);
  TRY_ASSIGN(const MemoryNodePtr node, store_->get(path));
  node->mtime = store_->stored_mtime(mtime);
  store_->touch(*node);
  return {};
}

Result<void> MemoryProvider::user_hold_open(const RelPath& path, bool held) {
  const rt::Lock lock(store_->mutex);
  TRY_ASSIGN(const MemoryNodePtr node, store_->get(path));
  node->held_open = held;
  return {};
}

Result<void> MemoryProvider::user_set_xattr(const RelPath& path, std::string name,
                                            std::string value) {
  const rt::Lock lock(store_->mutex);
  TRY_ASSIGN(const MemoryNodePtr node, store_->get(path));
  std::erase_if(node->xattrs, [&](const Source::Xattr& xattr) { return xattr.name == name; });
  const auto bytes = as_bytes_view(value);
  node->xattrs.push_back({.name = std::move(name), .value = {bytes.begin(), bytes.end()}});
  std::ranges::sort(node->xattrs, {}, &Source::Xattr::name);
  store_->touch(*node);
  return {};
}

std::optional<std::string> MemoryProvider::content(const RelPath& path) const {
  const rt::Lock lock(store_->mutex);
  const MemoryNodePtr node = store_->find(path);
  if (node == nullptr || node->kind == tree::Kind::kDirectory) {
    return std::nullopt;
  }
  return node->kind == tree::Kind::kSymlink ? node->link_target : *node->content;
}

std::map<RelPath, tree::Entry> MemoryProvider::entries() const {
  const rt::Lock lock(store_->mutex);
  std::map<RelPath, tree::Entry> found;
  std::vector<std::pair<RelPath, MemoryNodePtr>> waiting{{RelPath{}, store_->contents.root}};
  while (!waiting.empty()) {
    const auto [path, directory] = std::move(waiting.back());
    waiting.pop_back();
    for (const auto& [key, child] : directory->children) {
      const RelPath child_path = path.child(child.name);
      found[child_path] = store_->entry_of(child.name, *child.node, true);
      waiting.emplace_back(child_path, child.node);
    }
  }
  return found;
}

namespace {

void collect_contents(const std::string& path, const MemoryNode& node,
                      std::map<std::string, std::string>& found) {
  if (node.kind == tree::Kind::kFile) {
    found[path] = *node.content;
  } else if (node.kind == tree::Kind::kSymlink) {
    found[path] = node.link_target;
  }
  for (const auto& [key, child] : node.children) {
    collect_contents(path + "/" + child.name, *child.node, found);
  }
}

}  // namespace

std::map<RelPath, std::string> MemoryProvider::trash_contents() const {
  const rt::Lock lock(store_->mutex);
  std::map<std::string, std::string> found;
  for (const auto& [path, node] : store_->contents.trash) {
    collect_contents(path.text(), *node, found);
  }
  std::map<RelPath, std::string> contents;
  for (auto& [path, bytes] : found) {
    contents[RelPath::parse(path).value()] = std::move(bytes);
  }
  return contents;
}

std::map<std::string, std::string> MemoryProvider::parked_contents() const {
  const rt::Lock lock(store_->mutex);
  std::map<std::string, std::string> found;
  for (const auto& [name, node] : store_->contents.parked) {
    collect_contents(name, *node, found);
  }
  return found;
}

void MemoryProvider::set_hook(Hook hook) {
  const rt::Lock lock(store_->mutex);
  store_->hook = std::move(hook);
}

MemoryProvider::Counters MemoryProvider::counters() const {
  const rt::Lock lock(store_->mutex);
  return store_->counters;
}

std::shared_ptr<const MemoryProvider::Snapshot> MemoryProvider::snapshot() const {
  const rt::Lock lock(store_->mutex);
  auto taken = std::make_shared<Snapshot>();
  taken->contents = store_->contents.deep_copy();
  return taken;
}

void MemoryProvider::restore(const std::shared_ptr<const Snapshot>& snapshot) {
  const rt::Lock lock(store_->mutex);
  const Timestamp last_change = store_->contents.last_change;
  const std::uint64_t next_id = store_->contents.next_id;
  store_->contents = snapshot->contents.deep_copy();
  // Time and inode numbers go on: a restored disk's next change is a new one.
  store_->contents.last_change = std::max(last_change, store_->contents.last_change);
  store_->contents.next_id = std::max(next_id, store_->contents.next_id);
  store_->last_listings.clear();
}

}  // namespace ox::provider
