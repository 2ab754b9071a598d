#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "fs/fs.h"
#include "fs/memory/memory_fs.h"
#include "rt/mutex.h"

namespace ox::fs {

struct Inode;
inline constexpr std::uint64_t kFirstNumber = 12;  // as on a new ext4
using InodePtr = std::shared_ptr<Inode>;
using AttributeMap = std::map<std::string, Bytes, std::less<>>;

/// What of an inode is neither its bytes nor its names.
struct Attributes {
  std::uint32_t mode = 0;
  Timestamp mtime;
  Timestamp ctime;
  std::shared_ptr<const AttributeMap> extended;  ///< null when there are none; never changed
};

/// Attributes as they were, kept because a power cut may bring them back.
struct AttributesVersion {
  std::uint64_t version = 0;
  Attributes attributes;
};

/// One write or truncation that is not durable, with what it takes to undo it.
struct ContentChange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  ///< bytes written; 0 for a truncation
  std::uint64_t size_before = 0;
  std::uint64_t size_after = 0;
  std::uint64_t version = 0;  ///< of the attributes that tell of this change
  Bytes replaced;             ///< the old bytes from `offset` (of a truncation: from the new end)
};

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view name) const noexcept {
    return std::hash<std::string_view>{}(name);
  }
};
using Entries = std::unordered_map<std::string, InodePtr, NameHash, std::equal_to<>>;

/// All fields are guarded by the mutex of the Disk.
struct Inode {
  std::uint64_t number = 0;
  NodeType type = NodeType::kFile;
  Timestamp birth;
  Attributes attributes;
  Bytes content;                     ///< of a file
  std::string target;                ///< of a symlink
  Entries entries;                   ///< of a directory
  Inode* parent = nullptr;           ///< of a directory that has a name
  std::uint32_t names = 0;           ///< directory entries that lead here
  std::uint32_t subdirectories = 0;  ///< of a directory
  std::uint32_t handles = 0;
  std::uint32_t writers = 0;
  std::uint32_t leases = 0;
  std::uint64_t lease_breaks = 0;
  bool numbered = true;  ///< false once the number was given back

  std::uint64_t version = 0;                           ///< counts changes of the attributes
  std::vector<AttributesVersion> unsynced_attributes;  ///< oldest first, only the first few
  std::vector<ContentChange> unsynced_content;         ///< oldest first
  bool listed_dirty = false;
};

/// The entry `name` of `directory` went from `before` to `after`; null is none.
struct NameChange {
  InodePtr directory;
  std::string name;
  InodePtr before;
  InodePtr after;
};

/// Name changes that happen together or not at all.
struct NameOperation {
  enum class Kind : std::uint8_t { kCreate, kOther };
  Kind kind = Kind::kOther;
  Timestamp time;
  std::vector<NameChange> changes;
};

/// An inode as an open handle holds it.
struct Opened {
  InodePtr inode;
  std::uint64_t generation = 0;  ///< handles of an older generation are dead
  Access access = Access::kRead;
};

using OptionalName = std::optional<std::string_view>;

/// The one state behind all handles of a MemoryFileSystem.
///
/// It holds only what calls see, plus logs that undo what is not durable: a sync forgets a log, a
/// power cut plays it backwards. So neither costs a copy of any content.
class Disk {
 public:
  Disk(rt::Clock& clock, MemoryOptions options);
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  Opened open_root();
  void close(Opened& opened);

  // Looking. Without a name it is the handle itself that is meant.
  Result<Stat> stat(const Opened& opened, OptionalName name);
  Result<std::vector<DirectoryItem>> list(const Opened& directory);
  Result<std::string> read_symlink(const Opened& directory, std::string_view name);
  Result<Opened> open_directory(const Opened& directory, std::string_view name);
  Result<Opened> open_file(const Opened& directory, std::string_view name, Access access);
  Result<FileSystemInfo> info(const Opened& opened);

  // Names.
  Result<Opened> create_file(const Opened& directory, std::string_view name, std::uint32_t mode);
  Result<void> make_directory(const Opened& directory, std::string_view name, std::uint32_t mode);
  Result<void> make_symlink(const Opened& directory, std::string_view name,
                            std::string_view target);
  Result<void> link(const Opened& from, std::string_view name, const Opened& to,
                    std::string_view to_name);
  Result<void> remove_file(const Opened& directory, std::string_view name);
  Result<void> remove_directory(const Opened& directory, std::string_view name);
  Result<void> rename(const Opened& from, std::string_view name, const Opened& to,
                      std::string_view to_name, RenameMode mode);

  // Attributes.
  Result<void> set_mtime(const Opened& opened, OptionalName name, Timestamp mtime);
  Result<void> set_mode(const Opened& opened, OptionalName name, std::uint32_t mode);
  Result<std::vector<ExtendedAttribute>> extended_attributes(const Opened& opened,
                                                             OptionalName name);
  Result<void> set_extended_attribute(const Opened& opened, const ExtendedAttribute& attribute);
  Result<void> remove_extended_attribute(const Opened& opened, std::string_view name);

