#include "tree/filter.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ox::tree {
namespace {

RelPath path_of(std::string_view text) {
  return RelPath::parse(text).value();
}

Filter filter_of(std::string_view text) {
  Filter filter;
  EXPECT_TRUE(filter.add({}, text).ok());
  return filter;
}

bool excludes_file(std::string_view patterns, std::string_view path) {
  return filter_of(patterns).excluded(path_of(path), false);
}

bool excludes_directory(std::string_view patterns, std::string_view path) {
  return filter_of(patterns).excluded(path_of(path), true);
}

TEST(Filter, WithoutRulesNothingIsExcluded) {
  const Filter filter;
  EXPECT_TRUE(filter.empty());
  EXPECT_FALSE(filter.excluded(path_of("a/b"), false));
  EXPECT_FALSE(filter.excluded_here(path_of("a/b"), true));
  EXPECT_EQ(filter.decision(path_of("a"), false), std::nullopt);
  EXPECT_TRUE(filter_of("# only a comment\n\n  \n").empty());
}

TEST(Filter, NamesMatchAtAnyDepth) {
  EXPECT_TRUE(excludes_file("foo", "foo"));
  EXPECT_TRUE(excludes_file("foo", "a/b/foo"));
  EXPECT_FALSE(excludes_file("foo", "foobar"));
  EXPECT_TRUE(excludes_file("*.o", "a/b.o"));
  EXPECT_TRUE(excludes_file("*.o", "a/.o"));
  EXPECT_FALSE(excludes_file("*.o", "a/b.oo"));
  EXPECT_TRUE(excludes_file("*.tar.gz", "a.tar.gz"));
  EXPECT_TRUE(excludes_file("*~", "a~"));
}

TEST(Filter, ASlashAnchorsAPatternToItsBase) {
  EXPECT_TRUE(excludes_file("/foo", "foo"));
  EXPECT_FALSE(excludes_file("/foo", "a/foo"));
  EXPECT_TRUE(excludes_file("a/foo", "a/foo"));
  EXPECT_FALSE(excludes_file("a/foo", "b/a/foo"));
  EXPECT_TRUE(excludes_file("a/*.c", "a/b.c"));
  EXPECT_FALSE(excludes_file("a/*.c", "a/b/c.c"));
}

TEST(Filter, DoubleStarsSpanDirectories) {
  EXPECT_TRUE(excludes_file("a/**/b", "a/b"));
  EXPECT_TRUE(excludes_file("a/**/b", "a/x/y/b"));
  EXPECT_FALSE(excludes_file("a/**/b", "a/xb"));
  EXPECT_TRUE(excludes_file("**/b", "b"));
  EXPECT_TRUE(excludes_file("a/**", "a/x/y"));
  EXPECT_FALSE(excludes_directory("a/**", "a"));
  EXPECT_TRUE(excludes_file("**/x*y/**/z?", "p/xqy/r/s/zz"));
  EXPECT_FALSE(excludes_file("**/x*y/**/z?", "p/x/y/r/s/zz"));
}

TEST(Filter, ATrailingSlashMeansDirectories) {
  EXPECT_TRUE(excludes_directory("build/", "build"));
  EXPECT_FALSE(excludes_file("build/", "build"));
  EXPECT_TRUE(excludes_file("build/", "x/build/a.o")) << "what stands below goes with it";
}

TEST(Filter, TheLastMatchDecides) {
  EXPECT_FALSE(excludes_file("*.log\n!keep.log\n", "keep.log"));
  EXPECT_TRUE(excludes_file("!keep.log\n*.log\n", "keep.log"));
  EXPECT_TRUE(excludes_file("keep.log\n!keep.log\nkeep.log\n", "keep.log"));
  // A line for directories does not hide an earlier one for all.
  EXPECT_TRUE(excludes_file("a\n!a/\n", "a"));
  EXPECT_FALSE(excludes_directory("a\n!a/\n", "a"));
}

TEST(Filter, NothingComesBackFromAnExcludedDirectory) {
  EXPECT_TRUE(excludes_file("a/\n!a/b\n", "a/b"));
  EXPECT_FALSE(excludes_file("a/*\n!a/b\n", "a/b"));
  const Filter filter = filter_of("a/\n!a/b\n");
  EXPECT_FALSE(filter.excluded_here(path_of("a/b"), false)) << "the walker has checked the parents";
  EXPECT_TRUE(filter.excluded_here(path_of("a"), true));
}

TEST(Filter, SetsHoldBytes) {
  EXPECT_TRUE(excludes_file("[a-c]x", "bx"));
  EXPECT_FALSE(excludes_file("[a-c]x", "dx"));
  EXPECT_TRUE(excludes_file("[!a-c]x", "dx"));
  EXPECT_TRUE(excludes_file("[[:digit:][:upper:]]", "7"));
  EXPECT_FALSE(excludes_file("[[:digit:][:upper:]]", "a"));
  EXPECT_FALSE(excludes_file("[[:nonsense:]a]", "a")) << "an unknown class never matches";
  EXPECT_FALSE(excludes_file("[ab", "a")) << "nor does an unclosed bracket";
  EXPECT_FALSE(excludes_file("[ab", "[ab"));
  EXPECT_FALSE(excludes_file("/a[!x]b", "a/b")) << "no set holds the slash";
  EXPECT_TRUE(excludes_file("/a[!x]b", "ayb"));
}

TEST(Filter, LinesAreReadAsGitReadsThem) {
  EXPECT_TRUE(
      excludes_file("\xef\xbb\xbf"
                    "foo\r\nbar  \r\n#no\r\n",
                    "foo"));
  EXPECT_TRUE(excludes_file("foo\r\nbar  \r\n#no\r\n", "bar"));
  EXPECT_FALSE(excludes_file("foo\r\nbar  \r\n#no\r\n", "#no"));
  EXPECT_TRUE(excludes_file("\\#yes\n", "#yes"));
  EXPECT_TRUE(excludes_file("\\!yes\n", "!yes"));
  EXPECT_TRUE(excludes_file("trail\\ ", "trail "));
  EXPECT_FALSE(excludes_file("trail ", "trail "));
  EXPECT_TRUE(excludes_file("last line", "last line")) << "without a line feed";
}

TEST(Filter, DeeperBasesWinWhateverTheOrderOfAdding) {
  Filter filter;
  ASSERT_TRUE(filter.add(path_of("a/b"), "!x.log\n/only\n").ok());
  ASSERT_TRUE(filter.add({}, "*.log\n").ok());
  EXPECT_TRUE(filter.excluded(path_of("a/x.log"), false));
  EXPECT_FALSE(filter.excluded(path_of("a/b/x.log"), false));
  EXPECT_FALSE(filter.excluded(path_of("a/b/c/x.log"), false));
  EXPECT_TRUE(filter.excluded(path_of("a/b/only"), false));
  EXPECT_FALSE(filter.excluded(path_of("only"), false));
  EXPECT_FALSE(filter.excluded(path_of("a/b/c/only"), false));
  EXPECT_TRUE(filter.excluded(path_of("a/bb/x.log"), false)) << "a/bb does not stand below a/b";
}

TEST(Filter, ASetDoesNotReachItsOwnBase) {
  Filter filter;
  ASSERT_TRUE(filter.add(path_of("a"), "*\n").ok());
  EXPECT_FALSE(filter.excluded(path_of("a"), true));
  EXPECT_TRUE(filter.excluded(path_of("a/b"), true));
  EXPECT_FALSE(filter.excluded(path_of("b"), true));
  EXPECT_FALSE(filter_of("*\n").excluded(RelPath(), true)) << "the root is never excluded";
}

TEST(Filter, LaterSetsOfOneBaseWin) {
  Filter filter;
  ASSERT_TRUE(filter.add({}, "*.log\n").ok());
  ASSERT_TRUE(filter.add({}, "!a.log\n").ok());
  EXPECT_FALSE(filter.excluded(path_of("a.log"), false));
  ASSERT_TRUE(filter.add({}, "a*\n").ok());
  EXPECT_TRUE(filter.excluded(path_of("a.log"), false));
}

TEST(Filter, TellsWhichLineDecides) {
  Filter filter;
  ASSERT_TRUE(filter.add({}, "# head\n\nbuild/\r\n").ok());
  ASSERT_TRUE(filter.add(path_of("docs"), "*.tmp\n!keep.tmp\n").ok());
  const auto below = filter.decision(path_of("build/x/y"), false);
  ASSERT_TRUE(below.has_value());
  EXPECT_EQ(below->base, RelPath());
  EXPECT_EQ(below->path, path_of("build"));
  EXPECT_EQ(below->line, 3U);
  EXPECT_EQ(below->pattern, "build/");
  EXPECT_TRUE(below->excludes);
  const auto kept = filter.decision(path_of("docs/keep.tmp"), false);
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(kept->base, path_of("docs"));
  EXPECT_EQ(kept->line, 2U);
  EXPECT_FALSE(kept->excludes);
}

TEST(Filter, RefusesWhatCanOnlyBeAMistakeAndKeepsNothingOfIt) {
  Filter filter;
  const auto utf16 = filter.add({}, std::string_view("a\nb\0\n", 5));
  ASSERT_TRUE(utf16.failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(utf16.error().message().starts_with("line 2 ")) << utf16.error().message();
  EXPECT_TRUE(filter.empty());
  EXPECT_FALSE(filter.excluded(path_of("a"), false));

  EXPECT_TRUE(filter.add({}, std::string(4096, 'x')).ok());
  EXPECT_TRUE(filter.add({}, "#" + std::string(100'000, 'x')).ok()) << "comments may be long";
  EXPECT_TRUE(filter.add({}, std::string(4097, 'x')).failed_with(Code::kInvalidArgument));
  std::string many;
  for (int i = 0; i < 100'000; ++i) {
    many += "a\n";
  }
  EXPECT_TRUE(filter.add({}, many).failed_with(Code::kInvalidArgument));
}

TEST(Filter, ManyStarsDoNotExplode) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) {
    pattern += "*a";
  }
  EXPECT_FALSE(excludes_file(pattern + "*b", std::string(4000, 'a')));
  EXPECT_TRUE(excludes_file(pattern + "*b", std::string(3999, 'a') + "b"));
  std::string deep_pattern;
  std::string deep_path;
  for (int i = 0; i < 100; ++i) {
    deep_pattern += "**/a*/";
    deep_path += "aa/aa/";
  }
  EXPECT_FALSE(excludes_file("/" + deep_pattern + "b", deep_path + "c"));
  EXPECT_TRUE(excludes_file("/" + deep_pattern + "b", deep_path + "b"));
}

TEST(Filter, LimitsApplyToFilesOnly) {
  Filter filter;
  filter.set_limits(
      {.min_size = 10, .max_size = 20, .min_mtime = Timestamp{100}, .max_mtime = Timestamp{200}});
  EXPECT_FALSE(filter.empty());
  const RelPath path = path_of("a");
  const auto verdict = [&](std::uint64_t size, std::optional<Timestamp> mtime) {
    const FileFacts facts{.size = size, .mtime = mtime};
    return filter.check(path, false, &facts);
  };
  EXPECT_EQ(verdict(9, Timestamp{150}), Verdict::kTooSmall);
  EXPECT_EQ(verdict(10, Timestamp{100}), Verdict::kIncluded);
  EXPECT_EQ(verdict(20, Timestamp{200}), Verdict::kIncluded);
  EXPECT_EQ(verdict(21, Timestamp{150}), Verdict::kTooLarge);
  EXPECT_EQ(verdict(15, Timestamp{99}), Verdict::kTooOld);
  EXPECT_EQ(verdict(15, Timestamp{201}), Verdict::kTooNew);
  EXPECT_EQ(verdict(15, std::nullopt), Verdict::kIncluded);
  const FileFacts tiny{.size = 0, .mtime = Timestamp{0}};
  EXPECT_EQ(filter.check(path, true, &tiny), Verdict::kIncluded);
  EXPECT_EQ(filter.check(path, false, nullptr), Verdict::kIncluded);
  filter.set_limits({});
  EXPECT_TRUE(filter.empty());
}

TEST(Filter, PatternsComeBeforeLimits) {
  Filter filter = filter_of("dir/\n*.o\n");
  filter.set_limits({.max_size = 1});
  const FileFacts large{.size = 2, .mtime = {}};
  EXPECT_EQ(filter.check(path_of("a.o"), false, &large), Verdict::kExcludedByPattern);
  EXPECT_EQ(filter.check(path_of("dir/a"), false, &large), Verdict::kExcludedByPattern);
  EXPECT_EQ(filter.check_here(path_of("dir/a"), false, &large), Verdict::kTooLarge);
  EXPECT_EQ(filter.check_here(path_of("a.o"), false, &large), Verdict::kExcludedByPattern);
}

TEST(Filter, ACopyIsAFilterOfItsOwn) {
  Filter first = filter_of("*.o\nname\n/path\na*b\n");
  const Filter copy = first;
  first = Filter();
  for (const std::string_view path : {"x.o", "name", "path", "axb"}) {
    EXPECT_TRUE(copy.excluded(path_of(path), false)) << path;
    EXPECT_FALSE(first.excluded(path_of(path), false)) << path;
  }
}

TEST(FilterPattern, AnyBytesCanBeParsedAndMatched) {
  std::uint64_t state = 1;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes;
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    for (std::uint64_t i = 0, count = (state >> 33U) % 30; i < count; ++i) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      static constexpr std::string_view kLikely = "[]*?\\/-!^:alph# \r";
      const std::uint64_t draw = state >> 33U;
      bytes += draw % 3 == 0 ? static_cast<char>(draw >> 8U) : kLikely[draw % kLikely.size()];
    }
    if (const auto pattern = FilterPattern::parse(bytes)) {
      (void)pattern->matches("some/path/[a-b]", "[a-b]");
    }
  }
}

}  // namespace
}  // namespace ox::tree
