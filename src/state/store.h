#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fs/fs.h"
#include "state/journal.h"
#include "tree/record.h"

/// The memory of one rule: the agreed tree with every replica's side, the journal, merge bases and
/// what the last run had to say. One SQLite file a rule.
namespace ox::state {

struct ReplicaFacts {
  std::string address;              ///< canonical: absolute path or endpoint address
  std::string label;                ///< for conflict names and messages
  std::uint64_t epoch = 0;          ///< what `.syncoxiders/id/<rule>` on the root must say …
  std::uint64_t pending_epoch = 0;  ///< … or this, when a crash came between the two writes
  std::string file_system;          ///< UUID seen last
  bool known = false;               ///< it took part in at least one run
  Timestamp scrubbed;               ///< when every file was read again last

  friend bool operator==(const ReplicaFacts&, const ReplicaFacts&) = default;
};

struct RuleFacts {
  std::string id;              ///< 32 hexadecimal digits
  std::string name;            ///< of a named rule; empty otherwise
  std::string mode;            ///< of the last run; a change means rebase
  bool bytes_compared = true;  ///< by the last run; comparing them again means rebase
  /// Addresses in stored order; the order of NodeRecord::sides.
  std::vector<ReplicaFacts> replicas;
  std::uint64_t next_node = 2;  ///< 1 is the root

  friend bool operator==(const RuleFacts&, const RuleFacts&) = default;
};

/// A record together with where its page entry stood before, so that the store finds both.
struct NodeChange {
  NodeId id;
  /// The agreed value as the store has it now; none when the store has no agreed value for it.
  std::optional<tree::NodeValue> stored;
  std::optional<tree::NodeRecord> record;  ///< none: forget the node
};

/// One atomic, ordered change of the state.
struct Commit {
  std::vector<NodeChange> nodes;
  std::vector<ActionBatch> batches;  ///< inserted or replaced by (run, number)
  std::vector<RunRecord> runs;       ///< inserted or replaced by id
  std::vector<ConflictRecord> conflicts;
  std::vector<VersionRecord> versions;
  std::vector<RelPath> purged_paths_of_replica;  ///< see purged_replica
  std::optional<ReplicaIndex> purged_replica;    ///< versions with these trash paths are gone
  std::optional<RuleFacts> facts;
  std::optional<std::vector<Problem>> problems;       ///< replaces the last run's
  std::vector<std::pair<Digest, Bytes>> merge_bases;  ///< content of text files by digest
  std::optional<std::vector<std::string>> held;       ///< names of operations a budget holds
  std::optional<std::vector<std::string>> approved;   ///< names that were approved
  /// False: the commit may be lost by a power cut (never torn); for notes that nothing depends on.
  bool durable = true;
};

/// Where a store lives.
struct StoreLocation {
  std::string os_path;  ///< real file: SQLite's own VFS; readers in other processes may look on
  std::shared_ptr<fs::Directory> directory;  ///< or a directory of ours (memory, faulty) …
  std::string name;                          ///< … and the file's name in it
};

enum class OpenMode : std::uint8_t { kReadWrite, kReadOnly };

/// While it lives, reads see the state of one moment and cost less.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
};

/// Threading: all calls are safe from several threads; reads run in parallel (a connection a
/// thread, or one lock), commits one after the other. A failed commit changes nothing.
/// Nothing is cached between calls but prepared statements.
class Store {
 public:
  /// Opens or creates. kLocked when another process writes it, kCorrupt when it is no store of
  /// ours or damaged, kUnsupported when a newer version made it.
  static Result<std::unique_ptr<Store>> open(const StoreLocation& location, OpenMode mode);
  virtual ~Store() = default;

  virtual Result<std::optional<RuleFacts>> facts() = 0;
  /// Records whose agreed parent is `directory`, in byte order of their agreed names. One record
  /// has at most 16 sides. THE hot call of a no-change scan.
  virtual Result<std::vector<tree::NodeRecord>> children(NodeId directory) = 0;
  /// The same as packed page bodies in order, to be walked by a PageCursor (state/page.h) without
  /// making records. The bodies have passed their checksum.
  virtual Result<std::vector<Bytes>> pages(NodeId directory) = 0;
  virtual Result<std::optional<tree::NodeRecord>> find_child(NodeId directory,
                                                             std::string_view name) = 0;
  /// The root's own record, when the rule has run before.
  virtual Result<std::optional<tree::NodeRecord>> root() = 0;
  /// Records without an agreed value (some replica has yet to follow a delete), and records some
  /// side of which stands elsewhere (other parent or name) than the agreed value.
  virtual Result<std::vector<tree::NodeRecord>> unsettled() = 0;
  /// Number of agreed nodes without the root.
  virtual Result<std::uint64_t> node_count() = 0;

  /// Contract: one at a time, no commit while it lives, and it goes before the store.
  virtual Result<std::unique_ptr<Snapshot>> snapshot() = 0;

  virtual Result<void> commit(const Commit& commit) = 0;

  virtual Result<std::vector<ActionBatch>> open_batches() = 0;
  virtual Result<std::vector<ActionBatch>> batches(RunId run) = 0;
  /// Newest first, at most `limit`.
  virtual Result<std::vector<RunRecord>> runs(std::uint64_t limit) = 0;
  virtual Result<std::optional<RunRecord>> find_run(RunId run) = 0;
  virtual Result<std::vector<ConflictRecord>> conflicts() = 0;
  /// Newest first; of one path, or of one node whatever it was called.
  virtual Result<std::vector<VersionRecord>> versions(const RelPath& path) = 0;
  virtual Result<std::vector<VersionRecord>> versions_of(NodeId node) = 0;
  virtual Result<std::vector<VersionRecord>> versions_in_trash(ReplicaIndex replica) = 0;
  virtual Result<std::vector<Problem>> problems() = 0;
  virtual Result<std::optional<Bytes>> merge_base(const Digest& digest) = 0;
  virtual Result<std::vector<Digest>> merge_base_digests() = 0;
  /// Drops merge bases that `keep` does not name. Unbounded sets are the caller's business.
  virtual Result<void> keep_merge_bases(const std::vector<Digest>& keep) = 0;
  virtual Result<std::vector<std::string>> held() = 0;
  virtual Result<std::vector<std::string>> approved() = 0;
};

}  // namespace ox::state
