#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/rel_path.h"
#include "base/result.h"
#include "base/time.h"

/// The file system as the rest of the program sees it: handles, not paths, so that no component
/// can be swapped for a symlink behind our back. Three implementations: `os` (Linux), `memory`
/// (an inode-true model with a power switch) and `faulty` (any of them with failures injected).
///
/// Threading: all calls are safe from several threads at once. Calls block. Names are single
/// components (see ox::is_valid_name); a bad name is kInvalidArgument. Nothing follows symlinks
/// unless it says so.
namespace ox::fs {

enum class NodeType : std::uint8_t { kFile, kDirectory, kSymlink, kOther };

/// What one look at an inode tells.
struct Stat {
  NodeType type = NodeType::kOther;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::uint64_t allocated_bytes = 0;  ///< less than `size` for a sparse file
  std::uint32_t mode = 0;             ///< permission bits only (07777)
  std::uint32_t link_count = 1;
  Timestamp mtime;
  Timestamp ctime;
  std::optional<Timestamp> birth;  ///< none where the file system keeps none
};

struct DirectoryItem {
  std::string name;
  Stat stat;
};

enum class RenameMode : std::uint8_t {
  kReplace,    ///< plain rename(2)
  kNoReplace,  ///< kExists when the target stands; kUnsupported where the file system can't
  kExchange,   ///< both names stand and change places atomically; kUnsupported where it can't
};

enum class Access : std::uint8_t { kRead, kReadWrite };

struct ExtendedAttribute {
  std::string name;  ///< in the "user." namespace, prefix included
  Bytes value;
};

/// Held while nobody writes the file; ends when destroyed.
class ReadLease {
 public:
  virtual ~ReadLease() = default;
  /// True once somebody asked to open the file for writing since the lease was taken.
  virtual bool broken() const = 0;
};

/// An open file. Closed when destroyed. Changing the content of a file opened for reading only is
/// kInvalidArgument.
class File {
 public:
  virtual ~File() = default;

  virtual Result<Stat> stat() = 0;
  /// Reads up to `into.size()` bytes; fewer only at the end of the file.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) = 0;
  /// Writes all of `from`; after an error some of it may stand.
  virtual Result<void> write_at(std::uint64_t offset, BytesView from) = 0;
  virtual Result<void> truncate(std::uint64_t size) = 0;
  virtual Result<void> sync_data() = 0;  ///< fdatasync
  virtual Result<void> sync() = 0;       ///< fsync
  /// The atime becomes the present time.
  virtual Result<void> set_mtime(Timestamp mtime) = 0;
  virtual Result<void> set_mode(std::uint32_t mode) = 0;
  /// "user." attributes in name order; empty where the file system has none.
  virtual Result<std::vector<ExtendedAttribute>> extended_attributes() = 0;
  virtual Result<void> set_extended_attribute(const ExtendedAttribute& attribute) = 0;
  virtual Result<void> remove_extended_attribute(std::string_view name) = 0;
  /// First byte at or after `offset` that is data, not hole; the file's size when there is none.
  virtual Result<std::uint64_t> next_data(std::uint64_t offset) = 0;
  /// First byte at or after `offset` that is in a hole (the end counts as one).
  virtual Result<std::uint64_t> next_hole(std::uint64_t offset) = 0;
  /// Shares all of `source`'s extents (FICLONE). kUnsupported where it can't.
  virtual Result<void> clone_from(File& source) = 0;
  /// copy_file_range: copies without passing through us; returns the bytes copied, 0 at the end.
  virtual Result<std::uint64_t> copy_range_from(File& source, std::uint64_t source_offset,
                                                std::uint64_t offset, std::uint64_t size) = 0;
  /// kBusy when the file is open for writing anywhere, a shared writable mapping included;
  /// kUnsupported where leases don't work. One lease at a time per File; it may outlive the File.
  virtual Result<std::unique_ptr<ReadLease>> take_read_lease() = 0;
  /// Tells the kernel that [0, size) is going to be read once, in order. Advice only.
  virtual void advise_sequential() {}
  /// Tells that [0, size) is going to be written in order, each byte once, by one thread, and not
  /// read soon. Where the kernel can, large aligned pieces then go past its cache. Advice only.
  virtual void advise_written_once(std::uint64_t /*size*/) {}
  /// Asks the kernel to forget what it keeps of this file, so that the next read comes from the
  /// medium. Does so only for what has been synced. Advice only.
  virtual void advise_uncached() {}
};

/// Facts of the file system that holds a directory.
struct FileSystemInfo {
  std::string type;  ///< "ext4", "xfs", "fuse", "nfs", "memory", …; may be empty
  std::string uuid;  ///< empty where there is none
  std::uint64_t free_bytes = 0;
  std::uint64_t total_bytes = 0;
  bool read_only = false;
  bool sync_whole = true;  ///< syncfs can be trusted (not on FUSE and NFS)
};

/// An open directory. All names are single components inside it.
class Directory {
 public:
  virtual ~Directory() = default;

