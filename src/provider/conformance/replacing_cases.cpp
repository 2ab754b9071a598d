#include "provider/conformance/support.h"

namespace ox::provider::conformance {
namespace {

std::unique_ptr<Batch> begin(Root& root) {
  auto batch = root.provider().begin_batch();
  EXPECT_OK(batch);
  return std::move(batch).value();
}

std::string trashed_bytes(Root& root, const RelPath& path) {
  const auto source = root.provider().open_trashed(path);
  EXPECT_OK(source);
  return source.ok() ? read_all(**source) : "";
}

void replaces_and_keeps_the_old(Root& root) {
  root.make_directory(at("d"));
  root.write(at("d/file"), "the old version");
  const auto batch = begin(root);
  const Staged staged = stage_bytes(*batch, "new");
  ASSERT_OK(batch->make_durable());
  const auto published =
      batch->publish(staged, at("d/file"), Precondition::matches(print_of(root, "d/file")), kTrash);
  ASSERT_OK(published);
  ASSERT_OK(batch->settle());
  EXPECT_EQ("new", root.read(at("d/file")));
  EXPECT_TRUE(published->displaced_as_expected);
  ASSERT_TRUE(published->displaced.has_value());
  EXPECT_EQ(at("run-1/d/file"), published->displaced->path);
  EXPECT_EQ("the old version", trashed_bytes(root, at("run-1/d/file")));
  const auto trashed = root.provider().look_trashed(at("run-1/d/file"));
  ASSERT_OK(trashed);
  EXPECT_TRUE(trashed->fingerprint.same_version(published->displaced->fingerprint));
  EXPECT_TRUE(published->entry.fingerprint.same_version(print_of(root, "d/file")));
  EXPECT_EQ(std::vector<std::string>{"file"}, names_in(root, "d"));
}

void trash_names_are_never_taken_twice(Root& root) {
  root.write(at("file"), "version 0");
  const auto batch = begin(root);
  for (int i = 1; i <= 3; ++i) {
    const Staged staged = stage_bytes(*batch, "version " + std::to_string(i));
    ASSERT_OK(
        batch->publish(staged, at("file"), Precondition::matches(print_of(root, "file")), kTrash));
  }
  EXPECT_EQ("version 0", trashed_bytes(root, at("run-1/file")));
  EXPECT_EQ("version 1", trashed_bytes(root, at("run-1/file~2")));
  EXPECT_EQ("version 2", trashed_bytes(root, at("run-1/file~3")));
  EXPECT_EQ("version 3", root.read(at("file")));
}

// What the edit of another program leads to, and that our version can still be published after.
void expect_refused_after(Root& root, Batch& batch, const Staged& staged,
                          const tree::Fingerprint& old, const std::string& theirs) {
  EXPECT_CODE(Code::kPreconditionFailed,
              batch.publish(staged, at("file"), Precondition::matches(old), kTrash));
  EXPECT_EQ(theirs, root.read(at("file")));
  const auto trash = root.provider().list_trash();
  ASSERT_OK(trash);
  EXPECT_TRUE(trash->empty()) << "nothing may have changed";
  EXPECT_OK(
      batch.publish(staged, at("file"), Precondition::matches(print_of(root, "file")), kTrash));
  EXPECT_EQ("ours", root.read(at("file")));
}

void never_replaces_an_edit(Root& root) {
  root.write(at("file"), "old");
  const tree::Fingerprint old = print_of(root, "file");
  const auto batch = begin(root);
  const Staged staged = stage_bytes(*batch, "ours");
  root.write(at("file"), "edited");
  expect_refused_after(root, *batch, staged, old, "edited");
}

void never_replaces_a_saved_file(Root& root) {
  if (!root.provider().capabilities().stable_ids) {
    GTEST_SKIP();
  }
  root.write(at("file"), "old");
  const tree::Fingerprint old = print_of(root, "file");
  const auto batch = begin(root);
  const Staged staged = stage_bytes(*batch, "ours");
  root.save(at("file"), "new");
  expect_refused_after(root, *batch, staged, old, "new");
}

void never_replaces_what_is_gone_or_another_kind(Root& root) {
  root.write(at("file"), "old");
  root.write(at("other"), "old");
  const tree::Fingerprint file = print_of(root, "file");
  const tree::Fingerprint other = print_of(root, "other");
  const auto batch = begin(root);
  const Staged staged = stage_bytes(*batch, "ours");
  root.remove(at("file"));
  EXPECT_CODE(Code::kPreconditionFailed,
              batch->publish(staged, at("file"), Precondition::matches(file), kTrash));
  EXPECT_FALSE(root.read(at("file")).has_value());
  root.remove(at("other"));
  root.make_directory(at("other"));
  root.write(at("other/inner"), "theirs");
  EXPECT_CODE(Code::kPreconditionFailed,
              batch->publish(staged, at("other"), Precondition::matches(other), kTrash));
  EXPECT_CODE(
      Code::kPreconditionFailed,
      batch->publish(staged, at("other"), Precondition::matches(print_of(root, "other")), kTrash))
      << "a directory is never displaced by a file";
  EXPECT_EQ("theirs", root.read(at("other/inner")));
}

void replaces_a_symlink_without_following_it(Root& root) {
  if (!root.provider().capabilities().symlinks) {
    GTEST_SKIP();
  }
  root.write(at("victim"), "untouched");
  root.make_symlink(at("link"), "victim");
  const auto batch = begin(root);
  const Staged file = stage_bytes(*batch, "ours");
  const auto published =
      batch->publish(file, at("link"), Precondition::matches(print_of(root, "link")), kTrash);
  ASSERT_OK(published);
  EXPECT_EQ("untouched", root.read(at("victim")));
  EXPECT_EQ("ours", root.read(at("link")));
  EXPECT_EQ(tree::Kind::kFile, look(root, "link").kind);
  const auto trashed = root.provider().look_trashed(published->displaced->path);
  ASSERT_OK(trashed);
  EXPECT_EQ(tree::Kind::kSymlink, trashed->kind);
  EXPECT_EQ("victim", trashed->content.link_target);

  const Staged link = stage_link(*batch, "elsewhere");
  ASSERT_OK(
      batch->publish(link, at("link"), Precondition::matches(print_of(root, "link")), kTrash));
  EXPECT_EQ("elsewhere", root.read(at("link")));
}

void sets_attributes(Root& root) {
  Provider& provider = root.provider();
  const Capabilities& can = provider.capabilities();
  root.write(at("file"), "bytes");
  const tree::Attributes attributes{.mode = 0604};
  const auto changed =
      provider.set_attributes(at("file"), print_of(root, "file"), attributes, kMtime, nullptr);
  ASSERT_OK(changed);
  const tree::Entry found = look(root, "file");
  EXPECT_TRUE(changed->fingerprint.same_version(found.fingerprint));
  EXPECT_EQ(changed->attributes, found.attributes);
  EXPECT_EQ(can.modes ? 0604U : tree::kModeUnknown, found.attributes.mode);
  if (can.mtime_settable && can.has_mtime) {
    EXPECT_EQ(kMtime, found.content.mtime);
  }
  EXPECT_EQ("bytes", root.read(at("file")));
  const auto same = provider.set_attributes(at("file"), found.fingerprint, tree::Attributes{},
                                            std::nullopt, nullptr);
  ASSERT_OK(same);
  EXPECT_EQ(found.attributes, same->attributes) << "an unknown mode changes none";
}

void never_sets_attributes_of_another_version(Root& root) {
  Provider& provider = root.provider();
  root.write(at("file"), "bytes");
  const tree::Fingerprint old = print_of(root, "file");
  root.write(at("file"), "longer bytes");
  const tree::Entry before = look(root, "file");
  const tree::Attributes attributes{.mode = 0600};
  EXPECT_CODE(Code::kPreconditionFailed,
              provider.set_attributes(at("file"), old, attributes, kMtime, nullptr));
  EXPECT_EQ(before.attributes, look(root, "file").attributes);
  EXPECT_EQ(before.content, look(root, "file").content);
  EXPECT_CODE(Code::kPreconditionFailed,
              provider.set_attributes(at("missing"), old, attributes, kMtime, nullptr));
}

void sets_user_attributes(Root& root) {
  Provider& provider = root.provider();
  if (!provider.capabilities().xattrs) {
    GTEST_SKIP();
  }
  root.write(at("file"), "bytes");
  root.set_user_attribute(at("file"), "user.old", "goes");
  root.write(at("model"), "bytes");
  root.set_user_attribute(at("model"), "user.new", "comes");
  StringSource source("", {{.name = "user.new", .value = {'c', 'o', 'm', 'e', 's'}}});
  const tree::Entry before = look(root, "file");
  const auto changed = provider.set_attributes(at("file"), before.fingerprint, before.attributes,
                                               std::nullopt, &source);
  ASSERT_OK(changed);
  EXPECT_EQ(look(root, "model").attributes.xattrs, changed->attributes.xattrs);
  EXPECT_EQ(before.content.mtime, look(root, "file").content.mtime);
}

void everything_can_be_made_durable(Root& root) {
  const auto batch = begin(root);
  std::vector<Staged> staged;
  for (int i = 0; i < 40; ++i) {
    staged.push_back(stage_bytes(*batch, std::to_string(i)));
  }
  EXPECT_OK(batch->make_durable());
  for (int i = 0; i < 40; ++i) {
    EXPECT_OK(batch->publish(staged[static_cast<std::size_t>(i)],
                             RelPath{}.child(std::to_string(i)), Precondition::absent(), kTrash));
  }
  EXPECT_OK(batch->settle());
  EXPECT_OK(batch->settle());
  EXPECT_OK(root.provider().make_durable());
}

}  // namespace

std::vector<Case> replacing_cases() {
  return {{"ReplacesAndKeepsTheOld", replaces_and_keeps_the_old},
          {"TrashNamesAreNeverTakenTwice", trash_names_are_never_taken_twice},
          {"NeverReplacesAnEdit", never_replaces_an_edit},
          {"NeverReplacesASavedFile", never_replaces_a_saved_file},
          {"NeverReplacesWhatIsGoneOrAnotherKind", never_replaces_what_is_gone_or_another_kind},
          {"ReplacesASymlinkWithoutFollowingIt", replaces_a_symlink_without_following_it},
          {"SetsAttributes", sets_attributes},
          {"NeverSetsAttributesOfAnotherVersion", never_sets_attributes_of_another_version},
          {"SetsUserAttributes", sets_user_attributes},
          {"EverythingCanBeMadeDurable", everything_can_be_made_durable}};
}

}  // namespace ox::provider::conformance
