#include <algorithm>

#include "plan/toy_replica.h"

/// What a user does to a replica.
namespace ox::toy {

namespace {

/// Whatever we did to it in this run: its times and its revision are a person's again.
void changed_by_user(Object& object, Timestamp now) {
  object.ctime = now;
  ++object.version;
  object.moved_by_us = false;
}

}  // namespace

bool ToyReplica::write(std::string_view path, BlobPtr blob, Timestamp now) {
  const Place at = place(path);
  if (at.directory == nullptr) {
    return false;
  }
  Object* object = child(*at.directory, at.name);
  if (object == nullptr) {
    if (!check_name(at.name).ok()) {
      return false;
    }
    object = &add(at, tree::Kind::kFile, now);
  }
  if (object->kind != tree::Kind::kFile) {
    return false;
  }
  object->blob = std::move(blob);
  object->mtime = stored_time(now);
  changed_by_user(*object, now);
  return true;
}

bool ToyReplica::write_silently(std::string_view path, BlobPtr blob, Timestamp now) {
  Object* object = find(path);
  if (object == nullptr || object->kind != tree::Kind::kFile) {
    return false;
  }
  object->blob = std::move(blob);
  changed_by_user(*object, now);
  return true;
}

bool ToyReplica::save(std::string_view path, BlobPtr blob, Timestamp now) {
  const Place at = place(path);
  Object* old = at.directory == nullptr ? nullptr : child(*at.directory, at.name);
  if (old == nullptr || old->kind != tree::Kind::kFile) {
    return false;
  }
  const std::uint32_t mode = old->mode;
  const Place as_named{.directory = at.directory, .name = old->name};
  detach(as_named, now);
  Object& fresh = add(as_named, tree::Kind::kFile, now);
  fresh.blob = std::move(blob);
  fresh.mode = mode;
  return true;
}

bool ToyReplica::make_directory(std::string_view path, Timestamp now) {
  const Place at = place(path);
  if (at.directory == nullptr || child(*at.directory, at.name) != nullptr ||
      !check_name(at.name).ok()) {
    return false;
  }
  add(at, tree::Kind::kDirectory, now);
  return true;
}

bool ToyReplica::make_symlink(std::string_view path, std::string target, Timestamp now) {
  const Place at = place(path);
  if (!traits().symlinks || at.directory == nullptr || !check_name(at.name).ok()) {
    return false;
  }
  Object* old = child(*at.directory, at.name);
  if (old != nullptr) {
    if (old->kind != tree::Kind::kSymlink) {
      return false;
    }
    detach(at, now);
  }
  add(at, tree::Kind::kSymlink, now).link_target = std::move(target);
  return true;
}

bool ToyReplica::make_special(std::string_view path, Timestamp now) {
  const Place at = place(path);
  if (at.directory == nullptr || child(*at.directory, at.name) != nullptr) {
    return false;
  }
  add(at, tree::Kind::kOther, now);
  return true;
}

bool ToyReplica::rename(std::string_view from, std::string_view to, Timestamp now) {
  const Place source = place(from);
  const Place target = place(to);
  if (source.directory == nullptr || target.directory == nullptr || !check_name(target.name).ok()) {
    return false;
  }
  Object* moved = child(*source.directory, source.name);
  Object* over = child(*target.directory, target.name);
  if (moved == nullptr) {
    return false;
  }
  for (std::string_view above = to; !above.empty();) {
    if (find(above) == moved && above != to) {
      return false;
    }
    const std::size_t slash = above.rfind('/');
    above = slash == std::string_view::npos ? std::string_view() : above.substr(0, slash);
  }
  if (over != nullptr && over != moved) {
    const bool both_files =
        over->kind != tree::Kind::kDirectory && moved->kind != tree::Kind::kDirectory;
    const bool onto_empty = over->kind == tree::Kind::kDirectory &&
                            moved->kind == tree::Kind::kDirectory && over->children.empty();
    if (!both_files && !onto_empty) {
      return false;
    }
    detach(target, now);
  }
  std::unique_ptr<Object> object = detach(source, now);
  object->moved_by_us = false;
  attach(target, std::move(object), now);
  return true;
}

bool ToyReplica::remove(std::string_view path, Timestamp now) {
  const Place at = place(path);
  if (at.directory == nullptr || child(*at.directory, at.name) == nullptr) {
    return false;
  }
  detach(at, now);
  return true;
}

bool ToyReplica::set_mode(std::string_view path, std::uint32_t mode, Timestamp now) {
  Object* object = find(path);
  if (!traits().modes || object == nullptr || object->kind == tree::Kind::kSymlink) {
    return false;
  }
  object->mode = mode;
  changed_by_user(*object, now);
  return true;
}

bool ToyReplica::set_xattrs(std::string_view path, std::uint64_t xattrs, Timestamp now) {
  Object* object = find(path);
  if (!traits().xattrs || object == nullptr || object->kind != tree::Kind::kFile) {
    return false;
  }
  object->xattrs = xattrs;
  changed_by_user(*object, now);
  return true;
}

bool ToyReplica::touch(std::string_view path, Timestamp mtime, Timestamp now) {
  Object* object = find(path);
  if (object == nullptr || object->kind != tree::Kind::kFile) {
    return false;
  }
  object->mtime = stored_time(mtime);
  changed_by_user(*object, now);
  return true;
}

bool ToyReplica::copy(std::string_view from, std::string_view to, Timestamp now) {
  const Object* original = find(from);
  const Place at = place(to);
  if (original == nullptr || original->kind != tree::Kind::kFile || at.directory == nullptr ||
      child(*at.directory, at.name) != nullptr || !check_name(at.name).ok()) {
    return false;
  }
  Object& twin = add(at, tree::Kind::kFile, now);
  twin.blob = original->blob;
  twin.mode = original->mode;
  return true;
}

bool ToyReplica::set_unreadable(std::string_view path, bool unreadable) {
  Object* object = find(path);
  if (object == nullptr) {
    return false;
  }
  object->unreadable = unreadable;
  return true;
}

Result<void> ToyReplica::check_name(std::string_view name) const {
  const tree::NameRules& rules = traits().names;
  const bool bad = name.size() > rules.max_name_bytes ||
                   name.find_first_of(rules.forbidden_bytes) != std::string_view::npos;
  if (bad) {
    return Error(Code::kNameInvalid, "the replica cannot hold this name")
        .with_context(std::string(name));
  }
  return {};
}

}  // namespace ox::toy
