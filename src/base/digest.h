#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ox {

/// A SHA-256 digest: the engine's own name for bytes. A value; all zeros is a digest like any
/// other.
struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  friend bool operator==(const Digest&, const Digest&) = default;
  friend auto operator<=>(const Digest&, const Digest&) = default;

  /// 64 lower-case hexadecimal digits.
  std::string to_hex() const;
  static Result<Digest> from_hex(std::string_view hex);

  /// The first eight bytes as a number, for hashing and derived ids.
  std::uint64_t prefix64() const {
    std::uint64_t number = 0;
    std::memcpy(&number, bytes.data(), sizeof number);
    return number;
  }
};

}  // namespace ox

template <>
struct std::hash<ox::Digest> {
  std::size_t operator()(const ox::Digest& digest) const noexcept {
    return static_cast<std::size_t>(digest.prefix64());
  }
};
