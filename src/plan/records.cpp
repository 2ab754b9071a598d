#include "plan/records.h"

#include <algorithm>

#include "base/expects.h"
#include "plan/axes.h"

namespace ox::plan {

bool keeps_own_version(const Work& work, NodeIndex n, ReplicaIndex i) {
  const Side& side = work.side(n, i);
  return side.waive && side.target == Target::kFollow && side.status == Status::kPresent;
}

bool content_differs(const Work& work, NodeIndex n, ReplicaIndex i) {
  return !keeps_own_version(work, n, i) && !holds_next_bytes(work, n, i);
}

bool attributes_differ(const Work& work, NodeIndex n, ReplicaIndex i) {
  const tree::NodeValue& next = *work.nodes[n].next;
  if (work.nodes[n].id == kRootNode || keeps_own_version(work, n, i)) {
    return false;
  }
  const Traits& can = work.traits(i);
  const tree::Attributes seen = work.seen_attributes(n, i);
  const bool mode = can.modes && next.kind != tree::Kind::kSymlink &&
                    next.attributes.mode != tree::kModeUnknown && seen.mode != next.attributes.mode;
  const bool xattrs =
      can.xattrs && next.kind != tree::Kind::kSymlink && seen.xattrs != next.attributes.xattrs;
  const Compare& compare = work.policy().compare;
  const bool has_time =
      next.kind == tree::Kind::kFile && can.has_mtime && (compare.modtime || compare.hash);
  const std::int64_t step = can.mtime_step.count();
  const std::int64_t gap = work.seen_content(n, i).mtime.ns - next.content.mtime.ns;
  return mode || xattrs || (has_time && (gap >= step || gap <= -step));
}

bool stands_in_no_record(const Work& work, NodeIndex n, ReplicaIndex i) {
  const NodeIndex parent = work.side(n, i).parent;
  return parent != kNone && !work.nodes[parent].next.has_value() &&
         work.acknowledged(parent, i) == nullptr;
}

namespace {

bool stored_side_is(const Work& work, NodeIndex n, ReplicaIndex i, const tree::ReplicaSide& side) {
  const tree::NodeRecord* record = work.nodes[n].record;
  return record == nullptr ? side == tree::ReplicaSide{} : record->sides[i] == side;
}

/// Equality that nobody proved byte by byte.
bool is_assumed(const Work& work, NodeIndex n, ReplicaIndex i) {
  const tree::NodeValue& next = *work.nodes[n].next;
  if (work.policy().compare.hash || next.kind != tree::Kind::kFile) {
    return false;
  }
  if (!holds_next_bytes(work, n, i)) {
    // It is not taken for equal now; what it was taken for when it was acknowledged still holds.
    const tree::Acknowledged* known = work.acknowledged(n, i);
    return known != nullptr && known->assumed && work.present(n, i) &&
           work.side(n, i).change == ContentChange::kSame;
  }
  const tree::Content seen = work.seen_content(n, i);
  if (seen.digest.has_value() && seen.digest == next.content.digest) {
    return false;
  }
  return holders_of_next_bytes(work, n).size() > 1;
}

tree::Acknowledged as_seen(const Work& work, NodeIndex n, ReplicaIndex i) {
  const tree::Entry& entry = work.entry(n, i);
  const bool assumed = work.nodes[n].next.has_value() && is_assumed(work, n, i);
  return {.value = {.parent = work.nodes[work.side(n, i).parent].id,
                    .name = work.seen_name(n, i),
                    .kind = entry.kind,
                    .content = work.seen_content(n, i),
                    .attributes = work.seen_attributes(n, i)},
          .fingerprint = kept_fingerprint(entry),
          .assumed = assumed};
}

}  // namespace

tree::ReplicaSide own_version_side(const Work& work, NodeIndex n, ReplicaIndex i) {
  const tree::NodeValue& next = *work.nodes[n].next;
  tree::ReplicaSide side{.acknowledged = as_seen(work, n, i), .waived = next.content};
  side.acknowledged->value.parent = next.parent;
  side.acknowledged->value.name = next.name;
  return side;
}

namespace {

std::optional<tree::ReplicaSide> final_side(const Work& work, NodeIndex n, ReplicaIndex i,
                                            bool busy) {
  const Node& node = work.nodes[n];
  const Side& side = work.side(n, i);
  if (side.status == Status::kOffline || side.target == Target::kIgnore) {
    return std::nullopt;
  }
  tree::ReplicaSide result;
  if (side.target == Target::kForget) {
    return result;
  }
  if (side.target == Target::kLeave) {
    if (work.present(n, i) && !stands_in_no_record(work, n, i)) {
      result.acknowledged = as_seen(work, n, i);
    }
    if (side.waive) {
      result.waived = node.next->content;
    }
    return result;
  }
  if (busy) {
    return side.moved_out ? std::optional(result) : as_moved(work, n, i);
  }
  if (!node.next.has_value() || !work.present(n, i)) {
    return result;
  }
  if (keeps_own_version(work, n, i)) {
    return own_version_side(work, n, i);
  }
  tree::NodeValue value = *node.next;
  if (node.id == kRootNode) {
    value.attributes = {};
  }
  const bool assumed = is_assumed(work, n, i);
  if (assumed) {
    value.content = work.seen_content(n, i);  // its own bytes, not the others'
  }
  result.acknowledged = tree::Acknowledged{.value = std::move(value),
                                           .fingerprint = kept_fingerprint(work.entry(n, i)),
                                           .assumed = assumed};
  return result;
}

}  // namespace

std::optional<tree::ReplicaSide> as_moved(const Work& work, NodeIndex n, ReplicaIndex i) {
  const tree::Acknowledged* known = work.acknowledged(n, i);
  if (known == nullptr || !work.present(n, i) || work.side(n, i).parent == kNone) {
    return std::nullopt;
  }
  const Node& above = work.nodes[work.side(n, i).parent];
  const tree::Entry& entry = work.entry(n, i);
  const bool replaced = work.traits(i).stable_ids && entry.kind == known->value.kind &&
                        !entry.fingerprint.same_object(known->fingerprint);
  if (!moved_on(work, n, i) && !replaced) {
    return std::nullopt;
  }
  if (stands_in_no_record(work, n, i)) {
    return tree::ReplicaSide{};
  }
  tree::ReplicaSide side = work.nodes[n].record->sides[i];
  side.acknowledged->value.parent = above.id;
  side.acknowledged->value.name = work.seen_name(n, i);
  if (replaced) {
    side.acknowledged->fingerprint.id = entry.fingerprint.id;
    side.acknowledged->fingerprint.birth_ns = entry.fingerprint.birth_ns;
    side.acknowledged->fingerprint.racy = entry.kind == tree::Kind::kFile;
  }
  return side;
}

std::optional<RecordUpdate> final_update(const Work& work, NodeIndex n, ReplicaSet busy) {
  const Node& node = work.nodes[n];
  if (node.only.has_value() || (node.record == nullptr && !node.next.has_value())) {
    return std::nullopt;
  }
  bool changes = node.forget || (node.record == nullptr ? node.next.has_value()
                                                        : node.record->agreed != node.next);
  std::vector<std::optional<tree::ReplicaSide>> sides;
  for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
    std::optional<tree::ReplicaSide> side = final_side(work, n, i, busy[i]);
    if (!side.has_value() || stored_side_is(work, n, i, *side)) {
      continue;
    }
    sides.resize(work.replica_count());
    sides[i] = std::move(side);
    changes = true;
  }
  if (!changes) {
    return std::nullopt;
  }
  sides.resize(work.replica_count());
  return RecordUpdate{
      .id = node.id, .agreed = node.next, .sides = std::move(sides), .forget = node.forget};
}

