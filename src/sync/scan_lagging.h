#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sync/scan_unit.h"

namespace ox::sync {

/// Stores whose listings may lag behind what was done (eventual consistency): what they show of a
/// known directory is believed where it is as acknowledged, and all else is looked at directly, so
/// that neither an old listing after our own write nor one after our own removal counts as
/// somebody's edit, delete or new file. Safe for concurrent calls once all is added.
class LaggingListings {
 public:
  /// `looks_closely`: nothing is believed because it is as acknowledged.
  LaggingListings(const std::vector<EngineReplica>& replicas, bool looks_closely);

  bool any() const { return any_; }
  /// A record with sides that may stand elsewhere than agreed.
  void add_unsettled(const tree::NodeRecord& record);

  /// Corrects what replica `i` listed of `path`, the directory `directory`, whose agreed children
  /// are `records`. Returns the entries that were looked at and stand: they are still to be
  /// filtered. What could not be looked at is hidden.
  std::vector<tree::Entry> confirm(NodeId directory, const RelPath& path, std::size_t i,
                                   const std::vector<tree::NodeRecord>& records,
                                   ScanListing& listing) const;
  bool lags(std::size_t i) const;
  /// The node that replica `i` acknowledged under this name of `directory`.
  std::optional<NodeId> known_at(NodeId directory, const std::string& name, std::size_t i,
                                 const std::vector<tree::NodeRecord>& records) const;

 private:
  using Expected = std::unordered_map<std::string, const tree::Acknowledged*>;

  Expected expected(NodeId directory, std::size_t i,
                    const std::vector<tree::NodeRecord>& records) const;

  const std::vector<EngineReplica>& replicas_;
  const bool looks_closely_;
  bool any_ = false;
  std::vector<tree::NodeRecord> unsettled_;
};

}  // namespace ox::sync
