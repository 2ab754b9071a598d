#include "sync/scan.h"

#include <algorithm>
#include <atomic>
#include <map>

#include "base/expects.h"
#include "rt/mutex.h"
#include "state/page.h"
#include "sync/fingerprints.h"
#include "sync/scan_compare.h"
#include "sync/scan_doubles.h"
#include "sync/scan_lagging.h"
#include "sync/scan_moves.h"
#include "sync/scan_rereading.h"

namespace ox::sync {

plan::Traits traits_of(const EngineReplica& replica) {
  plan::Traits traits{.label = replica.label, .online = replica.provider != nullptr};
  if (replica.provider == nullptr) {
    return traits;
  }
  const provider::Capabilities& can = replica.provider->capabilities();
  traits.stable_ids = can.stable_ids;
  traits.has_mtime = can.has_mtime;
  traits.symlinks = can.symlinks;
  traits.modes = can.modes;
  traits.xattrs = can.xattrs;
  traits.exchange = can.exchange;
  traits.native_directory_move = can.native_directory_move;
  traits.mtime_step = can.mtime_step;
  traits.clock_skew = can.clock_skew;
  traits.names = can.names;
  return traits;
}

std::vector<bool> whose_moves_count(const plan::Policy& policy, std::size_t replicas) {
  std::vector<bool> count;
  if (plan::moves_count(policy.mode)) {
    count.resize(replicas, policy.mode == plan::Mode::kTwoWay);
    count[policy.order.front()] = true;
  }
  return count;
}

namespace {

class Scanner {
 public:
  Scanner(state::Store& store, const std::vector<EngineReplica>& replicas,
          const ScanOptions& options, const Services& services, std::stop_token stop)
      : store_(store),
        replicas_(replicas),
        options_(options),
        lagging_(replicas, options.looks_closely),
        rereading_(replicas_, options_),
        group_(*services.pool, 100'000'000, std::move(stop)) {
    result_.replicas.resize(replicas.size());
    result_.unreadable.assign(replicas.size(), false);
    result_.hard_linked.assign(replicas.size(), 0);
    for (std::size_t i = 0; i < replicas.size(); ++i) {
      result_.replicas[i].traits = traits_of(replicas[i]);
    }
  }

  Result<Scan> run() {
    TRY_ASSIGN(const std::unique_ptr<state::Snapshot> snapshot, store_.snapshot());
    TRY(load_unsettled());
    auto root = std::make_shared<ScanUnit>();
    TRY_ASSIGN(root->record, store_.root());
    root->views.resize(replicas_.size());
    root->entry_index.assign(replicas_.size(), ScanUnit::kUnplaced);
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      if (replicas_[i].provider != nullptr) {
        tree::Entry entry{.kind = tree::Kind::kDirectory};
        root->views[i] = ScanUnit::View{.path = {}, .entry = std::move(entry)};
      }
    }
    {
      rt::Lock lock(mutex_);
      place_chain(*root);
    }
    spawn(root);
    TRY(group_.wait());
    for (std::vector<UnitPtr> rest = release(); !rest.empty(); rest = release()) {
      for (UnitPtr& unit : rest) {
        spawn(std::move(unit));
      }
      TRY(group_.wait());
    }
    rt::Lock lock(mutex_);
    result_.entries = entries_.load();
    rereading_.report(result_);
    look_again_at_doubles(result_, replicas_);
    return std::move(result_);
  }

 private:
  using UnitPtr = std::shared_ptr<ScanUnit>;

  Result<void> load_unsettled() {
    TRY_ASSIGN(std::vector<tree::NodeRecord> unsettled, store_.unsettled());
    rt::Lock lock(mutex_);
    if (!options_.moves.empty() && unsettled.empty() && MovedDirectories::can_be_told(replicas_)) {
      moved_.emplace(replicas_, options_.moves);
    }
    for (tree::NodeRecord& record : unsettled) {
      if (lagging_.any()) {
        lagging_.add_unsettled(record);
      }
      if (record.agreed.has_value()) {
        forced_.insert(record.agreed->parent);
      }
      for (const tree::ReplicaSide& side : record.sides) {
        if (side.acknowledged.has_value()) {
          forced_.insert(side.acknowledged->value.parent);
        }
      }
      if (!record.agreed.has_value()) {
        forced_.insert(record.id);
        result_.nodes.push_back(std::move(record));
      }
    }
    return {};
  }

  std::vector<UnitPtr> release() {
    rt::Lock lock(mutex_);
    return moved_.has_value() ? moved_->release() : std::vector<UnitPtr>{};
  }