RecordUpdate structure_update(const Work& work, NodeIndex n, ReplicaSet busy) {
  const Node& node = work.nodes[n];
  expects(node.next.has_value());
  RecordUpdate update{.id = node.id, .agreed = node.next, .sides = {}};
  bool lost_a_version = false;
  for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
    lost_a_version = lost_a_version || work.side(n, i).moved_out;
  }
  // Where the loser of a conflict moves out, the winner is agreed at once: a run that follows a
  // crash must not find the loser agreed and nowhere.
  // What is brought back begins with what its replicas started from, else the edit that brought it
  // back would be agreed before anybody has it.
  const tree::NodeValue* before = node.agreed() ? &*node.record->agreed : node.remembered;
  if (before != nullptr && !lost_a_version) {
    update.agreed = *before;
    update.agreed->parent = node.next->parent;
    update.agreed->name = node.next->name;
  }
  for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
    const Side& side = work.side(n, i);
    std::optional<tree::ReplicaSide> result;
    // What is brought back elsewhere leaves the place where it ended, whose directory may end too.
    const bool ended_here = !node.agreed() && side.status == Status::kAbsent &&
                            side.target == Target::kFollow && work.acknowledged(n, i) != nullptr;
    if (side.moved_out || ended_here) {
      result = tree::ReplicaSide{};
    } else if (lost_a_version && !busy[i] && !side.moved_in && work.present(n, i)) {
      result = final_side(work, n, i, false);  // the winner's suppliers
    } else if (lost_a_version && !side.moved_in && side.target == Target::kFollow &&
               holds_next_bytes(work, n, i) &&
               // NOLINTNEXTLINE(bugprone-branch-clone): as below, and for a reason of its own
               !stands_in_no_record(work, n, i)) {
      result = tree::ReplicaSide{.acknowledged = as_seen(work, n, i), .waived = std::nullopt};
    } else if (side.moved_in && work.present(n, i)) {
      result.emplace();
      if (!stands_in_no_record(work, n, i)) {
        result->acknowledged = as_seen(work, n, i);
      }
    } else if (work.present(n, i) && side.target == Target::kFollow && !busy[i] &&
               work.acknowledged(n, i) != nullptr) {
      result = node.record->sides[i];
      result->acknowledged->value.parent = node.next->parent;
      result->acknowledged->value.name = node.next->name;
    } else if (node.record == nullptr && node.next->kind == tree::Kind::kDirectory &&
               work.present(n, i) && side.target == Target::kFollow &&
               !stands_in_no_record(work, n, i)) {
      // It only gets other attributes: after a crash it is to follow, not to bring its own again.
      result = tree::ReplicaSide{.acknowledged = as_seen(work, n, i), .waived = std::nullopt};
    } else if (side.target == Target::kFollow || side.target == Target::kLeave) {
      result = as_moved(work, n, i);
    }
    if (result.has_value() && stored_side_is(work, n, i, *result)) {
      result = std::nullopt;
    }
    update.sides.push_back(std::move(result));
  }
  return update;
}

}  // namespace ox::plan