  virtual Result<Stat> stat() = 0;
  /// All entries but "." and "..", in no order, each with a fresh stat. An entry that vanishes
  /// between reading its name and its stat is left out. An error means the listing is worth
  /// nothing.
  virtual Result<std::vector<DirectoryItem>> list() = 0;
  virtual Result<Stat> stat(std::string_view name) = 0;
  /// kNotADirectory for anything else, a symlink to a directory included.
  virtual Result<std::unique_ptr<Directory>> open_directory(std::string_view name) = 0;
  /// The directory at `path`, which is not empty. Errors as those of open_directory of the first
  /// name that can't be opened.
  virtual Result<std::unique_ptr<Directory>> open_below(const RelPath& path);
  /// Regular files only: kIsADirectory, and kUnsupported for a symlink or a special file. Never
  /// blocks; opening for writing what somebody holds a lease on breaks the lease and is kBusy.
  virtual Result<std::unique_ptr<File>> open_file(std::string_view name, Access access) = 0;
  /// The file at `path`, which is not empty. Errors as those of open_below of its directory, then
  /// of open_file.
  virtual Result<std::unique_ptr<File>> open_file_below(const RelPath& path, Access access);
  /// Creates a new empty file (O_EXCL), open for reading and writing; kExists when the name stands.
  /// `mode` is cut by the process's umask, here and in make_directory.
  virtual Result<std::unique_ptr<File>> create_file(std::string_view name, std::uint32_t mode) = 0;
  virtual Result<void> make_directory(std::string_view name, std::uint32_t mode) = 0;
  virtual Result<void> make_symlink(std::string_view name, std::string_view target) = 0;
  virtual Result<std::string> read_symlink(std::string_view name) = 0;
  /// A second name for a file. kExists when `to_name` stands.
  virtual Result<void> link(std::string_view name, Directory& to, std::string_view to_name) = 0;
  virtual Result<void> remove_file(std::string_view name) = 0;
  /// kNotEmpty when it holds anything.
  virtual Result<void> remove_directory(std::string_view name) = 0;
  /// `to` must be of the same implementation and file system.
  virtual Result<void> rename(std::string_view name, Directory& to, std::string_view to_name,
                              RenameMode mode) = 0;
  virtual Result<void> set_mtime(std::string_view name, Timestamp mtime) = 0;
  /// Not for symlinks, which have no mode of their own.
  virtual Result<void> set_mode(std::string_view name, std::uint32_t mode) = 0;
  /// As File::extended_attributes, without opening; never follows symlinks.
  virtual Result<std::vector<ExtendedAttribute>> extended_attributes(std::string_view name) = 0;
  virtual Result<void> sync() = 0;  ///< fsync of the directory itself: its names are durable
  /// syncfs: everything written to this file system so far is durable. Write errors since this
  /// handle was opened are reported, so open it before writing.
  virtual Result<void> sync_file_system() = 0;
  virtual Result<FileSystemInfo> info() = 0;
};

/// What a watcher saw. `path` is relative to the watched root, '/'-joined, raw bytes.
struct WatchEvent {
  enum class What : std::uint8_t {
    kChanged,   ///< something in directory `path` changed: list it again
    kOverflow,  ///< events were lost: list everything again
    kGone,      ///< the root itself went away
  };
  What what = What::kChanged;
  std::string path;
};

/// Watches a whole tree, directories that appear later included.
class Watcher {
 public:
  virtual ~Watcher() = default;
  /// Waits up to `timeout` for events and returns all there are, repeated directories folded. After
  /// an error (kUnsupported: the kernel's limit of watches is reached) changes may go unseen.
  virtual Result<std::vector<WatchEvent>> wait(std::chrono::milliseconds timeout) = 0;
  /// Makes a wait under way return at once. Safe from any thread.
  virtual void interrupt() = 0;
};

/// Opens a real directory by absolute path (this one call follows symlinks). os/
Result<std::unique_ptr<Directory>> open_os_directory(const std::string& absolute_path);

/// Watches a real tree by inotify; directories whose root-relative path `skip` accepts are not
/// entered. os/
Result<std::unique_ptr<Watcher>> watch_os_directory(
    const std::string& absolute_path, std::function<bool(std::string_view path)> skip);

}  // namespace ox::fs
