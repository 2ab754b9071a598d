#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <typeinfo>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/rel_path.h"
#include "base/result.h"
#include "tree/entry.h"
#include "tree/names.h"

/// A replica as the engine sees it: a tree of entries with versions, written only under a
/// precondition. What a store cannot do is said by its capabilities, never papered over.
namespace ox::provider {

/// Our own folder at the root of every writable replica: `id/<rule>`, `trash/`, `stage/<rule>/`. An
/// entry of this name is never listed and never synced, at any depth (roots of other rules nest).
inline constexpr std::string_view kOwnFolder = ".syncoxiders";

/// How safely an operation can be bound to "only if nobody changed it meanwhile".
enum class Cas : std::uint8_t {
  kNone,         ///< not at all
  kRacy,         ///< checked just before; a change in the gap is overwritten but kept in the trash
  kDetectAfter,  ///< the displaced version is verified afterwards and never lost
  kAtomic,       ///< the store itself refuses
};

/// Probed, not believed; fixed for the life of a Provider object.
struct Capabilities {
  Cas create = Cas::kNone;
  Cas replace = Cas::kNone;
  Cas remove = Cas::kNone;
  Cas move = Cas::kNone;
  bool stable_ids = false;             ///< Fingerprint::id follows a file through renames
  bool native_directory_move = false;  ///< one call moves a whole tree; else see finish_move()
  bool exchange = false;               ///< two names can change places atomically
  bool directories = true;             ///< empty directories can exist
  bool staged_trees = false;           ///< a whole new directory appears by one publish
  bool symlinks = false;
  bool modes = false;  ///< permission bits are kept
  bool xattrs = false;
  bool mtime_settable = false;
  bool has_mtime = false;
  bool ctime_reliable = false;  ///< every change of bytes moves Fingerprint::ctime or revision
  bool leases = false;          ///< open writers can be noticed
  bool consistent = true;       ///< a listing shows every finished write
  /// Replicas with the same number become durable together, whichever is asked; 0: by itself.
  std::uint64_t durability_domain = 0;
  /// make_durable() goes by paths: what others have moved away since it was read is left out.
  bool durable_by_path = false;
  Duration mtime_step{1};  ///< coarsest distance of two time stamps of this store
  Duration clock_skew{0};  ///< how wrong the store's clock may be against ours
  tree::NameRules names;
};

/// Who a root is to one rule, kept in `.syncoxiders/id/<rule>` on the root itself. A root may be a
/// replica of several rules.
struct RootIdentity {
  std::string rule;           ///< 32 hexadecimal digits
  std::uint32_t replica = 0;  ///< position in the rule
  std::uint64_t epoch = 0;    ///< advances with every change of the acknowledged state
  std::string file_system;    ///< UUID of the file system, empty where there is none

  friend bool operator==(const RootIdentity&, const RootIdentity&) = default;
};

/// Bytes to be read once, in any order of ranges. Not thread-safe.
class Source {
 public:
  virtual ~Source() = default;
  virtual std::uint64_t size() const = 0;
  /// Fills `into` from `offset`; fewer bytes only at the end.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) = 0;
  /// Says after the last read whether all reads saw one version: kPreconditionFailed when the
  /// entry changed since it was opened, kBusy when somebody holds it open for writing and two
  /// readings would be needed to believe it.
  virtual Result<void> verify_unchanged() = 0;
  /// The fingerprint of what was opened.
  virtual const tree::Fingerprint& fingerprint() const = 0;
  /// User attributes that travel with a local file ("user." names, sorted).
  struct Xattr {
    std::string name;
    std::vector<std::uint8_t> value;
  };
  virtual Result<std::vector<Xattr>> xattrs() { return std::vector<Xattr>{}; }
  /// Providers of one kind may recognise each other's sources and copy without passing through us.
  virtual void* native_handle(const std::type_info&) { return nullptr; }
};

/// What must stand at a path for a change to be made. kPreconditionFailed says it does not; nothing
/// was changed then.
struct Precondition {
  std::optional<tree::Fingerprint> expected;  ///< none: nothing may stand there

