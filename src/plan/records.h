#pragma once

#include <bitset>

#include "plan/work.h"

namespace ox::plan {

using ReplicaSet = std::bitset<kMaxReplicas>;

/// Does this replica's target differ from what it shows? Content first.
bool content_differs(const Work& work, NodeIndex n, ReplicaIndex i);
bool attributes_differ(const Work& work, NodeIndex n, ReplicaIndex i);

/// What is acknowledged of a version that stays though another one is agreed (keeps_own_version),
/// once it stands in the agreed place.
tree::ReplicaSide own_version_side(const Work& work, NodeIndex n, ReplicaIndex i);

/// The record once the plan is done, as far as it needs no operation; none when nothing changes.
/// `busy` says which replicas have operations of this node.
std::optional<RecordUpdate> final_update(const Work& work, NodeIndex n, ReplicaSet busy);

/// The record to commit before the structure operations of a node whose content follows later.
RecordUpdate structure_update(const Work& work, NodeIndex n, ReplicaSet busy);

/// What its replica moved and still has operations is acknowledged where it stands meanwhile: the
/// directory it came from may end in the same commit, and another node may take its old name. None
/// when it stands where it is known to. A new object that was saved over the old one is known by
/// its id from then on (not by its bytes), so that a crash after our own move loses no trace of it.
std::optional<tree::ReplicaSide> as_moved(const Work& work, NodeIndex n, ReplicaIndex i);

/// Has the directory that it stands in on replica `i` no record once this is done (one that ends,
/// or is merged into another)?
bool stands_in_no_record(const Work& work, NodeIndex n, ReplicaIndex i);

}  // namespace ox::plan
