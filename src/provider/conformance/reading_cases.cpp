#include <algorithm>

#include "provider/conformance/support.h"

namespace ox::provider::conformance {
namespace {

void lists_what_stands(Root& root) {
  root.write(at("file"), "12345");
  root.make_directory(at("directory"));
  root.write(at("directory/inner"), "x");
  auto entries = root.provider().list(at(""), nullptr, {});
  ASSERT_OK(entries);
  std::ranges::sort(*entries, {}, &tree::Entry::name);
  ASSERT_EQ(2U, entries->size());
  EXPECT_EQ("directory", (*entries)[0].name);
  EXPECT_EQ(tree::Kind::kDirectory, (*entries)[0].kind);
  EXPECT_EQ(0U, (*entries)[0].content.size);
  EXPECT_EQ("file", (*entries)[1].name);
  EXPECT_EQ(tree::Kind::kFile, (*entries)[1].kind);
  EXPECT_EQ(5U, (*entries)[1].content.size);
  EXPECT_EQ(5U, (*entries)[1].fingerprint.size);
  EXPECT_EQ((*entries)[1].content.mtime, (*entries)[1].fingerprint.mtime);
  EXPECT_EQ(std::vector<std::string>{"inner"}, names_in(root, "directory"));
}

void lists_symlinks_with_their_targets(Root& root) {
  if (!root.provider().capabilities().symlinks) {
    GTEST_SKIP();
  }
  root.make_symlink(at("link"), "nowhere/at all");
  const auto entries = root.provider().list(at(""), nullptr, {});
  ASSERT_OK(entries);
  ASSERT_EQ(1U, entries->size());
  EXPECT_EQ(tree::Kind::kSymlink, entries->front().kind);
  EXPECT_EQ("nowhere/at all", entries->front().content.link_target);
  EXPECT_EQ(0U, entries->front().content.size);
  EXPECT_EQ(tree::kModeUnknown, entries->front().attributes.mode);
  EXPECT_EQ("nowhere/at all", look(root, "link").content.link_target);
}

void listing_tells_missing_from_other(Root& root) {
  root.write(at("file"), "x");
  EXPECT_CODE(Code::kNotFound, root.provider().list(at("missing"), nullptr, {}));
  EXPECT_CODE(Code::kNotFound, root.provider().list(at("missing/deeper"), nullptr, {}));
  EXPECT_CODE(Code::kNotADirectory, root.provider().list(at("file"), nullptr, {}));
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_CODE(Code::kCancelled, root.provider().list(at(""), nullptr, stopped.get_token()));
}

void listing_refuses_another_directory(Root& root) {
  root.make_directory(at("a"));
  root.make_directory(at("b"));
  root.write(at("a/in-a"), "x");
  root.write(at("b/in-b"), "x");
  const tree::Fingerprint a = print_of(root, "a");
  EXPECT_EQ(1U, root.provider().list(at("a"), &a, {}).value().size());
  root.rename(at("a"), at("away"));
  root.rename(at("b"), at("a"));
  const auto listed = root.provider().list(at("a"), &a, {});
  if (root.provider().capabilities().stable_ids) {
    EXPECT_CODE(Code::kPreconditionFailed, listed);
  } else {
    EXPECT_EQ("in-b", listed.value().front().name);
  }
  EXPECT_EQ(1U, root.provider().list(at("away"), &a, {}).value().size());
}

void our_own_folder_is_never_shown(Root& root) {
  root.write(at("file"), "x");
  const RootIdentity identity{.rule = std::string(32, 'a'), .file_system = ""};
  ASSERT_OK(root.provider().write_identity(identity));
  ASSERT_OK(root.provider().remove(at("file"), print_of(root, "file"), kTrash));
  EXPECT_EQ(std::vector<std::string>{}, names_in(root, ""));
}

void looking_equals_listing(Root& root) {
  root.write(at("file"), "12345");
  const auto entries = root.provider().list(at(""), nullptr, {});
  ASSERT_OK(entries);
  ASSERT_EQ(1U, entries->size());
  const tree::Entry looked = look(root, "file");
  EXPECT_EQ(entries->front().name, looked.name);
  EXPECT_EQ(entries->front().kind, looked.kind);
  EXPECT_EQ(entries->front().content, looked.content);
  EXPECT_EQ(entries->front().attributes, looked.attributes);
  EXPECT_TRUE(entries->front().fingerprint.same_version(looked.fingerprint));
}

void looking_finds_nothing_where_nothing_is(Root& root) {
  root.write(at("file"), "x");
  EXPECT_CODE(Code::kNotFound, root.provider().look(at("missing")));
  EXPECT_CODE(Code::kNotFound, root.provider().look(at("missing/deeper")));
  EXPECT_CODE(Code::kNotFound, root.provider().look(at("file/below")));
  const auto entry = root.provider().look(at(""));
  ASSERT_OK(entry);
  EXPECT_EQ(tree::Kind::kDirectory, entry->kind);
}

void fingerprints_tell_versions_apart(Root& root) {
  root.write(at("file"), "one");
  const tree::Fingerprint first = print_of(root, "file");
  EXPECT_TRUE(first.same_version(print_of(root, "file")));
  root.write(at("file"), "other");
  EXPECT_FALSE(first.same_version(print_of(root, "file"))) << "another size";

  const tree::Fingerprint second = print_of(root, "file");
  root.write(at("file"), "OTHER");
  const tree::Fingerprint third = print_of(root, "file");
  EXPECT_TRUE(second.racy || !second.same_version(third))
      << "same size: either the stamps tell or the first look was marked as doubtful";
}

void ids_follow_renames_and_are_not_reused(Root& root) {
  if (!root.provider().capabilities().stable_ids) {
    EXPECT_EQ(0U, print_of(root, "").id);
    GTEST_SKIP();
  }
  root.write(at("old"), "x");
  const tree::Fingerprint before = print_of(root, "old");
  EXPECT_NE(0U, before.id);
  root.rename(at("old"), at("new"));
  EXPECT_TRUE(before.same_object(print_of(root, "new")));
  root.remove(at("new"));
  root.write(at("new"), "x");
  EXPECT_FALSE(before.same_object(print_of(root, "new")));
}

void reads_ranges(Root& root) {
  root.write(at("file"), "0123456789");
  const auto source = root.provider().open(at("file"), nullptr);
  ASSERT_OK(source);
  EXPECT_EQ(10U, (*source)->size());
  std::vector<std::uint8_t> into(4);
  auto got = (*source)->read_at(3, into);
  ASSERT_OK(got);
  EXPECT_EQ(4U, *got);
  EXPECT_EQ((std::vector<std::uint8_t>{'3', '4', '5', '6'}), into);
  got = (*source)->read_at(8, into);
  ASSERT_OK(got);
  EXPECT_EQ(2U, *got) << "fewer only at the end";
  got = (*source)->read_at(10, into);
  ASSERT_OK(got);
  EXPECT_EQ(0U, *got);
  EXPECT_EQ("0123456789", read_all(**source));
  EXPECT_OK((*source)->verify_unchanged());
  EXPECT_TRUE((*source)->fingerprint().same_version(print_of(root, "file")));
}

void opening_checks_what_it_opens(Root& root) {
  root.write(at("file"), "one");
  const tree::Fingerprint print = print_of(root, "file");
  EXPECT_OK(root.provider().open(at("file"), &print));
  root.write(at("file"), "another");
  EXPECT_CODE(Code::kPreconditionFailed, root.provider().open(at("file"), &print));
  EXPECT_CODE(Code::kNotFound, root.provider().open(at("missing"), nullptr));
  EXPECT_CODE(Code::kNotFound, root.provider().open(at("missing"), &print));
  root.make_directory(at("directory"));
  root.write(at("directory/file"), "x");
  EXPECT_CODE(Code::kIsADirectory, root.provider().open(at("directory"), nullptr));
  if (root.provider().capabilities().symlinks) {
    root.make_symlink(at("link"), "file");
    EXPECT_CODE(Code::kUnsupported, root.provider().open(at("link"), nullptr));
  }
}

void a_source_notices_changes(Root& root) {
  if (root.provider().capabilities().leases) {
    GTEST_SKIP() << "while the source is open, writers wait";
  }
  root.write(at("file"), "one");
  const auto source = root.provider().open(at("file"), nullptr);
  ASSERT_OK(source);
  root.write(at("file"), "three");
  const auto verified = (*source)->verify_unchanged();
  EXPECT_TRUE(verified.failed_with(Code::kPreconditionFailed) || verified.failed_with(Code::kBusy))
      << code_of(verified);
}

void a_source_survives_a_save(Root& root) {
  if (!root.provider().capabilities().stable_ids) {
    GTEST_SKIP();
  }
  root.write(at("file"), "the old version");
  const auto source = root.provider().open(at("file"), nullptr);
  ASSERT_OK(source);
  root.save(at("file"), "new");
  EXPECT_EQ("the old version", read_all(**source));
}

void user_attributes_are_seen(Root& root) {
  if (!root.provider().capabilities().xattrs) {
    GTEST_SKIP();
  }
  root.write(at("file"), "x");
  EXPECT_EQ(0U, look(root, "file").attributes.xattrs);
  root.set_user_attribute(at("file"), "user.second", "2");
  root.set_user_attribute(at("file"), "user.first", "1");
  const std::uint64_t both = look(root, "file").attributes.xattrs;
  EXPECT_NE(0U, both);
  root.set_user_attribute(at("file"), "user.first", "other");
  EXPECT_NE(both, look(root, "file").attributes.xattrs);
  const auto source = root.provider().open(at("file"), nullptr);
  ASSERT_OK(source);
  const auto xattrs = (*source)->xattrs();
  ASSERT_OK(xattrs);
  ASSERT_EQ(2U, xattrs->size());
  EXPECT_EQ("user.first", (*xattrs)[0].name);
  EXPECT_EQ("user.second", (*xattrs)[1].name);
}

void symlinks_are_not_followed(Root& root) {
  if (!root.provider().capabilities().symlinks) {
    GTEST_SKIP();
  }
  root.make_directory(at("real"));
  root.write(at("real/file"), "x");
  root.make_symlink(at("link"), "real");
  EXPECT_CODE(Code::kNotFound, root.provider().look(at("link/file")));
  EXPECT_CODE(Code::kNotFound, root.provider().open(at("link/file"), nullptr));
  EXPECT_CODE(Code::kNotADirectory, root.provider().list(at("link"), nullptr, {}));
  EXPECT_EQ(tree::Kind::kSymlink, look(root, "link").kind);
}

}  // namespace

std::vector<Case> reading_cases() {
  return {{"ListsWhatStands", lists_what_stands},
          {"ListsSymlinksWithTheirTargets", lists_symlinks_with_their_targets},
          {"ListingTellsMissingFromOther", listing_tells_missing_from_other},
          {"ListingRefusesAnotherDirectory", listing_refuses_another_directory},
          {"OurOwnFolderIsNeverShown", our_own_folder_is_never_shown},
          {"LookingEqualsListing", looking_equals_listing},
          {"LookingFindsNothingWhereNothingIs", looking_finds_nothing_where_nothing_is},
          {"FingerprintsTellVersionsApart", fingerprints_tell_versions_apart},
          {"IdsFollowRenamesAndAreNotReused", ids_follow_renames_and_are_not_reused},
          {"ReadsRanges", reads_ranges},
          {"OpeningChecksWhatItOpens", opening_checks_what_it_opens},
          {"ASourceNoticesChanges", a_source_notices_changes},
          {"ASourceSurvivesASave", a_source_survives_a_save},
          {"UserAttributesAreSeen", user_attributes_are_seen},
          {"SymlinksAreNotFollowed", symlinks_are_not_followed}};
}

}  // namespace ox::provider::conformance