  void spawn(UnitPtr unit) {
    group_.spawn([this, unit = std::move(unit)](std::stop_token stop) -> Result<void> {
      if (stop.stop_requested()) {
        return Error(Code::kCancelled, "stopped");
      }
      return visit(unit, stop);
    });
  }

  Result<void> visit(const UnitPtr& unit, std::stop_token stop) {
    if (options_.slice_entries != 0 && !is_in_this_slice(*unit)) {
      return {};
    }
    std::vector<ScanListing> listings(replicas_.size());
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      if (unit->views[i].has_value()) {
        listings[i] = list(*unit, i, stop);
      }
    }
    if (stop.stop_requested()) {
      return Error(Code::kCancelled, "stopped");
    }
    if (lagging_.any()) {
      TRY(confirm(*unit, listings));
    }
    if (!unit->record.has_value()) {
      return materialise(unit, listings, {}, plan::Coverage::kListed);
    }
    std::optional<Differences> differences;
    if (!options_.whole) {
      TRY_ASSIGN(differences, compare(unit, listings, stop));
    }
    if (!differences.has_value()) {
      TRY_ASSIGN(std::vector<tree::NodeRecord> records, store_.children(unit->record->id));
      rereading_.doubt_all(records);
      return materialise(unit, listings, std::move(records), plan::Coverage::kListed);
    }
    for (UnitPtr& child : differences->unchanged) {
      spawn(std::move(child));
    }
    if (!differences->any) {
      return {};
    }
    keep_only(differences->entries, listings);
    return materialise(unit, listings, std::move(differences->records), plan::Coverage::kDiffering);
  }

