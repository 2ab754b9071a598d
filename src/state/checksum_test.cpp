#include "state/checksum.h"

#include <gtest/gtest.h>

namespace ox::state {
namespace {

TEST(Checksum, IsCrc32c) {
  // The check value of the CRC catalogue, and the vectors of RFC 3720, B.4.
  EXPECT_EQ(crc32c(as_bytes_view("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c(Bytes(32, 0)), 0x8A9136AAU);
  EXPECT_EQ(crc32c(Bytes(32, 0xFF)), 0x62A8AB43U);
  EXPECT_EQ(crc32c({}), 0U);
}

TEST(Checksum, EveryFlippedBitIsSeen) {
  const Bytes body = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const Bytes row = seal(body);
  const auto opened = unseal(row);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(Bytes(opened->begin(), opened->end()), body);
  for (std::size_t bit = 0; bit < row.size() * 8; ++bit) {
    Bytes bent = row;
    bent[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_TRUE(unseal(bent).failed_with(Code::kCorrupt)) << bit;
  }
  EXPECT_TRUE(unseal(BytesView(row).first(3)).failed_with(Code::kCorrupt));
}

}  // namespace
}  // namespace ox::state
