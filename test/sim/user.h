#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rt/clock.h"
#include "rt/random.h"
#include "sim/ground.h"
#include "sim/versions.h"
#include "tree/names.h"

namespace ox::sim {

/// How the users of one history work.
struct Habits {
  std::uint64_t unsynced_percent = 0;  ///< of the edits
  bool symlinks = false;
  /// Of the disk's clock: a change without a trace in size and mtime must at least move ctime.
  std::chrono::nanoseconds time_step{1};
  bool disk_may_be_full = false;  ///< then an edit may stop half-way
  /// Overwrites none: it may be one that the engine is about to rename something over, where
  /// nothing better is to be had.
  bool leaves_empty_files = false;
  bool sizes_tell = false;        ///< no two versions are of one size
  bool odd_names = false;         ///< some that not every store can hold, or tell apart
  tree::NameRules names;          ///< of his own store
  bool holds_files_open = false;  ///< writes some files in two steps, and works between them
  bool maps_files = false;        ///< and some of them through a mapping
};

/// What an edit touched, for the oracle.
struct Edit {
  std::size_t replica = 0;
  std::vector<std::string> touched;
  std::optional<std::string> deleted;  ///< it did nothing but delete this path
  std::string deleted_bytes;           ///< what stood there, if it was no directory
  std::string text;                    ///< for a person
};

/// Somebody who works on one replica. Tells the versions what he wrote and what he replaced.
class User {
 public:
  User(std::size_t replica, Ground& ground, Versions& versions, rt::SeededRandom& random,
       rt::ManualClock& clock, Habits habits);

  /// One random edit; none when nothing came of it.
  std::optional<Edit> edit();
  /// The engine may have changed what changed since then and not have looked at it again.
  void set_engine_at_work_since(std::optional<Timestamp> instant) { engine_since_ = instant; }
  /// Ends a write that is half done.
  std::optional<Edit> finish_writing();
  bool is_writing() const { return writing_.file != nullptr; }
  /// What is open is gone, and so is the version that was never written whole.
  void drop_open_file();

 private:
  struct Writing {
    std::unique_ptr<OpenFile> file;
    std::string path;
    std::string bytes;  ///< what it is to hold in the end
    bool is_mapped = false;
  };

  bool carry_out(Edit& edit);
  void allow_halves(Edit& edit);
  void forget_synced(const Tree& stood);
  bool create(Edit& edit);
  bool write(Edit& edit);
  bool begin_writing(Edit& edit, const std::string& path);
  bool map(Edit& edit, const std::string& path);
  void let_ctime_differ(Timestamp old);
  bool copy(Edit& edit);
  bool rename(Edit& edit);
  bool rename_over(Edit& edit);
  bool swap(Edit& edit);
  bool remove(Edit& edit);
  bool make_directory(Edit& edit);
  bool make_symlink(Edit& edit);
  bool chmod(Edit& edit);
  bool touch(Edit& edit);
  bool change_type(Edit& edit);

  /// A version that is about to be written; owed to nobody when that fails.
  std::string new_version();
  bool written(const std::string& bytes, bool done);
  void replace_below(const std::string& path);
  /// A random path of a kind; empty when there is none.
  std::string pick(std::initializer_list<NodeKind> kinds);
  std::string pick_directory();  ///< may be the root
  std::string free_path(const std::string& directory);
  std::string any_name();
  bool is_free(const std::string& path) const;
  void settle(const Edit& edit);
  /// Wherever they stand on this replica.
  std::set<std::string> all_contents();

  std::size_t replica_;
  Ground& ground_;
  Versions& versions_;
  rt::SeededRandom& random_;
  rt::ManualClock& clock_;
  Habits habits_;
  std::optional<Timestamp> engine_since_;
  Tree tree_;
  std::vector<std::string> fresh_;  ///< contents of the edit under way
  Writing writing_;
};

}  // namespace ox::sim
