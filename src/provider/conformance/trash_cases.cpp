#include <algorithm>

#include "provider/conformance/support.h"

namespace ox::provider::conformance {
namespace {

std::vector<std::string> trash_paths(Root& root) {
  const auto items = root.provider().list_trash();
  EXPECT_OK(items);
  std::vector<std::string> paths;
  if (items.ok()) {
    for (const Provider::TrashItem& item : *items) {
      paths.push_back(item.path.text());
    }
  }
  return paths;
}

std::string trashed_bytes(Root& root, std::string_view path) {
  const auto source = root.provider().open_trashed(at(path));
  EXPECT_OK(source);
  return source.ok() ? read_all(**source) : "";
}

void removes_into_the_trash(Root& root) {
  root.make_directory(at("d"));
  root.write(at("d/file"), "bytes");
  root.write(at("d/keeper"), "x");
  const auto removed = root.provider().remove(at("d/file"), print_of(root, "d/file"), kTrash);
  ASSERT_OK(removed);
  ASSERT_TRUE(removed->has_value());
  EXPECT_EQ(at("run-1/d/file"), (*removed)->path);
  EXPECT_FALSE(root.read(at("d/file")).has_value());
  EXPECT_EQ("bytes", trashed_bytes(root, "run-1/d/file"));
  const auto looked = root.provider().look_trashed((*removed)->path);
  ASSERT_OK(looked);
  EXPECT_TRUE(looked->fingerprint.same_version((*removed)->fingerprint));
  EXPECT_EQ(5U, looked->content.size);
}

void never_removes_another_version(Root& root) {
  root.write(at("file"), "old");
  const tree::Fingerprint old = print_of(root, "file");
  root.write(at("file"), "edited");
  EXPECT_CODE(Code::kPreconditionFailed, root.provider().remove(at("file"), old, kTrash));
  EXPECT_EQ("edited", root.read(at("file")));
  EXPECT_TRUE(trash_paths(root).empty());
  root.remove(at("file"));
  EXPECT_CODE(Code::kPreconditionFailed, root.provider().remove(at("file"), old, kTrash));
}

void removes_only_empty_directories(Root& root) {
  if (!root.provider().capabilities().directories) {
    GTEST_SKIP();
  }
  root.make_directory(at("d"));
  root.write(at("d/file"), "x");
  const tree::Fingerprint print = print_of(root, "d");
  EXPECT_CODE(Code::kNotEmpty, root.provider().remove(at("d"), print, kTrash));
  EXPECT_EQ("x", root.read(at("d/file")));
  ASSERT_OK(root.provider().remove(at("d/file"), print_of(root, "d/file"), kTrash));
  const auto removed = root.provider().remove(at("d"), print, kTrash);
  ASSERT_OK(removed);
  EXPECT_FALSE(removed->has_value());
  EXPECT_CODE(Code::kNotFound, root.provider().look(at("d")));
}

void removes_symlinks_and_not_their_targets(Root& root) {
  if (!root.provider().capabilities().symlinks) {
    GTEST_SKIP();
  }
  root.write(at("victim"), "x");
  root.make_symlink(at("link"), "victim");
  ASSERT_OK(root.provider().remove(at("link"), print_of(root, "link"), kTrash));
  EXPECT_EQ("x", root.read(at("victim")));
  const auto trashed = root.provider().look_trashed(at("run-1/link"));
  ASSERT_OK(trashed);
  EXPECT_EQ("victim", trashed->content.link_target);
}

void restores(Root& root) {
  root.write(at("file"), "old");
  root.write(at("taken"), "theirs");
  ASSERT_OK(root.provider().remove(at("file"), print_of(root, "file"), kTrash));
  root.reopen();
  EXPECT_CODE(Code::kExists, root.provider().restore_trashed(at("run-1/file"), at("taken")));
  EXPECT_EQ("theirs", root.read(at("taken")));
  const auto restored = root.provider().restore_trashed(at("run-1/file"), at("back"));
  ASSERT_OK(restored);
  EXPECT_EQ("old", root.read(at("back")));
  EXPECT_TRUE(restored->fingerprint.same_version(print_of(root, "back")));
  EXPECT_TRUE(trash_paths(root).empty()) << "it leaves the trash";
  EXPECT_CODE(Code::kNotFound, root.provider().restore_trashed(at("run-1/file"), at("again")));
}

void purges(Root& root) {
  root.write(at("one"), "1");
  root.write(at("two"), "2");
  ASSERT_OK(root.provider().remove(at("one"), print_of(root, "one"), kTrash));
  ASSERT_OK(root.provider().remove(at("two"), print_of(root, "two"), kTrash));
  ASSERT_OK(root.provider().purge_trashed(at("run-1/one")));
  EXPECT_EQ(std::vector<std::string>{"run-1/two"}, trash_paths(root));
  EXPECT_CODE(Code::kNotFound, root.provider().purge_trashed(at("run-1/one")));
  EXPECT_CODE(Code::kNotFound, root.provider().look_trashed(at("run-1/one")));
  EXPECT_CODE(Code::kNotFound, root.provider().open_trashed(at("run-1/one")));
}

void lists_the_oldest_folder_first(Root& root) {
  EXPECT_TRUE(trash_paths(root).empty());
  for (const std::string_view folder : {"zebra", "apple"}) {
    root.write(at("file"), std::string(folder));
    const TrashFolder trash{.name = std::string(folder)};
    ASSERT_OK(root.provider().remove(at("file"), print_of(root, "file"), trash));
  }
  const auto items = root.provider().list_trash();
  ASSERT_OK(items);
  ASSERT_EQ(2U, items->size());
  EXPECT_EQ(5U, (*items)[0].entry.content.size);
  std::vector<std::string> paths = trash_paths(root);
  std::ranges::sort(paths);
  EXPECT_EQ((std::vector<std::string>{"apple/file", "zebra/file"}), paths);
}

void trash_steps_around_what_stands_there(Root& root) {
  root.write(at("name"), "a file first");
  ASSERT_OK(root.provider().remove(at("name"), print_of(root, "name"), kTrash));
  root.make_directory(at("name"));
  root.write(at("name/inner"), "then a directory");
  const auto removed =
      root.provider().remove(at("name/inner"), print_of(root, "name/inner"), kTrash);
  ASSERT_OK(removed);
  ASSERT_TRUE(removed->has_value());
  EXPECT_EQ("a file first", trashed_bytes(root, "run-1/name"));
  EXPECT_EQ("then a directory", trashed_bytes(root, (*removed)->path.text()));
  EXPECT_EQ(2U, trash_paths(root).size());
}

void refuses_bad_trash_folders(Root& root) {
  root.write(at("file"), "x");
  for (const std::string_view folder : {"", "..", "a/b"}) {
    const TrashFolder trash{.name = std::string(folder)};
    EXPECT_CODE(Code::kInvalidArgument,
                root.provider().remove(at("file"), print_of(root, "file"), trash));
  }
  EXPECT_EQ("x", root.read(at("file")));
}

}  // namespace

std::vector<Case> trash_cases() {
  return {{"RemovesIntoTheTrash", removes_into_the_trash},
          {"NeverRemovesAnotherVersion", never_removes_another_version},
          {"RemovesOnlyEmptyDirectories", removes_only_empty_directories},
          {"RemovesSymlinksAndNotTheirTargets", removes_symlinks_and_not_their_targets},
          {"Restores", restores},
          {"Purges", purges},
          {"ListsTheOldestFolderFirst", lists_the_oldest_folder_first},
          {"TrashStepsAroundWhatStandsThere", trash_steps_around_what_stands_there},
          {"RefusesBadTrashFolders", refuses_bad_trash_folders}};
}

}  // namespace ox::provider::conformance
