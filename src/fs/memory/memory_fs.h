#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "fs/fs.h"
#include "rt/clock.h"
#include "rt/random.h"

namespace ox::fs {

class Disk;

enum class Support : std::uint8_t { kYes, kNo };

/// What kind of file system is played.
struct MemoryOptions {
  std::uint64_t device = 1;  ///< as in Stat; two file systems of one simulation need two numbers
  std::string type = "memory";
  std::string uuid;
  std::uint64_t capacity_bytes = std::uint64_t{8} << 30U;  ///< of file contents
  /// Instants are rounded down to a multiple of this.
  std::chrono::nanoseconds time_step{1};
  Support rename_no_replace = Support::kYes;
  Support rename_exchange = Support::kYes;
  Support hard_links = Support::kYes;
  Support symlinks = Support::kYes;
  Support leases = Support::kYes;
  Support birth_time = Support::kYes;
  Support extended_attributes = Support::kYes;
  Support clone = Support::kNo;
  /// kNo plays FUSE and NFS: sync_file_system() answers well and makes nothing durable.
  Support sync_whole = Support::kYes;
};

/// A file system in memory, true to inodes: hard links, numbers reused at once (with another birth
/// time), open handles that outlive their names, leases, mtime and ctime as Linux sets them.
///
/// It knows what each sync made durable, so that a power cut can take the rest:
/// - File::sync_data makes a file's bytes and size durable, neither its mtime nor any name;
/// - File::sync makes its attributes durable as well, no name;
/// - Directory::sync makes the names in that directory durable (and what they need to be found
///   where they were moved from), but not the directory's own name;
/// - sync_file_system makes all of it durable.
///
/// Safe from several threads, as is every handle of it. Handles may outlive it.
class MemoryFileSystem {
 public:
  /// `clock` stamps every change and must outlive all handles.
  explicit MemoryFileSystem(rt::Clock& clock, MemoryOptions options = {});

  /// The root directory; anew after each crash or power cut.
  std::unique_ptr<Directory> root();

  /// Cuts the power. What was not synced survives as `random` says, as on a journalling disk:
  /// names (create, link, rename, remove) in the order of their calls up to some point, each of
  /// them whole; of a file, the size up to some change and any of the 4 KiB pages written, those
  /// that are missing as they were before or as zeros. All handles and leases die: their calls fail
  /// with kUnreachable.
  void power_cut(rt::Random& random);

  /// The process dies, the machine goes on: nothing is lost, all handles and leases die.
  void crash();

  /// Changes bytes that are there as a store through a shared mapping does once the page is
  /// writable: neither mtime nor ctime moves. `file` is open for writing on such a file system;
  /// kInvalidArgument behind its end.
  static Result<void> store_mapped(File& file, std::uint64_t offset, BytesView from);

  void set_capacity(std::uint64_t bytes);
  /// Remounts read-only, as a kernel does after an error. Open handles can't write either.
  void set_read_only(bool read_only);
  /// How many name changes are not durable yet.
  std::size_t unsynced_names() const;

 private:
  std::shared_ptr<Disk> disk_;
};

}  // namespace ox::fs
