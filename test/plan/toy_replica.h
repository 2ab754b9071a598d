#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/rel_path.h"
#include "base/result.h"
#include "plan/plan.h"
#include "plan/toy_content.h"

/// One replica of the toy world: a plain tree in memory that a user edits and that an executor
/// changes. It knows nothing of records or plans.
namespace ox::toy {

struct Object {
  std::string name;
  tree::Kind kind = tree::Kind::kFile;
  std::uint64_t id = 0;
  std::int64_t birth_ns = 0;
  std::uint64_t version = 0;  ///< counts changes, for stores with revisions
  Timestamp mtime;
  Timestamp ctime;
  std::uint32_t mode = 0644;
  std::uint64_t xattrs = 0;
  BlobPtr blob;              ///< files only
  std::string link_target;   ///< symlinks only
  bool unreadable = false;   ///< stands, but cannot be looked at
  bool moved_by_us = false;  ///< the executor moved it in this run: its ctime says nothing
  std::map<std::string, std::unique_ptr<Object>> children;  ///< by ToyReplica::key

  std::unique_ptr<Object> clone() const;
};

/// How the replica tells versions apart.
enum class Versions : std::uint8_t {
  kTimes,      ///< mtime and ctime
  kMtimeOnly,  ///< mtime alone
  kRevisions,  ///< an etag, no ctime
};

struct Abilities {
  plan::Traits traits;
  Versions versions = Versions::kTimes;
};

/// What displaced versions become.
struct Trashed {
  std::string path;
  BlobPtr blob;
};

class ToyReplica {
 public:
  explicit ToyReplica(Abilities abilities);
  ToyReplica(const ToyReplica& other);
  ToyReplica& operator=(const ToyReplica&) = delete;
  ToyReplica(ToyReplica&&) noexcept = default;
  ToyReplica& operator=(ToyReplica&&) noexcept = default;

  const plan::Traits& traits() const { return abilities_.traits; }
  Abilities& abilities() { return abilities_; }
  const Object& root() const { return *root_; }

  /// The object at a path ("" is the root), by this replica's own idea of equal names.
  Object* find(std::string_view path);
  const Object* find(std::string_view path) const;
  bool has(std::string_view path) const { return find(path) != nullptr; }
  /// Two names with one key are one name here.
  std::string key(std::string_view name) const;
  /// As it is listed when written under `name`.
  std::string stored_name(std::string_view name) const;
  std::size_t object_count() const;

  // What a user does. False: it is not possible here (no such file, name taken, inside itself).
  bool write(std::string_view path, BlobPtr blob, Timestamp now);
  /// Other bytes of the same size under the old mtime.
  bool write_silently(std::string_view path, BlobPtr blob, Timestamp now);
  /// As editors save: a new file renamed over the old one.
  bool save(std::string_view path, BlobPtr blob, Timestamp now);
  bool make_directory(std::string_view path, Timestamp now);
  bool make_symlink(std::string_view path, std::string target, Timestamp now);
  bool rename(std::string_view from, std::string_view to, Timestamp now);
  bool remove(std::string_view path, Timestamp now);
  bool set_mode(std::string_view path, std::uint32_t mode, Timestamp now);
  bool set_xattrs(std::string_view path, std::uint64_t xattrs, Timestamp now);
  bool touch(std::string_view path, Timestamp mtime, Timestamp now);
  bool copy(std::string_view from, std::string_view to, Timestamp now);
  bool make_special(std::string_view path, Timestamp now);
  bool set_unreadable(std::string_view path, bool unreadable);

  /// What a listing says of `object`.
  tree::Entry entry_of(const Object& object, Timestamp now) const;
  tree::Fingerprint fingerprint_of(const Object& object, Timestamp now) const;

  // What the executor does. Each checks its precondition; a violation is an Error.
  Result<void> apply_make_directory(const plan::Operation& operation, Timestamp now);
  Result<void> apply_move(const plan::Operation& operation, Timestamp now);
  Result<void> apply_exchange(const plan::Operation& operation, Timestamp now);
  Result<void> apply_park(const plan::Operation& operation);
  /// Puts back what is parked, if that name is free.
  bool bring_home(const std::string& parked, const RelPath& path, Timestamp now);
  Result<void> apply_unpark(const plan::Operation& operation, Timestamp now);
  /// `blob` is what a file gets; null for symlinks.
  Result<void> apply_put(const plan::Operation& operation, BlobPtr blob, Timestamp now);
  Result<void> apply_attributes(const plan::Operation& operation, Timestamp now);
  Result<void> apply_remove(const plan::Operation& operation, Timestamp now);

  const std::vector<Trashed>& trash() const { return trash_; }
  const std::map<std::string, std::unique_ptr<Object>>& parked() const { return parked_; }
  /// A run is over: what we moved in it is as any other file.
  void end_run();

  using Visitor = std::function<void(const std::string& path, const Object& object)>;
  /// All objects below the root, a directory before what is in it.
  void for_each(const Visitor& visit) const;

 private:
  struct Place {
    Object* directory = nullptr;
    std::string name;
  };
  Place place(std::string_view path);
  Object* child(Object& directory, std::string_view name) const;
  Object& add(const Place& at, tree::Kind kind, Timestamp now);
  void attach(const Place& at, std::unique_ptr<Object> object, Timestamp now);
  std::unique_ptr<Object> detach(const Place& at, Timestamp now);
  Timestamp stored_time(Timestamp time) const;
  Result<Object*> expect_at(const plan::Operation& operation, const RelPath& path);
  Result<Place> expect_free(const RelPath& path);
  Result<Place> existing_place(const RelPath& path);
  Result<void> check_name(std::string_view name) const;
  void discard(const std::string& path, const Object& object);

  Abilities abilities_;
  std::unique_ptr<Object> root_;
  std::map<std::string, std::unique_ptr<Object>> parked_;
  std::vector<Trashed> trash_;
  std::uint64_t next_id_ = 100;
};

/// "dir/name" of a child.
std::string join(const std::string& directory, const std::string& name);
/// The directory part of a path, and its last name.
std::pair<std::string, std::string> split(std::string_view path);

}  // namespace ox::toy
