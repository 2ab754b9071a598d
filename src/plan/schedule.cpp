#include <algorithm>

#include "base/expects.h"
#include "plan/axes.h"
#include "plan/layout.h"
#include "plan/records.h"

namespace ox::plan {

namespace {

class Scheduler {
 public:
  Scheduler(Work& work, Plan& plan) : work_(work), plan_(plan) {}

  void run() {
    order_by_path();
    plan_.structure_operations.resize(work_.replica_count());
    plan_.removal_operations.resize(work_.replica_count());
    layouts_.reserve(work_.replica_count());
    for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
      arrange(i);
    }
    for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
      if (work_.online(i)) {
        layouts_[i].clear(plan_.removal_operations[i], work_);
      }
    }
    forget_taken_places();
    mark_busy();
    for (const NodeIndex n : by_path_) {
      emit(n);
    }
    plan_.content.insert(plan_.content.end(), attributes_.rbegin(), attributes_.rend());
    if (work_.policy().mode == Mode::kMove) {
      remove_moved_sources();
    }
  }

 private:
  /// Where something turns out to have no place, the rest is arranged again without it.
  void arrange(ReplicaIndex i) {
    layouts_.emplace_back(work_, i);
    if (!work_.online(i)) {
      return;
    }
    std::vector<Operation>& operations = plan_.structure_operations[i];
    layouts_[i].arrange(operations, work_, by_path_);
    for (std::vector<NodeIndex> stuck = layouts_[i].impossible(); !stuck.empty();
         stuck = layouts_[i].impossible()) {
      for (const NodeIndex n : stuck) {
        if (work_.nodes[n].next.has_value()) {
          layouts_[i].leave_where_it_stands(n, work_);
        } else {
          work_.side(n, i).target = Target::kIgnore;
        }
      }
      operations.clear();
      layouts_.pop_back();
      layouts_.emplace_back(work_, i);
      layouts_[i].arrange(operations, work_, by_path_);
    }
  }

  /// Which replicas have operations of a node.
  struct Busy {
    ReplicaSet structure;
    ReplicaSet made;
    ReplicaSet removal;
    bool any_structure = false;
  };

