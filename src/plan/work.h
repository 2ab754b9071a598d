#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.h"
#include "plan/tables.h"

/// The planner's working tables, private to this room. A node is known by its index in
/// Work::nodes while a plan is made.
namespace ox::plan {

inline constexpr std::uint32_t kMaxReplicas = 32;

enum class Status : std::uint8_t {
  kAbsent,  ///< known not to be there
  kPresent,
  kUnknown,   ///< cannot be told; blocks deletes of itself and its ancestors
  kExcluded,  ///< a filter hides it here
  kOffline,   ///< the whole replica is away
};

enum class ContentChange : std::uint8_t {
  kSame,
  kTouched,  ///< same bytes, another mtime
  kChanged,  ///< other bytes, or new here
};

/// What a replica's target of a node is, where it is not simply the agreed value.
enum class Target : std::uint8_t {
  kFollow,  ///< becomes the agreed value (or goes, when that is none)
  kLeave,   ///< stays as it is and is acknowledged so
  kIgnore,  ///< neither operation nor acknowledgement: frozen, waiting, offline, unknown
  kForget,  ///< stays as it is, and the replica's side is dropped (excluded here, no longer ours)
};

/// One replica's view of one node.
struct Side {
  Status status = Status::kAbsent;
  Target target = Target::kFollow;
  ContentChange change = ContentChange::kSame;
  bool doubted = false;  ///< kSame, but another version for no reason in sight that nobody reads
  EntryIndex entry = kNone;  ///< kPresent only
  NodeIndex parent = kNone;  ///< directory it stands in; kPresent only
  bool moved_out = false;    ///< what stood here became another node's
  bool moved_in = false;     ///< what stands here was another node's; see Work::moved_content
  /// Record the agreed content as waived. With kFollow: the place follows, the version stays.
  bool waive = false;
};

struct Node {
  NodeId id;
  const tree::NodeRecord* record = nullptr;  ///< none: new in this run
  std::optional<tree::NodeValue> next;       ///< C′
  /// What somebody still remembers of a node that was agreed to be gone and is brought back.
  const tree::NodeValue* remembered = nullptr;
  bool frozen = false;               ///< nothing happens to it in this run
  bool forget = false;               ///< excluded everywhere
  bool known_delete = false;         ///< next is none because somebody deleted it
  std::optional<ReplicaIndex> only;  ///< a conflict copy that one destination keeps for itself
  bool merged = false;               ///< bytes of `next` come from a merge
  NodeIndex bytes_from = kNone;      ///< `only`: the node whose bytes on the source these are

  bool agreed() const { return record != nullptr && record->agreed.has_value(); }
  /// Agreed where it is to be.
  bool stays() const {
    return agreed() && next.has_value() && record->agreed->parent == next->parent &&
           record->agreed->name == next->name;
  }
};

/// A version that lost a content conflict and becomes a node of its own.
struct Loser {
  NodeIndex node = kNone;
  tree::Content content;
  std::vector<ReplicaIndex> holders;
  std::optional<ReplicaIndex> only;  ///< stays on this destination alone
  std::string winner_label;
};

class Work {
 public:
  explicit Work(const Input& input);

  const Input& input() const { return input_; }
  const Policy& policy() const { return input_.policy; }
  std::uint32_t replica_count() const { return replicas_; }
  const Traits& traits(ReplicaIndex i) const { return input_.replicas[i].traits; }
  bool online(ReplicaIndex i) const { return traits(i).online; }
  bool directional() const { return policy().mode != Mode::kTwoWay; }
  ReplicaIndex source() const { return policy().order.front(); }

  Side& side(NodeIndex n, ReplicaIndex i) { return sides_[n * replicas_ + i]; }
  const Side& side(NodeIndex n, ReplicaIndex i) const { return sides_[n * replicas_ + i]; }
  bool present(NodeIndex n, ReplicaIndex i) const { return side(n, i).status == Status::kPresent; }

  const tree::Acknowledged* acknowledged(NodeIndex n, ReplicaIndex i) const;
  const tree::Content* waived(NodeIndex n, ReplicaIndex i) const;
  const tree::Entry& entry(NodeIndex n, ReplicaIndex i) const;
  const tree::Entry& entry_at(ReplicaIndex i, EntryIndex e) const {
    return input_.replicas[i].entries[e].entry;
  }

  /// Observed content of a present side; the digest is filled from the acknowledged one when the
  /// bytes are the same.
  tree::Content seen_content(NodeIndex n, ReplicaIndex i) const;
  /// `operation` is to meet the entry of `n` as it is seen on its replica.
  void expect(Operation& operation, NodeIndex n) const;
  tree::Attributes seen_attributes(NodeIndex n, ReplicaIndex i) const;
  /// Name as the agreed tree spells it: a replica that normalises does not rename by that. Stands
  /// in the input.
  const std::string& seen_name(NodeIndex n, ReplicaIndex i) const;

  NodeIndex add_node(Node node);
  NodeIndex find(NodeId id) const { return index_.find(id); }
  NodeId new_id() { return NodeId{next_node_.value++}; }
  NodeId next_node() const { return next_node_; }

