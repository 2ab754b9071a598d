#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "provider/local/copier.h"
#include "provider/local/dirty_directories.h"
#include "provider/local/local_root.h"
#include "provider/local/local_trash.h"

namespace ox::provider {

/// One folder in stage/<rule>/: single files by number, new trees below "t".
class LocalBatch final : public Batch {
 public:
  /// Both must outlive the batch.
  static Result<std::unique_ptr<Batch>> begin(LocalRoot& root, LocalTrash& trash);
  ~LocalBatch() override;

  Result<Staged> stage(const StageRequest& request, std::stop_token stop) override;
  void discard(const Staged& staged) override;
  Result<Reach> make_durable() override;
  Result<Digest> read_back(const Staged& staged, std::stop_token stop) override;
  Result<Published> publish(const Staged& staged, const RelPath& path,
                            const Precondition& precondition, const TrashFolder& trash) override;
  Result<void> settle() override;

 private:
  /// Something staged; at `path` below the batch's folder.
  struct Item {
    RelPath path;
    tree::Kind kind = tree::Kind::kFile;
    fs::Stat stat;
    std::string link_target;
    std::uint64_t xattrs = 0;
    std::optional<std::uint32_t> late_mode;  ///< of a directory, set when its children are there
  };

  struct Slot {
    Item item;
    std::vector<std::pair<const RelPath, Slot>*> children;  ///< of a directory
  };
  using Items = std::unordered_map<RelPath, Slot>;

  LocalBatch(LocalRoot& root, LocalTrash& trash, std::string name,
             std::shared_ptr<fs::Directory> folder);

  /// The slot stays where it is until it is forgotten; its item is guarded by the mutex.
  Result<Items::value_type*> reserve(const StageRequest& request, RelPath& path);
  Result<Item> find_staged(const Staged& staged);
  Result<Place> place_of(const RelPath& path_in_folder);
  /// Removes what must not be published, or else sees to it that its tree is not.
  void take_back(const RelPath& key, const RelPath& path_in_folder);
  Result<void> fill(const StageRequest& request, const Place& place, std::stop_token stop,
                    Item& item, Staged& staged);
  Result<void> stage_file(const StageRequest& request, const Place& place, std::stop_token stop,
                          Item& item, Staged& staged);
  Result<std::unique_ptr<fs::File>> stage_bytes(const StageRequest& request, const Place& place,
                                                std::stop_token stop, Staged& staged);
  /// None when the part is in use: the file is staged without one then.
  Result<std::unique_ptr<fs::File>> stage_resumable(const StageRequest& request, const Place& place,
                                                    std::stop_token stop, Staged& staged);
  Result<void> dress_file(const StageRequest& request, fs::File& file, Item& item);
  Result<void> keep_for_sync(const Place& place, std::unique_ptr<fs::File> file);
  Result<void> set_late_modes();
  Result<void> put_in_place(const Item& item, const Place& from, const Place& place,
                            const RelPath& path, const Precondition& precondition,
                            const TrashFolder& trash, Published& published);
  Result<tree::Entry> describe_published(const Item& item, const Place& place);
  tree::Entry describe(const Item& item, std::string_view name, const fs::Stat& stat) const;
  /// Forgets the place and all below it; tells `inside`, if any, what stands below.
  void forget(const RelPath& place, std::unordered_map<RelPath, tree::Entry>* inside = nullptr);

  LocalRoot& root_;
  LocalTrash& trash_;
  const std::string name_;
  const std::shared_ptr<fs::Directory> folder_;
  DirtyDirectories staged_directories_;
  DirtyDirectories published_directories_;

  rt::Mutex mutex_;
  Items items_ OX_GUARDED_BY(mutex_);
  /// Directories of staged trees that were used last. Nobody else moves them.
  std::map<RelPath, std::shared_ptr<fs::Directory>> opened_ OX_GUARDED_BY(mutex_);
  std::uint64_t next_number_ OX_GUARDED_BY(mutex_) = 0;
  bool has_trees_ OX_GUARDED_BY(mutex_) = false;
  std::map<std::string, Error> spoilt_ OX_GUARDED_BY(mutex_);  ///< why, by the name of a tree's top
  std::vector<std::unique_ptr<fs::File>> unsynced_ OX_GUARDED_BY(mutex_);
  bool many_unsynced_ OX_GUARDED_BY(mutex_) = false;
};

}  // namespace ox::provider
