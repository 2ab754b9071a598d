#include "tree/names.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/rel_path.h"

namespace ox::tree {
namespace {

NameRules windows_like() {
  return {.case_rule = CaseRule::kFolds,
          .normalization = NormalizationRule::kBytes,
          .utf8_only = true,
          .max_name_bytes = 255,
          .forbidden_bytes = "<>:\"|?*\\\n\x01",
          .forbid_trailing_dot_space = true,
          .forbidden_names = {"desktop.ini"},
          .forbidden_stems = {"CON", "NUL"}};
}

TEST(Utf8, IsJudgedStrictly) {
  for (const std::string_view good : {"", "abc", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                      "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80"}) {
    EXPECT_TRUE(is_valid_utf8(good)) << good;
  }
  for (const std::string_view bad :
       {"\x80", "\xc3", "a\xc3", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xed\xa0\x80",
        "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "\xe2\x82", "\xc3\x28",
        "\xf0\x9f\x98"}) {
    EXPECT_FALSE(is_valid_utf8(bad));
  }
}

TEST(NameRules, ADefaultReplicaHoldsEveryNameThatFits) {
  const NameRules rules;
  EXPECT_EQ(rules.refusal("a"), std::nullopt);
  EXPECT_EQ(rules.refusal("CON"), std::nullopt);
  EXPECT_EQ(rules.refusal("bad \xff bytes. "), std::nullopt);
  EXPECT_EQ(rules.refusal(std::string(255, 'x')), std::nullopt);
  EXPECT_EQ(rules.refusal(std::string(256, 'x')), "the name is longer than 255 bytes");
  for (const std::string_view never : {"", ".", "..", "a/b"}) {
    EXPECT_NE(rules.refusal(never), std::nullopt);
  }
}

TEST(NameRules, EachRuleRefusesWithItsReason) {
  const NameRules rules = windows_like();
  EXPECT_EQ(rules.refusal("a.txt"), std::nullopt);
  EXPECT_EQ(rules.refusal("a:b"), "the name holds the character :");
  EXPECT_EQ(rules.refusal("a\nb"), "the name holds the byte 0x0a");
  EXPECT_EQ(rules.refusal("a\xff"), "the name is not valid UTF-8");
  EXPECT_EQ(rules.refusal("a."), "the name ends with a dot or a space");
  EXPECT_EQ(rules.refusal("a "), "the name ends with a dot or a space");
  EXPECT_EQ(rules.refusal(".a b.c"), std::nullopt);
  for (const std::string_view reserved :
       {"con", "CoN", "con.txt", "NUL.tar.gz", "desktop.ini", "Desktop.INI"}) {
    EXPECT_EQ(rules.refusal(reserved), "the name is reserved") << reserved;
  }
  for (const std::string_view fine :
       {"console", "co", "icon", "desktop.ini.txt", "x.con", "desktop"}) {
    EXPECT_EQ(rules.refusal(fine), std::nullopt) << fine;
  }
}

struct Pair {
  std::string_view a;
  std::string_view b;
};

NameRules rules_of(CaseRule case_rule, NormalizationRule normalization) {
  return {.case_rule = case_rule, .normalization = normalization};
}
const NameRules kBytesOnly = rules_of(CaseRule::kSensitive, NormalizationRule::kBytes);
const NameRules kFoldsOnly = rules_of(CaseRule::kFolds, NormalizationRule::kBytes);
const NameRules kComposesOnly = rules_of(CaseRule::kSensitive, NormalizationRule::kComposes);
const NameRules kBoth = rules_of(CaseRule::kFolds, NormalizationRule::kComposes);

bool collide(const NameRules& rules, Pair pair) {
  return rules.collision_key(pair.a) == rules.collision_key(pair.b);
}

TEST(CollisionKey, CaseOnly) {
  for (const Pair pair : std::vector<Pair>{{"readme", "README"},
                                           {"\xc3\xa9t\xc3\xa9", "\xc3\x89T\xc3\x89"},  // été, ÉTÉ
                                           {"\xce\xa3", "\xcf\x82"},                    // Σ, ς
                                           {"stra\xc3\x9f"
                                            "e",
                                            "STRASSE"},
                                           {"\xf0\x90\x90\x80", "\xf0\x90\x90\xa8"}}) {  // Deseret
    EXPECT_FALSE(collide(kBytesOnly, pair)) << pair.a;
    EXPECT_TRUE(collide(kFoldsOnly, pair)) << pair.a;
    EXPECT_FALSE(collide(kComposesOnly, pair)) << pair.a;
    EXPECT_TRUE(collide(kBoth, pair)) << pair.a;
  }
}

TEST(CollisionKey, NormalizationOnly) {
  for (const Pair pair :
       std::vector<Pair>{{"\xc3\xa9", "e\xcc\x81"},                     // é
                         {"a\xcc\xa3\xcc\x87", "a\xcc\x87\xcc\xa3"},    // two marks in either order
                         {"\xea\xb0\x80", "\xe1\x84\x80\xe1\x85\xa1"},  // Hangul 가
                         {"\xe2\x84\xab", "\xc3\x85"}}) {               // the Ångström sign and Å
    EXPECT_FALSE(collide(kBytesOnly, pair)) << pair.a;
    EXPECT_TRUE(collide(kComposesOnly, pair)) << pair.a;
    EXPECT_TRUE(collide(kBoth, pair)) << pair.a;
  }
  EXPECT_FALSE(collide(kFoldsOnly, {"\xc3\xa9", "e\xcc\x81"}));
}

TEST(CollisionKey, BothAtOnce) {
  EXPECT_TRUE(collide(kBoth, {"\xc3\x89", "e\xcc\x81"}));
  EXPECT_FALSE(collide(kFoldsOnly, {"\xc3\x89", "e\xcc\x81"}));
  EXPECT_FALSE(collide(kComposesOnly, {"\xc3\x89", "e\xcc\x81"}));
  // Marks out of canonical order around U+0345, which folds to a letter.
  EXPECT_TRUE(collide(kBoth, {"\xce\xb1\xcd\x85\xcc\x93", "\xe1\xbe\x80"}));
  EXPECT_TRUE(collide(kBoth, {"\xe2\x84\xaa", "k"})) << "the Kelvin sign is a K";
}

TEST(CollisionKey, CompatibilityFormsStayApart) {
  EXPECT_FALSE(collide(kComposesOnly, {"\xef\xac\x81", "fi"}));  // the fi ligature
  EXPECT_FALSE(collide(kBoth, {"\xc2\xb2", "2"}));               // superscript two
  EXPECT_FALSE(collide(kBoth, {"a", "b"}));
}

TEST(CollisionKey, NamesThatAreNotUtf8AreTheirOwnKeys) {
  EXPECT_EQ(kBoth.collision_key("A\xff"), "A\xff");
  EXPECT_FALSE(collide(kBoth, {"A\xff", "a\xff"}));
}

TEST(CollisionKey, IsItsOwnKey) {
  std::mt19937_64 random(7);
  const std::vector<std::string_view> pieces = {"a",
                                                "A",
                                                "\xc3\x9f",
                                                "\xe1\xba\x9e",
                                                "\xcc\x81",
                                                "\xcd\x85",
                                                "\xcc\x93",
                                                "\xc4\xb0",
                                                "\xce\xb1",
                                                "\xe1\xbe\xb3",
                                                "\xe1\x84\x80",
                                                "\xe1\x85\xa1",
                                                "\xef\xac\x83",
                                                "\xc5\x89",
                                                "\xe2\x84\xaa"};
  for (int round = 0; round < 5000; ++round) {
    std::string name;
    for (std::uint64_t i = 0, count = 1 + random() % 6; i < count; ++i) {
      name += pieces[random() % pieces.size()];
    }
    for (const NameRules* rules : {&kBytesOnly, &kFoldsOnly, &kComposesOnly, &kBoth}) {
      const std::string key = rules->collision_key(name);
      ASSERT_EQ(rules->collision_key(key), key) << name;
    }
  }
}

constexpr Timestamp kTime{1'795'428'900'123'456'789};  // 2026-11-23T10:15:00Z and a fraction

Digest some_digest() {
  return Digest::from_hex("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
      .value();
}

std::string plain(std::string_view name) {
  return conflict_name(name, "laptop", kTime, some_digest(), false, 255);
}

TEST(ConflictName, PutsTheWordsBeforeTheLastSuffix) {
  EXPECT_EQ(plain("a.txt"), "a.conflict-laptop-20261123T101500Z.txt");
  EXPECT_EQ(plain("a.tar.gz"), "a.tar.conflict-laptop-20261123T101500Z.gz");
  EXPECT_EQ(plain("a"), "a.conflict-laptop-20261123T101500Z");
  EXPECT_EQ(plain("a."), "a..conflict-laptop-20261123T101500Z");
  EXPECT_EQ(plain(".bashrc"), ".bashrc.conflict-laptop-20261123T101500Z");
  EXPECT_EQ(plain("..bashrc"), "..bashrc.conflict-laptop-20261123T101500Z");
  EXPECT_EQ(plain(".config.json"), ".config.conflict-laptop-20261123T101500Z.json");
  EXPECT_EQ(plain("..."), "....conflict-laptop-20261123T101500Z");
  EXPECT_EQ(plain("a..txt"), "a..conflict-laptop-20261123T101500Z.txt");
}

TEST(ConflictName, TheDigestStandsForAMissingDateAndTellsEqualDatesApart) {
  const Digest digest = some_digest();
  EXPECT_EQ(conflict_name("a.txt", "x", std::nullopt, digest, false, 255),
            "a.conflict-x-01234567.txt");
  EXPECT_EQ(conflict_name("a.txt", "x", kTime, digest, true, 255),
            "a.conflict-x-20261123T101500Z-01234567.txt");
  EXPECT_EQ(conflict_name("a.txt", "x", std::nullopt, digest, true, 255),
            "a.conflict-x-01234567-89abcdef.txt");
}

TEST(ConflictName, TheLabelIsMadeSafe) {
  const Digest digest = some_digest();
  EXPECT_EQ(conflict_name("a", "my/pc: \xc3\xa9", std::nullopt, digest, false, 255),
            "a.conflict-my_pc____-01234567");
  EXPECT_EQ(conflict_name("a", "", std::nullopt, digest, false, 255), "a.conflict-_-01234567");
  EXPECT_EQ(conflict_name("a", std::string(100, 'L'), std::nullopt, digest, false, 255),
            "a.conflict-" + std::string(40, 'L') + "-01234567");
  EXPECT_EQ(conflict_name("a", "A.z_0-9", std::nullopt, digest, false, 255),
            "a.conflict-A.z_0-9-01234567");
}

TEST(ConflictName, CutsTheStemAtACharacter) {
  const Digest digest = some_digest();
  const std::string long_name = std::string(300, 's') + ".txt";
  const std::string cut = conflict_name(long_name, "x", std::nullopt, digest, false, 255);
  EXPECT_EQ(cut, std::string(231, 's') + ".conflict-x-01234567.txt");
  EXPECT_EQ(cut.size(), 255U) << "all of the room is used";
  std::string accents;
  for (int i = 0; i < 150; ++i) {
    accents += "\xc3\xa9";
  }
  // 231 bytes are left for the stem; half a character is none.
  EXPECT_EQ(conflict_name(accents + ".txt", "x", std::nullopt, digest, false, 255),
            accents.substr(0, 230) + ".conflict-x-01234567.txt");
  EXPECT_EQ(conflict_name(accents + "\xff.txt", "x", std::nullopt, digest, false, 255),
            accents.substr(0, 231) + ".conflict-x-01234567.txt")
      << "bytes that are no UTF-8 have no characters to spare";
}

TEST(ConflictName, CutsAnExtensionThatWouldNotFit) {
  const std::string name = "ab." + std::string(300, 'e');
  const std::string cut = conflict_name(name, "x", std::nullopt, some_digest(), false, 255);
  EXPECT_EQ(cut, "a.conflict-x-01234567." + std::string(233, 'e'));
  EXPECT_EQ(cut.size(), 255U);
  EXPECT_EQ(conflict_name("abc.d eee", "x", std::nullopt, some_digest(), false, 24),
            "ab.conflict-x-01234567.d")
      << "a space or dot at the cut end is left out";
}

TEST(ConflictName, IsAlwaysANameThatFits) {
  std::mt19937_64 random(11);
  const std::vector<std::string_view> pieces = {
      "a", ".", " ", "\xc3\xa9", "\xf0\x9f\x98\x80", "\xe2\x82\xac", "\xcc\x81", "xyz"};
  const Digest digest = some_digest();
  for (int round = 0; round < 20'000; ++round) {
    std::string name;
    for (std::uint64_t i = 0, count = 1 + random() % 60; i < count; ++i) {
      name += pieces[random() % pieces.size()];
    }
    const bool utf8 = random() % 4 != 0;
    if (!utf8) {
      name.insert(random() % (name.size() + 1), "\xff");
    }
    if (!is_valid_name(name)) {
      continue;
    }
    const std::size_t limit = 1 + random() % 200;
    const auto mtime = random() % 2 == 0 ? std::optional(kTime) : std::nullopt;
    const bool with_digest = random() % 2 == 0;
    const std::string label(random() % 60, 'L');
    const std::string result = conflict_name(name, label, mtime, digest, with_digest, limit);
    ASSERT_LE(result.size(), limit) << name;
    ASSERT_TRUE(is_valid_name(result)) << name;
    ASSERT_TRUE(!utf8 || is_valid_utf8(result)) << name << " in " << limit;
    ASSERT_EQ(result, conflict_name(name, label, mtime, digest, with_digest, limit));
    // What follows the stem is at most 113 bytes here, so a longer limit always keeps the words.
    ASSERT_TRUE(limit < 60 || result.find(".conflict-") != std::string::npos) << result;
  }
}

TEST(ConflictName, DifferentLosersGetDifferentNames) {
  std::set<std::string> names;
  const Digest other = Digest::from_hex(std::string(64, 'f')).value();
  names.insert(conflict_name("a.txt", "x", std::nullopt, some_digest(), false, 255));
  names.insert(conflict_name("a.txt", "x", std::nullopt, other, false, 255));
  names.insert(conflict_name("a.txt", "x", kTime, some_digest(), true, 255));
  names.insert(conflict_name("a.txt", "x", kTime, other, true, 255));
  names.insert(conflict_name("a.txt", "y", kTime, other, true, 255));
  EXPECT_EQ(names.size(), 5U);
}

}  // namespace
}  // namespace ox::tree