  static Precondition absent() { return {}; }
  static Precondition matches(tree::Fingerprint fingerprint) {
    return {.expected = std::move(fingerprint)};
  }
};

/// A version that was put aside. `path` is relative to the trash of its replica: "<folder>/<path>",
/// with "~2", "~3" … after the last name when it was taken.
struct Trashed {
  RelPath path;
  tree::Fingerprint fingerprint;  ///< as it is in the trash
};

/// Where displaced versions go: trash/<folder>/<the entry's own path>.
struct TrashFolder {
  std::string name;  ///< a run's label, a valid name
};

/// What to stage. Exactly one of `source` and (kind == kSymlink or kDirectory) applies.
struct StageRequest {
  tree::Kind kind = tree::Kind::kFile;
  Source* source = nullptr;
  Timestamp mtime;                             ///< to be set on the result
  std::optional<tree::Attributes> attributes;  ///< none: the store's default for new files
  std::string link_target;
  std::optional<Digest> expected_digest;  ///< known already: may be cloned without hashing
  /// Place inside the batch: empty for a single file; "D" then "D/x" build a whole new directory
  /// that is published by one publish(D).
  RelPath place;
  /// Names the content across runs, so that a half-staged large file is found again and resumed at
  /// its last verified chunk. Empty: not resumable.
  std::string resume_key;
  std::function<Result<void>(std::uint64_t bytes)>
      on_bytes;  ///< progress and bandwidth; may be empty
};

struct Staged {
  RelPath place;
  std::uint64_t size = 0;
  std::optional<Digest> digest;  ///< of the bytes as written (files); none for directories
};

struct Published {
  tree::Entry entry;                 ///< what stands at the path now
  std::optional<Trashed> displaced;  ///< what stood there before
  /// False when what stood there was not what the precondition named (Cas::kDetectAfter): somebody
  /// changed it in the gap. It was put aside whole; the caller must plan it as a new version.
  bool displaced_as_expected = true;
  /// Of a directory: what was staged in it, by place, as it stands now.
  std::unordered_map<RelPath, tree::Entry> inside;
};

/// What became durable at a call of Batch::make_durable().
enum class Reach : std::uint8_t {
  kStaged,  ///< what was staged
  kDomain,  ///< all that the replicas of this durability domain showed before, too
};

/// A set of writes that become durable together: stage all → make_durable → publish each → settle.
/// stage() may be called from several threads at once, publish() too; staging may go on while
/// make_durable() runs, which then counts for what was staged before. Destroying a batch removes
/// what was staged and not published (resumable parts excepted).
class Batch {
 public:
  virtual ~Batch() = default;
  /// Writes the bytes to a private place, digesting them in the same pass. After an error nothing
  /// of this request remains staged.
  virtual Result<Staged> stage(const StageRequest& request, std::stop_token stop) = 0;
  /// Takes back a staged file or symlink. Nothing of it is ever published: where it can't be
  /// removed from a staged tree, publish() refuses that tree with kIo.
  virtual void discard(const Staged& staged) = 0;
  /// All staged bytes survive a power cut when this returns.
  virtual Result<Reach> make_durable() = 0;
  /// The digest of a staged file as it is read from the medium again, past the caches where that
  /// can be had. Call it after make_durable().
  virtual Result<Digest> read_back(const Staged& staged, std::stop_token stop) = 0;
  /// Swaps a staged entry in at `path`, whose parent directory must stand (kNotFound). What stood
  /// there goes to the trash. On kPreconditionFailed and kExists nothing changed and the entry is
  /// still staged.
  virtual Result<Published> publish(const Staged& staged, const RelPath& path,
                                    const Precondition& precondition, const TrashFolder& trash) = 0;
  /// All published names survive a power cut when this returns.
  virtual Result<void> settle() = 0;
};

/// A changed place a watcher saw.
struct Change {
  enum class What : std::uint8_t { kDirectory, kEverything, kRootGone };
  What what = What::kDirectory;
  RelPath directory;  ///< list it again
};

/// Tells of changes until destroyed.
class ChangeFeed {
 public:
  virtual ~ChangeFeed() = default;
  virtual Result<std::vector<Change>> wait(std::chrono::milliseconds timeout) = 0;
  virtual void interrupt() = 0;
};

/// Safe for concurrent calls; calls block and honour `stop` (kCancelled). NotFound always means
/// "known to be absent"; "could not tell" is kUnreachable, kPermissionDenied or kIo.
class Provider {
 public:
  virtual ~Provider() = default;

  virtual const Capabilities& capabilities() const = 0;

  /// Whole listing of one directory without our own folder, in no order. An error means that
  /// nothing is known of its entries. Digests are given only where the store keeps them;
  /// Attributes::xattrs is not looked at. kPreconditionFailed when `expected` is given and another
  /// directory stands there, where ids can tell.
  virtual Result<std::vector<tree::Entry>> list(const RelPath& directory,
                                                const tree::Fingerprint* expected,
                                                std::stop_token stop) = 0;
  /// One entry, looked at directly, xattrs and link target included.
  virtual Result<tree::Entry> look(const RelPath& path) = 0;
  /// Opens a file for reading. kPreconditionFailed when `expected` is given and is not what stands.
  virtual Result<std::unique_ptr<Source>> open(const RelPath& path,
                                               const tree::Fingerprint* expected) = 0;