  // Contents.
  Result<std::size_t> read(const Opened& opened, std::uint64_t offset,
                           std::span<std::uint8_t> into);
  Result<void> write(const Opened& opened, std::uint64_t offset, BytesView from);
  Result<void> store_mapped(const Opened& opened, std::uint64_t offset, BytesView from);
  Result<void> truncate(const Opened& opened, std::uint64_t size);
  Result<void> clone(const Opened& opened, const Opened& source);
  Result<std::uint64_t> copy_range(const Opened& opened, const Opened& source,
                                   std::uint64_t source_offset, std::uint64_t offset,
                                   std::uint64_t size);

  // Leases: taking one answers the count of breaks that it starts from.
  Result<std::uint64_t> take_lease(const Opened& opened);
  bool lease_broken(const Opened& opened, std::uint64_t breaks_at_start);
  void end_lease(const Opened& opened);

  // Durability.
  Result<void> sync_data(const Opened& opened);
  Result<void> sync(const Opened& opened);
  Result<void> sync_all(const Opened& opened);
  void power_cut(rt::Random& random);
  void crash();
  std::size_t unsynced_names();

  void set_capacity(std::uint64_t bytes);
  void set_read_only(bool read_only);

 private:
  Result<void> check_alive(const Opened& opened) const OX_REQUIRES(mutex_);
  Result<void> check_changeable(const Opened& opened) const OX_REQUIRES(mutex_);
  Result<void> check_writable(const Opened& opened) const OX_REQUIRES(mutex_);
  /// Absence is null.
  Result<InodePtr> find(const Opened& directory, std::string_view name) const OX_REQUIRES(mutex_);
  /// Absence is kNotFound.
  Result<InodePtr> get(const Opened& opened, OptionalName name) const OX_REQUIRES(mutex_);
  /// That a new entry `name` can be made in `directory`.
  Result<void> check_free(const Opened& directory, std::string_view name) const OX_REQUIRES(mutex_);
  Stat describe(const Inode& inode) const OX_REQUIRES(mutex_);
  Opened open(const InodePtr& inode, Access access) OX_REQUIRES(mutex_);

  InodePtr make_inode(NodeType type, std::uint32_t mode) OX_REQUIRES(mutex_);
  void release_if_unused(Inode& inode) OX_REQUIRES(mutex_);
  Timestamp rounded(Timestamp instant) const OX_REQUIRES(mutex_);
  Timestamp now() OX_REQUIRES(mutex_);
  /// To be called before the attributes change: keeps them for a power cut.
  void keep_attributes(const InodePtr& inode) OX_REQUIRES(mutex_);
  void list_dirty(const InodePtr& inode) OX_REQUIRES(mutex_);
  void prune_dirty() OX_REQUIRES(mutex_);

  Result<InodePtr> create(const Opened& directory, std::string_view name, NodeType type,
                          std::uint32_t mode) OX_REQUIRES(mutex_);
  Result<void> check_rename(const InodePtr& source, const InodePtr& target, const Inode& to,
                            RenameMode mode) const OX_REQUIRES(mutex_);
  /// Carries the changes out, stamps all inodes concerned and logs the operation.
  void perform(NameOperation operation) OX_REQUIRES(mutex_);
  static void set_entry(Inode& directory, const std::string& name, const InodePtr& before,
                        const InodePtr& after);

  /// Whether mtime and ctime tell of a change.
  enum class Stamps : std::uint8_t { kMove, kStay };
  Result<void> write_locked(const InodePtr& inode, std::uint64_t offset, BytesView from,
                            Stamps stamps) OX_REQUIRES(mutex_);
  Result<void> truncate_locked(const InodePtr& inode, std::uint64_t size) OX_REQUIRES(mutex_);
  void log_content(const InodePtr& inode, ContentChange change, Stamps stamps) OX_REQUIRES(mutex_);

  void promote_names_of(const Inode& directory) OX_REQUIRES(mutex_);
  void forget_unsynced() OX_REQUIRES(mutex_);
  void undo_names(rt::Random& random) OX_REQUIRES(mutex_);
  void recount() OX_REQUIRES(mutex_);
  void end_generation() OX_REQUIRES(mutex_);

  rt::Clock& clock_;

  mutable rt::Mutex mutex_;
  MemoryOptions options_ OX_GUARDED_BY(mutex_);
  bool read_only_ OX_GUARDED_BY(mutex_) = false;
  std::uint64_t generation_ OX_GUARDED_BY(mutex_) = 1;
  std::uint64_t used_bytes_ OX_GUARDED_BY(mutex_) = 0;
  std::uint64_t next_number_ OX_GUARDED_BY(mutex_);
  std::set<std::uint64_t> free_numbers_ OX_GUARDED_BY(mutex_);
  Timestamp last_birth_ OX_GUARDED_BY(mutex_);
  InodePtr root_ OX_GUARDED_BY(mutex_);
  std::unordered_set<InodePtr> opened_ OX_GUARDED_BY(mutex_);  ///< all that have handles
  std::deque<NameOperation> unsynced_names_ OX_GUARDED_BY(mutex_);
  std::vector<InodePtr> dirty_ OX_GUARDED_BY(mutex_);  ///< all with unsynced changes, and others
  std::size_t prune_dirty_at_ OX_GUARDED_BY(mutex_);
};

}  // namespace ox::fs
