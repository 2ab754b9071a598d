#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace ox {

/// A whole number with a meaning of its own: a NodeId can't be passed where a RunId is asked for.
template <typename Tag, typename Number>
struct StrongId {
  Number value = 0;

  friend bool operator==(StrongId, StrongId) = default;
  friend auto operator<=>(StrongId, StrongId) = default;
};

/// A file or directory of the agreed tree, whatever it is called and wherever it stands.
/// 0 is no node, 1 is the root. Ids with the top bit set are derived from content (conflict
/// copies).
using NodeId = StrongId<struct NodeIdTag, std::uint64_t>;
inline constexpr NodeId kNoNode{0};
inline constexpr NodeId kRootNode{1};

/// Position of a replica in its rule's stored list (the order of canonical roots, not the typed
/// order).
using ReplicaIndex = std::uint32_t;

/// Runs of one rule, counted from 1.
using RunId = StrongId<struct RunIdTag, std::uint64_t>;

}  // namespace ox

template <typename Tag, typename Number>
struct std::hash<ox::StrongId<Tag, Number>> {
  std::size_t operator()(ox::StrongId<Tag, Number> id) const noexcept {
    std::uint64_t mixed = static_cast<std::uint64_t>(id.value) * 0x9E3779B97F4A7C15ULL;
    return static_cast<std::size_t>(mixed ^ (mixed >> 32U));
  }
};
