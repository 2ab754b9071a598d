#include "sync/slices.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace ox::sync {

void Slices::begin_first(std::uint64_t entries) {
  kind_ = Kind::kFirst;
  entries_ = entries;
}

void Slices::begin_later(std::uint64_t entries) {
  kind_ = Kind::kLater;
  entries_ = entries;
}

void Slices::shape(ScanOptions& scope) {
  if (active()) {
    scope.slice_entries = entries_;
  }
  if (is_first()) {
    unfinished_before_ = unfinished_;
    scope.unfinished = &unfinished_;
    scope.moves.clear();  // nothing was known that could have moved
  }
}

void Slices::collect(const Scan& scanned, const plan::Plan& plan) {
  if (!is_first()) {
    reports_.clear();
  }
  for (const std::vector<plan::Report>* reports : {&scanned.reports, &plan.reports}) {
    reports_.insert(reports_.end(), reports->begin(), reports->end());
  }
}

bool Slices::another(const Scan& scanned, const plan::Plan& plan, bool dirty,
                     std::uint64_t agreed_count) {
  collect(scanned, plan);
  dirty_ = is_first() && (dirty_ || dirty);
  if (!scanned.sliced && !dirty_) {
    return false;
  }
  const auto before = std::exchange(agreed_before_, agreed_count);
  const bool gets_on = !before.has_value() || agreed_count > *before;
  if (!scanned.sliced || plan.empty() || !gets_on) {
    kind_ = Kind::kNone;
    dirty_ = false;
  }
  return true;
}

std::vector<plan::Report> Slices::take_reports() {
  if (is_first()) {
    // A directory that lies in several slices is reported by each.
    const auto key = [](const plan::Report& report) {
      return std::tie(report.path, report.code, report.replica, report.message);
    };
    std::ranges::sort(reports_, {}, key);
    const auto twins = std::ranges::unique(reports_, {}, key);
    reports_.erase(twins.begin(), twins.end());
  }
  return std::exchange(reports_, {});
}

}  // namespace ox::sync
