#include "state/checksum.h"

#include <array>
#include <cstring>

namespace ox::state {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // Castagnoli's, bits reversed
constexpr std::size_t kSealBytes = 4;

using Table = std::array<std::uint32_t, 256>;

/// Table 0 steps over one byte; table k over one byte that k further bytes follow.
constexpr std::array<Table, 8> make_tables() {
  std::array<Table, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (unsigned bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kPolynomial : 0U);
    }
    tables[0][byte] = crc;
  }
  for (std::size_t table = 1; table < tables.size(); ++table) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t shorter = tables[table - 1][byte];
      tables[table][byte] = (shorter >> 8U) ^ tables[0][shorter & 0xFFU];
    }
  }
  return tables;
}

constexpr std::array<Table, 8> kTables = make_tables();

std::uint64_t load_little_endian(const std::uint8_t* from, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t index = 0; index < size; ++index) {
    value |= static_cast<std::uint64_t>(from[index]) << (index * 8U);
  }
  return value;
}

std::uint32_t update_by_tables(std::uint32_t crc, BytesView bytes) {
  while (bytes.size() >= 8) {
    const std::uint64_t word = load_little_endian(bytes.data(), 8) ^ crc;
    crc = 0;
    for (unsigned index = 0; index < 8; ++index) {
      crc ^= kTables[7 - index][(word >> (index * 8U)) & 0xFFU];
    }
    bytes = bytes.subspan(8);
  }
  for (const std::uint8_t byte : bytes) {
    crc = (crc >> 8U) ^ kTables[0][(crc ^ byte) & 0xFFU];
  }
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t update_by_instruction(std::uint32_t crc,
                                                                      BytesView bytes) {
  std::uint64_t wide = crc;
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    wide = __builtin_ia32_crc32di(wide, word);
    bytes = bytes.subspan(8);
  }
  return update_by_tables(static_cast<std::uint32_t>(wide), bytes);
}
#endif

}  // namespace

std::uint32_t crc32c(BytesView bytes) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) {
    return ~update_by_instruction(~0U, bytes);
  }
#endif
  return ~update_by_tables(~0U, bytes);
}

Bytes seal(Bytes body) {
  const std::uint32_t sum = crc32c(body);
  for (unsigned shift = 0; shift < 32; shift += 8) {
    body.push_back(static_cast<std::uint8_t>(sum >> shift));
  }
  return body;
}

Result<BytesView> unseal(BytesView row) {
  if (row.size() < kSealBytes) {
    return Error(Code::kCorrupt, "a row of the state is cut short");
  }
  const BytesView body = row.first(row.size() - kSealBytes);
  if (load_little_endian(row.data() + body.size(), kSealBytes) != crc32c(body)) {
    return Error(Code::kCorrupt, "a row of the state doesn't match its checksum");
  }
  return body;
}

}  // namespace ox::state
