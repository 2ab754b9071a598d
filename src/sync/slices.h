#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "sync/scan.h"

namespace ox::sync {

/// How a run with very many new things goes about it in parts, so that its memory does not grow
/// with them.
///
/// In a first sync nothing is agreed yet, so there are no deletes and moves that have to be seen
/// whole: what earlier slices did is not looked at again. Later, new directories wait for the next
/// pass once a pass has enough; everything else is looked at in every pass, and what is missing may
/// stand in what waits, so that nothing counts as deleted before the last one.
class Slices {
 public:
  /// `entries`: see ScanOptions::slice_entries.
  void begin_first(std::uint64_t entries);
  void begin_later(std::uint64_t entries);

  bool is_first() const { return kind_ == Kind::kFirst; }
  bool active() const { return kind_ != Kind::kNone; }

  /// What the next scan is to look at.
  void shape(ScanOptions& scope);
  /// Nothing of that scan is carried out.
  void take_back() { unfinished_ = unfinished_before_; }

  /// True: another slice is to follow or, where slices get no further, a pass over everything.
  /// `agreed_count`: nodes that were agreed before this slice.
  bool another(const Scan& scanned, const plan::Plan& plan, bool dirty, std::uint64_t agreed_count);
  /// What there is to say at the end: of all slices of a first sync, else of the last pass.
  std::vector<plan::Report> take_reports();

 private:
  enum class Kind : std::uint8_t { kNone, kFirst, kLater };

  void collect(const Scan& scanned, const plan::Plan& plan);

  Kind kind_ = Kind::kNone;
  std::uint64_t entries_ = 0;
  std::set<RelPath> unfinished_;  ///< kFirst: see ScanOptions::unfinished
  std::set<RelPath> unfinished_before_;
  bool dirty_ = false;                          ///< kFirst: some slice has to be looked at again
  std::optional<std::uint64_t> agreed_before_;  ///< before the previous slice
  std::vector<plan::Report> reports_;
};

}  // namespace ox::sync
