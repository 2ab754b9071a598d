// Names: the operations of a directory, each logged so that a power cut can take it back.
#include <algorithm>

#include "fs/memory/disk.h"

namespace ox::fs {
namespace {

// Beyond this the oldest changes have been written back, as a kernel does by itself.
constexpr std::size_t kMostUnsyncedNames = 2048;

bool is_directory(const InodePtr& inode) {
  return inode != nullptr && inode->type == NodeType::kDirectory;
}

bool stands_within(const Inode* inode, const Inode& ancestor) {
  for (; inode != nullptr; inode = inode->parent) {
    if (inode == &ancestor) {
      return true;
    }
  }
  return false;
}

}  // namespace

void Disk::set_entry(Inode& directory, const std::string& name, const InodePtr& before,
                     const InodePtr& after) {
  if (before != nullptr) {
    --before->names;
    if (is_directory(before)) {
      --directory.subdirectories;
      // In an exchange the other half of the operation may have given it a new parent already.
      if (before->parent == &directory && before->names == 0) {
        before->parent = nullptr;
      }
    }
  }
  if (after == nullptr) {
    directory.entries.erase(name);
    return;
  }
  directory.entries.insert_or_assign(name, after);
  ++after->names;
  if (is_directory(after)) {
    ++directory.subdirectories;
    after->parent = &directory;
  }
}

void Disk::perform(NameOperation operation) {
  operation.time = now();
  for (NameChange& change : operation.changes) {
    keep_attributes(change.directory);
    change.directory->attributes.mtime = operation.time;
    change.directory->attributes.ctime = operation.time;
    for (const InodePtr& inode : {change.before, change.after}) {
      if (inode != nullptr && operation.kind != NameOperation::Kind::kCreate) {
        keep_attributes(inode);
        inode->attributes.ctime = operation.time;
      }
    }
    set_entry(*change.directory, change.name, change.before, change.after);
  }
  for (const NameChange& change : operation.changes) {
    if (change.before != nullptr) {
      release_if_unused(*change.before);
    }
  }
  unsynced_names_.push_back(std::move(operation));
  if (unsynced_names_.size() > kMostUnsyncedNames) {
    unsynced_names_.pop_front();
  }
}

Result<InodePtr> Disk::create(const Opened& directory, std::string_view name, NodeType type,
                              std::uint32_t mode) {
  TRY(check_free(directory, name));
  TRY(check_changeable(directory));
  InodePtr inode = make_inode(type, mode);
  perform({.kind = NameOperation::Kind::kCreate,
           .time = {},
           .changes = {{directory.inode, std::string(name), nullptr, inode}}});
  return inode;
}

Result<Opened> Disk::create_file(const Opened& directory, std::string_view name,
                                 std::uint32_t mode) {
  const rt::Lock lock(mutex_);
  TRY_ASSIGN(const InodePtr inode, create(directory, name, NodeType::kFile, mode));
  return open(inode, Access::kReadWrite);
}

Result<void> Disk::make_directory(const Opened& directory, std::string_view name,
                                  std::uint32_t mode) {
  const rt::Lock lock(mutex_);
  TRY(create(directory, name, NodeType::kDirectory, mode));
  return {};
}

Result<void> Disk::link(const Opened& from, std::string_view name, const Opened& to,
                        std::string_view to_name) {
  const rt::Lock lock(mutex_);
  TRY_ASSIGN(const InodePtr inode, get(from, name));
  TRY(check_free(to, to_name));
  TRY(check_changeable(from));
  if (options_.hard_links == Support::kNo || is_directory(inode)) {
    return Error(Code::kUnsupported, "link: not possible").with_context(name);
  }
  perform({.kind = NameOperation::Kind::kOther,
           .time = {},
           .changes = {{to.inode, std::string(to_name), nullptr, inode}}});
  return {};
}

Result<void> Disk::remove_file(const Opened& directory, std::string_view name) {
  const rt::Lock lock(mutex_);
  TRY_ASSIGN(const InodePtr inode, get(directory, name));
  TRY(check_changeable(directory));
  if (is_directory(inode)) {
    return Error(Code::kIsADirectory, "remove: is a directory").with_context(name);
  }
  perform({.kind = NameOperation::Kind::kOther,
           .time = {},
           .changes = {{directory.inode, std::string(name), inode, nullptr}}});
  return {};
}

Result<void> Disk::remove_directory(const Opened& directory, std::string_view name) {
  const rt::Lock lock(mutex_);
  TRY_ASSIGN(const InodePtr inode, get(directory, name));
  TRY(check_changeable(directory));
  if (!is_directory(inode)) {
    return Error(Code::kNotADirectory, "remove directory: not a directory").with_context(name);
  }
  if (!inode->entries.empty()) {
    return Error(Code::kNotEmpty, "remove directory: not empty").with_context(name);
  }
  perform({.kind = NameOperation::Kind::kOther,
           .time = {},
           .changes = {{directory.inode, std::string(name), inode, nullptr}}});
  return {};
}

// The order of the checks is the kernel's, so that both implementations fail alike.
Result<void> Disk::check_rename(const InodePtr& source, const InodePtr& target, const Inode& to,
                                RenameMode mode) const {
  if (source == nullptr || (mode == RenameMode::kExchange && target == nullptr)) {
    return Error(Code::kNotFound, "rename: no such entry");
  }
  if (mode == RenameMode::kNoReplace && target != nullptr) {
    return Error(Code::kExists, "rename: the target stands");
  }
  if (is_directory(source) && stands_within(&to, *source)) {
    return mode == RenameMode::kReplace
               ? Error(Code::kInvalidArgument, "rename: a directory can't move into itself")
               : Error(Code::kUnsupported, "rename: a directory can't move into itself");
  }
  if ((mode == RenameMode::kNoReplace && options_.rename_no_replace == Support::kNo) ||
      (mode == RenameMode::kExchange && options_.rename_exchange == Support::kNo)) {
    return Error(Code::kUnsupported, "rename: not in this mode on this file system");
  }
  if (mode != RenameMode::kReplace || target == nullptr || target == source) {
    return {};
  }
  if (is_directory(target) && !is_directory(source)) {
    return Error(Code::kIsADirectory, "rename: the target is a directory");
  }
  if (!is_directory(target) && is_directory(source)) {
    return Error(Code::kNotADirectory, "rename: the target is not a directory");
  }
  if (is_directory(target) && !target->entries.empty()) {
    return Error(Code::kNotEmpty, "rename: the target directory is not empty");
  }
  return {};
}

Result<void> Disk::rename(const Opened& from, std::string_view name, const Opened& to,
                          std::string_view to_name, RenameMode mode) {
  const rt::Lock lock(mutex_);
  TRY_ASSIGN(const InodePtr source, find(from, name));
  TRY_ASSIGN(const InodePtr target, find(to, to_name));
  TRY(check_changeable(from));
  auto allowed = check_rename(source, target, *to.inode, mode);
  if (allowed.ok() && mode == RenameMode::kExchange && is_directory(target) &&
      stands_within(from.inode.get(), *target)) {
    allowed = Error(Code::kUnsupported, "rename: a directory can't move into itself");
  }
  if (allowed.ok() && to.inode->names == 0) {
    allowed = Error(Code::kNotFound, "rename: the target's directory was removed");
  }
  if (!allowed.ok()) {
    return std::move(allowed).error().with_context(name);
  }
  if (source == target) {
    return {};  // Two names of one file: POSIX wants nothing done.
  }
  perform({.kind = NameOperation::Kind::kOther,
           .time = {},
           .changes = {{from.inode, std::string(name), source,
                        mode == RenameMode::kExchange ? target : nullptr},
                       {to.inode, std::string(to_name), target, source}}});
  return {};
}

}  // namespace ox::fs
