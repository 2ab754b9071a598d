#include "provider/local/local_root.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "provider/xattrs.h"

namespace ox::provider {
namespace {

using namespace std::chrono_literals;

// Older than this by the file system's clock, an inode is beyond doubt: kernels stamp with a step
// of some milliseconds, FAT with two seconds.
constexpr Duration kRecent = 2s;

// Kernels write back what changed within half a minute or so; what is older is durable without us.
constexpr Duration kWrittenBack = 10min;

tree::Kind kind_of(fs::NodeType type) {
  switch (type) {
    case fs::NodeType::kFile:
      return tree::Kind::kFile;
    case fs::NodeType::kDirectory:
      return tree::Kind::kDirectory;
    case fs::NodeType::kSymlink:
      return tree::Kind::kSymlink;
    case fs::NodeType::kOther:
      break;
  }
  return tree::Kind::kOther;
}

char to_lower_ascii(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

Timestamp last_change(const fs::Stat& stat, const Capabilities& capabilities) {
  return capabilities.ctime_reliable ? stat.ctime : std::max(stat.mtime, stat.ctime);
}

// What is in the way is no directory, so nothing can stand below it.
Error as_missing(Error error) {
  if (error.code() == Code::kNotADirectory || error.code() == Code::kNotFound) {
    return Error(Code::kNotFound, "no such directory").with_context(error.context());
  }
  return error;
}

}  // namespace

LocalRoot::LocalRoot(LocalOptions options, RootFacts facts, std::shared_ptr<fs::Directory> root,
                     std::shared_ptr<fs::Directory> own, std::shared_ptr<fs::Directory> stage,
                     std::unique_ptr<fs::File> clock_file)
    : options_(std::move(options)),
      facts_(std::move(facts)),
      root_(std::move(root)),
      own_(std::move(own)),
      stage_(std::move(stage)),
      clock_file_(std::move(clock_file)) {}

Result<void> LocalRoot::check_writable() const {
  if (!facts_.writable) {
    return Error(Code::kReadOnly, "nothing can be written there, only read");
  }
  return {};
}

Result<void> LocalRoot::check_not_own(const RelPath& path) const {
  for (RelPath rest = path; !rest.is_root(); rest = rest.after_first()) {
    if (is_own_name(rest.first())) {
      return Error(Code::kNameInvalid, "a name of our own").with_context(path.text());
    }
  }
  return {};
}

Result<std::shared_ptr<fs::Directory>> LocalRoot::open_directory(const RelPath& path) {
  std::shared_ptr<fs::Directory> at = root_;
  if (path.is_root()) {
    return at;
  }
  TRY(check_not_own(path));
  auto opened = at->open_below(path);
  if (!opened.ok()) {
    auto missing = as_missing(std::move(opened).error());
    return missing.code() == Code::kNotFound ? open_shown(path) : std::move(missing);
  }
  at = std::move(opened).value();
  TRY_ASSIGN(const fs::Stat stat, at->stat());
  if (stat.device != facts_.device) {
    return Error(Code::kUnreachable, "another file system is mounted here")
        .with_context(path.text());
  }
  return at;
}

Result<std::unique_ptr<fs::File>> LocalRoot::open_file(const RelPath& path) {
  TRY(check_not_own(path));
  auto opened = root_->open_file_below(path, fs::Access::kRead);
  if (opened.ok()) {
    return opened;
  }
  Error missing = as_missing(std::move(opened).error());
  if (missing.code() != Code::kNotFound) {
    return missing;
  }
  TRY_ASSIGN(const Place place, see(path));
  return place.directory->open_file(place.name, fs::Access::kRead);
}

Result<Place> LocalRoot::open_parent(const RelPath& path) {
  expects(!path.is_root());
  if (is_own_name(path.name())) {
    return Error(Code::kNameInvalid, "a name of our own").with_context(path.text());
  }
  TRY_ASSIGN(auto directory, open_directory(path.parent()));
  return Place{.directory = std::move(directory), .name = std::string(path.name())};
}

Result<std::shared_ptr<fs::Directory>> LocalRoot::find_stage() {
  if (stage_ != nullptr) {
    return stage_;
  }
  TRY_ASSIGN(const auto stages, open_own("stage"));
  TRY_ASSIGN(auto stage, stages->open_directory(options_.rule));
  return std::shared_ptr<fs::Directory>(std::move(stage));
}

void LocalRoot::show(std::map<RelPath, std::string> places) {
  const rt::Lock lock(mutex_);
  shown_ = std::move(places);
}

std::vector<std::string> LocalRoot::shown_in(const RelPath& directory) {
  const rt::Lock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [place, parked] : shown_) {
    if (place.parent() == directory) {
      names.emplace_back(place.name());
    }
  }
  return names;
}

Result<Place> LocalRoot::see(const RelPath& path) {
  TRY_ASSIGN(Place place, open_parent(path));
  std::string parked;
  {
    const rt::Lock lock(mutex_);
    const auto found = shown_.find(path);
    if (found == shown_.end()) {
      return place;
    }
    parked = found->second;
  }
  if (!place.directory->stat(place.name).failed_with(Code::kNotFound)) {
    return place;
  }
  TRY_ASSIGN(auto stage, find_stage());
  return Place{.directory = std::move(stage), .name = std::move(parked)};
}

/// A directory that is shown, or one in it; kNotFound when `path` is in none.
Result<std::shared_ptr<fs::Directory>> LocalRoot::open_shown(const RelPath& path) {
  RelPath within;
  {
    const rt::Lock lock(mutex_);
    for (const auto& [place, parked] : shown_) {
      if (place.contains(path)) {
        within = RelPath().child(parked);
        for (RelPath rest = path, top = place; !rest.is_root(); rest = rest.after_first()) {
          if (top.is_root()) {
            within = within.child(rest.first());
          } else {
            top = top.after_first();
          }
        }
      }
    }
  }
  if (within.is_root()) {
    return Error(Code::kNotFound, "no such directory").with_context(path.text());
  }
  TRY_ASSIGN(const auto stage, find_stage());
  auto opened = stage->open_below(within);
  return opened.ok() ? Result<std::shared_ptr<fs::Directory>>(std::move(opened).value())
                     : as_missing(std::move(opened).error());
}

Result<std::shared_ptr<fs::Directory>> LocalRoot::open_own(std::string_view name) {
  std::shared_ptr<fs::Directory> own = own_;
  if (own == nullptr) {
    TRY_ASSIGN(own, root_->open_directory(kOwnFolder));
  }
  TRY_ASSIGN(auto directory, own->open_directory(name));
  return std::shared_ptr<fs::Directory>(std::move(directory));
}

Result<std::shared_ptr<fs::Directory>> LocalRoot::make_own(std::string_view name) {
  TRY(check_writable());
  if (auto found = open_own(name); !found.failed_with(Code::kNotFound)) {
    return found;
  }
  if (auto made = own_->make_directory(name, 0700);
      !made.ok() && !made.failed_with(Code::kExists)) {
    return std::move(made).error();
  }
  TRY(own_->sync());
  return open_own(name);
}

std::optional<std::uint32_t> LocalRoot::mode_of(
    const std::optional<tree::Attributes>& attributes) const {
  if (!facts_.capabilities.modes || !attributes.has_value() ||
      attributes->mode == tree::kModeUnknown) {
    return std::nullopt;
  }
  return attributes->mode & 07777U;
}

bool LocalRoot::is_own_name(std::string_view name) const {
  if (name == kOwnFolder) {
    return true;
  }
  if (facts_.capabilities.names.case_rule == tree::CaseRule::kSensitive) {
    return false;
  }
  return name.size() == kOwnFolder.size() &&
         std::ranges::equal(name, kOwnFolder, {}, to_lower_ascii);
}

tree::Fingerprint LocalRoot::fingerprint_of(const fs::Stat& stat) const {
  tree::Fingerprint print;
  if (facts_.inodes_are_ids) {
    print.id = stat.inode;
    print.birth_ns = stat.birth.value_or(Timestamp{}).ns;
  }
  print.size = stat.type == fs::NodeType::kDirectory ? 0 : stat.size;
  print.mtime = stat.mtime;
  if (facts_.capabilities.ctime_reliable) {
    print.ctime = stat.ctime;
  }
  print.link_count = stat.link_count;
  return print;
}

tree::Entry LocalRoot::entry_of(std::string name, const fs::Stat& stat) const {
  tree::Entry entry;
  entry.name = std::move(name);
  entry.kind = stat.device == facts_.device ? kind_of(stat.type) : tree::Kind::kOther;
  entry.fingerprint = fingerprint_of(stat);
  if (entry.kind == tree::Kind::kFile) {
    entry.content.size = stat.size;
  }
  if (entry.kind == tree::Kind::kFile || entry.kind == tree::Kind::kSymlink) {
    entry.content.mtime = stat.mtime;
  }
  const bool has_mode = entry.kind == tree::Kind::kFile || entry.kind == tree::Kind::kDirectory;
  if (has_mode && facts_.capabilities.modes) {
    entry.attributes.mode = stat.mode;
  }
  return entry;
}

bool LocalRoot::matches(const fs::Stat& stat, const tree::Fingerprint& expected) const {
  if (stat.device != facts_.device) {
    return false;
  }
  const tree::Fingerprint found = fingerprint_of(stat);
  if (stat.type != fs::NodeType::kDirectory) {
    return found.same_version(expected);
  }
  return found.id == expected.id && found.birth_ns == expected.birth_ns && expected.size == 0;
}

bool LocalRoot::is_recent(const fs::Stat& stat) const {
  return was_recent(stat, options_.clock->now());
}

bool LocalRoot::was_recent(const fs::Stat& stat, Timestamp now) const {
  const std::int64_t estimate = now.ns + facts_.clock_offset.count();
  const std::int64_t margin = (kRecent + facts_.capabilities.mtime_step).count();
  return last_change(stat, facts_.capabilities).ns >= estimate - margin;
}

bool LocalRoot::is_racy(const fs::Stat& stat, Timestamp file_system_now) const {
  const std::int64_t step = facts_.capabilities.mtime_step.count();
  return last_change(stat, facts_.capabilities).ns >= file_system_now.ns - step;
}

std::optional<Timestamp> LocalRoot::file_system_now() {
  if (clock_file_ == nullptr) {
    return std::nullopt;
  }
  constexpr std::array<std::uint8_t, 1> kTick{'t'};
  if (!clock_file_->write_at(0, kTick).ok() &&
      !clock_file_->set_mtime(options_.clock->now()).ok()) {
    return std::nullopt;
  }
  const auto stat = clock_file_->stat();
  if (!stat.ok()) {
    return std::nullopt;
  }
  // On a full disk only the inode could be touched: then ctime alone is the file system's.
  return stat->ctime.ns != 0 ? stat->ctime : stat->mtime;
}

namespace {

/// Who compares listings wants them so, and items are smaller than entries.
std::vector<std::uint32_t> in_order_of_names(const std::vector<fs::DirectoryItem>& items) {
  std::vector<std::uint32_t> places(items.size());
  std::iota(places.begin(), places.end(), 0U);
  std::ranges::sort(places, {},
                    [&](std::uint32_t place) -> const std::string& { return items[place].name; });
  return places;
}

}  // namespace

Result<std::vector<tree::Entry>> LocalRoot::entries_of(fs::Directory& directory,
                                                       std::vector<fs::DirectoryItem> items,
                                                       Timestamp begun) {
  std::vector<tree::Entry> entries;
  entries.reserve(items.size());
  std::optional<std::optional<Timestamp>> now;
  for (const std::uint32_t place : in_order_of_names(items)) {
    fs::DirectoryItem& item = items[place];
    if (is_own_name(item.name)) {
      continue;
    }
    bool racy = false;
    if (item.stat.type == fs::NodeType::kFile && was_recent(item.stat, begun)) {
      if (!now.has_value()) {
        now = file_system_now();
      }
      // The clock must be read before the inode, or a change between the two could hide.
      auto again = directory.stat(item.name);
      if (again.failed_with(Code::kNotFound)) {
        continue;
      }
      TRY_ASSIGN(item.stat, std::move(again));
      racy = !now->has_value() || is_racy(item.stat, **now);
    }
    tree::Entry& entry = entries.emplace_back(entry_of(std::move(item.name), item.stat));
    entry.fingerprint.racy = racy;
    if (entry.kind == tree::Kind::kSymlink) {
      auto target = directory.read_symlink(entry.name);
      if (target.failed_with(Code::kNotFound)) {
        entries.pop_back();
        continue;
      }
      TRY_ASSIGN(entry.content.link_target, std::move(target));
    }
  }
  return entries;
}

Result<void> LocalRoot::fill_link_and_xattrs(fs::Directory& directory, tree::Entry& entry) {
  if (entry.kind == tree::Kind::kSymlink) {
    TRY_ASSIGN(entry.content.link_target, directory.read_symlink(entry.name));
    return {};
  }
  if (entry.kind == tree::Kind::kOther || !facts_.capabilities.xattrs) {
    return {};
  }
  TRY_ASSIGN(auto found, directory.extended_attributes(entry.name));
  std::vector<Source::Xattr> xattrs;
  xattrs.reserve(found.size());
  for (fs::ExtendedAttribute& attribute : found) {
    xattrs.push_back({.name = std::move(attribute.name), .value = std::move(attribute.value)});
  }
  entry.attributes.xattrs = digest_of_xattrs(xattrs);
  return {};
}

Result<tree::Entry> LocalRoot::look_at(fs::Directory& directory, const std::string& name) {
  TRY_ASSIGN(fs::Stat stat, directory.stat(name));
  bool racy = false;
  if (stat.type == fs::NodeType::kFile && is_recent(stat)) {
    const std::optional<Timestamp> now = file_system_now();
    TRY_ASSIGN(stat, directory.stat(name));
    racy = !now.has_value() || is_racy(stat, *now);
  }
  tree::Entry entry = entry_of(name, stat);
  entry.fingerprint.racy = racy;
  TRY(fill_link_and_xattrs(directory, entry));
  return entry;
}

Result<tree::Entry> LocalRoot::entry_after_change(fs::Directory& directory,
                                                  const std::string& name) {
  TRY_ASSIGN(const fs::Stat stat, directory.stat(name));
  tree::Entry entry = entry_of(name, stat);
  entry.fingerprint.racy = entry.kind == tree::Kind::kFile;
  TRY(fill_link_and_xattrs(directory, entry));
  return entry;
}

std::string LocalRoot::random_name(std::string_view prefix) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string name(prefix);
  std::uint64_t number = options_.random->next();
  for (int i = 0; i < 16; ++i, number >>= 4U) {
    name += kDigits[number & 15U];
  }
  return name;
}

