#include "state/page.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "state/page_bits.h"
#include "state/samples.h"

namespace ox::state {
namespace {

using rt::SeededRandom;
using tree::NodeRecord;

constexpr NodeId kDirectory{7};

Bytes packed(const std::vector<NodeRecord>& records) {
  std::vector<const NodeRecord*> pointers;
  for (const NodeRecord& record : records) {
    pointers.push_back(&record);
  }
  return encode_page(pointers);
}

/// A file that both of two replicas hold as agreed.
NodeRecord quiet_record(std::uint64_t id, const std::string& name) {
  NodeRecord record;
  record.id = NodeId{id};
  record.agreed = {.parent = kDirectory,
                   .name = name,
                   .kind = tree::Kind::kFile,
                   .content = {.size = 4000,
                               .mtime = {1'700'000'000'000'000'000 + static_cast<std::int64_t>(id)},
                               .digest = Digest{},
                               .link_target = {}},
                   .attributes = {.mode = 0644, .xattrs = 0}};
  for (std::uint64_t side = 0; side < 2; ++side) {
    tree::Acknowledged& known = record.sides.emplace_back().acknowledged.emplace();
    known.value = *record.agreed;
    known.fingerprint.id = id + side * 50'000;
    known.fingerprint.size = known.value.content.size;
    known.fingerprint.mtime = known.value.content.mtime;
    known.fingerprint.ctime.ns = 1'750'000'000'000'000'000 + static_cast<std::int64_t>(id * 20'000);
  }
  return record;
}

TEST(Page, KeepsEveryRecordWhole) {
  SeededRandom random(1);
  for (int round = 0; round < 400; ++round) {
    const std::size_t count = round % 50 == 0 ? kMaxPageRecords : 1 + random.below(30);
    const std::vector<NodeRecord> records = samples::any_page(random, kDirectory, count);
    const auto decoded = decode_page(packed(records), kDirectory);
    ASSERT_TRUE(decoded.ok()) << round;
    ASSERT_EQ(*decoded, records) << round;
  }
}

TEST(Page, HoldsTheRootAlone) {
  SeededRandom random(2);
  const std::vector<NodeRecord> root = {samples::any_record(random, kRootNode, kNoNode, "", 3)};
  const Bytes page = packed(root);
  const auto decoded = decode_page(page, kNoNode);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, root);
  EXPECT_TRUE(decode_page(page, kDirectory).failed_with(Code::kCorrupt));
}

TEST(Page, DamageIsNoticedOrGivesBytesThatAreTheOneEncoding) {
  SeededRandom random(3);
  int accepted = 0;
  for (int round = 0; round < 10'000; ++round) {
    const Bytes page = packed(samples::any_page(random, kDirectory, 1 + random.below(6)));
    const Bytes other = samples::damaged(random, page);
    const auto decoded = decode_page(other, kDirectory);
    if (!decoded.ok()) {
      ASSERT_EQ(decoded.error().code(), Code::kCorrupt);
      continue;
    }
    ++accepted;
    for (const NodeRecord& record : *decoded) {
      ASSERT_TRUE(check_record(record).ok()) << round;
    }
    ASSERT_EQ(packed(*decoded), other) << round;
  }
  EXPECT_GT(accepted, 100);
}

TEST(Page, ArbitraryBytesNeverCrash) {
  SeededRandom random(4);
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes = {1};
    for (std::uint64_t size = random.below(80); size > 0; --size) {
      bytes.push_back(static_cast<std::uint8_t>(random.next() >> random.below(8)));
    }
    const auto decoded = decode_page(bytes, kDirectory);
    if (decoded.ok()) {
      ASSERT_EQ(packed(*decoded), bytes);
    }
  }
}

TEST(Page, EveryTruncationIsNoticed) {
  SeededRandom random(5);
  const Bytes page = packed(samples::any_page(random, kDirectory, 9));
  for (std::size_t size = 0; size < page.size(); ++size) {
    EXPECT_FALSE(decode_page(BytesView(page).first(size), kDirectory).ok()) << size;
  }
}

TEST(Page, AnotherVersionOrMoreBytesAreRefused) {
  Bytes page = packed({quiet_record(2, "a")});
  page.push_back(0);
  EXPECT_TRUE(decode_page(page, kDirectory).failed_with(Code::kCorrupt));
  page.pop_back();
  EXPECT_TRUE(decode_page(page, kDirectory).ok());
  page.front() = 2;
  EXPECT_TRUE(decode_page(page, kDirectory).failed_with(Code::kCorrupt));
}

TEST(Page, AQuietFileIsSmall) {
  std::vector<NodeRecord> records;
  for (std::uint64_t file = 0; file < kMaxPageRecords; ++file) {
    records.push_back(quiet_record(1000 + file, "photo_" + std::to_string(1000 + file) + ".jpg"));
  }
  // 32 bytes of digest, up to 7 of name, and a few of everything else.
  EXPECT_LT(packed(records).size(), kMaxPageRecords * 62);
}

std::string hex_of(const Bytes& bytes) {
  std::string hex;
  for (const std::uint8_t byte : bytes) {
    hex += "0123456789abcdef"[byte >> 4U];
    hex += "0123456789abcdef"[byte & 15U];
  }
  return hex;
}

TEST(Page, TheVectorOfTheDocumentStands) {
  std::vector<NodeRecord> records = {quiet_record(2, "note.txt"), quiet_record(3, "notes")};
  records[0].sides[1].acknowledged.reset();
  records[1].agreed->kind = tree::Kind::kDirectory;
  records[1].agreed->content = {};
  records[1].sides[0].acknowledged->value = *records[1].agreed;
  records[1].sides[1].acknowledged->value = *records[1].agreed;
  records[1].sides[1].acknowledged->value.name = "old";
  records[1].sides[1].acknowledged->fingerprint = {.id = 9, .racy = true, .revision = "r1"};
  EXPECT_EQ(hex_of(packed(records)),
            "010202"
            "00086e6f74652e7478740404a403a01f8480d0e2c6bfce972f" +
                std::string(64, '0') +
                "018f0480f1fcceccee9fc93000"
                "0401732102008380d0e2c6bfce972f018c02a01f8680d0e2c6bfce972fc0b802"
                "0902036f6c64db12027231");
}

TEST(PageCursor, ShowsWhatAScanCompares) {
  std::vector<NodeRecord> records = {quiet_record(2, "a"), quiet_record(3, "ab")};
  records[1].sides[0].acknowledged.reset();
  records[1].sides[1].acknowledged->value.name = "old";
  records[1].sides[1].waived = records[1].agreed->content;
  const Bytes page = packed(records);
  PageCursor cursor(page, kDirectory);
  EXPECT_EQ(cursor.count(), 2U);

  ASSERT_TRUE(cursor.next());
  const RecordView& view = cursor.record();
  EXPECT_EQ(view.id, NodeId{2});
  EXPECT_EQ(view.agreed.name, "a");
  EXPECT_EQ(view.agreed.parent, kDirectory);
  EXPECT_EQ(view.agreed.attributes.mode, 0644U);
  EXPECT_EQ(view.side_count, 2U);
  EXPECT_EQ(view.sides[1].state, SideState::kSame);
  tree::Fingerprint print = records[0].sides[1].acknowledged->fingerprint;
  EXPECT_TRUE(view.sides[1].fingerprint.same_version(print));
  print.ctime.ns += 1;
  EXPECT_FALSE(view.sides[1].fingerprint.same_version(print));

  ASSERT_TRUE(cursor.next());
  EXPECT_EQ(view.agreed.name, "ab");
  EXPECT_EQ(view.sides[0].state, SideState::kAbsent);
  EXPECT_FALSE(view.sides[0].is_waived);
  EXPECT_EQ(view.sides[1].state, SideState::kDiffers);
  EXPECT_EQ(view.sides[1].value.name, "old");
  EXPECT_TRUE(view.sides[1].is_waived);
  EXPECT_EQ(to_record(view), records[1]);

  EXPECT_FALSE(cursor.next());
  EXPECT_TRUE(cursor.ok());
}

/// A page of two quiet records whose bytes a test can bend. The head of the first record follows
/// the page's version, count and sides, a shared prefix of 0 and the name's length and byte.
Bytes two_records() {
  return packed({quiet_record(2, "b"), quiet_record(3, "c")});
}

TEST(PageCursor, NamesMustAscend) {
  Bytes page = two_records();
  ASSERT_EQ(page[5], 'b');
  page[5] = 'c';
  EXPECT_FALSE(decode_page(page, kDirectory).ok());
  page[5] = 'a';
  EXPECT_TRUE(decode_page(page, kDirectory).ok());
  for (const char forbidden : {'/', '\0', '.'}) {
    page[5] = static_cast<std::uint8_t>(forbidden);
    EXPECT_FALSE(decode_page(page, kDirectory).ok()) << int{forbidden};
  }
}

/// What a hand-made page of one record "b" with one side may bend; as it stands, it is right.
struct Bent {
  unsigned record_head = bits::kRecordSameMode;
  Bytes mode;
  unsigned side_head = bits::kSideAcknowledged;
  Bytes difference;
  unsigned print_head = bits::kPrintSameSize | bits::kPrintSameMtime | bits::kPrintOneLink;
  Bytes print;
  Bytes waived;

