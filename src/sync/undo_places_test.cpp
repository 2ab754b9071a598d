#include "sync/undo_places.h"

#include <gtest/gtest.h>

namespace ox::sync {
namespace {

RelPath path(std::string_view text) {
  return RelPath::parse(text).value();
}

tree::Entry file(std::uint64_t size, std::int64_t mtime, std::uint32_t mode = 0644) {
  return {.content = {.size = size, .mtime = {mtime}},
          .attributes = {.mode = mode},
          .fingerprint = {.id = size, .size = size, .mtime = {mtime}}};
}

TEST(IsStill, JudgesFilesBySizeTimeAndMode) {
  EXPECT_TRUE(is_still(file(1, 2), file(1, 2)));
  EXPECT_FALSE(is_still(file(1, 2), file(3, 2)));
  EXPECT_FALSE(is_still(file(1, 2), file(1, 3)));
  EXPECT_FALSE(is_still(file(1, 2, 0644), file(1, 2, 0600)));
  EXPECT_TRUE(is_still(file(1, 2, tree::kModeUnknown), file(1, 2, 0600)));
  tree::Entry link = file(1, 2);
  link.kind = tree::Kind::kSymlink;
  EXPECT_FALSE(is_still(file(1, 2), link));
}

TEST(IsStill, CtimeAndIdentityOfAFileMoveWithOurOwnWork) {
  tree::Entry other = file(1, 2);
  other.fingerprint.id = 99;
  other.fingerprint.ctime = {7};
  EXPECT_TRUE(is_still(file(1, 2), other));
}

TEST(IsStill, ADirectoryIsItsIdentity) {
  tree::Entry directory{.kind = tree::Kind::kDirectory, .fingerprint = {.id = 5, .birth_ns = 1}};
  tree::Entry grown = directory;
  grown.fingerprint.mtime = {9};
  EXPECT_TRUE(is_still(directory, grown));
  grown.fingerprint.birth_ns = 2;
  EXPECT_FALSE(is_still(directory, grown));
}

TEST(UndoPlaces, MovesWhatStandsBelow) {
  UndoPlaces places;
  places.put(path("a"), file(1, 1));
  places.put(path("a/x"), file(2, 2));
  places.put(path("a-b"), file(3, 3));
  places.put(path("a/x/y"), file(4, 4));
  places.move(path("a"), path("n/m"), file(5, 5));
  EXPECT_EQ(places.find(path("a")), nullptr);
  EXPECT_EQ(places.find(path("a/x")), nullptr);
  ASSERT_NE(places.find(path("n/m/x/y")), nullptr);
  EXPECT_EQ(*places.find(path("n/m/x")), file(2, 2));
  EXPECT_EQ(*places.find(path("n/m")), file(5, 5));
  EXPECT_EQ(*places.find(path("a-b")), file(3, 3));
}

TEST(UndoPlaces, ExchangesWhatStandsBelow) {
  UndoPlaces places;
  places.put(path("a/x"), file(1, 1));
  places.put(path("b/y"), file(2, 2));
  places.exchange(path("a"), path("b"), file(3, 3), file(4, 4));
  EXPECT_EQ(*places.find(path("b/x")), file(1, 1));
  EXPECT_EQ(*places.find(path("a/y")), file(2, 2));
  EXPECT_EQ(*places.find(path("a")), file(3, 3));
  EXPECT_EQ(places.find(path("a/x")), nullptr);
}

TEST(UndoPlaces, DropsATreeAndNothingBeside) {
  UndoPlaces places;
  places.put(path("a/x"), file(1, 1));
  places.put(path("a.b"), file(2, 2));
  places.put(path("ab"), file(3, 3));
  places.drop(path("a"));
  EXPECT_EQ(places.find(path("a/x")), nullptr);
  EXPECT_NE(places.find(path("a.b")), nullptr);
  EXPECT_NE(places.find(path("ab")), nullptr);
}

}  // namespace
}  // namespace ox::sync