  virtual Result<std::unique_ptr<Batch>> begin_batch() = 0;
  /// kExists when anything stands there.
  virtual Result<tree::Entry> make_directory(const RelPath& path,
                                             std::optional<tree::Attributes> attributes) = 0;
  /// Moves a file, symlink or whole directory, never onto something that stands (kExists).
  virtual Result<tree::Entry> move(const RelPath& from, const RelPath& to,
                                   const tree::Fingerprint& expected) = 0;
  /// Swaps two entries. kUnsupported without Capabilities::exchange.
  virtual Result<std::pair<tree::Entry, tree::Entry>> exchange(const RelPath& a,
                                                               const RelPath& b) = 0;
  /// Moves an entry to a private place called `name` (breaking a cycle of moves), and back.
  virtual Result<void> park(const RelPath& path, const tree::Fingerprint& expected,
                            std::string_view name) = 0;
  virtual Result<tree::Entry> unpark(std::string_view name, const RelPath& path) = 0;
  virtual Result<std::vector<std::string>> parked() = 0;
  /// Without native_directory_move, move, park and unpark of a directory go entry by entry, and one
  /// that fails or is broken off leaves some of it in either place. This goes on with it: what
  /// `from` still holds follows into `to`, and then `from` goes. What stands there already under
  /// the same name stays, and the answer is kExists.
  virtual Result<tree::Entry> finish_move(const RelPath& from, const RelPath& to) = 0;
  /// The same of what is parked as `name`, into the directory at `path`.
  virtual Result<tree::Entry> finish_unpark(std::string_view name, const RelPath& path) = 0;
  /// For looking ahead of the start that brings parked entries home: from now on list, look and
  /// open show each of these where it is to stand, until it stands there or something else does.
  /// Place → private name. Replaces what was said before; nothing is changed on the store.
  virtual Result<void> show_parked(std::map<RelPath, std::string> places) = 0;
  /// Sets mode and user attributes (taken from `xattr_source`, may be null) and, when `mtime` is
  /// given, the modification time of what `expected` names.
  virtual Result<tree::Entry> set_attributes(const RelPath& path, const tree::Fingerprint& expected,
                                             const tree::Attributes& attributes,
                                             std::optional<Timestamp> mtime,
                                             Source* xattr_source) = 0;
  /// Moves a file or symlink to the trash; removes an empty directory (kNotEmpty otherwise; then
  /// the result has no trash path).
  virtual Result<std::optional<Trashed>> remove(const RelPath& path,
                                                const tree::Fingerprint& expected,
                                                const TrashFolder& trash) = 0;
  /// Everything seen, read and changed so far survives a power cut when this returns.
  virtual Result<void> make_durable() = 0;

  /// None when the root has no identity for `rule`; kCorrupt when it cannot be read as one.
  virtual Result<std::optional<RootIdentity>> read_identity(std::string_view rule) = 0;
  /// Replaces the identity for `identity.rule`. Durable when it returns.
  virtual Result<void> write_identity(const RootIdentity& identity) = 0;

  /// One trashed version.
  virtual Result<tree::Entry> look_trashed(const RelPath& trash_path) = 0;
  virtual Result<std::unique_ptr<Source>> open_trashed(const RelPath& trash_path) = 0;
  /// Puts a trashed version back (it leaves the trash). kExists when something stands at `path`.
  virtual Result<tree::Entry> restore_trashed(const RelPath& trash_path, const RelPath& path) = 0;
  virtual Result<void> purge_trashed(const RelPath& trash_path) = 0;
  /// Every version in the trash with its path and size, oldest folder first.
  struct TrashItem {
    RelPath path;
    tree::Entry entry;
  };
  virtual Result<std::vector<TrashItem>> list_trash() = 0;

  /// Removes staged leftovers of earlier runs of this rule (not resumable parts younger than a
  /// week, not parked entries). Returns how many.
  virtual Result<std::uint64_t> sweep() = 0;

  /// kUnsupported where changes can't be told.
  virtual Result<std::unique_ptr<ChangeFeed>> watch() = 0;
  /// Free bytes, none where unknown.
  virtual Result<std::optional<std::uint64_t>> free_bytes() = 0;
};

}  // namespace ox::provider
