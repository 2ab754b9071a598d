#include "app/roots.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "app/mounts.h"
#include "app/places.h"

namespace ox::app {
namespace {

using Strings = std::vector<std::string>;

TEST(Labels, AreTheLastWordWhereThatIsUnlikeTheOthers) {
  EXPECT_EQ(labels_of({"/people/ada/docs", "/media/disk"}), (Strings{"docs", "disk"}));
}

TEST(Labels, TakeAsManyWordsAsItNeeds) {
  EXPECT_EQ(labels_of({"/people/ada/docs", "/media/docs"}), (Strings{"ada-docs", "media-docs"}));
  EXPECT_EQ(labels_of({"/x/ada/docs", "/y/ada/docs", "/z/photos"}),
            (Strings{"x-ada-docs", "y-ada-docs", "photos"}));
  EXPECT_EQ(labels_of({"/docs", "/media/docs"}), (Strings{"docs", "media-docs"}));
  EXPECT_EQ(labels_of({"/", "/media/docs"}), (Strings{"root", "docs"}));
}

TEST(Labels, AreNeverAlike) {
  const Strings labels = labels_of({"/a-b/c", "/a/b/c", "/x/a-b/c"});
  EXPECT_NE(labels[0], labels[1]);
  EXPECT_NE(labels[0], labels[2]);
  EXPECT_NE(labels[1], labels[2]);
  // Not even when one is called as another's number makes it.
  Strings numbered = labels_of({"/0/a-b-2", "/a-b", "/a/b", "/c/b"});
  std::ranges::sort(numbered);
  EXPECT_EQ(std::ranges::adjacent_find(numbered), numbered.end());
}

TEST(RuleIds, DoNotDependOnTheOrder) {
  EXPECT_EQ(rule_id_of({"/a", "/b", "/c"}), rule_id_of({"/c", "/a", "/b"}));
  EXPECT_NE(rule_id_of({"/a", "/b"}), rule_id_of({"/a", "/b", "/c"}));
  EXPECT_NE(rule_id_of({"/a/b", "/c"}), rule_id_of({"/a", "/b/c"}));
  // The formula is a promise: a state must be found again by every later version.
  EXPECT_EQ(rule_id_of({"/b", "/a"}), "148c32fbefbb40c1555fcf69a5d463fe");
  EXPECT_EQ(rule_id_of_name("photos"), "1d4080de01e56e53e3e469846a413acb");
}

TEST(IsWithin, GoesByWholeWords) {
  EXPECT_TRUE(is_within("/a", "/a"));
  EXPECT_TRUE(is_within("/a/b", "/a"));
  EXPECT_TRUE(is_within("/a", "/"));
  EXPECT_FALSE(is_within("/ab", "/a"));
  EXPECT_FALSE(is_within("/", "/a"));
}

TEST(CanonicalPath, CleansWhatDoesNotStand) {
  EXPECT_EQ(canonical_path("/no-such-place//x/./y/../z/").value(), "/no-such-place/x/z");
  EXPECT_EQ(canonical_path("/").value(), "/");
  EXPECT_EQ(canonical_path("/..").value(), "/");
  EXPECT_TRUE(canonical_path("").failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(canonical_path(std::string("/a\0b", 4)).failed_with(Code::kInvalidArgument));
}

constexpr std::string_view kMounts =
    "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
    "22 21 8:2 / /people rw - ext4 /dev/sda2 rw\n"
    "23 21 8:2 /ada/docs /mnt/bound rw - ext4 /dev/sda2 rw\n"
    "24 21 0:5 / /mnt/with\\040space rw - tmpfs none rw\n"
    "25 21 8:3 / /over rw - ext4 /dev/sda3 rw\n"
    "26 21 8:4 / /over rw - ext4 /dev/sda4 rw\n";

TEST(Mounts, ABoundFolderIsWhatItIsBoundTo) {
  EXPECT_EQ(place_in_mounts(kMounts, "/mnt/bound/x"),
            place_in_mounts(kMounts, "/people/ada/docs/x"));
  EXPECT_EQ(place_in_mounts(kMounts, "/mnt/bound"), (MountPlace{"8:2", "/ada/docs"}));
  EXPECT_EQ(place_in_mounts(kMounts, "/people"), (MountPlace{"8:2", "/"}));
  EXPECT_EQ(place_in_mounts(kMounts, "/peoples"), (MountPlace{"8:1", "/peoples"}));
  EXPECT_EQ(place_in_mounts(kMounts, "/"), (MountPlace{"8:1", "/"}));
}

TEST(Mounts, EscapesAndCoveredMounts) {
  EXPECT_EQ(place_in_mounts(kMounts, "/mnt/with space/a"), (MountPlace{"0:5", "/a"}));
  EXPECT_EQ(place_in_mounts(kMounts, "/over/a"), (MountPlace{"8:4", "/a"}));
  EXPECT_EQ(place_in_mounts("", "/a"), MountPlace{});
  EXPECT_EQ(place_in_mounts("rubbish\n\n1 2\n", "/a"), MountPlace{});
  // What the kernel never writes is taken as it stands.
  EXPECT_EQ(place_in_mounts("1 0 8:1 / /a\\1bcd rw\n", "/a\\1bcd"), (MountPlace{"8:1", "/"}));
  EXPECT_EQ(place_in_mounts("1 0 8:1 / /\\777 rw\n", "/\\777"), (MountPlace{"8:1", "/"}));
}

TEST(CanonicalPaths, KnowSymlinksBehindWhatIsMissing) {
  EXPECT_EQ(*canonical_path("/no-such-folder/.././no-such-name/"), "/no-such-name");
  EXPECT_EQ(*canonical_path("/no-such-folder/../proc/self"), *canonical_path("/proc/self"));
}

TEST(PlacesTest, FollowTheXdgRules) {
  const auto with = [](std::map<std::string, std::string> values) {
    static std::map<std::string, std::string> kept;
    kept = std::move(values);
    return find_places(
        [](const char* name) -> const char* {
          const auto found = kept.find(name);
          return found == kept.end() ? nullptr : found->second.c_str();
        },
        std::nullopt, std::nullopt);
  };
  EXPECT_EQ(with({{"HOME", "/h"}})->state_folder, "/h/.local/state/syncoxiders");
  EXPECT_EQ(with({{"HOME", "/h"}})->rules_file, "/h/.config/syncoxiders/rules.toml");
  EXPECT_EQ(with({{"HOME", "/h"}, {"XDG_STATE_HOME", "/s"}})->state_folder, "/s/syncoxiders");
  EXPECT_EQ(with({{"HOME", "/h"}, {"XDG_CONFIG_HOME", "/c"}})->rules_file,
            "/c/syncoxiders/rules.toml");
  EXPECT_EQ(with({{"HOME", "/h"}, {"XDG_STATE_HOME", "relative"}})->state_folder,
            "/h/.local/state/syncoxiders");
  EXPECT_TRUE(with({}).failed_with(Code::kInvalidArgument));
}

}  // namespace
}  // namespace ox::app
