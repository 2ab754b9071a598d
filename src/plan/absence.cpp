#include "plan/absence.h"

#include <algorithm>

namespace ox::plan {

namespace {

/// Entries that stand but could not be read, and that may be what vanished elsewhere: by their id,
/// where ids tell; else any file of the same size.
class Unread {
 public:
  Unread(const Work& work, ReplicaIndex i) : work_(work), replica_(i) {
    for (const Hidden& hidden : work.input().replicas[i].hidden) {
      if (hidden.reason != HiddenReason::kUnreadable || !hidden.seen.has_value()) {
        continue;
      }
      if (has_identity(work.traits(i), *hidden.seen, tree::Kind::kFile)) {
        objects_.emplace(hidden.seen->id, hidden.seen->birth_ns);
      } else {
        strangers_.push_back(&hidden);
      }
    }
    if (!strangers_.empty()) {
      leave_out_known_places();
    }
  }

  bool may_be(NodeIndex n) const {
    const tree::Acknowledged* known = work_.acknowledged(n, replica_);
    if (known == nullptr || known->value.kind != tree::Kind::kFile) {
      return false;
    }
    return objects_.contains({known->fingerprint.id, known->fingerprint.birth_ns}) ||
           std::ranges::any_of(strangers_, [&](const Hidden* hidden) {
             return hidden->seen->size == known->fingerprint.size;
           });
  }

 private:
  /// What stands where a file is known to be is that file.
  void leave_out_known_places() {
    std::set<std::pair<NodeIndex, std::string>> known_places;
    for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
      if (const tree::Acknowledged* known = work_.acknowledged(n, replica_)) {
        known_places.emplace(work_.find(known->value.parent), known->value.name);
      }
    }
    std::erase_if(strangers_, [&](const Hidden* hidden) {
      const NodeIndex directory = work_.node_of_entry[replica_][hidden->parent];
      return directory != kNone && known_places.contains({directory, hidden->name});
    });
  }

  const Work& work_;
  ReplicaIndex replica_;
  std::set<std::pair<std::uint64_t, std::int64_t>> objects_;
  std::vector<const Hidden*> strangers_;
};

class Absence {
 public:
  Absence(Work& work, ReplicaIndex i)
      : work_(work), replica_(i), unread_(work, i), known_(work.nodes.size(), false) {}

  void settle_all() {
    for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
      settle(n);
    }
  }

 private:
  Status settle(NodeIndex n) {
    Side& side = work_.side(n, replica_);
    if (known_[n] || side.status == Status::kOffline) {
      return side.status;
    }
    known_[n] = true;
    if (side.status != Status::kPresent) {
      const Status found = reason(n);
      side.status = found == Status::kAbsent && unread_.may_be(n) ? Status::kUnknown : found;
    }
    return work_.side(n, replica_).status;
  }

  Status reason(NodeIndex n) {
    const tree::NodeValue* value = nullptr;
    if (const tree::Acknowledged* known = work_.acknowledged(n, replica_)) {
      value = &known->value;
    } else if (work_.nodes[n].agreed()) {
      value = &*work_.nodes[n].record->agreed;
    }
    if (value == nullptr) {
      return Status::kAbsent;
    }
    if (work_.input().excluded && work_.input().excluded(replica_, work_.known_path(n),
                                                         value->kind == tree::Kind::kDirectory)) {
      return Status::kExcluded;
    }
    const NodeIndex parent = work_.find(value->parent);
    if (parent == kNone) {
      return Status::kAbsent;
    }
    const Status above = settle(parent);
    if (above != Status::kPresent) {
      return above;
    }
    const EntryIndex e = work_.side(parent, replica_).entry;
    if (!shows_absence(work_.input().replicas[replica_].entries[e].coverage) ||
        work_.replaced.contains({replica_, n})) {
      return Status::kUnknown;
    }
    const std::uint32_t hidden = work_.hidden[replica_].find(e, value->name);
    if (hidden == kNone) {
      return work_.acknowledged(n, replica_) != nullptr && may_stand_unseen(e, value->name)
                 ? Status::kUnknown
                 : Status::kAbsent;
    }
    return static_cast<HiddenReason>(hidden) == HiddenReason::kExcluded ? Status::kExcluded
                                                                        : Status::kUnknown;
  }

  /// It is not missed where something else has its place: it makes way there, wherever it is.
  bool may_stand_unseen(EntryIndex directory, const std::string& name) {
    if (!work_.input().unseen_newcomers) {
      return false;
    }
    if (!places_indexed_) {
      places_indexed_ = true;
      for (EntryIndex e = 1; e < work_.node_of_entry[replica_].size(); ++e) {
        places_.add(work_.input().replicas[replica_].entries[e].parent,
                    work_.entry_at(replica_, e).name, e);
      }
    }
    return !places_.contains(directory, name);
  }

  Work& work_;
  ReplicaIndex replica_;
  Unread unread_;
  std::vector<bool> known_;
  bool places_indexed_ = false;
  PlaceTable places_;  ///< by entry and name, whoever has them
};

}  // namespace

void withhold_symlinks(Work& work, ReplicaIndex i) {
  bool lacking = false;
  for (ReplicaIndex j = 0; j < work.replica_count(); ++j) {
    lacking = lacking || (j != i && !work.traits(j).symlinks);
  }
  for (NodeIndex n = 0; lacking && n < work.nodes.size(); ++n) {
    const tree::Acknowledged* known = work.acknowledged(n, i);
    if (known == nullptr || known->value.kind != tree::Kind::kDirectory || work.present(n, i) ||
        work.nodes[n].id == kRootNode) {
      continue;
    }
    const NodeIndex parent = work.find(known->value.parent);
    if (parent == kNone || !work.present(parent, i)) {
      continue;
    }
    for (const EntryIndex e : work.children_of_entry[i][work.side(parent, i).entry]) {
      const tree::Entry& entry = work.entry_at(i, e);
      if (entry.kind == tree::Kind::kSymlink && entry.name == known->value.name &&
          work.node_of_entry[i][e] == kNone) {
        work.withheld.emplace(i, e);
        work.replaced.emplace(i, n);
        work.report(i, work.entry_path(i, e), "symlinks_unsupported",
                    "not synced: it stands in the place of a directory, and not every replica has "
                    "symlinks; the directory stays elsewhere");
      }
    }
  }
}

void settle_absences(Work& work, ReplicaIndex i) {
  Absence(work, i).settle_all();
}

}  // namespace ox::plan
