#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "provider/memory/memory_provider.h"
#include "rt/mutex.h"

namespace ox::provider {

/// An inode. Its name is kept by its directory.
struct MemoryNode {
  struct Child {
    std::string name;
    std::shared_ptr<MemoryNode> node;
  };
  std::uint64_t id = 0;
  tree::Kind kind = tree::Kind::kFile;
  std::shared_ptr<const std::string> content = std::make_shared<const std::string>();
  std::string link_target;
  std::uint32_t mode = 0;
  std::vector<Source::Xattr> xattrs;  ///< sorted by name
  Timestamp birth;
  Timestamp mtime;
  Timestamp ctime;
  std::uint64_t revision = 0;
  bool held_open = false;
  std::map<std::string, Child> children;  ///< by collision key

  std::shared_ptr<MemoryNode> deep_copy() const;
};

using MemoryNodePtr = std::shared_ptr<MemoryNode>;

/// kUnsupported where the store can't do it at all.
Result<void> check_safety(Cas cas, std::string_view what);

/// All that a snapshot keeps.
struct MemoryContents {
  MemoryNodePtr root;
  std::map<RelPath, MemoryNodePtr> trash;
  std::map<std::string, std::uint64_t> trash_folders;  ///< folder → when it was first used
  std::map<std::string, MemoryNodePtr> parked;
  std::map<std::string, RootIdentity> identities;
  std::uint64_t next_id = 1;
  Timestamp last_change;

  MemoryContents deep_copy() const;
};

class MemoryProvider::Snapshot {
 public:
  MemoryContents contents;
};

/// The store behind provider, batches and sources. Methods that need the mutex say so.
struct MemoryProvider::Store {
  explicit Store(MemoryOptions chosen);

  /// Counts the call and lets the hook speak.
  Result<void> begin_call(std::string_view call, const RelPath& path) OX_EXCLUDES(mutex);
  Result<void> before_effect(std::string_view call, const RelPath& path) OX_EXCLUDES(mutex);
  Result<void> after_effect(std::string_view call, const RelPath& path) OX_EXCLUDES(mutex);

  // Names and nodes.
  std::string key_of(std::string_view name) const;
  Result<void> check_name(std::string_view name) const;
  Result<void> check_names(const RelPath& path) const;  ///< every one on the way
  MemoryNodePtr find(const RelPath& path) const OX_REQUIRES(mutex);
  /// What is seen at `path`: what stands there, else what is parked and shown there. kNotFound.
  Result<MemoryNodePtr> see(const RelPath& path) const OX_REQUIRES(mutex);
  Result<MemoryNodePtr> get(const RelPath& path) const OX_REQUIRES(mutex);
  /// Whether parent_for() would do; changes nothing.
  Result<void> check_parent(const RelPath& path) const OX_REQUIRES(mutex);
  /// The directory that is to hold `path`; made where the store has no directories of its own.
  Result<MemoryNodePtr> parent_for(const RelPath& path) OX_REQUIRES(mutex);
  MemoryNodePtr make_parents(const RelPath& directory) OX_REQUIRES(mutex);
  MemoryNodePtr new_node(tree::Kind kind) OX_REQUIRES(mutex);
  MemoryNodePtr new_directory_like(const MemoryNode& other) OX_REQUIRES(mutex);
  bool is_parked(std::string_view name, const MemoryNodePtr& node) const OX_REQUIRES(mutex);
  void attach(const MemoryNodePtr& parent, std::string_view name, MemoryNodePtr node)
      OX_REQUIRES(mutex);
  /// Takes the node out of the tree; directories left empty vanish where there are none.
  MemoryNodePtr detach(const RelPath& path) OX_REQUIRES(mutex);

  // Time.
  Timestamp tick() OX_REQUIRES(mutex);
  Timestamp clock_now() const OX_REQUIRES(mutex);
  void touch(MemoryNode& node) OX_REQUIRES(mutex);          ///< attributes or place changed
  void touch_content(MemoryNode& node) OX_REQUIRES(mutex);  ///< bytes changed, mtime moves
  Timestamp stored_mtime(Timestamp mtime) const;

