#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>

namespace ox {

/// Nanoseconds since 1970-01-01 UTC, as told by some clock: a file system's, a server's, ours.
/// Instants of different clocks must not be compared without an allowance for skew.
struct Timestamp {
  std::int64_t ns = 0;

  friend bool operator==(Timestamp, Timestamp) = default;
  friend auto operator<=>(Timestamp, Timestamp) = default;
};

using Duration = std::chrono::nanoseconds;

/// "20261123T101500Z": UTC in the basic ISO 8601 form, whole seconds, rounded down.
/// Years before 0 or after 9999 are clamped.
std::string to_basic_iso8601(Timestamp time);

/// "2026-11-23T10:15:00.123456789Z"; the fraction is left out when it is zero.
std::string to_iso8601(Timestamp time);

}  // namespace ox
