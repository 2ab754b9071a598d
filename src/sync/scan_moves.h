#pragma once

#include <memory>
#include <vector>

#include "sync/scan_unit.h"

namespace ox::sync {

/// Directories that some replica has renamed or moved, told by their ids: they are compared with
/// what the state knows of them as if they stood where they did, so that what is in them need not
/// be handed over. Not thread-safe.
class MovedDirectories {
 public:
  using UnitPtr = std::shared_ptr<ScanUnit>;

  /// Do ids alone say where every directory is to be found? Not where a replica takes several names
  /// for one or makes a move by copying.
  static bool can_be_told(const std::vector<EngineReplica>& replicas);

  /// `moves`: see ScanOptions.
  MovedDirectories(const std::vector<EngineReplica>& replicas, const std::vector<bool>& moves)
      : replicas_(replicas), moves_(moves) {}

  /// True: it waits, being missed somewhere or new, until everything else has been met.
  bool hold(const UnitPtr& unit);

  /// What may be visited next, once all that was released before has been. Empty: that was all.
  std::vector<UnitPtr> release();

 private:
  bool is_missed_on(const ScanUnit& unit, std::size_t i) const;
  void pair();

  const std::vector<EngineReplica>& replicas_;
  const std::vector<bool>& moves_;
  std::vector<UnitPtr> missed_;     ///< recorded, and not where some replica acknowledged them
  std::vector<UnitPtr> newcomers_;  ///< in no record
  bool any_missed_ = true;          ///< or there may still be
};

}  // namespace ox::sync