  // What the outside sees.
  tree::Fingerprint fingerprint_of(const MemoryNode& node) const OX_REQUIRES(mutex);
  tree::Entry entry_of(std::string_view name, const MemoryNode& node, bool whole) const
      OX_REQUIRES(mutex);
  bool matches(const MemoryNode& node, const tree::Fingerprint& expected) const OX_REQUIRES(mutex);
  /// kPreconditionFailed unless the expected version stands at `path`.
  Result<void> check_expected(const RelPath& path, const tree::Fingerprint& expected) const
      OX_REQUIRES(mutex);
  /// A directory that moves entry by entry.
  struct Parts {
    std::string_view call;
    MemoryNodePtr from;
    MemoryNodePtr to;
    RelPath path;                 ///< what the hook is told of what is in it
    std::function<bool()> stand;  ///< both are still where they were; asked with the mutex held
  };
  /// Names that are taken stay. kExists: something stayed.
  Result<void> move_children(const Parts& parts) OX_EXCLUDES(mutex);
  /// One of them. None: it is a file that moved, or something that is gone; else what is in it has
  /// to follow.
  Result<std::optional<Parts>> move_child(const Parts& parts, const std::string& key)
      OX_EXCLUDES(mutex);
  /// All that is in it, and then `take_away` (with the mutex held), which is to do that to `from`.
  Result<void> move_all(const Parts& parts, const std::function<void()>& take_away)
      OX_EXCLUDES(mutex);
  /// Puts a detached node into the trash.
  Trashed put_in_trash(const TrashFolder& folder, const RelPath& path, MemoryNodePtr node)
      OX_REQUIRES(mutex);

  Result<Published> publish(const MemoryNodePtr& staged, const RelPath& path,
                            const Precondition& precondition, const TrashFolder& trash)
      OX_EXCLUDES(mutex);
  Result<void> check_publish(tree::Kind kind, const RelPath& path, const Precondition& precondition)
      OX_REQUIRES(mutex);

  const MemoryOptions options;
  const bool exact_names;
  mutable rt::Mutex mutex;
  MemoryContents contents OX_GUARDED_BY(mutex);
  Counters counters OX_GUARDED_BY(mutex);
  Hook hook OX_GUARDED_BY(mutex);
  std::map<RelPath, std::string> shown OX_GUARDED_BY(mutex);  ///< parked entries, see show_parked
  struct LastListing {
    std::vector<tree::Entry> entries;
    bool shown_late = false;
  };
  std::map<RelPath, LastListing> last_listings OX_GUARDED_BY(mutex);

 private:
  Result<void> ask_hook(MemoryEvent::When when, std::string_view call, const RelPath& path)
      OX_EXCLUDES(mutex);
};

class MemoryProvider::MemorySource final : public Source {
 public:
  MemorySource(std::shared_ptr<Store> store, RelPath path, MemoryNodePtr node,
               tree::Fingerprint fingerprint)
      : store_(std::move(store)),
        path_(std::move(path)),
        node_(std::move(node)),
        fingerprint_(std::move(fingerprint)) {}

  std::uint64_t size() const override { return fingerprint_.size; }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override;
  Result<void> verify_unchanged() override;
  const tree::Fingerprint& fingerprint() const override { return fingerprint_; }
  Result<std::vector<Xattr>> xattrs() override;
  /// For typeid(MemorySource): this object.
  void* native_handle(const std::type_info& type) override;
  /// The bytes as they are now, without counting them as read.
  std::shared_ptr<const std::string> content() const;

 private:
  std::shared_ptr<Store> store_;
  RelPath path_;
  MemoryNodePtr node_;
  tree::Fingerprint fingerprint_;
};

class MemoryProvider::MemoryBatch final : public Batch {
 public:
  explicit MemoryBatch(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  Result<Staged> stage(const StageRequest& request, std::stop_token stop) override;
  void discard(const Staged& staged) override;
  Result<Reach> make_durable() override;
  Result<Digest> read_back(const Staged& staged, std::stop_token stop) override;
  Result<Published> publish(const Staged& staged, const RelPath& path,
                            const Precondition& precondition, const TrashFolder& trash) override;
  Result<void> settle() override;

 private:
  Result<MemoryNodePtr> find_staged(const Staged& staged);
  Result<void> check_request(const StageRequest& request) const;
  Result<std::shared_ptr<const std::string>> read_all(const StageRequest& request,
                                                      const std::stop_token& stop, Staged& staged);
  Result<RelPath> keep(const RelPath& place, MemoryNodePtr node);
  /// Forgets the place and all below it, which it hands over as it stands there.
  void release(const RelPath& place, std::unordered_map<RelPath, tree::Entry>* inside);

  std::shared_ptr<Store> store_;
  rt::Mutex mutex_;
  std::map<RelPath, MemoryNodePtr> staged_ OX_GUARDED_BY(mutex_);
  std::uint64_t next_number_ OX_GUARDED_BY(mutex_) = 0;
};

}  // namespace ox::provider
