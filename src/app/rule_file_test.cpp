#include "app/rule_file.h"

#include <gtest/gtest.h>

namespace ox::app {
namespace {

Result<std::vector<NamedRule>> parse(std::string_view text) {
  return parse_rules(text, "rules.toml", "/no-such-home");
}

TEST(RuleFile, ReadsEveryKey) {
  const auto rules = parse(R"(
[rules.photos]
roots = ["~/photos", "/no-such-disk/photos"]
mode = "one-way"
keep_mode = "bigger"
compare = "size,hash"
auto_merge = true
mirror = true
create = true
read_back = true
ignore = ["*.tmp", "/cache/"]
ignore_on."/no-such-disk/photos" = ["*.raw"]
max_delete = "50,10%"
bwlimit = "1M"
transfers = 8
min_size = "1K"
max_size = 5000
min_age = "10s"
max_age = "365d"
trash_age = "60d"
trash_size = "20G"
on_failure = "notify"
)");
  ASSERT_TRUE(rules.ok()) << rules.error().to_string();
  ASSERT_EQ(rules->size(), 1U);
  const NamedRule& rule = rules->front();
  EXPECT_EQ(rule.name, "photos");
  EXPECT_EQ(rule.roots, (std::vector<std::string>{"/no-such-home/photos", "/no-such-disk/photos"}));
  const Settings& settings = rule.settings;
  EXPECT_EQ(settings.mode, plan::Mode::kOneWay);
  EXPECT_EQ(settings.keep_mode, plan::KeepMode::kBigger);
  EXPECT_EQ(settings.compare, (plan::Compare{.size = true, .modtime = false, .hash = true}));
  EXPECT_EQ(settings.auto_merge, true);
  EXPECT_EQ(settings.mirror, true);
  EXPECT_EQ(settings.create, true);
  EXPECT_EQ(settings.read_back, true);
  EXPECT_EQ(settings.ignores.front().text, "*.tmp\n/cache/\n");
  EXPECT_EQ(settings.ignores_on.at("/no-such-disk/photos").text, "*.raw\n");
  EXPECT_EQ(settings.max_delete->budget->max_nodes, 50U);
  EXPECT_EQ(settings.bytes_per_second, 1U << 20U);
  EXPECT_EQ(settings.transfers, 8U);
  EXPECT_EQ(settings.min_size, 1024U);
  EXPECT_EQ(settings.max_size, 5000U);
  EXPECT_EQ(settings.min_age, std::chrono::seconds(10));
  EXPECT_EQ(settings.trash_age, std::chrono::hours(60 * 24));
  EXPECT_EQ(settings.trash_bytes, 20ULL << 30U);
  EXPECT_EQ(settings.on_failure, "notify");
}

TEST(RuleFile, AnAgeBelowAnHourIsNotNone) {
  const auto rules = parse("[rules.a]\nroots = [\"/x\", \"/y\"]\ntrash_age = \"90s\"\n");
  ASSERT_TRUE(rules.ok()) << rules.error().to_string();
  const sync::RunOptions options = rules->front().settings.run_options({0, 1});
  EXPECT_EQ(options.retention.age, std::chrono::seconds(90));
}

TEST(RuleFile, AnEmptyFileHasNoRules) {
  EXPECT_TRUE(parse("")->empty());
  EXPECT_TRUE(parse("# nothing\n[rules]\n")->empty());
  EXPECT_TRUE(read_rules("/no-such-file", "/")->empty());
  EXPECT_TRUE(read_rules("", "/")->empty());
}

TEST(RuleFile, NamesTheLineOfWhatIsWrong) {
  const auto wrong = parse("[rules.x]\nroots = [\"/a\", \"/b\"]\n\nmode = \"both\"\n");
  ASSERT_TRUE(wrong.failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(wrong.error().message().starts_with("rules.toml:4: ")) << wrong.error().message();
}

TEST(RuleFile, LettersOfAllKindsStandInTexts) {
  const auto rules = parse(
      "[rules.x]\nroots = [\"/\xc3\xa4\", '/\xd0\x91']\n"
      "on_failure = \"\"\"one \\\n  \xc3\xa4\"\"\" # \xc3\xa4\n");
  ASSERT_TRUE(rules.ok()) << rules.error().to_string();
  EXPECT_EQ(rules->front().roots, (std::vector<std::string>{"/\xc3\xa4", "/\xd0\x91"}));
  EXPECT_EQ(rules->front().settings.on_failure, "one \xc3\xa4");
}

TEST(RuleFile, ARootThatCanNotBeReachedIsNoBusinessOfTheFile) {
  const std::string roots = "roots = [\"/a\", \"/" + std::string(300, 'n') + "\"]\n";
  EXPECT_TRUE(parse("[rules.x]\n" + roots).ok());
  const auto wrong = parse("[rules.x]\n" + roots + "ignore_on.\"/a\" = [\"y\"]\n");
  ASSERT_TRUE(wrong.failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(wrong.error().message().starts_with("rules.toml:1: ")) << wrong.error().message();
}

TEST(RuleFile, BadFilesAreRefusedWhole) {
  const std::string good = "[rules.good]\nroots = [\"/a\", \"/b\"]\n";
  for (const char* bad :
       {"[rules.x]\n", "[rules.x]\nroots = []\n", "[rules.x]\nroots = [1, 2]\n", "rules = 1\n",
        "[!]\n", "[rules.x] \xc3\xa4\n", "[[[x]]]\n", "[.x]\n",
        "[rules.\"a b\"]\nroots = [\"/a\", \"/b\"]\n", "transfers = 1\n",
        "[rules.y]\nroots = \"/a\"", "[rules.z]\nroots = [\"/a\", \"/b\"]\ntransfers = 0\n",
        "[rules.z]\nroots = [\"/a\", \"/b\"]\ntransfers = 1.5\n",
        "[rules.z]\nroots = [\"/a\", \"/b\"]\nignore_on = [\"x\"]\n",
        "[rules.z]\nroots = [\"/a\", \"/b\\u0000\"]\n", "\xff\xfe"}) {
    EXPECT_TRUE(parse(std::string(bad) + "\n" + good).failed_with(Code::kInvalidArgument)) << bad;
  }
}

TEST(RuleNames, AreWordsThatNoFolderOrRunIsCalled) {
  for (const char* good : {"photos", "a", "my-photos_2.old", "2x"}) {
    EXPECT_TRUE(is_rule_name(good)) << good;
  }
  for (const char* bad : {"", "12", ".hidden", "-x", "a/b", "a b", "\xc3\xa9", "a\n"}) {
    EXPECT_FALSE(is_rule_name(bad)) << bad;
  }
}

}  // namespace
}  // namespace ox::app