  /// What a replica can't follow now gives up the place it was known at when another node takes it
  /// (two at one place could not be told apart any more), or when its directory ends there: it is
  /// known where it stands, if it stands where a record can say so.
  void forget_taken_places() {
    gave_up_a_place_.assign(work_.nodes.size(), false);
    for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
      std::optional<RecordUpdate> update;
      for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
        const tree::Acknowledged* known = work_.acknowledged(n, i);
        const Side& side = work_.side(n, i);
        if (known == nullptr || side.target != Target::kIgnore ||
            (side.status != Status::kAbsent && side.status != Status::kPresent)) {
          continue;
        }
        const NodeIndex parent = work_.find(known->value.parent);
        if (parent == kNone) {
          continue;
        }
        const NodeIndex there = layouts_[i].node_at(parent, known->value.name);
        const bool taken = there != kNone && there != n && work_.nodes[there].next.has_value() &&
                           work_.side(there, i).target != Target::kIgnore;
        const Side& above = work_.side(parent, i);
        const bool homeless =
            !work_.nodes[parent].next.has_value() &&
            (above.status == Status::kAbsent ||
             (above.status == Status::kPresent && above.target == Target::kFollow));
        if (taken || homeless) {
          if (!update.has_value()) {
            update = update_of(n, work_.nodes[n].record->agreed);
          }
          update->sides[i] = as_moved(work_, n, i).value_or(tree::ReplicaSide{});
        }
      }
      if (update.has_value()) {
        gave_up_a_place_[n] = true;
        plan_.structure.push_back(std::move(*update));
      }
    }
  }

  void mark_busy() {
    busy_.assign(work_.nodes.size(), {});
    for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
      Busy& busy = busy_[n];
      for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
        const Side& side = work_.side(n, i);
        const bool made = work_.online(i) && !work_.present(n, i) && layouts_[i].stands(n) &&
                          work_.nodes[n].next.has_value() &&
                          work_.nodes[n].next->kind == tree::Kind::kDirectory;
        const bool structure = work_.online(i) && (layouts_[i].was_moved(n) || made);
        busy.made.set(i, made);
        busy.structure.set(i, structure);
        busy.removal.set(i, work_.online(i) && layouts_[i].was_removed(n));
        busy.any_structure = busy.any_structure || structure || side.moved_in || side.moved_out;
      }
    }
  }

  /// In the order of their paths in C′; what ends comes first.
  void order_by_path() {
    const auto count = static_cast<NodeIndex>(work_.nodes.size());
    PathTexts texts(count);
    std::vector<NodeIndex> chain;
    for (NodeIndex n = 0; n < count; ++n) {
      if (!work_.nodes[n].next.has_value()) {
        continue;
      }
      for (NodeIndex at = n; !texts.has(at); at = work_.next_parent(at)) {
        expects(chain.size() <= count);
        if (work_.nodes[at].id == kRootNode) {
          texts.add_root(at);
          break;
        }
        chain.push_back(at);
      }
      for (; !chain.empty(); chain.pop_back()) {
        const NodeIndex at = chain.back();
        texts.add(at, work_.next_parent(at), work_.nodes[at].next->name);
      }
    }
    std::vector<std::pair<std::string_view, NodeIndex>> ordered;
    ordered.reserve(count);
    for (NodeIndex n = 0; n < count; ++n) {
      ordered.emplace_back(texts.has(n) ? texts[n] : std::string_view(), n);
    }
    std::ranges::sort(ordered);
    by_path_.reserve(count);
    for (const auto& [path, n] : ordered) {
      by_path_.push_back(n);
    }
  }

  RecordUpdate update_of(NodeIndex n, const std::optional<tree::NodeValue>& agreed) const {
    RecordUpdate update{.id = work_.nodes[n].id, .agreed = agreed, .sides = {}};
    update.sides.resize(work_.replica_count());
    return update;
  }
  RecordUpdate unchanged(NodeIndex n) const { return update_of(n, work_.nodes[n].next); }

  /// A delete that was overruled is forgotten before anything else: once the reason to overrule it
  /// is agreed, a run that follows a crash would take it for a fresh one. So would one that follows
  /// this one, where the replica has to wait for the bytes or can't hold it.
  void forget_overruled_deletes(NodeIndex n) {
    const Node& node = work_.nodes[n];
    if (!node.agreed() || !node.next.has_value() || node.frozen) {
      return;
    }
    std::optional<RecordUpdate> update;
    for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
      const Side& side = work_.side(n, i);
      if (side.status == Status::kAbsent && side.target != Target::kLeave && !side.moved_out &&
          work_.acknowledged(n, i) != nullptr) {
        if (!update.has_value()) {
          update = update_of(n, node.record->agreed);
        }
        update->sides[i] = tree::ReplicaSide{};
      }
    }
    if (update.has_value()) {
      plan_.adopted.push_back(std::move(*update));
    }
  }

  void emit(NodeIndex n) {
    const Node& node = work_.nodes[n];
    forget_overruled_deletes(n);
    const Busy& busy = busy_[n];
    ContentTask task;
    ReplicaSet any_busy = busy.structure;
    ReplicaSet later_busy = busy.made;
    if (node.next.has_value()) {
      for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
        if (add_content_operation(n, i, task)) {
          any_busy.set(i);
          later_busy.set(i);
        }
      }
    }
    any_busy |= busy.removal;
    later_busy |= busy.removal;
    const bool has_task = !task.operations.empty();
    std::optional<RecordUpdate> last = final_update(work_, n, has_task ? later_busy : any_busy);
    if (!has_task) {
      acknowledge_after_moves(n, busy);
    } else {
      const bool moves =
          (node.agreed() && takes_a_place(n)) || changes_directory(n) || stays_elsewhere(n);
      // Its attributes come last, and what is in it needs its record before.
      const bool holds = !node.agreed() && node.next->kind == tree::Kind::kDirectory;
      task.update = last.has_value() ? *std::move(last) : unchanged(n);
      if ((busy.any_structure || moves || holds) && !node.only.has_value()) {
        plan_.structure.push_back(structure_update(work_, n, any_busy));
        for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
          if (later_busy[i]) {
            task.update.sides[i] = std::nullopt;  // where it stood until then is said already
          } else if (!task.update.sides[i].has_value() && is_known_again(n, i)) {
            task.update.sides[i] = node.record->sides[i];
          }
        }
      }
      name_unread_sides(n, task.update);
      add_suppliers(n, task);
      const bool bytes = std::ranges::any_of(task.operations, [](const Operation& operation) {
        return operation.kind == OperationKind::kPut;
      });
      (bytes ? plan_.content : attributes_).push_back(std::move(task));
      return;
    }
    if (!last.has_value()) {
      return;
    }
    if (is_forgotten_last(n)) {
      RecordUpdate ended = *last;
      for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
        if (work_.side(n, i).target == Target::kForget) {
          ended.sides[i] = as_moved(work_, n, i);
        } else {
          last->sides[i] = std::nullopt;
        }
      }
      plan_.structure.push_back(std::move(ended));
      plan_.finished.push_back(std::move(*last));
    } else if (!node.next.has_value() || busy.any_structure || takes_a_place(n) ||
               stays_elsewhere(n) || gave_up_a_place_[n]) {
      // What ends does so in one commit with what takes its name and what moves out of it.
      plan_.structure.push_back(std::move(*last));
    } else {
      plan_.adopted.push_back(std::move(*last));
    }
  }

  /// All places that change are agreed in one commit: one at a time, a node could come to stand
  /// where another has not left yet.
  bool takes_a_place(NodeIndex n) const {
    const Node& node = work_.nodes[n];
    return node.next.has_value() && !node.stays();
  }

  /// A version that stood in a directory without a record is unknown until it was moved back.
  bool is_known_again(NodeIndex n, ReplicaIndex i) const {
    return busy_[n].structure[i] && work_.present(n, i) &&
           work_.side(n, i).target == Target::kFollow && work_.acknowledged(n, i) != nullptr &&
           stands_in_no_record(work_, n, i);
  }

  /// A replica that can't follow keeps it where its user has put it.
  bool stays_elsewhere(NodeIndex n) const {
    for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
      if (work_.side(n, i).target == Target::kLeave && as_moved(work_, n, i).has_value()) {
        return true;
      }
    }
    return false;
  }

  /// Where the copy is what reads the bytes, all sides that hold them learn the digest with it.
  void name_unread_sides(NodeIndex n, RecordUpdate& update) const {
    const Node& node = work_.nodes[n];
    if (node.record == nullptr || node.next->kind != tree::Kind::kFile ||
        node.next->content.digest.has_value()) {
      return;
    }
    for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
      const tree::Acknowledged* known = work_.acknowledged(n, i);
      if (!update.sides[i].has_value() && known != nullptr && !known->assumed &&
          known->value.content == node.next->content) {
        update.sides[i] = node.record->sides[i];
      }
    }
  }

  /// A directory that stays as a replica's own is forgotten after what was in it is gone: records
  /// keep the directories that they name.
  bool is_forgotten_last(NodeIndex n) const {
    const Node& node = work_.nodes[n];
    if (node.next.has_value() || node.record == nullptr) {
      return false;
    }
    for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
      const tree::Acknowledged* known = work_.acknowledged(n, i);
      if (known != nullptr && known->value.kind == tree::Kind::kDirectory &&
          work_.side(n, i).target == Target::kForget &&
          (!plan_.removal_operations[i].empty() || !plan_.structure_operations[i].empty())) {
        return true;
      }
    }
    return false;
  }

  /// A file that its replica had changed, and that only moves there: the change is acknowledged
  /// once the move is done.
  void acknowledge_after_moves(NodeIndex n, const Busy& busy) {
    const Node& node = work_.nodes[n];
    if (!node.next.has_value() || node.only.has_value()) {
      return;
    }
    if (busy.structure.none()) {
      return;
    }
    RecordUpdate update = unchanged(n);
    bool any = false;
    for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
      if (!busy.structure[i] || busy.made[i] || busy.removal[i] || !work_.present(n, i) ||
          work_.side(n, i).target != Target::kFollow) {
        continue;
      }
      const tree::Acknowledged* known = work_.acknowledged(n, i);
      const tree::Entry& entry = work_.entry(n, i);
      const bool same_version =
          entry.kind == tree::Kind::kDirectory ||
          (known != nullptr && entry.fingerprint.same_version(known->fingerprint));
      if (keeps_own_version(work_, n, i)) {
        update.sides[i] = own_version_side(work_, n, i);
        any = true;
      } else if (known == nullptr || !same_version || stands_in_no_record(work_, n, i) ||
                 known->value.content != node.next->content ||
                 known->value.attributes != node.next->attributes) {
        update.sides[i] = tree::ReplicaSide{
            .acknowledged =
                tree::Acknowledged{.value = *node.next, .fingerprint = kept_fingerprint(entry)},
            .waived = std::nullopt};
        any = true;
      }
    }
    if (any) {
      plan_.removals.push_back(std::move(update));
    }
  }

  /// Does some part of the record still name another directory than the next one?
  bool changes_directory(NodeIndex n) const {
    const Node& node = work_.nodes[n];
    if (node.record == nullptr || !node.next.has_value()) {
      return false;
    }
    const NodeId parent = node.next->parent;
    return (node.agreed() && node.record->agreed->parent != parent) ||
           std::ranges::any_of(node.record->sides, [&](const tree::ReplicaSide& side) {
             return side.acknowledged.has_value() && side.acknowledged->value.parent != parent;
           });
  }

  bool wanted_here(NodeIndex n, ReplicaIndex i) const {
    const Node& node = work_.nodes[n];
    return work_.online(i) && node.id != kRootNode && work_.side(n, i).target == Target::kFollow &&
           (!node.only.has_value() || *node.only == i) && layouts_[i].stands(n);
  }

  /// Adds what replica `i` needs for its bytes or attributes; false when it needs nothing.
  bool add_content_operation(NodeIndex n, ReplicaIndex i, ContentTask& task) {
    if (!wanted_here(n, i)) {
      return false;
    }
    const bool directory = work_.nodes[n].next->kind == tree::Kind::kDirectory;
    const bool here = work_.present(n, i);
    const std::uint32_t mode = work_.nodes[n].next->attributes.mode;
    const bool narrow = directory && !here && work_.traits(i).modes && mode != tree::kModeUnknown &&
                        (mode & 0700U) != 0700U;
    const bool put = !directory && (!here || content_differs(work_, n, i));
    if (!put && !narrow && !(here && attributes_differ(work_, n, i))) {
      return false;
    }
    Operation& operation = task.operations.emplace_back();
    operation.kind = put ? OperationKind::kPut : OperationKind::kSetAttributes;
    operation.replica = i;
    operation.node = work_.nodes[n].id;
    operation.path = layouts_[i].path(n);
    operation.value = *work_.nodes[n].next;
    if (here) {
      work_.expect(operation, n);
    }
    return true;
  }

  void add_suppliers(NodeIndex n, ContentTask& task) const {
    const Node& node = work_.nodes[n];
    const NodeIndex from = node.bytes_from == kNone ? n : node.bytes_from;
    for (const ReplicaIndex i : suppliers_of(n)) {
      if (layouts_[i].stands(from)) {
        task.suppliers.push_back({.replica = i,
                                  .path = layouts_[i].path(from),
                                  .fingerprint = work_.entry(from, i).fingerprint});
      }
    }
  }

  std::vector<ReplicaIndex> suppliers_of(NodeIndex n) const {
    const NodeIndex from = work_.nodes[n].bytes_from;
    if (from != kNone) {
      return work_.present(from, work_.source()) ? std::vector{work_.source()}
                                                 : std::vector<ReplicaIndex>();
    }
    std::vector<ReplicaIndex> holders = holders_of_next_bytes(work_, n);
    if (!work_.policy().compare.hash) {
      // Where bytes are not compared, those that were read come before those taken for equal.
      const auto unread = [&](ReplicaIndex i) {
        return !work_.seen_content(n, i).digest.has_value();
      };
      if (!std::ranges::all_of(holders, unread)) {
        std::erase_if(holders, unread);
      }
    }
    return holders;
  }

  // Mode-specific removals ----------------------------------------------------------------------

  /// Every destination holds these very bytes, or will once this plan is done, or has had them and
  /// knowingly passed on them since. One that holds them there must be.
  bool delivered_everywhere(NodeIndex n) {
    bool held = false;
    for (ReplicaIndex j = 0; j < work_.replica_count(); ++j) {
      if (j == work_.source()) {
        continue;
      }
      const Side& side = work_.side(n, j);
      if (side.target == Target::kLeave && side.waive) {
        continue;
      }
      if (side.status == Status::kOffline || side.target != Target::kFollow) {
        return false;
      }
      held = true;
      if (work_.present(n, j) && holds_next_bytes(work_, n, j)) {
        if (work_.nodes[n].next->kind == tree::Kind::kFile &&
            (!work_.seen_content(n, j).digest.has_value() ||
             !work_.seen_content(n, work_.source()).digest.has_value())) {
          work_.need_digest(j, side.entry);
          work_.need_digest(work_.source(), work_.side(n, work_.source()).entry);
        }
      } else if (!layouts_[j].stands(n)) {
        return false;
      }
    }
    return held;
  }

  /// Directories of the source out of which an earlier run moved something.
  std::vector<bool> emptied_before() const {
    const ReplicaIndex source = work_.source();
    std::vector<bool> found(work_.nodes.size(), false);
    for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
      const Node& node = work_.nodes[n];
      if (node.agreed() && node.next.has_value() &&
          work_.side(n, source).status == Status::kAbsent) {
        if (const NodeIndex above = work_.find(node.record->agreed->parent); above != kNone) {
          found[above] = true;
        }
      }
    }
    return found;
  }

  void remove_moved_sources() {
    const ReplicaIndex source = work_.source();
    const auto count = static_cast<EntryIndex>(work_.node_of_entry[source].size());
    std::vector<bool> stays(count, false);
    std::vector<bool> emptied(count, false);
    const std::vector<bool> before = emptied_before();
    for (const Hidden& hidden : work_.input().replicas[source].hidden) {
      stays[hidden.parent] = true;
    }
    for (EntryIndex e = count; e-- > 1;) {
      const Observed& seen = work_.input().replicas[source].entries[e];
      const NodeIndex n = work_.node_of_entry[source][e];
      const bool directory = seen.entry.kind == tree::Kind::kDirectory;
      const bool goes =
          n != kNone && !work_.nodes[n].frozen && work_.side(n, source).target == Target::kFollow &&
          (!directory ||
           ((emptied[e] || before[n]) && !stays[e] && seen.coverage == Coverage::kListed)) &&
          delivered_everywhere(n);
      if (!goes) {
        stays[seen.parent] = true;
        continue;
      }
      emptied[seen.parent] = true;
      Operation gone{.kind = OperationKind::kRemove,
                     .replica = source,
                     .node = work_.nodes[n].id,
                     .path = layouts_[source].path(n)};
      work_.expect(gone, n);
      gone.value = *work_.nodes[n].next;
      plan_.source_removals.push_back(std::move(gone));
    }
    std::ranges::sort(plan_.source_removals, std::greater{},
                      [](const Operation& operation) { return operation.path.text(); });
  }

  Work& work_;
  Plan& plan_;
  std::vector<NodeIndex> by_path_;
  std::vector<Layout> layouts_;
  std::vector<bool> gave_up_a_place_;  ///< in a structure update that still names the old version
  std::vector<Busy> busy_;
  std::vector<ContentTask>
      attributes_;  ///< after all bytes, deepest first: a directory may lock itself
};

}  // namespace

void schedule(Work& work, Plan& plan) {
  Scheduler(work, plan).run();
}

}  // namespace ox::plan
