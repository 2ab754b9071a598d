#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "sync/scan.h"
#include "tree/record.h"

namespace ox::sync {

/// One directory as the walk meets it on all replicas at once.
struct ScanUnit {
  /// One replica's view of the directory.
  struct View {
    RelPath path;
    tree::Entry entry;  ///< the directory's own, from its parent's listing
    /// Where listings lag: which directory this replica acknowledged here; none: it is new.
    std::optional<NodeId> known;
  };

  std::shared_ptr<ScanUnit> parent;        ///< none for the root
  std::optional<tree::NodeRecord> record;  ///< none: not known to the state
  std::vector<std::optional<View>> views;  ///< per replica; none: it is not there
  std::vector<std::uint32_t> entry_index;  ///< in plan::Replica::entries; kUnplaced: not yet
  bool record_given = false;

  static constexpr std::uint32_t kUnplaced = UINT32_MAX;
};

/// One directory of one replica, listed and filtered.
struct ScanListing {
  bool present = false;
  bool readable = true;
  Code failure = Code::kIo;
  std::vector<tree::Entry> entries;  ///< in byte order of names
  std::vector<plan::Hidden> hidden;  ///< parents are filled in later
};

}  // namespace ox::sync
