#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "base/rel_path.h"
#include "plan/policy.h"
#include "tree/names.h"
#include "tree/record.h"

/// The planner: (agreed tree and what each replica acknowledged, what is observed now, policy) →
/// what to do. Pure: no clock, disk, network or thread; the same input gives the same plan.
namespace ox::plan {

/// How much of a directory's inside the input shows.
enum class Coverage : std::uint8_t {
  kListed,  ///< every visible child is among the entries, every other name among the hidden
  /// As kListed, but for children that are as acknowledged on every replica: of those neither
  /// entries nor records need be given. Given are all whose name a conflict copy might want
  /// (tree::may_be_conflict_name), and all that some replica can't tell from another name that is.
  kDiffering,
  kUnchanged,  ///< all children are as acknowledged; neither entries nor records are given
  kUnknown,    ///< could not be read: nothing below is known
};

/// One entry of a replica's observed tree (Rᵢ).
struct Observed {
  std::uint32_t parent = 0;  ///< index of the directory it is in; always smaller than its own index
  tree::Entry entry;
  Coverage coverage = Coverage::kListed;  ///< directories only
};

enum class HiddenReason : std::uint8_t {
  kExcluded,    ///< a filter says so
  kUnreadable,  ///< it stands, but could not be looked at
  kSpecial,     ///< device, socket, pipe, mount point: occupies its name
};

/// A name that stands in a directory but is not ours to look at.
struct Hidden {
  std::uint32_t parent = 0;
  std::string name;
  HiddenReason reason = HiddenReason::kExcluded;
  /// kUnreadable: what is known of it all the same. It may be a file that was renamed.
  std::optional<tree::Fingerprint> seen;
};

struct Traits {
  std::string label;  ///< unique among the replicas; used in conflict names
  bool online = true;
  bool stable_ids = false;
  bool has_mtime = true;
  bool symlinks = true;
  bool modes = true;
  bool xattrs = true;
  bool exchange = false;
  bool native_directory_move = true;
  Duration mtime_step{1};
  Duration clock_skew{0};
  tree::NameRules names;
};

struct Replica {
  Traits traits;
  std::vector<Observed> entries;  ///< entries[0] is the root directory itself
  std::vector<Hidden> hidden;
};

/// One changer's text, to be folded into the others'.
struct MergeSide {
  Digest theirs;
  std::optional<Digest> base;  ///< what that changer last agreed on; none: no common ancestor

  friend bool operator==(const MergeSide&, const MergeSide&) = default;
  friend auto operator<=>(const MergeSide&, const MergeSide&) = default;
};

/// A three-way merge of text that the planner would like: fold the sides in order.
struct MergeRequest {
  NodeId node;
  std::vector<MergeSide> sides;

