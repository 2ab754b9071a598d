#include "provider/memory/memory_store.h"

#include <algorithm>
#include <utility>

#include "provider/xattrs.h"

namespace ox::provider {
namespace {

// Rules that keep all names apart need no key: most simulations run on them.
bool keeps_names_apart(const tree::NameRules& names) {
  return names.case_rule == tree::CaseRule::kSensitive &&
         names.normalization == tree::NormalizationRule::kBytes;
}

}  // namespace

MemoryNodePtr MemoryNode::deep_copy() const {
  auto copy = std::make_shared<MemoryNode>(*this);
  for (auto& [key, child] : copy->children) {
    child.node = child.node->deep_copy();
  }
  return copy;
}

MemoryContents MemoryContents::deep_copy() const {
  MemoryContents copy = *this;
  copy.root = root->deep_copy();
  for (auto& [path, node] : copy.trash) {
    node = node->deep_copy();
  }
  for (auto& [name, node] : copy.parked) {
    node = node->deep_copy();
  }
  return copy;
}

MemoryProvider::Store::Store(MemoryOptions chosen)
    : options(std::move(chosen)), exact_names(keeps_names_apart(options.capabilities.names)) {
  const rt::Lock lock(mutex);
  contents.last_change = options.start;
  contents.root = new_node(tree::Kind::kDirectory);
}

Result<void> MemoryProvider::Store::ask_hook(MemoryEvent::When when, std::string_view call,
                                             const RelPath& path) {
  Hook asked;
  {
    const rt::Lock lock(mutex);
    asked = hook;
  }
  return asked ? asked(MemoryEvent{.when = when, .call = call, .path = path}) : Result<void>{};
}

Result<void> MemoryProvider::Store::begin_call(std::string_view call, const RelPath& path) {
  {
    const rt::Lock lock(mutex);
    ++counters.calls;
  }
  return ask_hook(MemoryEvent::When::kBeforeCall, call, path);
}

Result<void> MemoryProvider::Store::before_effect(std::string_view call, const RelPath& path) {
  return ask_hook(MemoryEvent::When::kBeforeEffect, call, path);
}

Result<void> MemoryProvider::Store::after_effect(std::string_view call, const RelPath& path) {
  {
    const rt::Lock lock(mutex);
    ++counters.changes;
  }
  return ask_hook(MemoryEvent::When::kAfterEffect, call, path);
}

std::string MemoryProvider::Store::key_of(std::string_view name) const {
  return exact_names ? std::string(name) : options.capabilities.names.collision_key(name);
}

Result<void> MemoryProvider::Store::check_name(std::string_view name) const {
  if (!is_valid_name(name) || name == kOwnFolder) {
    return Error(Code::kNameInvalid, "not a name for an entry").with_context(name);
  }
  if (const auto refusal = options.capabilities.names.refusal(name); refusal.has_value()) {
    return Error(Code::kNameInvalid, *refusal).with_context(name);
  }
  return {};
}

Result<void> MemoryProvider::Store::check_names(const RelPath& path) const {
  for (RelPath rest = path; !rest.is_root(); rest = rest.after_first()) {
    TRY(check_name(rest.first()));
  }
  return {};
}

MemoryNodePtr MemoryProvider::Store::find(const RelPath& path) const {
  MemoryNodePtr at = contents.root;
  for (RelPath rest = path; !rest.is_root(); rest = rest.after_first()) {
    const auto found = at->children.find(key_of(rest.first()));
    if (found == at->children.end()) {
      return nullptr;
    }
    at = found->second.node;
  }
  return at;
}

Result<MemoryNodePtr> MemoryProvider::Store::get(const RelPath& path) const {
  MemoryNodePtr node = find(path);
  if (node == nullptr) {
    return Error(Code::kNotFound, "nothing stands here").with_context(path.text());
  }
  return node;
}

Result<MemoryNodePtr> MemoryProvider::Store::see(const RelPath& path) const {
  MemoryNodePtr at = contents.root;
  RelPath walked;
  for (RelPath rest = path; at != nullptr && !rest.is_root(); rest = rest.after_first()) {
    walked = walked.child(rest.first());
    const auto found = at->children.find(key_of(rest.first()));
    if (found != at->children.end()) {
      at = found->second.node;
      continue;
    }
    const auto name = shown.find(walked);
    const auto parked =
        name == shown.end() ? contents.parked.end() : contents.parked.find(name->second);
    at = parked == contents.parked.end() ? nullptr : parked->second;
  }
  return at != nullptr ? Result<MemoryNodePtr>(at)
                       : Error(Code::kNotFound, "nothing stands here").with_context(path.text());
}

MemoryNodePtr MemoryProvider::Store::make_parents(const RelPath& directory) {
  MemoryNodePtr at = contents.root;
  for (RelPath rest = directory; !rest.is_root(); rest = rest.after_first()) {
    const auto found = at->children.find(key_of(rest.first()));
    if (found == at->children.end()) {
      MemoryNodePtr made = new_node(tree::Kind::kDirectory);
      attach(at, rest.first(), made);
      at = std::move(made);
    } else {
      at = found->second.node;
    }
    if (at->kind != tree::Kind::kDirectory) {
      return nullptr;
    }
  }
  return at;
}

Result<void> MemoryProvider::Store::check_parent(const RelPath& path) const {
  TRY(check_names(path));
  for (RelPath at = path.parent();; at = at.parent()) {
    const MemoryNodePtr node = find(at);
    const bool may_be_missing = !options.capabilities.directories;
    if (node == nullptr ? !may_be_missing : node->kind != tree::Kind::kDirectory) {
      return Error(Code::kNotFound, "no such directory").with_context(path.parent().text());
    }
    if (at.is_root()) {
      return {};
    }
  }
}

Result<MemoryNodePtr> MemoryProvider::Store::parent_for(const RelPath& path) {
  TRY(check_parent(path));
  return make_parents(path.parent());
}

MemoryNodePtr MemoryProvider::Store::new_node(tree::Kind kind) {
  auto node = std::make_shared<MemoryNode>();
  node->id = contents.next_id++;
  node->kind = kind;
  node->mode = kind == tree::Kind::kDirectory ? 0755 : (kind == tree::Kind::kFile ? 0644 : 0);
  node->birth = tick();
  node->mtime = stored_mtime(node->birth);
  node->ctime = node->birth;
  return node;
}

void MemoryProvider::Store::attach(const MemoryNodePtr& parent, std::string_view name,
                                   MemoryNodePtr node) {
  touch(*node);
  parent->children[key_of(name)] = {.name = std::string(name), .node = std::move(node)};
  touch_content(*parent);
}

MemoryNodePtr MemoryProvider::Store::detach(const RelPath& path) {
  const MemoryNodePtr parent = find(path.parent());
  const auto found = parent->children.find(key_of(path.name()));
  MemoryNodePtr node = found->second.node;
  parent->children.erase(found);
  touch_content(*parent);
  const bool vanishes = !options.capabilities.directories && parent->children.empty();
  if (vanishes && !path.parent().is_root()) {
    detach(path.parent());
  }
  return node;
}

Timestamp MemoryProvider::Store::clock_now() const {
  return options.clock != nullptr ? std::max(options.clock->now(), contents.last_change)
                                  : contents.last_change;
}

Timestamp MemoryProvider::Store::tick() {
  // Every change gets an instant of its own, so that ctime alone tells all versions apart.
  contents.last_change = Timestamp{std::max(clock_now().ns, contents.last_change.ns + 1)};
  return contents.last_change;
}

void MemoryProvider::Store::touch(MemoryNode& node) {
  node.ctime = tick();
  ++node.revision;
}

void MemoryProvider::Store::touch_content(MemoryNode& node) {
  touch(node);
  node.mtime = stored_mtime(node.ctime);
}

Timestamp MemoryProvider::Store::stored_mtime(Timestamp mtime) const {
  const std::int64_t step = std::max<std::int64_t>(1, options.capabilities.mtime_step.count());
  const std::int64_t rest = ((mtime.ns % step) + step) % step;
  return Timestamp{mtime.ns - rest};
}

tree::Fingerprint MemoryProvider::Store::fingerprint_of(const MemoryNode& node) const {
  const Capabilities& can = options.capabilities;
  tree::Fingerprint print;
  if (can.stable_ids) {
    print.id = node.id;
    print.birth_ns = node.birth.ns;
  }
  if (node.kind == tree::Kind::kFile) {
    print.size = node.content->size();
  }
  if (can.has_mtime) {
    print.mtime = node.mtime;
  }
  if (can.ctime_reliable) {
    print.ctime = node.ctime;
  }
  if (options.revisions) {
    print.revision = "r" + std::to_string(node.id) + "." + std::to_string(node.revision);
  }
  const bool tells_all = can.ctime_reliable || options.revisions;
  if (!tells_all && node.kind == tree::Kind::kFile) {
    const std::int64_t doubtful = stored_mtime(clock_now()).ns - can.mtime_step.count();
    print.racy = !can.has_mtime || node.mtime.ns >= doubtful;
  }
  return print;
}

tree::Entry MemoryProvider::Store::entry_of(std::string_view name, const MemoryNode& node,
                                            bool whole) const {
  const Capabilities& can = options.capabilities;
  tree::Entry entry;
  entry.name = name;
  entry.kind = node.kind;
  entry.fingerprint = fingerprint_of(node);
  if (node.kind == tree::Kind::kFile) {
    entry.content.size = node.content->size();
  }
  if (node.kind == tree::Kind::kSymlink) {
    entry.content.link_target = node.link_target;
  }
  if (node.kind != tree::Kind::kDirectory && can.has_mtime) {
    entry.content.mtime = node.mtime;
  }
  if (can.modes && node.kind != tree::Kind::kSymlink) {
    entry.attributes.mode = node.mode;
  }
  if (can.xattrs && whole) {
    entry.attributes.xattrs = digest_of_xattrs(node.xattrs);
  }
  return entry;
}

bool MemoryProvider::Store::matches(const MemoryNode& node,
                                    const tree::Fingerprint& expected) const {
  const tree::Fingerprint found = fingerprint_of(node);
  if (node.kind == tree::Kind::kDirectory) {
    return found.id == expected.id && found.birth_ns == expected.birth_ns && expected.size == 0;
  }
  return found.same_version(expected);
}

Result<void> MemoryProvider::Store::check_expected(const RelPath& path,
                                                   const tree::Fingerprint& expected) const {
  const MemoryNodePtr node = find(path);
  if (node == nullptr || !matches(*node, expected)) {
    return Error(Code::kPreconditionFailed, "what stands here is not what was expected")
        .with_context(path.text());
  }
  return {};
}

Trashed MemoryProvider::Store::put_in_trash(const TrashFolder& folder, const RelPath& path,
                                            MemoryNodePtr node) {
  contents.trash_folders.try_emplace(folder.name, contents.trash_folders.size());
  const RelPath wanted = RelPath{}.child(folder.name).join(path);
  RelPath free = wanted;
  for (unsigned number = 2; contents.trash.contains(free); ++number) {
    free = wanted.parent().child(std::string(wanted.name()) + "~" + std::to_string(number));
  }
  touch(*node);
  const tree::Fingerprint print = fingerprint_of(*node);
  contents.trash[free] = std::move(node);
  return Trashed{.path = std::move(free), .fingerprint = print};
}

Result<void> check_safety(Cas cas, std::string_view what) {
  if (cas == Cas::kNone) {
    return Error(Code::kUnsupported, "this store can't do this safely").with_context(what);
  }
  return {};
}

}  // namespace ox::provider
