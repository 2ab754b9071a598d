#include <utility>

#include "provider/memory/memory_provider.h"
#include "provider/memory/memory_store.h"

/// Moves, parking and exchange.
namespace ox::provider {

MemoryNodePtr MemoryProvider::Store::new_directory_like(const MemoryNode& other) {
  MemoryNodePtr made = new_node(tree::Kind::kDirectory);
  made->mode = other.mode;
  made->xattrs = other.xattrs;
  return made;
}

bool MemoryProvider::Store::is_parked(std::string_view name, const MemoryNodePtr& node) const {
  const auto found = contents.parked.find(std::string(name));
  return found != contents.parked.end() && found->second == node;
}

Result<std::optional<MemoryProvider::Store::Parts>> MemoryProvider::Store::move_child(
    const Parts& parts, const std::string& key) {
  const rt::Lock lock(mutex);
  const auto found = parts.from->children.find(key);
  if (!parts.stand()) {
    return Error(Code::kNotFound, "it is gone").with_context(parts.path.text());
  }
  if (found == parts.from->children.end()) {
    return std::optional<Parts>();
  }
  const std::string name = found->second.name;
  const MemoryNodePtr child = found->second.node;
  const auto taken = parts.to->children.find(key);
  const bool is_directory = child->kind == tree::Kind::kDirectory;
  const bool joins = taken != parts.to->children.end();
  if (joins && (!is_directory || taken->second.node->kind != tree::Kind::kDirectory)) {
    return Error(Code::kExists, "something stands there").with_context(name);
  }
  if (!is_directory) {
    attach(parts.to, name, child);
    parts.from->children.erase(key);
    touch_content(*parts.from);
    return std::optional<Parts>();
  }
  MemoryNodePtr inside = joins ? taken->second.node : new_directory_like(*child);
  if (!joins) {
    attach(parts.to, name, inside);
  }
  const auto stands_in = [key](const MemoryNode& directory, const MemoryNodePtr& node) {
    const auto standing = directory.children.find(key);
    return standing != directory.children.end() && standing->second.node == node;
  };
  return std::optional(Parts{.call = parts.call,
                             .from = child,
                             .to = inside,
                             .path = parts.path.child(name),
                             .stand = [&parts, child, inside, stands_in] {
                               return parts.stand() && stands_in(*parts.from, child) &&
                                      stands_in(*parts.to, inside);
                             }});
}

Result<void> MemoryProvider::Store::move_children(const Parts& parts) {
  std::vector<std::string> keys;
  {
    const rt::Lock lock(mutex);
    for (const auto& [key, child] : parts.from->children) {
      keys.push_back(key);
    }
  }
  Result<void> all;
  const auto stays = [&](const auto& result) {
    if (result.failed_with(Code::kExists)) {
      all = result.error();
    }
    return result.failed_with(Code::kExists);
  };
  for (const std::string& key : keys) {
    TRY(before_effect(parts.call, parts.path));
    const Result<std::optional<Parts>> below = move_child(parts, key);
    if (stays(below)) {
      continue;
    }
    TRY(below);
    TRY(after_effect(parts.call, parts.path));
    if (!below->has_value()) {
      continue;
    }
    const Result<void> moved = move_children(**below);
    if (!stays(moved)) {
      TRY(moved);
      const rt::Lock lock(mutex);
      parts.from->children.erase(key);
    }
  }
  return all;
}

Result<void> MemoryProvider::Store::move_all(const Parts& parts,
                                             const std::function<void()>& take_away) {
  TRY(move_children(parts));
  TRY(before_effect(parts.call, parts.path));
  {
    const rt::Lock lock(mutex);
    if (!parts.stand() || !parts.from->children.empty()) {
      return Error(Code::kNotEmpty, "something came into it").with_context(parts.path.text());
    }
    take_away();
  }
  return after_effect(parts.call, parts.path);
}

Result<tree::Entry> MemoryProvider::move(const RelPath& from, const RelPath& to,
                                         const tree::Fingerprint& expected) {
  TRY(store_->begin_call("move", from));
  const Cas cas = capabilities().move;
  TRY(check_safety(cas, from.text()));
  if (from.contains(to) || to.is_root()) {
    return Error(Code::kInvalidArgument, "can't move there").with_context(to.text());
  }
  {
    const rt::Lock lock(store_->mutex);
    TRY(store_->check_expected(from, expected));
  }
  TRY(store_->before_effect("move", from));
  bool by_parts = false;
  tree::Entry entry;
  {
    const rt::Lock lock(store_->mutex);
    const MemoryNodePtr node = store_->find(from);
    if (node == nullptr || (cas != Cas::kRacy && !store_->matches(*node, expected))) {
      return Error(Code::kPreconditionFailed, "it changed meanwhile").with_context(from.text());
    }
    TRY(store_->check_parent(to));
    // On a store that folds case, an entry does not stand in the way of its own new spelling.
    if (const MemoryNodePtr standing = store_->find(to); standing != nullptr && standing != node) {
      return Error(Code::kExists, "something stands there").with_context(to.text());
    }
    TRY_ASSIGN(const MemoryNodePtr parent, store_->parent_for(to));
    by_parts = node->kind == tree::Kind::kDirectory && !capabilities().native_directory_move;
    if (by_parts) {
      store_->attach(parent, to.name(), store_->new_directory_like(*node));
    } else {
      store_->detach(from);
      store_->attach(parent, to.name(), node);
      entry = store_->entry_of(to.name(), *node, true);
    }
  }
  TRY(store_->after_effect("move", from));
  return by_parts ? finish_move(from, to) : entry;
}

Result<tree::Entry> MemoryProvider::finish_move(const RelPath& from, const RelPath& to) {
  Store::Parts parts{.call = "move", .path = to};
  {
    const rt::Lock lock(store_->mutex);
    parts.from = store_->find(from);
    TRY_ASSIGN(parts.to, store_->get(to));
  }
  parts.stand = [&]() OX_REQUIRES(store_->mutex) {
    return store_->find(from) == parts.from && store_->find(to) == parts.to;
  };
  if (parts.from != nullptr) {
    TRY(store_->move_all(parts, [&]() OX_REQUIRES(store_->mutex) { store_->detach(from); }));
  }
  const rt::Lock lock(store_->mutex);
  TRY_ASSIGN(const MemoryNodePtr moved, store_->get(to));
  return store_->entry_of(to.name(), *moved, true);
}

Result<std::pair<tree::Entry, tree::Entry>> MemoryProvider::exchange(const RelPath& a,
                                                                     const RelPath& b) {
  TRY(store_->begin_call("exchange", a));
  if (!capabilities().exchange) {
    return Error(Code::kUnsupported, "names can't be exchanged here");
  }
  if (a.contains(b) || b.contains(a)) {
    return Error(Code::kInvalidArgument, "one holds the other").with_context(a.text());
  }
  TRY(store_->before_effect("exchange", a));
  std::pair<tree::Entry, tree::Entry> entries;
  {
    const rt::Lock lock(store_->mutex);
    TRY_ASSIGN(const MemoryNodePtr first, store_->get(a));
    TRY_ASSIGN(const MemoryNodePtr second, store_->get(b));
    const MemoryNodePtr parent_of_a = store_->find(a.parent());
    const MemoryNodePtr parent_of_b = store_->find(b.parent());
    store_->attach(parent_of_a, a.name(), second);
    store_->attach(parent_of_b, b.name(), first);
    entries = {store_->entry_of(a.name(), *second, true), store_->entry_of(b.name(), *first, true)};
  }
  TRY(store_->after_effect("exchange", a));
  return entries;
}

Result<void> MemoryProvider::park(const RelPath& path, const tree::Fingerprint& expected,
                                  std::string_view name) {
  TRY(store_->begin_call("park", path));
  TRY(check_safety(capabilities().move, path.text()));
  if (!is_valid_name(name) || path.is_root()) {
    return Error(Code::kInvalidArgument, "not a name to park under").with_context(name);
  }
  TRY(store_->before_effect("park", path));
  Store::Parts parts{.call = "park", .path = path};
  {
    const rt::Lock lock(store_->mutex);
    TRY(store_->check_expected(path, expected));
    if (store_->contents.parked.contains(std::string(name))) {
      return Error(Code::kExists, "something is parked under this name").with_context(name);
    }
    const MemoryNodePtr node = store_->find(path);
    if (node->kind != tree::Kind::kDirectory || capabilities().native_directory_move) {
      store_->contents.parked[std::string(name)] = store_->detach(path);
    } else {
      parts.from = node;
      parts.to = store_->new_directory_like(*node);
      store_->contents.parked[std::string(name)] = parts.to;
    }
  }
  TRY(store_->after_effect("park", path));
  if (parts.from == nullptr) {
    return {};
  }
  parts.stand = [&]() OX_REQUIRES(store_->mutex) {
    return store_->find(path) == parts.from && store_->is_parked(name, parts.to);
  };
  return store_->move_all(parts, [&]() OX_REQUIRES(store_->mutex) { store_->detach(path); });
}

Result<tree::Entry> MemoryProvider::unpark(std::string_view name, const RelPath& path) {
  TRY(store_->begin_call("unpark", path));
  TRY(store_->before_effect("unpark", path));
  bool by_parts = false;
  tree::Entry entry;
  {
    const rt::Lock lock(store_->mutex);
    const auto found = store_->contents.parked.find(std::string(name));
    if (found == store_->contents.parked.end()) {
      return Error(Code::kNotFound, "nothing is parked under this name").with_context(name);
    }
    if (store_->find(path) != nullptr) {
      return Error(Code::kExists, "something stands here").with_context(path.text());
    }
    TRY_ASSIGN(const MemoryNodePtr parent, store_->parent_for(path));
    const MemoryNodePtr node = found->second;
    by_parts = node->kind == tree::Kind::kDirectory && !capabilities().native_directory_move;
    if (by_parts) {
      store_->attach(parent, path.name(), store_->new_directory_like(*node));
    } else {
      store_->contents.parked.erase(found);
      store_->attach(parent, path.name(), node);
      entry = store_->entry_of(path.name(), *node, true);
    }
  }
  TRY(store_->after_effect("unpark", path));
  return by_parts ? finish_unpark(name, path) : entry;
}

Result<tree::Entry> MemoryProvider::finish_unpark(std::string_view name, const RelPath& path) {
  Store::Parts parts{.call = "unpark", .path = path};
  {
    const rt::Lock lock(store_->mutex);
    const auto found = store_->contents.parked.find(std::string(name));
    if (found == store_->contents.parked.end()) {
      return Error(Code::kNotFound, "nothing is parked under this name").with_context(name);
    }
    parts.from = found->second;
    TRY_ASSIGN(parts.to, store_->get(path));
  }
  parts.stand = [&]() OX_REQUIRES(store_->mutex) {
    return store_->is_parked(name, parts.from) && store_->find(path) == parts.to;
  };
  TRY(store_->move_all(parts, [&]() OX_REQUIRES(store_->mutex) {
    store_->contents.parked.erase(std::string(name));
  }));
  const rt::Lock lock(store_->mutex);
  TRY_ASSIGN(const MemoryNodePtr back, store_->get(path));
  return store_->entry_of(path.name(), *back, true);
}

Result<std::vector<std::string>> MemoryProvider::parked() {
  TRY(store_->begin_call("parked", {}));
  const rt::Lock lock(store_->mutex);
  std::vector<std::string> names;
  for (const auto& [name, node] : store_->contents.parked) {
    names.push_back(name);
  }
  return names;
}

Result<void> MemoryProvider::show_parked(std::map<RelPath, std::string> places) {
  const rt::Lock lock(store_->mutex);
  store_->shown = std::move(places);
  return {};
}

}  // namespace ox::provider