  /// Path of a node in C′; contract: it and its ancestors have a next value.
  RelPath next_path(NodeIndex n) const;
  /// Path in C when it has one, else where some replica acknowledged it last.
  RelPath known_path(NodeIndex n) const;
  RelPath entry_path(ReplicaIndex i, EntryIndex e) const;
  NodeIndex next_parent(NodeIndex n) const;

  void report(std::optional<ReplicaIndex> replica, RelPath path, std::string_view code,
              std::string message);
  void need_digest(ReplicaIndex i, EntryIndex e);
  bool needs_digests() const { return !needed_.empty(); }

  std::vector<Node> nodes;
  std::vector<std::vector<NodeIndex>> node_of_entry;  ///< per replica; kNone: not ours
  std::vector<Children> children_of_entry;
  std::vector<PlaceTable> hidden;  ///< by entry and name: a HiddenReason
  std::map<std::pair<NodeIndex, ReplicaIndex>, tree::Content> moved_content;
  std::vector<Loser> losers;
  std::vector<Conflict> conflicts;
  std::vector<Report> reports;
  std::vector<MergeRequest> merge_requests;
  std::vector<std::string> held;
  bool look_again = false;  ///< see Plan
  std::set<NodeId> frozen;  ///< what the budget holds
  /// What the budget holds of a destination's own, which has no lasting id (--mirror).
  std::set<std::pair<ReplicaIndex, RelPath>> frozen_own;
  std::set<std::pair<ReplicaIndex, EntryIndex>> withheld;  ///< see withhold_symlinks
  std::set<std::pair<ReplicaIndex, NodeIndex>> replaced;   ///< directories in whose place those are
  NeedDigests take_needed();

 private:
  const Input& input_;
  std::uint32_t replicas_;
  std::vector<Side> sides_;
  FlatTable<NodeId> index_;
  NodeId next_node_;
  std::set<std::pair<ReplicaIndex, EntryIndex>> needed_;
};

enum class Equality : std::uint8_t { kEqual, kDifferent, kNeedBytes };

/// Are these the same bytes? Known digests decide; else sizes; else the policy's compare mode.
/// `step_ns` is how far apart two time stamps of these stores may be and still be the same.
Equality compare_content(const tree::Content& a, const tree::Content& b, const Compare& compare,
                         std::int64_t step_ns);
/// As compare_content, for callers that have already asked for the digests they need.
bool same_bytes(const tree::Content& a, const tree::Content& b, const Compare& compare,
                std::int64_t step_ns);

/// One version of a node's content and who has it.
struct Candidate {
  tree::Content content;
  std::vector<ReplicaIndex> holders;  ///< online replicas that show it now
  bool agreed = false;                ///< it is C's own
};

/// Index of the winner by the policy's keep-mode. Contract: at least one candidate.
std::size_t choose_winner(const Work& work, std::span<const Candidate> candidates);

/// The steps, in order. Each asks for digests through Work::need_digest where it must.
void identify(Work& work);
void classify_changes(Work& work);
void decide(Work& work);
void repair(Work& work);
void target(Work& work);
void freeze_over_budget(Work& work);
void schedule(Work& work, Plan& plan);

/// Mode one-way with --mirror: a destination, which keeps nothing of its own.
bool is_mirror(const Work& work, ReplicaIndex i);
/// Could the source have, without showing it, what replica `i` has under this name in `directory`?
/// Contract: a mode with a source.
bool out_of_sight_at_source(const Work& work, ReplicaIndex i, NodeIndex directory,
                            const std::string& name);
/// A destination's own version that won: it stands where the agreed tree says, and keeps its bytes.
bool keeps_own_version(const Work& work, NodeIndex n, ReplicaIndex i);
/// Stands elsewhere than it was acknowledged; never what was not. Contract: present.
bool moved_on(const Work& work, NodeIndex n, ReplicaIndex i);
/// Equal bytes as far as is known; for stages that no longer ask.
bool holds_next_bytes(const Work& work, NodeIndex n, ReplicaIndex i);
std::vector<ReplicaIndex> holders_of_next_bytes(const Work& work, NodeIndex n);
/// Whose version one of two is.
struct Claim {
  std::vector<ReplicaIndex> holders;  ///< of its bytes
  std::string label;                  ///< that it is told and named by
};

/// The name of a version that lost, for the directory it is going to stand in.
std::string conflict_name_for(const Work& work, NodeIndex n, const tree::Content& content,
                              const Claim& claim, bool with_digest);

/// Ids of conflict copies: from the node and the loser's bytes, so that a rerun finds the same one.
NodeId derived_id(NodeId node, const Digest& loser);
/// The earlier copy of this id may hold other bytes than `content` by now, or stand where nothing
/// changes and the input does not show it: then a loser becomes a file of its own.
bool is_another_file(const Work& work, NodeId id, tree::Kind kind, const tree::Content& content);
/// Digest of a version: of its bytes, or of its link target. Contract: known.
Digest digest_of(const tree::Content& content, tree::Kind kind);

}  // namespace ox::plan
