#include "sync/scan_compare.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace ox::sync {

namespace {

/// What stands at the agreed place is what the replica acknowledged, as far as it can tell.
bool is_recorded(const tree::NodeRecord& record, const tree::ReplicaSide& side,
                 const tree::Fingerprint& seen) {
  const std::optional<tree::Acknowledged>& known = side.acknowledged;
  return record.agreed.has_value() && known.has_value() &&
         known->value.parent == record.agreed->parent && known->value.name == record.agreed->name &&
         known->fingerprint.id == seen.id && known->fingerprint.birth_ns == seen.birth_ns;
}

bool is_another(const ScanUnit& unit, std::size_t i) {
  return unit.parent != nullptr && unit.record.has_value() && unit.views[i].has_value() &&
         !is_recorded(*unit.record, unit.record->sides[i], unit.views[i]->entry.fingerprint);
}

bool same_mode(const state::RecordView& record, const tree::Entry& entry) {
  return entry.attributes.mode == tree::kModeUnknown ||
         record.agreed.attributes.mode == tree::kModeUnknown ||
         entry.attributes.mode == record.agreed.attributes.mode;
}

}  // namespace

/// Names that what differs could meet: of conflict copies, and those that some replica can't tell
/// from a name that differs.
class Comparison::NearNames {
 public:
  explicit NearNames(const std::vector<EngineReplica>& replicas) {
    for (const EngineReplica& replica : replicas) {
      if (replica.provider == nullptr) {
        continue;
      }
      const tree::NameRules& rules = replica.provider->capabilities().names;
      limits_.insert(rules.max_name_bytes);
      if (rules.case_rule != tree::CaseRule::kSensitive ||
          rules.normalization != tree::NormalizationRule::kBytes) {
        folding_.push_back({.rules = &rules, .keys = {}});
      }
    }
  }

  void add(std::string_view name) {
    for (Folding& folding : folding_) {
      folding.keys.insert(folding.rules->collision_key(name));
    }
  }

  bool contains(std::string_view name) const {
    return may_be_conflict_name(name) || std::ranges::any_of(folding_, [&](const Folding& folding) {
             const std::string key = folding.rules->collision_key(name);
             return folding.keys.contains(key) || may_be_conflict_name(key);
           });
  }

 private:
  struct Folding {
    const tree::NameRules* rules = nullptr;
    std::set<std::string> keys;
  };

  bool may_be_conflict_name(std::string_view name) const {
    return std::ranges::any_of(
        limits_, [&](std::size_t limit) { return tree::may_be_conflict_name(name, limit); });
  }

  std::set<std::size_t> limits_;
  std::vector<Folding> folding_;
};

Comparison::Comparison(const std::vector<EngineReplica>& replicas,
                       const std::shared_ptr<ScanUnit>& unit,
                       const std::vector<ScanListing>& listings, const std::vector<bool>& scrubs,
                       ReadAgain read_again)
    : replicas_(replicas),
      unit_(unit),
      listings_(listings),
      scrubs_(scrubs),
      read_again_(std::move(read_again)) {
  read_and_same_.resize(replicas.size());
}

bool Comparison::applies() const {
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    if (replicas_[i].provider == nullptr) {
      continue;
    }
    const std::optional<tree::Acknowledged>& known = unit_->record->sides[i].acknowledged;
    if (known.has_value() != listings_[i].present || !listings_[i].readable) {
      return false;
    }
    // Another directory has taken the name, of it or of what it stands in: what it holds says
    // nothing of the recorded one.
    if (listings_[i].present &&
        (is_another(*unit_, i) || (unit_->parent != nullptr && is_another(*unit_->parent, i)))) {
      return false;
    }
    if (!listings_[i].present && !is_left_out(i)) {
      return false;  // it is to be made there, with all that is in it
    }
  }
  return true;
}

Result<Differences> Comparison::with(const std::vector<Bytes>& pages) {
  Differences found;
  TRY(walk(pages, nullptr, found));
  if (!found.any) {
    return found;
  }
  NearNames near(replicas_);
  for (const tree::NodeRecord& record : found.records) {
    near.add(record.agreed->name);
  }
  for (std::size_t i = 0; i < found.entries.size(); ++i) {
    for (std::size_t e = 0; e < found.entries[i].size(); ++e) {
      if (found.entries[i][e]) {
        near.add(listings_[i].entries[e].name);
      }
    }
  }
  Differences wider;
  TRY(walk(pages, &near, wider));
  return wider;
}

