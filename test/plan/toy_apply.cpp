#include <utility>

#include "plan/toy_replica.h"

/// What the executor does to a replica: strictly, as nobody else is at work here.
namespace ox::toy {

namespace {

Error violated(std::string what, const RelPath& path) {
  return Error(Code::kPreconditionFailed, std::move(what)).with_context("'" + path.text() + "'");
}

bool holds_excluded(const Object& directory) {
  return !directory.children.empty();
}

}  // namespace

Result<Object*> ToyReplica::expect_at(const plan::Operation& operation, const RelPath& path) {
  Object* object = find(path.text());
  if (object == nullptr) {
    return violated("nothing stands there", path);
  }
  if (!operation.expected.has_value()) {
    return violated("something stands there, though nothing is expected", path);
  }
  if (!path.is_root() && object->name != path.name() && object->name != stored_name(path.name())) {
    return violated("it is spelled '" + object->name + "'", path);
  }
  tree::Fingerprint now = fingerprint_of(*object, object->ctime);
  const tree::Fingerprint& expected = *operation.expected;
  if (object->kind == tree::Kind::kDirectory) {
    if (now.id != 0 && !now.same_object(expected)) {
      return violated("another directory stands there", path);
    }
    return object;
  }
  if (object->moved_by_us) {
    now.ctime = expected.ctime;
    now.revision = expected.revision;
  }
  if (!now.same_version(expected)) {
    return violated("another version stands there", path);
  }
  return object;
}

Result<ToyReplica::Place> ToyReplica::existing_place(const RelPath& path) {
  Place at = place(path.text());
  if (at.directory == nullptr) {
    return violated("its directory is not there", path);
  }
  return at;
}

Result<ToyReplica::Place> ToyReplica::expect_free(const RelPath& path) {
  TRY_ASSIGN(Place at, existing_place(path));
  if (child(*at.directory, at.name) != nullptr) {
    return violated("the name is taken", path);
  }
  TRY(check_name(at.name));
  return at;
}

void ToyReplica::discard(const std::string& path, const Object& object) {
  if (object.kind == tree::Kind::kFile) {
    trash_.push_back({.path = path, .blob = object.blob});
  }
}

Result<void> ToyReplica::apply_make_directory(const plan::Operation& operation, Timestamp now) {
  if (operation.expected.has_value()) {
    return violated("a new directory expects nothing", operation.path);
  }
  TRY_ASSIGN(const Place at, expect_free(operation.path));
  Object& made = add(at, tree::Kind::kDirectory, now);
  if (traits().modes && operation.value.attributes.mode != tree::kModeUnknown) {
    made.mode = operation.value.attributes.mode;
  }
  return {};
}

Result<void> ToyReplica::apply_move(const plan::Operation& operation, Timestamp now) {
  TRY(expect_at(operation, operation.from));
  if (operation.from.contains(operation.path)) {
    return violated("a move into itself", operation.path);
  }
  TRY_ASSIGN(const Place from, existing_place(operation.from));
  TRY_ASSIGN(const Place to, existing_place(operation.path));
  // Also by itself, in another case: stores differ in what they make of that.
  if (child(*to.directory, to.name) != nullptr) {
    return violated("the name is taken", operation.path);
  }
  TRY(check_name(to.name));
  std::unique_ptr<Object> object = detach(from, now);
  object->moved_by_us = true;
  attach(to, std::move(object), now);
  return {};
}

Result<void> ToyReplica::apply_exchange(const plan::Operation& operation, Timestamp now) {
  if (!traits().exchange) {
    return violated("the replica cannot exchange", operation.path);
  }
  TRY_ASSIGN(Object * moved, expect_at(operation, operation.from));
  const Object* other = find(operation.path.text());
  if (other == nullptr || other == moved || operation.from.contains(operation.path) ||
      operation.path.contains(operation.from)) {
    return violated("nothing to exchange with", operation.path);
  }
  TRY_ASSIGN(const Place from, existing_place(operation.from));
  TRY_ASSIGN(const Place to, existing_place(operation.path));
  std::unique_ptr<Object> first = detach(from, now);
  std::unique_ptr<Object> second = detach(to, now);
  first->moved_by_us = true;
  second->moved_by_us = true;
  attach(to, std::move(first), now);
  attach(from, std::move(second), now);
  return {};
}

Result<void> ToyReplica::apply_park(const plan::Operation& operation) {
  const RelPath& from = operation.from.is_root() ? operation.path : operation.from;
  TRY_ASSIGN(Object * object, expect_at(operation, from));
  TRY_ASSIGN(const Place at, existing_place(from));
  if (operation.parked.empty() || parked_.contains(operation.parked)) {
    return violated("the private name is taken: " + operation.parked, from);
  }
  object->moved_by_us = true;
  parked_[operation.parked] = detach(at, object->ctime);
  return {};
}

bool ToyReplica::bring_home(const std::string& parked, const RelPath& path, Timestamp now) {
  const Result<Place> at = expect_free(path);
  if (!at.ok()) {
    return false;
  }
  auto found = parked_.extract(parked);
  attach(*at, std::move(found.mapped()), now);
  return true;
}

Result<void> ToyReplica::apply_unpark(const plan::Operation& operation, Timestamp now) {
  const auto found = parked_.find(operation.parked);
  if (found == parked_.end()) {
    return violated("nothing is parked as " + operation.parked, operation.path);
  }
  TRY_ASSIGN(const Place at, expect_free(operation.path));
  std::unique_ptr<Object> object = std::move(found->second);
  parked_.erase(found);
  attach(at, std::move(object), now);
  return {};
}

Result<void> ToyReplica::apply_put(const plan::Operation& operation, BlobPtr blob, Timestamp now) {
  const tree::NodeValue& value = operation.value;
  std::uint32_t mode = 0644;
  if (operation.expected.has_value()) {
    TRY_ASSIGN(const Object* old, expect_at(operation, operation.path));
    if (old->kind == tree::Kind::kDirectory) {
      return violated("a directory stands there", operation.path);
    }
    TRY_ASSIGN(const Place at, existing_place(operation.path));
    mode = old->mode;
    discard(operation.path.text(), *old);
    detach(at, now);
  }
  TRY_ASSIGN(const Place at, expect_free(operation.path));
  if (value.kind == tree::Kind::kSymlink && !traits().symlinks) {
    return violated("the replica holds no symlinks", operation.path);
  }
  if (value.kind != tree::Kind::kFile && value.kind != tree::Kind::kSymlink) {
    return violated("only files and symlinks have content", operation.path);
  }
  Object& put = add(at, value.kind, now);
  put.mode = mode;
  if (value.kind == tree::Kind::kSymlink) {
    put.link_target = value.content.link_target;
    put.mtime = stored_time(value.content.mtime);
    return {};
  }
  put.blob = std::move(blob);
  if (traits().has_mtime) {
    put.mtime = stored_time(value.content.mtime);
  }
  if (traits().modes && value.attributes.mode != tree::kModeUnknown) {
    put.mode = value.attributes.mode;
  }
  if (traits().xattrs) {
    put.xattrs = value.attributes.xattrs;
  }
  return {};
}

Result<void> ToyReplica::apply_attributes(const plan::Operation& operation, Timestamp now) {
  TRY_ASSIGN(Object * object, expect_at(operation, operation.path));
  const tree::NodeValue& value = operation.value;
  if (object->kind == tree::Kind::kFile && traits().has_mtime) {
    object->mtime = stored_time(value.content.mtime);
  }
  if (traits().modes && value.attributes.mode != tree::kModeUnknown &&
      object->kind != tree::Kind::kSymlink) {
    object->mode = value.attributes.mode;
  }
  if (traits().xattrs) {
    object->xattrs = value.attributes.xattrs;
  }
  object->ctime = now;
  ++object->version;
  object->moved_by_us = true;
  return {};
}

Result<void> ToyReplica::apply_remove(const plan::Operation& operation, Timestamp now) {
  TRY_ASSIGN(const Object* object, expect_at(operation, operation.path));
  if (object->kind == tree::Kind::kDirectory && holds_excluded(*object)) {
    return violated("the directory is not empty", operation.path);
  }
  TRY_ASSIGN(const Place at, existing_place(operation.path));
  discard(operation.path.text(), *object);
  detach(at, now);
  return {};
}

}  // namespace ox::toy
