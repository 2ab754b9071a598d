#include "sync/scan_moves.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace ox::sync {

bool MovedDirectories::can_be_told(const std::vector<EngineReplica>& replicas) {
  return std::ranges::all_of(replicas, [](const EngineReplica& replica) {
    if (replica.provider == nullptr) {
      return true;
    }
    const provider::Capabilities& can = replica.provider->capabilities();
    return can.stable_ids && can.native_directory_move &&
           can.names.case_rule == tree::CaseRule::kSensitive &&
           can.names.normalization == tree::NormalizationRule::kBytes;
  });
}

bool MovedDirectories::is_missed_on(const ScanUnit& unit, std::size_t i) const {
  const std::optional<tree::Acknowledged>& known = unit.record->sides[i].acknowledged;
  return replicas_[i].provider != nullptr && known.has_value() && !unit.views[i].has_value() &&
         known->fingerprint.id != 0 && known->fingerprint.birth_ns != 0;
}

bool MovedDirectories::hold(const UnitPtr& unit) {
  if (!any_missed_) {
    return false;
  }
  if (!unit->record.has_value()) {
    newcomers_.push_back(unit);
    return true;
  }
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    if (is_missed_on(*unit, i)) {
      missed_.push_back(unit);
      return true;
    }
  }
  return false;
}

std::vector<MovedDirectories::UnitPtr> MovedDirectories::release() {
  pair();
  if (!newcomers_.empty()) {
    // Below recorded directories that were met nothing is left to be found; below newcomers may be.
    any_missed_ = !missed_.empty();
    return std::exchange(newcomers_, {});
  }
  return std::exchange(missed_, {});
}

/// A newcomer that is one and the same missed directory wherever it stands takes its place.
void MovedDirectories::pair() {
  using Object = std::tuple<std::size_t, std::uint64_t, std::int64_t>;
  std::map<Object, UnitPtr> missed;  // none: several claim it, and only the planner can choose
  for (const UnitPtr& unit : missed_) {
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      if (moves_[i] && is_missed_on(*unit, i)) {
        const tree::Fingerprint& print = unit->record->sides[i].acknowledged->fingerprint;
        const auto [at, first] = missed.emplace(Object{i, print.id, print.birth_ns}, unit);
        if (!first) {
          at->second = nullptr;
        }
      }
    }
  }
  std::erase_if(newcomers_, [&](const UnitPtr& newcomer) {
    UnitPtr moved;
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      if (!newcomer->views[i].has_value()) {
        continue;
      }
      const tree::Fingerprint& print = newcomer->views[i]->entry.fingerprint;
      const auto found = missed.find(Object{i, print.id, print.birth_ns});
      if (found == missed.end() || found->second == nullptr ||
          (moved != nullptr && found->second != moved)) {
        return false;
      }
      moved = found->second;
    }
    for (std::size_t i = 0; moved != nullptr && i < replicas_.size(); ++i) {
      if (newcomer->views[i].has_value()) {
        moved->views[i] = std::move(newcomer->views[i]);
        moved->entry_index[i] = newcomer->entry_index[i];
      }
    }
    return moved != nullptr;
  });
}

}  // namespace ox::sync
