#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "provider/provider.h"
#include "rt/clock.h"

namespace ox::provider {

/// Everything a good local disk can do.
Capabilities full_capabilities();

/// One moment of a call on a MemoryProvider at which a test or simulation may step in.
struct MemoryEvent {
  enum class When : std::uint8_t {
    kBeforeCall,    ///< nothing was looked at yet
    kBeforeEffect,  ///< preconditions that the store checks early were checked: the gap
    kAfterEffect,   ///< the change is made; an error now is an answer that got lost
  };
  When when = When::kBeforeCall;
  std::string_view call;  ///< the function's name: "list", "publish", "move", …
  RelPath path;           ///< what the call is about; the root where it is about nothing
};

struct MemoryOptions {
  Capabilities capabilities = full_capabilities();
  /// Stamps changes. None: a clock of its own that starts at `start` and moves only with changes.
  rt::Clock* clock = nullptr;
  Timestamp start{1'700'000'000'000'000'000};
  /// Fingerprints carry a revision that changes with every change of an entry (as etags do).
  bool revisions = false;
  std::string file_system = "memory";
};

/// An in-memory replica that is as able and as unable as its capabilities say, with a user's hand
/// for tests and the simulator. Deterministic. Safe for concurrent calls.
///
/// What it does for each flag: no stable_ids → id and birth are 0; no ctime_reliable → ctime is 0
/// (revisions may still tell); mtime_step truncates; no has_mtime → mtime is 0; no mtime_settable →
/// mtime is the time of writing; no modes, xattrs, symlinks → not kept (symlinks kUnsupported);
/// names refuse and collide by NameRules; no directories → parents appear and vanish by themselves;
/// no native_directory_move → a directory moves entry by entry; Cas::kNone → that operation is
/// kUnsupported; kRacy, kDetectAfter → a change at kBeforeEffect goes to the trash (reported or
/// not); kAtomic → it is refused; not consistent → the first listing after a change is the old one.
class MemoryProvider final : public Provider {
 public:
  explicit MemoryProvider(MemoryOptions options = {});
  ~MemoryProvider() override;

  // The replica, see Provider.
  const Capabilities& capabilities() const override;
  Result<std::vector<tree::Entry>> list(const RelPath& directory, const tree::Fingerprint* expected,
                                        std::stop_token stop) override;
  Result<tree::Entry> look(const RelPath& path) override;
  Result<std::unique_ptr<Source>> open(const RelPath& path,
                                       const tree::Fingerprint* expected) override;
  Result<std::unique_ptr<Batch>> begin_batch() override;
  Result<tree::Entry> make_directory(const RelPath& path,
                                     std::optional<tree::Attributes> attributes) override;
  Result<tree::Entry> move(const RelPath& from, const RelPath& to,
                           const tree::Fingerprint& expected) override;
  Result<std::pair<tree::Entry, tree::Entry>> exchange(const RelPath& a, const RelPath& b) override;
  Result<void> park(const RelPath& path, const tree::Fingerprint& expected,
                    std::string_view name) override;
  Result<tree::Entry> unpark(std::string_view name, const RelPath& path) override;
  Result<std::vector<std::string>> parked() override;
  Result<tree::Entry> finish_move(const RelPath& from, const RelPath& to) override;
  Result<tree::Entry> finish_unpark(std::string_view name, const RelPath& path) override;
  Result<void> show_parked(std::map<RelPath, std::string> places) override;
  Result<tree::Entry> set_attributes(const RelPath& path, const tree::Fingerprint& expected,
                                     const tree::Attributes& attributes,
                                     std::optional<Timestamp> mtime, Source* xattr_source) override;
  Result<std::optional<Trashed>> remove(const RelPath& path, const tree::Fingerprint& expected,
                                        const TrashFolder& trash) override;
  Result<void> make_durable() override;
  Result<std::optional<RootIdentity>> read_identity(std::string_view rule) override;
  Result<void> write_identity(const RootIdentity& identity) override;
  Result<tree::Entry> look_trashed(const RelPath& trash_path) override;
  Result<std::unique_ptr<Source>> open_trashed(const RelPath& trash_path) override;
  Result<tree::Entry> restore_trashed(const RelPath& trash_path, const RelPath& path) override;
  Result<void> purge_trashed(const RelPath& trash_path) override;
  Result<std::vector<TrashItem>> list_trash() override;
  Result<std::uint64_t> sweep() override;
  Result<std::unique_ptr<ChangeFeed>> watch() override;
  Result<std::optional<std::uint64_t>> free_bytes() override;

  // The user's hand. Needs no precondition, calls no hook, refuses only what the store can't hold.
  /// Writes in place when the file stands (same id), else creates it; parents are made.
  Result<void> user_write(const RelPath& path, std::string bytes);
  /// As editors save: a new file is renamed over the old one (another id).
  Result<void> user_save(const RelPath& path, std::string bytes);
  /// Changes bytes and keeps mtime; ctime and revision move where the store has them.
  Result<void> silent_write(const RelPath& path, std::string bytes);
  /// Damage on the medium: other bytes, and nothing that tells of it.
  Result<void> decay(const RelPath& path, std::string bytes);
  Result<void> user_make_directory(const RelPath& path);  ///< parents too; standing is no error
  Result<void> user_symlink(const RelPath& path, std::string target);
  Result<void> user_remove(const RelPath& path);  ///< whole trees
  /// Renames whole trees; a file that stands at `to` is replaced.
  Result<void> user_rename(const RelPath& from, const RelPath& to);
  Result<void> user_chmod(const RelPath& path, std::uint32_t mode);
  Result<void> user_touch(const RelPath& path, Timestamp mtime);
  /// Somebody holds the file open for writing from now on, or no longer; noticed where leases are.
  Result<void> user_hold_open(const RelPath& path, bool held);
  Result<void> user_set_xattr(const RelPath& path, std::string name, std::string value);

  // What a test sees without calling any hook.
  std::optional<std::string> content(
      const RelPath& path) const;                  ///< files; links give their target
  std::map<RelPath, tree::Entry> entries() const;  ///< the whole tree
  /// Every content in the trash and in parked places, path → bytes.
  std::map<RelPath, std::string> trash_contents() const;
  std::map<std::string, std::string> parked_contents() const;

  /// Called without any lock held, so it may use the user's hand. Its error is the call's answer.
  using Hook = std::function<Result<void>(const MemoryEvent&)>;
  void set_hook(Hook hook);

  struct Counters {
    std::uint64_t calls = 0;  ///< of the Provider, Batch and Source interfaces
    std::uint64_t lists = 0;
    std::uint64_t opens = 0;
    std::uint64_t bytes_read = 0;
    std::uint64_t bytes_staged = 0;
    std::uint64_t make_durable = 0;  ///< Batch and Provider
    std::uint64_t changes = 0;       ///< effects made through the Provider interface
  };
  Counters counters() const;

  /// The whole store (tree, trash, parked, identities) as a value; contents are shared.
  class Snapshot;
  std::shared_ptr<const Snapshot> snapshot() const;
  void restore(const std::shared_ptr<const Snapshot>& snapshot);

 private:
  struct Store;
  class MemoryBatch;
  class MemorySource;
  std::shared_ptr<Store> store_;
};

}  // namespace ox::provider
