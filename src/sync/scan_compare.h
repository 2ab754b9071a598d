#pragma once

#include <bitset>
#include <functional>
#include <memory>
#include <vector>

#include "state/page.h"
#include "sync/scan_unit.h"

/// A directory as all replicas show it, against what the state knows of it.
namespace ox::sync {

/// What of a directory is not as every replica acknowledged it, and what it could meet.
struct Differences {
  std::vector<tree::NodeRecord> records;
  /// Per replica, which of ScanListing::entries; shorter where the rest are not.
  std::vector<std::vector<bool>> entries;
  std::vector<std::shared_ptr<ScanUnit>> unchanged;  ///< directories, to be walked on to
  bool any = false;
};

/// Are these still the acknowledged bytes? Asked where the time stamps show no change.
using ReadAgain = std::function<bool(std::size_t replica, const state::RecordView& record,
                                     const state::SideView& side, const tree::Entry& entry)>;

class Comparison {
 public:
  /// All of them, and what `listings` holds, must outlive this. `scrubs`: see ScanOptions.
  Comparison(const std::vector<EngineReplica>& replicas, const std::shared_ptr<ScanUnit>& unit,
             const std::vector<ScanListing>& listings, const std::vector<bool>& scrubs,
             ReadAgain read_again);

  /// Was the directory listed, and is it the recorded one, wherever it is to stand? If not, its
  /// records say nothing of what is in it.
  bool applies() const;

  /// Walks over the pages of the directory's records without making records of what is unchanged.
  /// kCorrupt for damaged pages. Contract: applies().
  Result<Differences> with(const std::vector<Bytes>& pages);

 private:
  class NearNames;
  /// Per replica: is the entry that comes next the record's?
  using Standing = std::bitset<state::kMaxSides>;

  Result<void> walk(const std::vector<Bytes>& pages, const NearNames* near, Differences& found);
  void pass_strangers(const std::string_view* until, std::vector<std::size_t>& at,
                      Differences& found) const;
  void differs(std::size_t i, std::size_t entry, Differences& found) const;
  bool unchanged_everywhere(const state::RecordView& record, const std::vector<std::size_t>& at,
                            Standing here);
  bool unchanged_on(std::size_t i, const state::RecordView& record, std::size_t at, bool here);
  bool same_entry(std::size_t i, const state::RecordView& record, std::size_t entry);
  bool scrubs(std::size_t i) const { return i < scrubs_.size() && scrubs_[i]; }
  Standing standing(const state::RecordView& record, const std::vector<std::size_t>& at) const;
  bool is_left_out(std::size_t i) const;
  bool is_excluded(std::size_t i, const state::RecordView& record) const;
  std::shared_ptr<ScanUnit> child_unit(const state::RecordView& record,
                                       const std::vector<std::size_t>& at) const;

  const std::vector<EngineReplica>& replicas_;
  const std::shared_ptr<ScanUnit>& unit_;
  const std::vector<ScanListing>& listings_;
  const std::vector<bool>& scrubs_;
  ReadAgain read_again_;
  std::vector<std::vector<bool>> read_and_same_;  ///< per replica and entry
};

}  // namespace ox::sync
