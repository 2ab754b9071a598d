#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ox {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;

inline BytesView as_bytes_view(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text_view(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Appends numbers and strings in one canonical encoding: LEB128 varints, zigzag for signed
/// numbers, length-prefixed strings. The counterpart of ByteReader.
class ByteWriter {
 public:
  void put_u8(std::uint8_t value) { bytes_.push_back(value); }
  void put_varint(std::uint64_t value);
  void put_signed(std::int64_t value);
  void put_raw(BytesView raw) { bytes_.insert(bytes_.end(), raw.begin(), raw.end()); }
  void put_string(std::string_view text);

  const Bytes& bytes() const { return bytes_; }
  Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

/// Reads what ByteWriter wrote, strictly: a varint with needless bytes, a length past the end or a
/// short read is an error. The first error sticks; check `ok()` once at the end.
class ByteReader {
 public:
  explicit ByteReader(BytesView bytes) : rest_(bytes) {}

  std::uint8_t get_u8();
  std::uint64_t get_varint();
  std::int64_t get_signed();
  BytesView get_raw(std::size_t size);
  std::string_view get_string();

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  std::size_t remaining() const { return rest_.size(); }
  void fail() {
    ok_ = false;
    rest_ = {};
  }

 private:
  BytesView rest_;
  bool ok_ = true;
};

}  // namespace ox