  friend bool operator==(const MergeRequest&, const MergeRequest&) = default;
};

/// The answer to a MergeRequest.
struct MergeAnswer {
  MergeRequest request;
  std::optional<Digest> digest;  ///< none: it does not merge
  std::uint64_t size = 0;
};

struct Input {
  /// Closed under agreed and acknowledged parents; the root is always among them once it is known.
  std::vector<tree::NodeRecord> nodes;
  std::vector<Replica> replicas;
  Policy policy;
  NodeId next_node;                ///< first unused id
  std::uint64_t agreed_count = 0;  ///< all agreed nodes, those not in `nodes` included
  std::vector<MergeAnswer> merges;
  std::vector<std::string> approved;  ///< held names that a person approved
  /// Is this path kept away from that replica by a filter? Empty: nothing is.
  std::function<bool(ReplicaIndex, const RelPath&, bool is_directory)> excluded;
  /// Is there a node of this id, though it need not be among `nodes`? Asked for ids of conflict
  /// copies, which are derived and not taken from next_node. Empty: `nodes` are all.
  std::function<bool(NodeId)> known;
  /// Directories that no record explains are left for another plan (kUnknown). What is missing may
  /// have been moved into one of them, so nothing counts as deleted yet, unless its place is taken.
  bool unseen_newcomers = false;
};

enum class OperationKind : std::uint8_t {
  kMakeDirectory,
  kMove,
  kExchange,       ///< `from` and `path` change places; `node` ends at `path`, `other` at `from`
  kPark,           ///< out of the way, to the private place `parked`
  kUnpark,         ///< from `parked` to `path`
  kPut,            ///< content of a file or symlink, new or over what stands
  kSetAttributes,  ///< mode, user attributes and mtime; the bytes are right
  kRemove,
};

/// One change of one replica. Its precondition: what stands at `path` (`from` for moves) is
/// `expected`; nothing, where there is none.
struct Operation {
  OperationKind kind = OperationKind::kPut;
  ReplicaIndex replica = 0;
  NodeId node;
  NodeId other;  ///< kExchange
  RelPath path;  ///< as it is at this point of the replica's list
  RelPath from;
  std::string parked;
  std::optional<tree::Fingerprint> expected;
  Boxed<Digest> expected_bytes;  ///< where the time stamps of `expected` may hide a later change
  Boxed<tree::Fingerprint> other_expected;  ///< kExchange: what stands at `path`
  tree::NodeValue value;  ///< what the node is to be afterwards, as far as this operation goes
};

/// A change of one record, committed before (agreed, sides that need no operation) the operations
/// of its group run. A side without a value is left as it is in the store.
struct RecordUpdate {
  NodeId id;
  std::optional<tree::NodeValue> agreed;  ///< none: agreed to be gone
  std::vector<std::optional<tree::ReplicaSide>> sides;
  bool forget = false;  ///< excluded everywhere: drop the record and all below it
};

struct Supplier {
  ReplicaIndex replica = 0;
  RelPath path;                   ///< where the bytes stand once the structure is done
  tree::Fingerprint fingerprint;  ///< of the version to read
};

/// New content of one node for some replicas. Where `update.agreed` has no digest yet, it is what
/// the copy computes.
struct ContentTask {
  RecordUpdate update;
  std::vector<Operation> operations;  ///< kPut and kSetAttributes
  std::vector<Supplier> suppliers;    ///< empty: the bytes are a merge result
};

struct Conflict {
  NodeId node;
  NodeId copy;  ///< kNoNode when no copy is made
  RelPath path;
  RelPath copy_path;
  std::string kind;    ///< "content", "merged", "place", "kind", "delete"
  std::string winner;  ///< labels
  std::string loser;
};

/// Something that is not done, and why, for a person.
struct Report {
  std::optional<ReplicaIndex> replica;
  RelPath path;
  std::string code;  ///< "name_refused", "name_collision", "in_the_way", "unreadable", "special",
                     ///< "symlinks_unsupported", "waiting", "assumed_equal", "held"
  std::string message;
};

struct Plan {
  std::vector<RecordUpdate> adopted;  ///< no operation needed: replicas agree already

  std::vector<RecordUpdate> structure;
  std::vector<std::vector<Operation>> structure_operations;  ///< per replica, strictly in order

  std::vector<ContentTask> content;  ///< in path order; independent of each other

  std::vector<RecordUpdate> removals;
  std::vector<std::vector<Operation>> removal_operations;  ///< per replica, deepest first
  std::vector<RecordUpdate> finished;  ///< committed after the removal operations

  /// Mode move: source files whose every destination holds them; removed after all else succeeded,
  /// then the directories that became empty, deepest first.
  std::vector<Operation> source_removals;

  std::vector<Conflict> conflicts;
  std::vector<Report> reports;
  std::vector<std::string> held;  ///< names of what the budget holds; empty: nothing
  NodeId next_node;
  /// Something that stands in sight is no longer known by this plan: make another one after it.
  bool look_again = false;

  bool has_operations() const;
  /// Nothing to execute and nothing to commit.
  bool empty() const;
};

/// Bytes must be read before it can be decided: fill Entry::content.digest of these and ask again.
struct NeedDigests {
  struct Item {
    ReplicaIndex replica = 0;
    std::uint32_t entry = 0;
  };
  std::vector<Item> items;
};

/// Texts must be merged before it can be decided: append a MergeAnswer for each and ask again.
struct NeedMerge {
  std::vector<MergeRequest> requests;
};

using Outcome = std::variant<Plan, NeedDigests, NeedMerge>;

/// Decides everything. Contract: the input is consistent as its types say.
Outcome make_plan(const Input& input);

/// Takes back what `record` says of replicas that may not be believed. `online`: who takes part.
void doubt(tree::NodeRecord& record, const std::vector<bool>& online, Mode mode);

/// After a replica or our state came back from the past, or the mode changed: each side forgets the
/// nodes that are not observed equal to the agreed value on every online replica, so that the rest
/// becomes a union. `input` must be listed whole (no kUnchanged).
void rebase(Input& input);

}  // namespace ox::plan
