#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace ox::plan {

/// Which changes of which replica count, and what crosses to the others. The source of the
/// directional modes is the first replica of Policy::order.
enum class Mode : std::uint8_t { kTwoWay, kOneWay, kCopy, kMove };

/// Does what stands elsewhere count as moved? In the other modes it is new there.
inline bool moves_count(Mode mode) {
  return mode == Mode::kTwoWay || mode == Mode::kOneWay;
}

/// Who wins a content conflict. What a mode can't tell (equal sizes, no usable times) falls back to
/// kNewer, then kPath1, then the smaller digest.
enum class KeepMode : std::uint8_t { kNewer, kOlder, kBigger, kSmaller, kPath1, kPath2 };

/// When two replicas' versions count as equal. Digests that are known anyway always decide.
struct Compare {
  bool size = true;
  bool modtime = true;
  bool hash = true;

  friend bool operator==(const Compare&, const Compare&) = default;
};

/// Deletes and overwrites are held when they are more than `max_nodes` and more than
/// `max_fraction` of all nodes.
struct Budget {
  std::uint64_t max_nodes = 100;
  double max_fraction = 0.5;
};

struct Policy {
  Mode mode = Mode::kTwoWay;
  KeepMode keep_mode = KeepMode::kNewer;
  Compare compare;
  bool auto_merge = false;
  bool mirror = false;  ///< one-way: what only a destination has is removed there
  std::optional<Budget> budget = Budget{};
  /// Replicas as the person named them: order[0] is path1 and the source, order[1] path2.
  std::vector<ReplicaIndex> order;
};

std::optional<Mode> find_mode(std::string_view name);
std::optional<KeepMode> find_keep_mode(std::string_view name);
/// Comma-separated words of "size", "modtime", "hash"; at least one.
std::optional<Compare> find_compare(std::string_view text);
std::string_view name_of(Mode mode);
std::string_view name_of(KeepMode mode);

}  // namespace ox::plan
