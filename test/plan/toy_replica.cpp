#include "plan/toy_replica.h"

#include <algorithm>

#include "base/expects.h"

namespace ox::toy {

namespace {

constexpr std::string_view kDecomposed = "e\xCC\x81";
constexpr std::string_view kComposed = "\xC3\xA9";

/// The only letter of the toy world that has two spellings.
std::string compose(std::string_view name) {
  std::string composed(name);
  for (std::size_t at = composed.find(kDecomposed); at != std::string::npos;
       at = composed.find(kDecomposed, at)) {
    composed.replace(at, kDecomposed.size(), kComposed);
  }
  return composed;
}

}  // namespace

std::string join(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

std::pair<std::string, std::string> split(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) {
    return {"", std::string(path)};
  }
  return {std::string(path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

std::unique_ptr<Object> Object::clone() const {
  auto copy = std::make_unique<Object>();
  copy->name = name;
  copy->kind = kind;
  copy->id = id;
  copy->birth_ns = birth_ns;
  copy->version = version;
  copy->mtime = mtime;
  copy->ctime = ctime;
  copy->mode = mode;
  copy->xattrs = xattrs;
  copy->blob = blob;
  copy->link_target = link_target;
  copy->unreadable = unreadable;
  copy->moved_by_us = moved_by_us;
  for (const auto& [key, below] : children) {
    copy->children.emplace_hint(copy->children.end(), key, below->clone());
  }
  return copy;
}

ToyReplica::ToyReplica(Abilities abilities)
    : abilities_(std::move(abilities)), root_(std::make_unique<Object>()) {
  root_->kind = tree::Kind::kDirectory;
  root_->mode = 0755;
  root_->id = next_id_++;
  root_->birth_ns = 1;
}

ToyReplica::ToyReplica(const ToyReplica& other)
    : abilities_(other.abilities_),
      root_(other.root_->clone()),
      trash_(other.trash_),
      next_id_(other.next_id_) {
  for (const auto& [name, object] : other.parked_) {
    parked_.emplace(name, object->clone());
  }
}

std::string ToyReplica::key(std::string_view name) const {
  const tree::NameRules& rules = traits().names;
  std::string folded =
      rules.normalization == tree::NormalizationRule::kComposes ? compose(name) : std::string(name);
  if (rules.case_rule == tree::CaseRule::kFolds) {
    std::ranges::transform(folded, folded.begin(), [](char letter) {
      return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    });
  }
  return folded;
}

std::string ToyReplica::stored_name(std::string_view name) const {
  return traits().names.normalization == tree::NormalizationRule::kComposes ? compose(name)
                                                                            : std::string(name);
}

Timestamp ToyReplica::stored_time(Timestamp time) const {
  const std::int64_t step = traits().mtime_step.count();
  return step > 1 ? Timestamp{time.ns - time.ns % step} : time;
}

Object* ToyReplica::child(Object& directory, std::string_view name) const {
  const auto found = directory.children.find(key(name));
  return found == directory.children.end() ? nullptr : found->second.get();
}

Object* ToyReplica::find(std::string_view path) {
  Object* at = root_.get();
  while (!path.empty() && at != nullptr) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    at = at->kind == tree::Kind::kDirectory ? child(*at, path.substr(0, slash)) : nullptr;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return at;
}

const Object* ToyReplica::find(std::string_view path) const {
  return const_cast<ToyReplica*>(this)->find(path);
}

ToyReplica::Place ToyReplica::place(std::string_view path) {
  auto [directory, name] = split(path);
  Object* above = find(directory);
  if (above == nullptr || above->kind != tree::Kind::kDirectory || name.empty()) {
    return {};
  }
  return {.directory = above, .name = std::move(name)};
}

Object& ToyReplica::add(const Place& at, tree::Kind kind, Timestamp now) {
  auto object = std::make_unique<Object>();
  object->kind = kind;
  object->id = next_id_++;
  object->birth_ns = now.ns;
  object->mtime = stored_time(now);
  object->mode = kind == tree::Kind::kDirectory ? 0755 : 0644;
  Object& added = *object;
  object->name = at.name;
  attach(at, std::move(object), now);
  return added;
}

void ToyReplica::attach(const Place& at, std::unique_ptr<Object> object, Timestamp now) {
  object->name = stored_name(at.name);
  object->ctime = now;
  ++object->version;
  at.directory->mtime = now;
  at.directory->ctime = now;
  auto& slot = at.directory->children[key(at.name)];
  expects(slot == nullptr);
  slot = std::move(object);
}

std::unique_ptr<Object> ToyReplica::detach(const Place& at, Timestamp now) {
  const auto found = at.directory->children.find(key(at.name));
  std::unique_ptr<Object> object = std::move(found->second);
  at.directory->children.erase(found);
  at.directory->mtime = now;
  at.directory->ctime = now;
  return object;
}

tree::Fingerprint ToyReplica::fingerprint_of(const Object& object, Timestamp now) const {
  tree::Fingerprint print;
  if (traits().stable_ids) {
    print.id = object.id;
    print.birth_ns = object.birth_ns;
  }
  if (object.kind == tree::Kind::kFile) {
    print.size = object.blob->bytes.size();
  } else if (object.kind == tree::Kind::kSymlink) {
    print.size = object.link_target.size();
  }
  print.mtime = object.mtime;
  switch (abilities_.versions) {
    case Versions::kTimes:
      print.ctime = object.ctime;
      break;
    case Versions::kMtimeOnly:
      print.racy = object.mtime.ns + traits().mtime_step.count() >= now.ns;
      break;
    case Versions::kRevisions:
      print.revision = "r" + std::to_string(object.version);
      break;
  }
  return print;
}

tree::Entry ToyReplica::entry_of(const Object& object, Timestamp now) const {
  tree::Entry entry;
  entry.name = object.name;
  entry.kind = object.kind;
  entry.fingerprint = fingerprint_of(object, now);
  entry.content.size = entry.fingerprint.size;
  if (object.kind != tree::Kind::kDirectory) {
    entry.content.mtime = object.mtime;
  }
  entry.content.link_target = object.link_target;
  if (traits().modes && object.kind != tree::Kind::kSymlink) {
    entry.attributes.mode = object.mode;
  }
  if (traits().xattrs) {
    entry.attributes.xattrs = object.xattrs;
  }
  return entry;
}

void ToyReplica::end_run() {
  const std::function<void(Object&)> clear = [&](Object& object) {
    object.moved_by_us = false;
    for (auto& [key, below] : object.children) {
      clear(*below);
    }
  };
  clear(*root_);
}

void ToyReplica::for_each(const Visitor& visit) const {
  const std::function<void(const std::string&, const Object&)> walk = [&](const std::string& path,
                                                                          const Object& directory) {
    for (const auto& [key, below] : directory.children) {
      const std::string inside = join(path, below->name);
      visit(inside, *below);
      walk(inside, *below);
    }
  };
  walk("", *root_);
}

std::size_t ToyReplica::object_count() const {
  std::size_t count = 0;
  for_each([&](const std::string&, const Object&) { ++count; });
  return count;
}

}  // namespace ox::toy
