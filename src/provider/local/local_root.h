#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fs/fs.h"
#include "provider/local/dirty_directories.h"
#include "provider/local/local_provider.h"
#include "provider/provider.h"
#include "rt/mutex.h"

namespace ox::provider {

/// How this file system lets us put things where nobody else may stand.
struct RenameAbilities {
  bool no_replace = false;  ///< RENAME_NOREPLACE
  bool exchange = false;    ///< RENAME_EXCHANGE
  bool hard_links = false;
};

/// What opening a root found out.
struct RootFacts {
  Capabilities capabilities;
  RenameAbilities renames;
  fs::FileSystemInfo file_system;
  bool writable = false;  ///< our own folder stands and takes files
  bool inodes_are_ids = false;
  std::uint64_t device = 0;  ///< of the root: what stands on another is not ours
  Duration clock_offset{0};  ///< the file system's clock minus ours when the root was opened
};

/// A directory and a name in it.
struct Place {
  std::shared_ptr<fs::Directory> directory;
  std::string name;
};

/// What all parts of the local provider share: the open root, our own folders in it, what was
/// probed, and the translation of inodes into entries. Safe for concurrent calls.
///
/// Paths are resolved from the root for every call: a cached handle would lead into a directory
/// that somebody moved away meanwhile.
class LocalRoot {
 public:
  LocalRoot(LocalOptions options, RootFacts facts, std::shared_ptr<fs::Directory> root,
            std::shared_ptr<fs::Directory> own, std::shared_ptr<fs::Directory> stage,
            std::unique_ptr<fs::File> clock_file);

  const LocalOptions& options() const { return options_; }
  const RootFacts& facts() const { return facts_; }
  const Capabilities& capabilities() const { return facts_.capabilities; }
  fs::Directory& root() { return *root_; }
  /// stage/<rule>. Contract: the root is writable.
  const std::shared_ptr<fs::Directory>& stage() const { return stage_; }
  /// The same where nothing may be written; kNotFound when it does not stand.
  Result<std::shared_ptr<fs::Directory>> find_stage();
  Result<void> check_writable() const;

  /// kNotFound when a component is known to be missing or is no directory, kNameInvalid for our own
  /// folder, kUnreachable across a mount point.
  Result<std::shared_ptr<fs::Directory>> open_directory(const RelPath& path);
  /// The file at `path`, for reading; errors as those of open_directory and
  /// fs::Directory::open_file. That it lies on this file system is not looked at.
  Result<std::unique_ptr<fs::File>> open_file(const RelPath& path);
  /// The directory that holds `path`. Contract: not the root.
  Result<Place> open_parent(const RelPath& path);
  /// Where what is seen at `path` stands: there, or in the stage while it is shown.
  Result<Place> see(const RelPath& path);
  /// From now on what stands in stage/<rule> is seen elsewhere, too. Place → name there.
  void show(std::map<RelPath, std::string> places);
  std::vector<std::string> shown_in(const RelPath& directory);

  /// `.syncoxiders/<name>`; kNotFound when it does not stand.
  Result<std::shared_ptr<fs::Directory>> open_own(std::string_view name);
  /// The same, made when it is missing.
  Result<std::shared_ptr<fs::Directory>> make_own(std::string_view name);

  /// The mode to set; none where there are no modes or the source knows none.
  std::optional<std::uint32_t> mode_of(const std::optional<tree::Attributes>& attributes) const;
  bool is_own_name(std::string_view name) const;
  /// kNameInvalid when `path` leads into our own folder.
  Result<void> check_not_own(const RelPath& path) const;
  tree::Fingerprint fingerprint_of(const fs::Stat& stat) const;
  tree::Entry entry_of(std::string name, const fs::Stat& stat) const;
  /// True when the inode is the version that is expected. Of directories only the identity counts.
  bool matches(const fs::Stat& stat, const tree::Fingerprint& expected) const;

  /// The inode changed so lately that a further change may leave no trace.
  bool is_recent(const fs::Stat& stat) const;
  /// The same at a moment before the inode was read.
  bool was_recent(const fs::Stat& stat, Timestamp now) const;
  bool is_racy(const fs::Stat& stat, Timestamp file_system_now) const;
  Timestamp now() const { return options_.clock->now(); }
  /// The file system's own clock; none where nothing may be written.
  std::optional<Timestamp> file_system_now();
  /// Entries of a listing, in order of their names, with their racy marks; looks again at what
  /// changed shortly before it was `begun`.
  Result<std::vector<tree::Entry>> entries_of(fs::Directory& directory,
                                              std::vector<fs::DirectoryItem> items,
                                              Timestamp begun);
  /// One entry with xattrs, link target and racy mark.
  Result<tree::Entry> look_at(fs::Directory& directory, const std::string& name);
  /// An entry that we have just changed ourselves: its racy mark needs no look at the clock.
  Result<tree::Entry> entry_after_change(fs::Directory& directory, const std::string& name);

  std::string random_name(std::string_view prefix);

  /// One user at a time of a resumable part; false when it is in use.
  bool claim_part(const std::string& name);
  void release_part(const std::string& name);
  /// Names in stage/<rule> that live batches hold: sweep leaves them alone.
  void add_live(const std::string& name);
  void drop_live(const std::string& name);
  bool is_live(const std::string& name);

  /// Remembers what make_durable() must sync by itself where syncfs can't be trusted.
  void note_directory(const RelPath& path);
  void note_file(const RelPath& path);
  /// The names in a directory that changed not long ago may not be durable yet, whoever changed
  /// them.
  Result<void> note_listed(const RelPath& path, fs::Directory& directory);
  /// The same for a directory in our own folder, named by `key`.
  Result<void> note_own(const std::string& key, std::shared_ptr<fs::Directory> directory);
  Result<void> make_durable();

 private:
  Result<std::shared_ptr<fs::Directory>> open_shown(const RelPath& path);
  Result<void> fill_link_and_xattrs(fs::Directory& directory, tree::Entry& entry);
  Result<void> sync_one(const RelPath& path, fs::NodeType type);

  LocalOptions options_;
  RootFacts facts_;
  std::shared_ptr<fs::Directory> root_;
  std::shared_ptr<fs::Directory> own_;
  std::shared_ptr<fs::Directory> stage_;
  std::unique_ptr<fs::File> clock_file_;

  rt::Mutex mutex_;
  std::map<RelPath, std::string> shown_ OX_GUARDED_BY(mutex_);
  std::set<std::string> parts_in_use_ OX_GUARDED_BY(mutex_);
  std::set<std::string> live_ OX_GUARDED_BY(mutex_);
  std::set<RelPath> unsynced_directories_ OX_GUARDED_BY(mutex_);
  std::set<RelPath> unsynced_files_ OX_GUARDED_BY(mutex_);

  DirtyDirectories own_directories_{false};
};

}  // namespace ox::provider