  Result<void> confirm(ScanUnit& unit, std::vector<ScanListing>& listings) {
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      if (!lagging_.lags(i) || !unit.views[i].has_value()) {
        continue;
      }
      ScanUnit::View& view = *unit.views[i];
      TRY_ASSIGN(view.known, known_as(unit, i));
      if (!view.known.has_value() || !listings[i].present || !listings[i].readable) {
        continue;
      }
      TRY_ASSIGN(const std::vector<tree::NodeRecord> records, store_.children(*view.known));
      ScanListing seen;
      filter(view.path, i, lagging_.confirm(*view.known, view.path, i, records, listings[i]), seen);
      std::ranges::move(seen.entries, std::back_inserter(listings[i].entries));
      std::ranges::move(seen.hidden, std::back_inserter(listings[i].hidden));
      std::ranges::sort(listings[i].entries, {}, &tree::Entry::name);
    }
    return {};
  }

  /// A directory may stand under another name on one replica than is agreed, and then has no record
  /// of its own here.
  Result<std::optional<NodeId>> known_as(const ScanUnit& unit, std::size_t i) {
    if (unit.record.has_value()) {
      return std::optional(unit.record->id);
    }
    const bool has_parent = unit.parent != nullptr && unit.parent->views[i].has_value();
    const std::optional<NodeId> parent =
        has_parent ? unit.parent->views[i]->known : std::optional<NodeId>();
    if (!parent.has_value()) {
      return parent;
    }
    TRY_ASSIGN(const std::vector<tree::NodeRecord> records, store_.children(*parent));
    return lagging_.known_at(*parent, unit.views[i]->entry.name, i, records);
  }

  static void keep_only(std::vector<std::vector<bool>>& wanted,
                        std::vector<ScanListing>& listings) {
    wanted.resize(listings.size());
    for (std::size_t i = 0; i < listings.size(); ++i) {
      wanted[i].resize(listings[i].entries.size(), false);
      std::size_t at = 0;
      std::erase_if(listings[i].entries, [&](const tree::Entry&) { return !wanted[i][at++]; });
    }
  }

  bool is_in_this_slice(ScanUnit& unit) {
    rt::Lock lock(mutex_);
    const bool known = unit.record.has_value();
    if (options_.unfinished == nullptr) {
      if (!known && unit.parent != nullptr && handed_over_ >= options_.slice_entries) {
        defer(unit);
        return false;
      }
      return true;
    }
    const bool shown =
        std::ranges::any_of(unit.views, [](const auto& view) { return view.has_value(); });
    if (!shown || (known && has_vanished_somewhere(unit))) {
      return true;  // since an earlier slice: then all that was in it has to be known
    }
    if (known && unit.parent != nullptr && !options_.unfinished->contains(path_of(unit))) {
      return false;
    }
    if (handed_over_ >= options_.slice_entries) {
      defer(unit);
      return false;
    }
    options_.unfinished->erase(path_of(unit));
    return true;
  }

  bool has_vanished_somewhere(const ScanUnit& unit) const {
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      if (replicas_[i].provider != nullptr && !unit.views[i].has_value() &&
          unit.record->sides[i].acknowledged.has_value()) {
        return true;
      }
    }
    return false;
  }

  static const RelPath& path_of(const ScanUnit& unit) {
    return std::ranges::find_if(unit.views, [](const auto& view) { return view.has_value(); })
        ->value()
        .path;
  }

  /// Nothing is known of this directory in this slice. Directories with nothing else in them are
  /// not made yet, so that all above are to be listed again.
  void defer(ScanUnit& unit) OX_REQUIRES(mutex_) {
    result_.sliced = true;
    for (const ScanUnit* at = &unit; options_.unfinished != nullptr && at != nullptr;
         at = at->parent.get()) {
      options_.unfinished->insert(path_of(*at));
    }
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      if (unit.entry_index[i] != ScanUnit::kUnplaced) {
        result_.replicas[i].entries[unit.entry_index[i]].coverage = plan::Coverage::kUnknown;
      }
    }
  }

  ScanListing list(const ScanUnit& unit, std::size_t i, std::stop_token stop) {
    const RelPath& path = unit.views[i]->path;
    ScanListing listing{.present = true};
    const tree::Fingerprint* expected =
        unit.parent == nullptr ? nullptr : &unit.views[i]->entry.fingerprint;
    Result<std::vector<tree::Entry>> found = replicas_[i].provider->list(path, expected, stop);
    if (!found.ok()) {
      listing.readable = false;
      listing.failure = found.error().code();
      rt::Lock lock(mutex_);
      if (path.is_root()) {
        result_.unreadable[i] = true;
      }
      result_.unstable = result_.unstable || listing.failure == Code::kNotFound ||
                         listing.failure == Code::kNotADirectory ||
                         listing.failure == Code::kPreconditionFailed;
      result_.reports.push_back({.replica = static_cast<ReplicaIndex>(i),
                                 .path = path,
                                 .code = "unreadable",
                                 .message = "could not be listed: " + found.error().message()});
      return listing;
    }
    entries_ += found->size();
    filter(path, i, std::move(*found), listing);
    count_hard_linked(i, listing);
    if (!std::ranges::is_sorted(listing.entries, {}, &tree::Entry::name)) {
      std::ranges::sort(listing.entries, {}, &tree::Entry::name);
    }
    return listing;
  }

  void filter(const RelPath& path, std::size_t i, std::vector<tree::Entry> found,
              ScanListing& listing) {
    const tree::Filter& rules = *replicas_[i].filter;
    if (rules.empty() && std::ranges::none_of(found, [](const tree::Entry& entry) {
          return entry.kind == tree::Kind::kOther;
        })) {
      listing.entries = std::move(found);
      return;
    }
    for (tree::Entry& entry : found) {
      if (entry.kind == tree::Kind::kOther) {
        report_special(path.child(entry.name), i);
        listing.hidden.push_back(
            {.name = std::move(entry.name), .reason = plan::HiddenReason::kSpecial});
        continue;
      }
      if (!rules.empty()) {
        const tree::FileFacts facts{.size = entry.content.size, .mtime = entry.content.mtime};
        const bool directory = entry.kind == tree::Kind::kDirectory;
        if (rules.check_here(path.child(entry.name), directory, &facts) !=
            tree::Verdict::kIncluded) {
          listing.hidden.push_back(
              {.name = std::move(entry.name), .reason = plan::HiddenReason::kExcluded});
          continue;
        }
      }
      listing.entries.push_back(std::move(entry));
    }
  }

  void count_hard_linked(std::size_t i, const ScanListing& listing) {
    const auto count = std::ranges::count_if(listing.entries, [](const tree::Entry& entry) {
      return entry.kind == tree::Kind::kFile && entry.fingerprint.link_count > 1;
    });
    if (count != 0) {
      rt::Lock lock(mutex_);
      result_.hard_linked[i] += static_cast<std::uint64_t>(count);
    }
  }

  void report_special(RelPath path, std::size_t i) {
    rt::Lock lock(mutex_);
    result_.reports.push_back({.replica = static_cast<ReplicaIndex>(i),
                               .path = std::move(path),
                               .code = "special",
                               .message = "a device, socket, pipe or mount point; not synced"});
  }

  // Comparing with the state ----------------------------------------------------------------------

  /// What of a known directory is not as all replicas acknowledged it; none when that can't be
  /// told, so that all of it is to be handed over.
  Result<std::optional<Differences>> compare(const UnitPtr& unit,
                                             const std::vector<ScanListing>& listings,
                                             std::stop_token stop) {
    {
      rt::Lock lock(mutex_);
      if (forced_.contains(unit->record->id)) {
        return std::optional<Differences>{};
      }
    }
    Comparison comparison(replicas_, unit, listings, options_.scrubs,
                          [&](std::size_t i, const state::RecordView& record,
                              const state::SideView& side, const tree::Entry& entry) {
                            return rereading_.is_same(*unit, i, record, side, entry, stop);
                          });
    if (!comparison.applies()) {
      return std::optional<Differences>{};
    }
    TRY_ASSIGN(const std::vector<Bytes> pages, store_.pages(unit->record->id));
    TRY_ASSIGN(Differences found, comparison.with(pages));
    rereading_.doubt_changed(*unit, found.records);
    return std::optional(std::move(found));
  }

  // Handing over ----------------------------------------------------------------------------------

  Result<void> materialise(const UnitPtr& unit, std::vector<ScanListing>& listings,
                           std::vector<tree::NodeRecord> records, plan::Coverage coverage) {
    look_closely(*unit, records, listings);
    std::map<std::string, UnitPtr> children;
    std::vector<UnitPtr> walk_on;
    for (tree::NodeRecord& record : records) {
      if (record.agreed->kind == tree::Kind::kDirectory && !hidden_everywhere(record, listings)) {
        UnitPtr child = fresh_child(unit);
        child->record = record;
        children.emplace(record.agreed->name, child);
        walk_on.push_back(std::move(child));
      }
    }
    {
      rt::Lock lock(mutex_);
      place_chain(*unit);
      for (std::size_t i = 0; i < replicas_.size(); ++i) {
        handed_over_ += new_files(listings[i], records.size());
        if (listings[i].present) {
          hand_over(unit, i, listings[i], coverage, children, walk_on);
        }
      }
      for (tree::NodeRecord& record : records) {
        const auto child = children.find(record.agreed->name);
        if (child != children.end() && child->second->record.has_value()) {
          child->second->record_given = true;
        }
        result_.nodes.push_back(std::move(record));
      }
      if (moved_.has_value()) {
        std::erase_if(walk_on, [this](const UnitPtr& child)
                                   OX_REQUIRES(mutex_) { return moved_->hold(child); });
      }
    }
    for (UnitPtr& child : walk_on) {
      spawn(std::move(child));
    }
    return {};
  }

  UnitPtr fresh_child(const UnitPtr& parent) const {
    auto child = std::make_shared<ScanUnit>();
    child->parent = parent;
    child->views.resize(replicas_.size());
    child->entry_index.assign(replicas_.size(), ScanUnit::kUnplaced);
    return child;
  }

  /// A directory that filters hide wherever it could be seen is not entered.
  bool hidden_everywhere(const tree::NodeRecord& record,
                         const std::vector<ScanListing>& listings) const {
    bool hidden = false;
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      if (!listings[i].present) {
        continue;
      }
      const bool here = std::ranges::any_of(listings[i].hidden, [&](const plan::Hidden& name) {
        return name.name == record.agreed->name && name.reason == plan::HiddenReason::kExcluded;
      });
      if (!here) {
        return false;
      }
      hidden = true;
    }
    return hidden;
  }

  /// Extended attributes are not in listings: they are read where a version changed, or where
  /// several replicas bring the same new name. Of a file that only one replica has, the copy reads
  /// them.
  void look_closely(const ScanUnit& unit, const std::vector<tree::NodeRecord>& records,
                    std::vector<ScanListing>& listings) {
    std::map<std::string_view, const tree::NodeRecord*> known;
    for (const tree::NodeRecord& record : records) {
      known.emplace(record.agreed->name, &record);
    }
    std::map<std::string_view, std::uint32_t> shown;
    for (const ScanListing& listing : listings) {
      for (const tree::Entry& entry : listing.entries) {
        ++shown[entry.name];
      }
    }
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      if (!listings[i].present || !replicas_[i].provider->capabilities().xattrs) {
        continue;
      }
      for (tree::Entry& entry : listings[i].entries) {
        const auto record = known.find(entry.name);
        const tree::Acknowledged* before =
            record != known.end() && record->second->sides[i].acknowledged.has_value()
                ? &*record->second->sides[i].acknowledged
                : nullptr;
        const bool alone = record == known.end() && shown[entry.name] == 1;
        if (entry.kind == tree::Kind::kSymlink || (alone && entry.kind == tree::Kind::kFile) ||
            (before != nullptr && entry.kind == tree::Kind::kFile &&
             before->fingerprint.same_version(entry.fingerprint))) {
          continue;
        }
        const auto looked = replicas_[i].provider->look(unit.views[i]->path.child(entry.name));
        if (looked.ok() && looked->fingerprint.same_version(entry.fingerprint)) {
          entry.attributes.xattrs = looked->attributes.xattrs;
        }
      }
    }
  }

  /// What counts against a slice: directories count when they are visited, so that every slice gets
  /// on, whatever the shape of the tree.
  static std::uint64_t new_files(const ScanListing& listing, std::size_t known) {
    const auto files = static_cast<std::size_t>(std::ranges::count_if(
        listing.entries,
        [](const tree::Entry& entry) { return entry.kind != tree::Kind::kDirectory; }));
    return 1 + (files > known ? files - known : 0);
  }

  /// Makes sure that the unit and its ancestors are among the entries and records.
  void place_chain(ScanUnit& unit) OX_REQUIRES(mutex_) {
    if (unit.parent != nullptr) {
      place_chain(*unit.parent);
    }
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      if (!unit.views[i].has_value() || unit.entry_index[i] != ScanUnit::kUnplaced) {
        continue;
      }
      plan::Observed observed{.entry = unit.views[i]->entry,
                              .coverage = plan::Coverage::kUnchanged};
      if (unit.parent != nullptr) {
        expects(unit.parent->entry_index[i] != ScanUnit::kUnplaced);
        observed.parent = unit.parent->entry_index[i];
      }
      unit.entry_index[i] = static_cast<std::uint32_t>(result_.replicas[i].entries.size());
      result_.replicas[i].entries.push_back(std::move(observed));
    }
    if (unit.record.has_value() && !unit.record_given) {
      unit.record_given = true;
      result_.nodes.push_back(*unit.record);
    }
  }

  void hand_over(const UnitPtr& unit, std::size_t i, ScanListing& listing, plan::Coverage coverage,
                 std::map<std::string, UnitPtr>& children, std::vector<UnitPtr>& walk_on)
      OX_REQUIRES(mutex_) {
    plan::Replica& replica = result_.replicas[i];
    const std::uint32_t parent = unit->entry_index[i];
    replica.entries[parent].coverage = listing.readable ? coverage : plan::Coverage::kUnknown;
    for (plan::Hidden& hidden : listing.hidden) {
      hidden.parent = parent;
      replica.hidden.push_back(std::move(hidden));
    }
    for (tree::Entry& entry : listing.entries) {
      entry.fingerprint.racy = may_hide_a_change(entry.fingerprint);
      const auto index = static_cast<std::uint32_t>(replica.entries.size());
      if (entry.kind == tree::Kind::kDirectory) {
        const auto [child, fresh] = children.try_emplace(entry.name, nullptr);
        if (fresh) {
          child->second = fresh_child(unit);
          walk_on.push_back(child->second);
        }
        child->second->views[i] =
            ScanUnit::View{.path = unit->views[i]->path.child(entry.name), .entry = entry};
        child->second->entry_index[i] = index;
        replica.entries.push_back(
            {.parent = parent, .entry = std::move(entry), .coverage = plan::Coverage::kUnchanged});
      } else {
        replica.entries.push_back({.parent = parent, .entry = std::move(entry)});
      }
    }
  }

  state::Store& store_;
  const std::vector<EngineReplica>& replicas_;
  const ScanOptions options_;
  std::atomic<std::uint64_t> entries_{0};
  std::atomic<std::uint64_t> handed_over_{0};
  LaggingListings lagging_;
  Rereading rereading_;
  rt::Mutex mutex_;
  Scan result_ OX_GUARDED_BY(mutex_);
  std::set<NodeId> forced_ OX_GUARDED_BY(mutex_);
  std::optional<MovedDirectories> moved_ OX_GUARDED_BY(mutex_);
  rt::TaskGroup group_;
};

}  // namespace

Result<Scan> scan(state::Store& store, const std::vector<EngineReplica>& replicas,
                  const ScanOptions& options, const Services& services, std::stop_token stop) {
  services.progress->enter(rt::Phase::kScanning);
  return Scanner(store, replicas, options, services, std::move(stop)).run();
}

}  // namespace ox::sync