  Bytes page() const {
    ByteWriter out;
    for (const unsigned byte : {1U, 1U, 1U, 0U, 1U, 0x62U, record_head, 10U}) {
      out.put_u8(static_cast<std::uint8_t>(byte));
    }
    out.put_raw(mode);
    out.put_varint(5);  // size
    out.put_signed(9);  // mtime
    out.put_u8(static_cast<std::uint8_t>(side_head));
    out.put_raw(difference);
    out.put_u8(static_cast<std::uint8_t>(print_head));
    out.put_raw(print);
    out.put_raw(waived);
    return out.take();
  }
};

void expect_only(const Bent& right, const Bent& wrong) {
  const auto decoded = decode_page(right.page(), kDirectory);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(packed(*decoded), right.page());
  EXPECT_FALSE(decode_page(wrong.page(), kDirectory).ok());
}

TEST(PageCursor, AFieldThatIsNamedButDoesntDifferIsRefused) {
  expect_only({}, {.record_head = 0, .mode = {0}});
  expect_only({.record_head = 0, .mode = {1}}, {.record_head = 0, .mode = {0}});
  struct Case {
    unsigned mask;
    Bytes right;
    Bytes wrong;
  };
  Bytes digest(33, 1);
  const std::vector<Case> cases = {
      {bits::kDiffParent, {8}, {7}},
      {bits::kDiffName, {1, 'c'}, {1, 'b'}},
      {bits::kDiffKind, {1}, {0}},
      {bits::kDiffSize, {6}, {5}},
      {bits::kDiffMtime, {1}, {0}},
      {bits::kDiffDigest, digest, {0}},
      {bits::kDiffLinkTarget, {1, 'x'}, {0}},
      {bits::kDiffAttributes, {1, 0}, {0, 0}},
  };
  for (const Case& one : cases) {
    Bent right{.side_head = bits::kSideAcknowledged | bits::kSideDiffers};
    right.difference = {static_cast<std::uint8_t>(one.mask)};
    Bent wrong = right;
    right.difference.insert(right.difference.end(), one.right.begin(), one.right.end());
    wrong.difference.insert(wrong.difference.end(), one.wrong.begin(), one.wrong.end());
    SCOPED_TRACE(one.mask);
    expect_only(right, wrong);
    if ((one.mask & bits::kDiffContent) != 0) {
      right.side_head = wrong.side_head = bits::kSideAcknowledged | bits::kSideWaived;
      std::swap(right.waived, right.difference);
      std::swap(wrong.waived, wrong.difference);
      expect_only(right, wrong);
    }
  }
  const Bent nothing{.side_head = bits::kSideAcknowledged | bits::kSideDiffers, .difference = {0}};
  EXPECT_FALSE(decode_page(nothing.page(), kDirectory).ok());
}

TEST(PageCursor, AFingerprintHasOneEncoding) {
  const unsigned usual = Bent{}.print_head;
  expect_only({.print_head = usual & ~bits::kPrintSameSize, .print = {6}},
              {.print_head = usual & ~bits::kPrintSameSize, .print = {5}});
  expect_only({.print_head = usual & ~bits::kPrintSameMtime, .print = {1}},
              {.print_head = usual & ~bits::kPrintSameMtime, .print = {0}});
  expect_only({.print_head = usual & ~bits::kPrintOneLink, .print = {2}},
              {.print_head = usual & ~bits::kPrintOneLink, .print = {1}});
  for (const unsigned bit : {bits::kPrintCtime, bits::kPrintBirth, bits::kPrintId}) {
    expect_only({.print_head = usual | bit, .print = {2}},
                {.print_head = usual | bit, .print = {0}});
  }
  expect_only({.print_head = usual | bits::kPrintRevision, .print = {1, 'r'}},
              {.print_head = usual | bits::kPrintRevision, .print = {0}});
}

TEST(Record, WhatTheStateCantHoldIsRefused) {
  NodeRecord record = quiet_record(2, "a");
  EXPECT_TRUE(check_record(record).ok());
  for (const char* name : {"", ".", "..", "a/b"}) {
    NodeRecord bad = record;
    bad.agreed->name = name;
    EXPECT_TRUE(check_record(bad).failed_with(Code::kInvalidArgument)) << name;
    bad = record;
    bad.sides[1].acknowledged->value.name = name;
    EXPECT_TRUE(check_record(bad).failed_with(Code::kInvalidArgument)) << name;
  }
  NodeRecord crowd = record;
  crowd.sides.resize(kMaxSides + 1);
  EXPECT_TRUE(check_record(crowd).failed_with(Code::kInvalidArgument));
  NodeRecord second_root = record;
  second_root.agreed->parent = kNoNode;
  second_root.agreed->name = "";
  EXPECT_TRUE(check_record(second_root).failed_with(Code::kInvalidArgument));
  NodeRecord nobody = record;
  nobody.id = kNoNode;
  EXPECT_TRUE(check_record(nobody).failed_with(Code::kInvalidArgument));
}

TEST(Detached, RoundTripsAndRefusesDamage) {
  SeededRandom random(6);
  int accepted = 0;
  for (int round = 0; round < 3'000; ++round) {
    NodeRecord record = samples::any_record(random, NodeId{2 + random.below(99)}, kDirectory,
                                            samples::any_name(random), random.below(17));
    record.agreed.reset();
    const Bytes body = encode_detached(record);
    const auto decoded = decode_detached(body);
    ASSERT_TRUE(decoded.ok());
    ASSERT_EQ(*decoded, record);
    const Bytes other = samples::damaged(random, body);
    if (const auto bent = decode_detached(other); bent.ok()) {
      ++accepted;
      ASSERT_EQ(encode_detached(*bent), other);
    }
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace ox::state
