#include "base/digest.h"

#include <gtest/gtest.h>

#include <set>

namespace ox {
namespace {

constexpr std::string_view kHex =
    "0123456789abcdef00ff7f80a55ac33c0123456789abcdef00ff7f80a55ac33c";

TEST(Digest, HexReadsBack) {
  const auto digest = Digest::from_hex(kHex);
  ASSERT_TRUE(digest.ok());
  EXPECT_EQ(digest->bytes[0], 0x01);
  EXPECT_EQ(digest->bytes[1], 0x23);
  EXPECT_EQ(digest->bytes[9], 0xFF);
  EXPECT_EQ(digest->to_hex(), kHex);
  EXPECT_EQ(Digest{}.to_hex(), std::string(64, '0'));
}

TEST(Digest, HexHasOneSpelling) {
  for (const std::string& bad :
       {std::string(), std::string(63, 'a'), std::string(65, 'a'), std::string(62, 'a'),
        std::string(64, 'A'), std::string(64, 'g'), std::string(64, ' '), std::string(64, '\0'),
        "0x" + std::string(62, 'a'), std::string(63, 'a') + "G", std::string(63, 'a') + "\xff"}) {
    EXPECT_TRUE(Digest::from_hex(bad).failed_with(Code::kInvalidArgument)) << bad;
  }
}

TEST(Digest, OrdersLikeItsHex) {
  const Digest low = Digest::from_hex("00" + std::string(62, 'f')).value();
  const Digest high = Digest::from_hex("80" + std::string(62, '0')).value();
  EXPECT_LT(low, high);
  EXPECT_NE(low, high);
  EXPECT_EQ(low, Digest::from_hex(low.to_hex()).value());
}

TEST(Digest, ThePrefixTellsDigestsApart) {
  std::set<std::uint64_t> prefixes;
  for (std::size_t i = 0; i < 8; ++i) {
    Digest digest;
    digest.bytes[i] = 1;
    prefixes.insert(digest.prefix64());
    EXPECT_EQ(std::hash<Digest>{}(digest), digest.prefix64());
  }
  EXPECT_EQ(prefixes.size(), 8U);
}

}  // namespace
}  // namespace ox
