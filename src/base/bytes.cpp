#include "base/bytes.h"

namespace ox {

void ByteWriter::put_varint(std::uint64_t value) {
  while (value >= 0x80U) {
    bytes_.push_back(static_cast<std::uint8_t>(value | 0x80U));
    value >>= 7U;
  }
  bytes_.push_back(static_cast<std::uint8_t>(value));
}

void ByteWriter::put_signed(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  put_varint((bits << 1U) ^ (value < 0 ? ~std::uint64_t{0} : 0U));
}

void ByteWriter::put_string(std::string_view text) {
  put_varint(text.size());
  put_raw(as_bytes_view(text));
}

std::uint8_t ByteReader::get_u8() {
  if (rest_.empty()) {
    fail();
    return 0;
  }
  const std::uint8_t value = rest_.front();
  rest_ = rest_.subspan(1);
  return value;
}

std::uint64_t ByteReader::get_varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint8_t byte = get_u8();
    if (!ok_) {
      return 0;
    }
    const bool overflows = shift == 63 && byte > 1;
    const bool needless = shift > 0 && byte == 0;
    if (overflows || needless) {
      fail();
      return 0;
    }
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if ((byte & 0x80U) == 0) {
      return value;
    }
  }
  fail();
  return 0;
}

std::int64_t ByteReader::get_signed() {
  const std::uint64_t bits = get_varint();
  return static_cast<std::int64_t>((bits >> 1U) ^ (~(bits & 1U) + 1U));
}

BytesView ByteReader::get_raw(std::size_t size) {
  if (size > rest_.size()) {
    fail();
    return {};
  }
  const BytesView raw = rest_.first(size);
  rest_ = rest_.subspan(size);
  return raw;
}

std::string_view ByteReader::get_string() {
  const std::uint64_t size = get_varint();
  return as_text_view(get_raw(size));
}

}  // namespace ox