bool LocalRoot::claim_part(const std::string& name) {
  const rt::Lock lock(mutex_);
  return parts_in_use_.insert(name).second;
}

void LocalRoot::release_part(const std::string& name) {
  const rt::Lock lock(mutex_);
  parts_in_use_.erase(name);
}

void LocalRoot::add_live(const std::string& name) {
  const rt::Lock lock(mutex_);
  live_.insert(name);
}

void LocalRoot::drop_live(const std::string& name) {
  const rt::Lock lock(mutex_);
  live_.erase(name);
}

bool LocalRoot::is_live(const std::string& name) {
  const rt::Lock lock(mutex_);
  return live_.contains(name) || parts_in_use_.contains(name);
}

void LocalRoot::note_directory(const RelPath& path) {
  if (!facts_.file_system.sync_whole) {
    const rt::Lock lock(mutex_);
    unsynced_directories_.insert(path);
  }
}

void LocalRoot::note_file(const RelPath& path) {
  if (!facts_.file_system.sync_whole) {
    const rt::Lock lock(mutex_);
    unsynced_files_.insert(path);
  }
}

Result<void> LocalRoot::note_own(const std::string& key, std::shared_ptr<fs::Directory> directory) {
  if (facts_.file_system.sync_whole) {
    return {};
  }
  return own_directories_.note(key, std::move(directory));
}

