#include "base/bytes.h"

#include <gtest/gtest.h>

#include <limits>

namespace ox {
namespace {

Bytes varint(std::uint64_t value) {
  ByteWriter writer;
  writer.put_varint(value);
  return writer.take();
}

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

TEST(Varint, HasTheDocumentedEncoding) {
  EXPECT_EQ(varint(0), (Bytes{0x00}));
  EXPECT_EQ(varint(1), (Bytes{0x01}));
  EXPECT_EQ(varint(127), (Bytes{0x7F}));
  EXPECT_EQ(varint(128), (Bytes{0x80, 0x01}));
  EXPECT_EQ(varint(300), (Bytes{0xAC, 0x02}));
  EXPECT_EQ(varint(kLargest), (Bytes{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}));
}

TEST(Varint, ReadsBackEveryLength) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    for (const std::uint64_t value :
         {std::uint64_t{1} << bit, (std::uint64_t{1} << bit) - 1, kLargest >> bit}) {
      const Bytes bytes = varint(value);
      ByteReader reader(bytes);
      EXPECT_EQ(reader.get_varint(), value);
      EXPECT_TRUE(reader.ok());
      EXPECT_TRUE(reader.at_end());
    }
  }
}

TEST(Varint, RefusesNeedlessBytesOverflowAndShortReads) {
  for (const Bytes& bad : {
           Bytes{},
           Bytes{0x80},
           Bytes{0xFF, 0xFF},
           Bytes{0x80, 0x00},                                                  // zero in two bytes
           Bytes{0x81, 0x80, 0x00},                                            // one in three
           Bytes{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02},  // 2^64 and more
           Bytes{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x81, 0x00},
           Bytes{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01},
       }) {
    ByteReader reader(bad);
    EXPECT_EQ(reader.get_varint(), 0U);
    EXPECT_FALSE(reader.ok());
    EXPECT_TRUE(reader.at_end()) << "nothing is read after an error";
  }
}

TEST(Signed, ReadsBackBothSides) {
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{63}, std::int64_t{-64},
        std::int64_t{64}, kMin, kMin + 1, kMax}) {
    ByteWriter writer;
    writer.put_signed(value);
    ByteReader reader(writer.bytes());
    EXPECT_EQ(reader.get_signed(), value);
    EXPECT_TRUE(reader.ok());
  }
  ByteWriter small;
  small.put_signed(-1);
  EXPECT_EQ(small.bytes(), Bytes{0x01}) << "small negative numbers are short";
}

TEST(Bytes, StringsCarryTheirLength) {
  ByteWriter writer;
  writer.put_string("");
  writer.put_string(std::string_view("a\0b", 3));
  writer.put_u8(7);
  writer.put_raw(as_bytes_view("xyz"));
  EXPECT_EQ(writer.bytes(), (Bytes{0, 3, 'a', 0, 'b', 7, 'x', 'y', 'z'}));
  ByteReader reader(writer.bytes());
  EXPECT_EQ(reader.get_string(), "");
  EXPECT_EQ(reader.get_string(), std::string_view("a\0b", 3));
  EXPECT_EQ(reader.get_u8(), 7);
  EXPECT_EQ(reader.remaining(), 3U);
  EXPECT_EQ(as_text_view(reader.get_raw(3)), "xyz");
  EXPECT_TRUE(reader.at_end());
  EXPECT_TRUE(reader.ok());
}

TEST(Bytes, ALengthPastTheEndIsRefused) {
  for (const Bytes& bad :
       {Bytes{4, 'a', 'b', 'c'}, Bytes{1},
        Bytes{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 'a'}}) {
    ByteReader reader(bad);
    EXPECT_EQ(reader.get_string(), "");
    EXPECT_FALSE(reader.ok());
  }
}

TEST(Bytes, TheFirstErrorSticks) {
  const Bytes bytes{5, 1, 2};
  ByteReader reader(bytes);
  EXPECT_TRUE(reader.get_raw(4).empty());
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.get_u8(), 0) << "what follows an error is not read";
  EXPECT_EQ(reader.get_signed(), 0);
  EXPECT_TRUE(reader.get_raw(0).empty());
  EXPECT_EQ(reader.get_string(), "");
  EXPECT_FALSE(reader.ok());
}

TEST(Bytes, EveryShortPrefixOfARecordIsRefused) {
  ByteWriter writer;
  writer.put_varint(300);
  writer.put_string("name");
  writer.put_signed(-70'000);
  writer.put_u8(1);
  const Bytes& whole = writer.bytes();
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    ByteReader reader(BytesView(whole).first(size));
    (void)reader.get_varint();
    (void)reader.get_string();
    (void)reader.get_signed();
    (void)reader.get_u8();
    EXPECT_EQ(reader.ok(), size == whole.size()) << size;
  }
}

}  // namespace
}  // namespace ox
