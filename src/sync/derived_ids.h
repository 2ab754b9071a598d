#pragma once

#include <optional>
#include <set>

#include "state/store.h"

namespace ox::sync {

/// Which ids of conflict copies the agreed tree holds. They are no running numbers, so the pages
/// are read through once, the first time that somebody asks: conflicts are rare. Not thread-safe.
class DerivedIds {
 public:
  explicit DerivedIds(state::Store& store) : store_(store) {}

  /// False also when the state could not be read; then result() tells.
  bool known(NodeId id);
  Result<void> result() const {
    return failure_.has_value() ? Result<void>(*failure_) : Result<void>();
  }

 private:
  Result<void> read();

  state::Store& store_;
  bool read_ = false;
  std::set<NodeId> ids_;
  std::optional<Error> failure_;
};

}  // namespace ox::sync