Result<void> Comparison::walk(const std::vector<Bytes>& pages, const NearNames* near,
                              Differences& found) {
  std::vector<std::size_t> at(replicas_.size(), 0);
  for (const Bytes& page : pages) {
    state::PageCursor cursor(page, unit_->record->id);
    while (cursor.next()) {
      const state::RecordView& record = cursor.record();
      pass_strangers(&record.agreed.name, at, found);
      const Standing here = standing(record, at);
      if (!unchanged_everywhere(record, at, here) ||
          (near != nullptr && near->contains(record.agreed.name))) {
        found.any = true;
        found.records.push_back(state::to_record(record));
        for (std::size_t i = 0; i < replicas_.size(); ++i) {
          if (here[i]) {
            differs(i, at[i], found);
          }
        }
      } else if (record.agreed.kind == tree::Kind::kDirectory) {
        found.unchanged.push_back(child_unit(record, at));
      }
      for (std::size_t i = 0; i < replicas_.size(); ++i) {
        at[i] += here[i] ? 1 : 0;
      }
    }
    if (!cursor.ok()) {
      return Error(Code::kCorrupt, "a page of the state is damaged");
    }
  }
  pass_strangers(nullptr, at, found);
  return {};
}

/// Entries before the name `until` (none: all that are left) that no record explains.
void Comparison::pass_strangers(const std::string_view* until, std::vector<std::size_t>& at,
                                Differences& found) const {
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    const std::vector<tree::Entry>& entries = listings_[i].entries;
    for (; at[i] < entries.size() && (until == nullptr || entries[at[i]].name < *until); ++at[i]) {
      differs(i, at[i], found);
    }
  }
}

void Comparison::differs(std::size_t i, std::size_t entry, Differences& found) const {
  found.any = true;
  found.entries.resize(replicas_.size());
  found.entries[i].resize(listings_[i].entries.size(), false);
  found.entries[i][entry] = true;
}

Comparison::Standing Comparison::standing(const state::RecordView& record,
                                          const std::vector<std::size_t>& at) const {
  Standing here;
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    here[i] = at[i] < listings_[i].entries.size() &&
              listings_[i].entries[at[i]].name == record.agreed.name;
  }
  return here;
}

bool Comparison::unchanged_everywhere(const state::RecordView& record,
                                      const std::vector<std::size_t>& at, Standing here) {
  bool unchanged = true;
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    if (unchanged || scrubs(i)) {
      unchanged = unchanged_on(i, record, at[i], here[i]) && unchanged;
    }
  }
  return unchanged;
}

bool Comparison::unchanged_on(std::size_t i, const state::RecordView& record, std::size_t at,
                              bool here) {
  const state::SideView& side = record.sides[i];
  if (!listings_[i].present) {
    return true;
  }
  if (side.state == state::SideState::kDiffers || side.is_waived) {
    return false;
  }
  if (side.state == state::SideState::kAbsent) {
    return !here && is_excluded(i, record);
  }
  return here && same_entry(i, record, at);
}

bool Comparison::same_entry(std::size_t i, const state::RecordView& record, std::size_t entry) {
  const tree::Entry& seen = listings_[i].entries[entry];
  const state::FingerprintView& known = record.sides[i].fingerprint;
  if (seen.kind != record.agreed.kind || !same_mode(record, seen)) {
    return false;
  }
  if (seen.kind == tree::Kind::kDirectory) {
    return known.id == seen.fingerprint.id && known.birth_ns == seen.fingerprint.birth_ns;
  }
  if (!known.same_version(seen.fingerprint)) {
    return false;
  }
  if (!known.racy && !scrubs(i)) {
    return true;
  }
  std::vector<bool>& read = read_and_same_[i];
  read.resize(listings_[i].entries.size(), false);
  if (!read[entry]) {
    read[entry] = read_again_(i, record, record.sides[i], seen);
  }
  return read[entry];
}

/// A filter keeps this directory away from that replica.
bool Comparison::is_left_out(std::size_t i) const {
  const auto shown = std::ranges::find_if(
      unit_->views, [](const std::optional<ScanUnit::View>& view) { return view.has_value(); });
  return !replicas_[i].filter->empty() && shown != unit_->views.end() &&
         replicas_[i].filter->excluded((*shown)->path, true);
}

bool Comparison::is_excluded(std::size_t i, const state::RecordView& record) const {
  return replicas_[i].filter->excluded(unit_->views[i]->path.child(record.agreed.name),
                                       record.agreed.kind == tree::Kind::kDirectory);
}

std::shared_ptr<ScanUnit> Comparison::child_unit(const state::RecordView& record,
                                                 const std::vector<std::size_t>& at) const {
  auto child = std::make_shared<ScanUnit>();
  child->parent = unit_;
  child->record = state::to_record(record);
  child->views.resize(replicas_.size());
  child->entry_index.assign(replicas_.size(), ScanUnit::kUnplaced);
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    if (listings_[i].present && record.sides[i].state == state::SideState::kSame) {
      child->views[i] = ScanUnit::View{.path = unit_->views[i]->path.child(record.agreed.name),
                                       .entry = listings_[i].entries[at[i]]};
    }
  }
  return child;
}

}  // namespace ox::sync
