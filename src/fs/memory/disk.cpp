#include "fs/memory/disk.h"

#include <algorithm>

#include "base/rel_path.h"

namespace ox::fs {
namespace {

constexpr std::uint64_t kBlock = 4096;
constexpr std::uint64_t kRootNumber = 2;
constexpr std::size_t kLongestName = 255;
constexpr std::size_t kLongestTarget = 4095;
constexpr std::size_t kLargestAttribute = 65536;
constexpr std::string_view kAttributePrefix = "user.";
// The oldest versions say most; those in between are told by nobody.
constexpr std::size_t kKeptVersions = 8;
constexpr std::size_t kFirstPrune = 1024;

Result<void> check_attribute_name(std::string_view name) {
  if (!name.starts_with(kAttributePrefix) || name.size() == kAttributePrefix.size() ||
      name.find('\0') != std::string_view::npos) {
    return Error(Code::kInvalidArgument, "not the name of a user attribute").with_context(name);
  }
  return {};
}

}  // namespace

Disk::Disk(rt::Clock& clock, MemoryOptions options)
    : clock_(clock),
      options_(std::move(options)),
      next_number_(kFirstNumber),
      prune_dirty_at_(kFirstPrune) {
  root_ = std::make_shared<Inode>();
  root_->number = kRootNumber;
  root_->type = NodeType::kDirectory;
  root_->names = 1;
  root_->attributes.mode = 0755;
  const rt::Lock lock(mutex_);
  root_->birth = root_->attributes.mtime = root_->attributes.ctime = now();
}

Disk::~Disk() = default;

Timestamp Disk::rounded(Timestamp instant) const {
  const std::int64_t step = options_.time_step.count();
  const std::int64_t over = ((instant.ns % step) + step) % step;
  return {instant.ns - over};
}

Timestamp Disk::now() {
  return rounded(clock_.now());
}

Result<void> Disk::check_alive(const Opened& opened) const {
  if (opened.generation != generation_) {
    return Error(Code::kUnreachable, "the handle is from before a crash");
  }
  return {};
}

Result<void> Disk::check_changeable(const Opened& opened) const {
  TRY(check_alive(opened));
  if (read_only_) {
    return Error(Code::kReadOnly, "the file system is read-only");
  }
  return {};
}

Result<void> Disk::check_writable(const Opened& opened) const {
  TRY(check_changeable(opened));
  if (opened.access != Access::kReadWrite) {
    return Error(Code::kInvalidArgument, "the file was opened for reading only");
  }
  return {};
}

Result<InodePtr> Disk::find(const Opened& directory, std::string_view name) const {
  TRY(check_alive(directory));
  if (!is_valid_name(name)) {
    return Error(Code::kInvalidArgument, "not the name of a directory entry").with_context(name);
  }
  if (name.size() > kLongestName) {
    return Error(Code::kNameInvalid, "the name is too long").with_context(name);
  }
  const auto at = directory.inode->entries.find(name);
  return at == directory.inode->entries.end() ? InodePtr() : at->second;
}

Result<InodePtr> Disk::get(const Opened& opened, OptionalName name) const {
  if (!name.has_value()) {
    TRY(check_alive(opened));
    return opened.inode;
  }
  TRY_ASSIGN(InodePtr inode, find(opened, *name));
  if (inode == nullptr) {
    return Error(Code::kNotFound, "no such entry").with_context(*name);
  }
  return inode;
}

Result<void> Disk::check_free(const Opened& directory, std::string_view name) const {
  TRY_ASSIGN(const InodePtr standing, find(directory, name));
  if (standing != nullptr) {
    return Error(Code::kExists, "the name stands").with_context(name);
  }
  if (directory.inode->names == 0) {
    return Error(Code::kNotFound, "the directory was removed").with_context(name);
  }
  return {};
}

Stat Disk::describe(const Inode& inode) const {
  Stat stat;
  stat.type = inode.type;
  stat.device = options_.device;
  stat.inode = inode.number;
  stat.mode = inode.attributes.mode;
  stat.link_count = inode.names;
  stat.mtime = inode.attributes.mtime;
  stat.ctime = inode.attributes.ctime;
  switch (inode.type) {
    case NodeType::kFile:
      stat.size = inode.content.size();
      stat.allocated_bytes = (stat.size + kBlock - 1) / kBlock * kBlock;
      break;
    case NodeType::kDirectory:
      stat.size = stat.allocated_bytes = kBlock;
      stat.link_count = inode.names == 0 ? 0 : 2 + inode.subdirectories;
      break;
    default:
      stat.size = inode.target.size();
      break;
  }
  if (options_.birth_time == Support::kYes) {
    stat.birth = inode.birth;
  }
  return stat;
}

Opened Disk::open(const InodePtr& inode, Access access) {
  if (inode->handles++ == 0) {
    opened_.insert(inode);
  }
  if (access == Access::kReadWrite) {
    ++inode->writers;
  }
  return {inode, generation_, access};
}

Opened Disk::open_root() {
  const rt::Lock lock(mutex_);
  return open(root_, Access::kRead);
}

void Disk::close(Opened& opened) {
  const rt::Lock lock(mutex_);
  if (opened.generation == generation_) {
    Inode& inode = *opened.inode;
    if (opened.access == Access::kReadWrite) {
      --inode.writers;
    }
    if (--inode.handles == 0) {
      opened_.erase(opened.inode);
      release_if_unused(inode);
    }
  }
  // Inside the lock: the last reference may take a whole tree of inodes with it.
  opened.inode.reset();
}

Result<Stat> Disk::stat(const Opened& opened, OptionalName name) {
  const rt::Lock lock(mutex_);
  TRY_ASSIGN(const InodePtr inode, get(opened, name));
  return describe(*inode);
}

Result<std::vector<DirectoryItem>> Disk::list(const Opened& directory) {
  const rt::Lock lock(mutex_);
  TRY(check_alive(directory));
  if (directory.inode->names == 0) {
    return Error(Code::kNotFound, "the directory was removed");
  }
  std::vector<DirectoryItem> items;
  items.reserve(directory.inode->entries.size());
  for (const auto& [name, inode] : directory.inode->entries) {
    items.emplace_back(name, describe(*inode));
  }
  return items;
}

Result<std::string> Disk::read_symlink(const Opened& directory, std::string_view name) {
  const rt::Lock lock(mutex_);
  TRY_ASSIGN(const InodePtr inode, get(directory, name));
  if (inode->type != NodeType::kSymlink) {
    return Error(Code::kInvalidArgument, "not a symlink").with_context(name);
  }
  return inode->target;
}

Result<Opened> Disk::open_directory(const Opened& directory, std::string_view name) {
  const rt::Lock lock(mutex_);
  TRY_ASSIGN(const InodePtr inode, get(directory, name));
  if (inode->type != NodeType::kDirectory) {
    return Error(Code::kNotADirectory, "open: not a directory").with_context(name);
  }
  return open(inode, Access::kRead);
}

Result<Opened> Disk::open_file(const Opened& directory, std::string_view name, Access access) {
  const rt::Lock lock(mutex_);
  TRY_ASSIGN(const InodePtr inode, get(directory, name));
  if (inode->type == NodeType::kDirectory) {
    return Error(Code::kIsADirectory, "open: is a directory").with_context(name);
  }
  if (inode->type != NodeType::kFile) {
    return Error(Code::kUnsupported, "open: not a regular file").with_context(name);
  }
  if (access == Access::kReadWrite) {
    TRY(check_changeable(directory));
    if (inode->leases > 0) {
      ++inode->lease_breaks;
      return Error(Code::kBusy, "open: somebody holds a lease", Retry::kLater).with_context(name);
    }
  }
  return open(inode, access);
}

Result<FileSystemInfo> Disk::info(const Opened& opened) {
  const rt::Lock lock(mutex_);
  TRY(check_alive(opened));
  FileSystemInfo info;
  info.type = options_.type;
  info.uuid = options_.uuid;
  info.total_bytes = options_.capacity_bytes;
  info.free_bytes = options_.capacity_bytes - std::min(used_bytes_, options_.capacity_bytes);
  info.read_only = read_only_;
  info.sync_whole = options_.sync_whole == Support::kYes;
  return info;
}

InodePtr Disk::make_inode(NodeType type, std::uint32_t mode) {
  auto inode = std::make_shared<Inode>();
  inode->type = type;
  if (free_numbers_.empty()) {
    inode->number = next_number_++;
  } else {
    inode->number = *free_numbers_.begin();
    free_numbers_.erase(free_numbers_.begin());
  }
  const Timestamp time = now();
  inode->attributes = {mode & 07777U, time, time, nullptr};
  // A number is never reused with the birth time it had, also when the clock stands still.
  last_birth_ = std::max(time, Timestamp{last_birth_.ns + 1});
  inode->birth = last_birth_;
  return inode;
}

void Disk::release_if_unused(Inode& inode) {
  if (inode.names == 0 && inode.handles == 0 && inode.numbered) {
    inode.numbered = false;
    free_numbers_.insert(inode.number);
    used_bytes_ -= inode.content.size();
  }
}

void Disk::list_dirty(const InodePtr& inode) {
  if (!inode->listed_dirty) {
    inode->listed_dirty = true;
    dirty_.push_back(inode);
    if (dirty_.size() >= prune_dirty_at_) {
      prune_dirty();
    }
  }
}

// Syncing single files leaves them listed; without this the list would hold every file there was.
void Disk::prune_dirty() {
  std::erase_if(dirty_, [](const InodePtr& inode) {
    const bool clean = inode->unsynced_attributes.empty() && inode->unsynced_content.empty();
    if (clean) {
      inode->listed_dirty = false;
    }
    return clean || inode.use_count() == 1;
  });
  prune_dirty_at_ = std::max(kFirstPrune, dirty_.size() * 2);
}

void Disk::keep_attributes(const InodePtr& inode) {
  if (inode->unsynced_attributes.size() < kKeptVersions) {
    inode->unsynced_attributes.push_back({inode->version, inode->attributes});
  }
  ++inode->version;
  list_dirty(inode);
}

Result<void> Disk::set_mtime(const Opened& opened, OptionalName name, Timestamp mtime) {
  const rt::Lock lock(mutex_);
  TRY_ASSIGN(const InodePtr inode, get(opened, name));
  TRY(check_changeable(opened));
  keep_attributes(inode);
  inode->attributes.mtime = rounded(mtime);
  inode->attributes.ctime = now();
  return {};
}

Result<void> Disk::set_mode(const Opened& opened, OptionalName name, std::uint32_t mode) {
  const rt::Lock lock(mutex_);
  TRY_ASSIGN(const InodePtr inode, get(opened, name));
  TRY(check_changeable(opened));
  if (inode->type == NodeType::kSymlink) {
    return Error(Code::kUnsupported, "a symlink has no mode").with_context(name.value_or(""));
  }
  keep_attributes(inode);
  inode->attributes.mode = mode & 07777U;
  inode->attributes.ctime = now();
  return {};
}

Result<std::vector<ExtendedAttribute>> Disk::extended_attributes(const Opened& opened,
                                                                 OptionalName name) {
  const rt::Lock lock(mutex_);
  TRY_ASSIGN(const InodePtr inode, get(opened, name));
  std::vector<ExtendedAttribute> found;
  if (inode->attributes.extended != nullptr) {
    for (const auto& [key, value] : *inode->attributes.extended) {
      found.push_back({key, value});
    }
  }
  return found;
}

Result<void> Disk::set_extended_attribute(const Opened& opened,
                                          const ExtendedAttribute& attribute) {
  const rt::Lock lock(mutex_);
  TRY(check_changeable(opened));
  TRY(check_attribute_name(attribute.name));
  if (options_.extended_attributes == Support::kNo) {
    return Error(Code::kUnsupported, "no extended attributes here").with_context(attribute.name);
  }
  if (attribute.value.size() > kLargestAttribute) {
    return Error(Code::kNoSpace, "the extended attribute is too large")
        .with_context(attribute.name);
  }
  Attributes& attributes = opened.inode->attributes;
  keep_attributes(opened.inode);
  auto changed = attributes.extended == nullptr
                     ? std::make_shared<AttributeMap>()
                     : std::make_shared<AttributeMap>(*attributes.extended);
  changed->insert_or_assign(attribute.name, attribute.value);
  attributes.extended = std::move(changed);
  attributes.ctime = now();
  return {};
}

Result<void> Disk::remove_extended_attribute(const Opened& opened, std::string_view name) {
  const rt::Lock lock(mutex_);
  TRY(check_changeable(opened));
  TRY(check_attribute_name(name));
  Attributes& attributes = opened.inode->attributes;
  if (attributes.extended == nullptr || !attributes.extended->contains(name)) {
    return Error(Code::kNotFound, "no such extended attribute").with_context(name);
  }
  keep_attributes(opened.inode);
  auto changed = std::make_shared<AttributeMap>(*attributes.extended);
  changed->erase(changed->find(name));
  attributes.extended = std::move(changed);
  attributes.ctime = now();
  return {};
}

Result<std::uint64_t> Disk::take_lease(const Opened& opened) {
  const rt::Lock lock(mutex_);
  TRY(check_alive(opened));
  if (options_.leases == Support::kNo) {
    return Error(Code::kUnsupported, "leases don't work here");
  }
  if (opened.inode->writers > 0) {
    return Error(Code::kBusy, "lease: the file is open for writing", Retry::kLater);
  }
  ++opened.inode->leases;
  return opened.inode->lease_breaks;
}

bool Disk::lease_broken(const Opened& opened, std::uint64_t breaks_at_start) {
  const rt::Lock lock(mutex_);
  return !check_alive(opened).ok() || opened.inode->lease_breaks != breaks_at_start;
}

void Disk::end_lease(const Opened& opened) {
  const rt::Lock lock(mutex_);
  if (check_alive(opened).ok()) {
    --opened.inode->leases;
  }
}

void Disk::set_capacity(std::uint64_t bytes) {
  const rt::Lock lock(mutex_);
  options_.capacity_bytes = bytes;
}

void Disk::set_read_only(bool read_only) {
  const rt::Lock lock(mutex_);
  read_only_ = read_only;
}

Result<void> Disk::make_symlink(const Opened& directory, std::string_view name,
                                std::string_view target) {
  const rt::Lock lock(mutex_);
  if (options_.symlinks == Support::kNo) {
    return Error(Code::kUnsupported, "no symlinks here").with_context(name);
  }
  if (target.empty() || target.find('\0') != std::string_view::npos) {
    return Error(Code::kInvalidArgument, "not a symlink's target").with_context(name);
  }
  if (target.size() > kLongestTarget) {
    return Error(Code::kNameInvalid, "the symlink's target is too long").with_context(name);
  }
  TRY_ASSIGN(const InodePtr inode, create(directory, name, NodeType::kSymlink, 0777));
  inode->target = target;
  return {};
}

}  // namespace ox::fs
