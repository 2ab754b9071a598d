#include "fs/os/os_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>

#include "fs/os/extended_attributes.h"
#include "fs/os/os_file.h"

namespace ox::fs {
namespace {

constexpr std::size_t kListingBuffer = std::size_t{64} * 1024;
constexpr int kOpenFlags = O_CLOEXEC | O_NOFOLLOW;

/// A checked name, ended by the zero that the kernel wants.
class KernelName {
 public:
  static Result<KernelName> make(std::string_view name) {
    TRY(check_name(name));
    return KernelName(std::string(name));
  }
  const char* c_str() const { return text_.c_str(); }

 private:
  explicit KernelName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

bool is_dot_or_dot_dot(const char* name) {
  return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

// Stats the entries of one buffer of getdents64 and appends them to `items`.
Result<void> append_entries(int directory, const char* buffer, std::size_t size,
                            std::vector<DirectoryItem>& items) {
  const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
  std::size_t count = 0;
  for (std::size_t at = 0; at < size; ++count) {
    at += reinterpret_cast<const struct dirent64*>(buffer + at)->d_reclen;
  }
  if (items.capacity() - items.size() < count) {
    items.reserve(std::max(items.size() + count, items.capacity() * 2));
  }
  for (std::size_t at = 0; at < size;) {
    const auto* entry = reinterpret_cast<const struct dirent64*>(buffer + at);
    at += entry->d_reclen;
    if (is_dot_or_dot_dot(entry->d_name)) {
      continue;
    }
    struct statx raw;
    if (retry_interrupted(
            [&] { return ::statx(directory, entry->d_name, flags, kStatMask, &raw); }) != 0) {
      if (errno == ENOENT) {
        continue;
      }
      return last_error("stat", entry->d_name);
    }
    items.emplace_back(entry->d_name, to_stat(raw));
  }
  return {};
}

Result<OsDirectory*> as_os_directory(Directory& directory) {
  auto* real = dynamic_cast<OsDirectory*>(&directory);
  if (real == nullptr) {
    return Error(Code::kInvalidArgument, "the target is not a directory of this machine");
  }
  return real;
}

// File systems with narrow rules for names (FAT) answer EINVAL for a name they can't hold.
Error creation_error(std::string_view action, std::string_view name) {
  if (errno == EINVAL) {
    return Error(Code::kNameInvalid, "the file system can't hold the name").with_context(name);
  }
  return last_error(action, name);
}

// EPERM is how a file system without symlinks or hard links says so.
Error linking_error(std::string_view action, std::string_view name) {
  if (errno == EPERM) {
    return Error(Code::kUnsupported, std::string(action) + ": not possible on this file system")
        .with_context(name);
  }
  return last_error(action, name);
}

Error rename_error(RenameMode mode, std::string_view name) {
  if (mode == RenameMode::kReplace && errno == EINVAL) {
    return Error(Code::kInvalidArgument, "rename: a directory can't move into itself")
        .with_context(name);
  }
  if (mode == RenameMode::kReplace && errno == EEXIST) {
    return Error(Code::kNotEmpty, "rename: the target directory is not empty").with_context(name);
  }
  return last_error("rename", name);
}

// O_NONBLOCK: neither a FIFO without a peer nor another's lease may hold us up.
int flags_for(Access access) {
  return (access == Access::kReadWrite ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_NOCTTY;
}

/// Not open where that fails, which says nothing of which name it was. EAGAIN: a name on the way
/// was renamed just now. ENOSYS: a kernel before 5.6, or a sandbox.
Descriptor open_in_one_call(int directory, const RelPath& path, int flags) {
  struct open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  return Descriptor(static_cast<int>(retry_interrupted(
      [&] { return ::syscall(SYS_openat2, directory, path.text().c_str(), &how, sizeof how); })));
}

Result<std::unique_ptr<File>> opened_file(Descriptor descriptor, Access access,
                                          std::string_view name) {
  struct stat raw;
  if (::fstat(descriptor.number(), &raw) != 0) {
    return last_error("stat", name);
  }
  if (S_ISDIR(raw.st_mode)) {
    return Error(Code::kIsADirectory, "open: is a directory").with_context(name);
  }
  if (!S_ISREG(raw.st_mode)) {
    return Error(Code::kUnsupported, "open: not a regular file").with_context(name);
  }
  return std::unique_ptr<File>(std::make_unique<OsFile>(std::move(descriptor), access));
}

}  // namespace

Result<Stat> OsDirectory::stat() {
  return stat_at(number(), "");
}

Result<std::vector<DirectoryItem>> OsDirectory::list() {
  std::vector<DirectoryItem> items;
  const auto buffer = std::make_unique_for_overwrite<char[]>(kListingBuffer);
  const rt::Lock lock(listing_);
  // Also the first time: btrfs lists what stood when the descriptor was opened or rewound.
  if (::lseek(number(), 0, SEEK_SET) != 0) {
    return last_error("list", "");
  }
  for (;;) {
    const ssize_t size =
        retry_interrupted([&] { return ::getdents64(number(), buffer.get(), kListingBuffer); });
    if (size < 0) {
      return last_error("list", "");
    }
    if (size == 0) {
      return items;
    }
    TRY(append_entries(number(), buffer.get(), static_cast<std::size_t>(size), items));
  }
}

Result<Stat> OsDirectory::stat(std::string_view name) {
  TRY_ASSIGN(const KernelName kernel_name, KernelName::make(name));
  return stat_at(number(), kernel_name.c_str());
}

Result<std::unique_ptr<Directory>> OsDirectory::open_directory(std::string_view name) {
  TRY_ASSIGN(const KernelName kernel_name, KernelName::make(name));
  Descriptor opened(retry_interrupted([&] {
    return ::openat(number(), kernel_name.c_str(), O_RDONLY | O_DIRECTORY | kOpenFlags);
  }));
  if (!opened.is_open()) {
    return last_error("open directory", name);
  }
  return std::unique_ptr<Directory>(std::make_unique<OsDirectory>(std::move(opened)));
}

Result<std::unique_ptr<Directory>> OsDirectory::open_below(const RelPath& path) {
  Descriptor opened = open_in_one_call(number(), path, O_RDONLY | O_DIRECTORY);
  if (opened.is_open()) {
    return std::unique_ptr<Directory>(std::make_unique<OsDirectory>(std::move(opened)));
  }
  return Directory::open_below(path);
}

Result<std::unique_ptr<File>> OsDirectory::open_file_below(const RelPath& path, Access access) {
  Descriptor opened = open_in_one_call(number(), path, flags_for(access));
  if (opened.is_open()) {
    return opened_file(std::move(opened), access, path.name());
  }
  return Directory::open_file_below(path, access);
}

Result<std::unique_ptr<File>> OsDirectory::open_file(std::string_view name, Access access) {
  TRY_ASSIGN(const KernelName kernel_name, KernelName::make(name));
  const int flags = flags_for(access) | kOpenFlags;
  Descriptor opened(
      retry_interrupted([&] { return ::openat(number(), kernel_name.c_str(), flags); }));
  if (!opened.is_open()) {
    if (errno == ELOOP) {
      return Error(Code::kUnsupported, "open: is a symlink").with_context(name);
    }
    return last_error("open", name);
  }
  return opened_file(std::move(opened), access, name);
}

Result<std::unique_ptr<File>> OsDirectory::create_file(std::string_view name, std::uint32_t mode) {
  TRY_ASSIGN(const KernelName kernel_name, KernelName::make(name));
  Descriptor opened(retry_interrupted([&] {
    return ::openat(number(), kernel_name.c_str(), O_RDWR | O_CREAT | O_EXCL | kOpenFlags,
                    mode & 07777U);
  }));
  if (!opened.is_open()) {
    return creation_error("create", name);
  }
  return std::unique_ptr<File>(std::make_unique<OsFile>(std::move(opened), Access::kReadWrite));
}

Result<void> OsDirectory::make_directory(std::string_view name, std::uint32_t mode) {
  TRY_ASSIGN(const KernelName kernel_name, KernelName::make(name));
  if (::mkdirat(number(), kernel_name.c_str(), mode & 07777U) != 0) {
    return creation_error("make directory", name);
  }
  return {};
}

Result<void> OsDirectory::make_symlink(std::string_view name, std::string_view target) {
  TRY_ASSIGN(const KernelName kernel_name, KernelName::make(name));
  if (target.empty() || target.find('\0') != std::string_view::npos) {
    return Error(Code::kInvalidArgument, "not a symlink's target").with_context(name);
  }
  if (::symlinkat(std::string(target).c_str(), number(), kernel_name.c_str()) != 0) {
    return errno == EPERM ? linking_error("symlink", name) : creation_error("symlink", name);
  }
  return {};
}

Result<std::string> OsDirectory::read_symlink(std::string_view name) {
  TRY_ASSIGN(const KernelName kernel_name, KernelName::make(name));
  // Linux lets no target be longer than PATH_MAX, its terminating zero included.
  std::array<char, PATH_MAX> target;
  const ssize_t size = ::readlinkat(number(), kernel_name.c_str(), target.data(), target.size());
  if (size < 0) {
    if (errno == EINVAL) {
      return Error(Code::kInvalidArgument, "not a symlink").with_context(name);
    }
    return last_error("read symlink", name);
  }
  return std::string(target.data(), static_cast<std::size_t>(size));
}

Result<void> OsDirectory::link(std::string_view name, Directory& to, std::string_view to_name) {
  TRY_ASSIGN(const KernelName kernel_name, KernelName::make(name));
  TRY_ASSIGN(const KernelName kernel_to_name, KernelName::make(to_name));
  TRY_ASSIGN(OsDirectory * target, as_os_directory(to));
  if (::linkat(number(), kernel_name.c_str(), target->number(), kernel_to_name.c_str(), 0) != 0) {
    return linking_error("link", name);
  }
  return {};
}

Result<void> OsDirectory::remove_file(std::string_view name) {
  TRY_ASSIGN(const KernelName kernel_name, KernelName::make(name));
  if (::unlinkat(number(), kernel_name.c_str(), 0) != 0) {
    return last_error("remove", name);
  }
  return {};
}

Result<void> OsDirectory::remove_directory(std::string_view name) {
  TRY_ASSIGN(const KernelName kernel_name, KernelName::make(name));
  if (::unlinkat(number(), kernel_name.c_str(), AT_REMOVEDIR) != 0) {
    if (errno == EEXIST) {
      return Error(Code::kNotEmpty, "remove directory: not empty").with_context(name);
    }
    return last_error("remove directory", name);
  }
  return {};
}

Result<void> OsDirectory::rename(std::string_view name, Directory& to, std::string_view to_name,
                                 RenameMode mode) {
  TRY_ASSIGN(const KernelName kernel_name, KernelName::make(name));
  TRY_ASSIGN(const KernelName kernel_to_name, KernelName::make(to_name));
  TRY_ASSIGN(OsDirectory * target, as_os_directory(to));
  unsigned flags = 0;
  switch (mode) {
    case RenameMode::kReplace:
      break;
    case RenameMode::kNoReplace:
      flags = RENAME_NOREPLACE;
      break;
    case RenameMode::kExchange:
      flags = RENAME_EXCHANGE;
      break;
  }
  // With no flags renameat2 is renameat, also on kernels and file systems that know no flags.
  if (::renameat2(number(), kernel_name.c_str(), target->number(), kernel_to_name.c_str(), flags) !=
      0) {
    return rename_error(mode, name);
  }
  return {};
}

Result<void> OsDirectory::set_mtime(std::string_view name, Timestamp mtime) {
  TRY_ASSIGN(const KernelName kernel_name, KernelName::make(name));
  return set_mtime_at(number(), kernel_name.c_str(), mtime);
}

Result<void> OsDirectory::set_mode(std::string_view name, std::uint32_t mode) {
  TRY_ASSIGN(const KernelName kernel_name, KernelName::make(name));
  if (::fchmodat(number(), kernel_name.c_str(), mode & 07777U, AT_SYMLINK_NOFOLLOW) != 0) {
    return last_error("set mode", name);
  }
  return {};
}

Result<std::vector<ExtendedAttribute>> OsDirectory::extended_attributes(std::string_view name) {
  TRY_ASSIGN(const KernelName kernel_name, KernelName::make(name));
  // No call reads attributes relative to a descriptor; this path is as good, and races with nobody.
  std::string path = "/proc/self/fd/" + std::to_string(number()) + '/';
  path += kernel_name.c_str();
  auto found = read_extended_attributes(path);
  if (!found.ok()) {
    return std::move(found).error().with_context(name);
  }
  return found;
}

Result<void> OsDirectory::sync() {
  if (retry_interrupted([&] { return ::fsync(number()); }) != 0) {
    return last_error("fsync", "directory");
  }
  return {};
}

Result<void> OsDirectory::sync_file_system() {
  if (retry_interrupted([&] { return ::syncfs(number()); }) != 0) {
    return last_error("syncfs", "");
  }
  return {};
}

Result<FileSystemInfo> OsDirectory::info() {
  return describe_file_system(number());
}

Result<std::unique_ptr<Directory>> open_os_directory(const std::string& absolute_path) {
  if (!absolute_path.starts_with('/') || absolute_path.find('\0') != std::string::npos) {
    return Error(Code::kInvalidArgument, "not an absolute path").with_context(absolute_path);
  }
  Descriptor opened(retry_interrupted(
      [&] { return ::open(absolute_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!opened.is_open()) {
    return last_error("open directory", absolute_path);
  }
  return std::unique_ptr<Directory>(std::make_unique<OsDirectory>(std::move(opened)));
}

}  // namespace ox::fs