Result<void> LocalRoot::note_listed(const RelPath& path, fs::Directory& directory) {
  if (facts_.file_system.sync_whole || !facts_.writable) {
    return {};
  }
  TRY_ASSIGN(const fs::Stat stat, directory.stat());
  const std::int64_t now = options_.clock->now().ns + facts_.clock_offset.count();
  if (std::max(stat.mtime, stat.ctime).ns >= now - kWrittenBack.count()) {
    note_directory(path);
  }
  return {};
}

Result<void> LocalRoot::sync_one(const RelPath& path, fs::NodeType type) {
  const auto sync = [&]() -> Result<void> {
    if (type == fs::NodeType::kDirectory) {
      TRY_ASSIGN(const auto directory, open_directory(path));
      return directory->sync();
    }
    TRY_ASSIGN(const Place place, open_parent(path));
    TRY_ASSIGN(const auto file, place.directory->open_file(place.name, fs::Access::kRead));
    TRY(file->sync());
    return place.directory->sync();
  };
  auto synced = sync();
  // What went away or became something else since has nothing left to lose.
  if (synced.failed_with(Code::kNotFound) || synced.failed_with(Code::kUnsupported) ||
      synced.failed_with(Code::kIsADirectory)) {
    return {};
  }
  return synced;
}

Result<void> LocalRoot::make_durable() {
  if (facts_.file_system.read_only) {
    return {};
  }
  if (facts_.file_system.sync_whole) {
    return root_->sync_file_system();
  }
  std::set<RelPath> directories;
  std::set<RelPath> files;
  {
    const rt::Lock lock(mutex_);
    directories = unsynced_directories_;
    files = unsynced_files_;
  }
  for (const RelPath& path : files) {
    TRY(sync_one(path, fs::NodeType::kFile));
  }
  for (const RelPath& path : directories) {
    TRY(sync_one(path, fs::NodeType::kDirectory));
  }
  TRY(own_directories_.sync(*root_));
  const rt::Lock lock(mutex_);
  for (const RelPath& path : files) {
    unsynced_files_.erase(path);
  }
  for (const RelPath& path : directories) {
    unsynced_directories_.erase(path);
  }
  return {};
}

}  // namespace ox::provider
