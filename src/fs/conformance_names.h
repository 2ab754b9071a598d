#pragma once

// The part of the suite of conformance.h about directories and names.

#include "fs/conformance.h"

namespace ox::fs {

TEST_P(FileSystemConformance, ListsEveryKindWithItsStat) {
  write_file(*root_, "file", "12345");
  ASSERT_TRUE(root_->make_directory("directory", 0700).ok());
  ASSERT_TRUE(root_->make_symlink("link", "file").ok());
  auto items = root_->list();
  ASSERT_TRUE(items.ok());
  ASSERT_EQ(items->size(), 3U);
  for (const DirectoryItem& item : *items) {
    const auto single = root_->stat(item.name);
    ASSERT_TRUE(single.ok());
    EXPECT_EQ(item.stat.inode, single->inode);
    EXPECT_EQ(item.stat.type, single->type);
    EXPECT_EQ(item.stat.size, single->size);
    EXPECT_EQ(item.stat.mtime, single->mtime);
    EXPECT_EQ(item.stat.ctime, single->ctime);
    EXPECT_EQ(item.stat.birth, single->birth);
    EXPECT_EQ(item.stat.device, root_->stat()->device);
  }
  const Stat file = *root_->stat("file");
  EXPECT_EQ(file.type, NodeType::kFile);
  EXPECT_EQ(file.size, 5U);
  EXPECT_EQ(file.mode, 0644U);
  EXPECT_EQ(file.link_count, 1U);
  EXPECT_EQ(root_->stat("directory")->type, NodeType::kDirectory);
  EXPECT_EQ(root_->stat("directory")->mode, 0700U);
  EXPECT_EQ(root_->stat("link")->type, NodeType::kSymlink);
  EXPECT_EQ(root_->stat("link")->size, 4U);
}

TEST_P(FileSystemConformance, ListsAnewEachTime) {
  EXPECT_EQ(names_in(*root_), Names{});
  write_file(*root_, "a", "");
  EXPECT_EQ(names_in(*root_), Names{"a"});
  write_file(*root_, "b", "");
  ASSERT_TRUE(root_->remove_file("a").ok());
  EXPECT_EQ(names_in(*root_), Names{"b"});
}

TEST_P(FileSystemConformance, ListsMoreThanOneBufferHolds) {
  Names expected;
  for (int i = 0; i < 3000; ++i) {
    const std::string name = "a rather long name for an entry " + std::to_string(i);
    expected.insert(name);
    ASSERT_TRUE(root_->create_file(name, 0600).ok());
  }
  EXPECT_EQ(names_in(*root_), expected);
  EXPECT_EQ(names_in(*root_), expected);
}

TEST_P(FileSystemConformance, KeepsNamesByteForByte) {
  const Names odd{"line\nbreak",
                  std::string("\xff\xfe\x80", 3),
                  std::string(255, 'x'),
                  " ",
                  "...",
                  "-rf",
                  "*",
                  "\\",
                  "e\xcc\x81",
                  "\xc3\xa9",
                  "A",
                  "a"};
  for (const std::string& name : odd) {
    write_file(*root_, name, name);
  }
  EXPECT_EQ(names_in(*root_), odd);
  for (const std::string& name : odd) {
    EXPECT_EQ(read_file(*root_, name), name);
    EXPECT_TRUE(root_->remove_file(name).ok());
  }
}

TEST_P(FileSystemConformance, RefusesBadNames) {
  write_file(*root_, "f", "");
  for (const std::string& name : {std::string(), std::string("."), std::string(".."),
                                  std::string("a/b"), std::string("/"), std::string("a\0b", 3)}) {
    EXPECT_EQ(code_of(root_->stat(name)), Code::kInvalidArgument);
    EXPECT_EQ(code_of(root_->open_file(name, Access::kRead)), Code::kInvalidArgument);
    EXPECT_EQ(code_of(root_->open_directory(name)), Code::kInvalidArgument);
    EXPECT_EQ(code_of(root_->create_file(name, 0600)), Code::kInvalidArgument);
    EXPECT_EQ(code_of(root_->make_directory(name, 0700)), Code::kInvalidArgument);
    EXPECT_EQ(code_of(root_->make_symlink(name, "t")), Code::kInvalidArgument);
    EXPECT_EQ(code_of(root_->read_symlink(name)), Code::kInvalidArgument);
    EXPECT_EQ(code_of(root_->link("f", *root_, name)), Code::kInvalidArgument);
    EXPECT_EQ(code_of(root_->link(name, *root_, "g")), Code::kInvalidArgument);
    EXPECT_EQ(code_of(root_->remove_file(name)), Code::kInvalidArgument);
    EXPECT_EQ(code_of(root_->remove_directory(name)), Code::kInvalidArgument);
    EXPECT_EQ(code_of(root_->rename("f", *root_, name, RenameMode::kReplace)),
              Code::kInvalidArgument);
    EXPECT_EQ(code_of(root_->rename(name, *root_, "g", RenameMode::kReplace)),
              Code::kInvalidArgument);
    EXPECT_EQ(code_of(root_->set_mtime(name, {})), Code::kInvalidArgument);
    EXPECT_EQ(code_of(root_->set_mode(name, 0600)), Code::kInvalidArgument);
    EXPECT_EQ(code_of(root_->extended_attributes(name)), Code::kInvalidArgument);
  }
  EXPECT_EQ(code_of(root_->create_file(std::string(256, 'x'), 0600)), Code::kNameInvalid);
  EXPECT_EQ(names_in(*root_), Names{"f"});
}

TEST_P(FileSystemConformance, TellsAbsence) {
  EXPECT_EQ(code_of(root_->stat("x")), Code::kNotFound);
  EXPECT_EQ(code_of(root_->open_file("x", Access::kRead)), Code::kNotFound);
  EXPECT_EQ(code_of(root_->open_directory("x")), Code::kNotFound);
  EXPECT_EQ(code_of(root_->read_symlink("x")), Code::kNotFound);
  EXPECT_EQ(code_of(root_->remove_file("x")), Code::kNotFound);
  EXPECT_EQ(code_of(root_->remove_directory("x")), Code::kNotFound);
  EXPECT_EQ(code_of(root_->link("x", *root_, "y")), Code::kNotFound);
  EXPECT_EQ(code_of(root_->rename("x", *root_, "y", RenameMode::kReplace)), Code::kNotFound);
  EXPECT_EQ(code_of(root_->set_mtime("x", {})), Code::kNotFound);
  EXPECT_EQ(code_of(root_->set_mode("x", 0600)), Code::kNotFound);
  EXPECT_EQ(code_of(root_->extended_attributes("x")), Code::kNotFound);
}

TEST_P(FileSystemConformance, TellsTheWrongKind) {
  write_file(*root_, "file", "");
  ASSERT_TRUE(root_->make_directory("directory", 0755).ok());
  ASSERT_TRUE(root_->make_symlink("to-file", "file").ok());
  ASSERT_TRUE(root_->make_symlink("to-directory", "directory").ok());
  EXPECT_EQ(code_of(root_->open_directory("file")), Code::kNotADirectory);
  EXPECT_EQ(code_of(root_->open_directory("to-directory")), Code::kNotADirectory);
  EXPECT_EQ(code_of(root_->open_file("directory", Access::kRead)), Code::kIsADirectory);
  EXPECT_EQ(code_of(root_->open_file("directory", Access::kReadWrite)), Code::kIsADirectory);
  EXPECT_EQ(code_of(root_->open_file("to-file", Access::kRead)), Code::kUnsupported);
  EXPECT_EQ(code_of(root_->read_symlink("file")), Code::kInvalidArgument);
  EXPECT_EQ(code_of(root_->remove_file("directory")), Code::kIsADirectory);
  EXPECT_EQ(code_of(root_->remove_directory("file")), Code::kNotADirectory);
  EXPECT_EQ(code_of(root_->link("directory", *root_, "second")), Code::kUnsupported);
  EXPECT_EQ(code_of(root_->set_mode("to-file", 0600)), Code::kUnsupported);
  EXPECT_EQ(names_in(*root_), (Names{"directory", "file", "to-directory", "to-file"}));
}

TEST_P(FileSystemConformance, CreatesNothingOverWhatStands) {
  write_file(*root_, "stands", "old");
  EXPECT_EQ(code_of(root_->create_file("stands", 0600)), Code::kExists);
  EXPECT_EQ(code_of(root_->make_directory("stands", 0700)), Code::kExists);
  EXPECT_EQ(code_of(root_->make_symlink("stands", "t")), Code::kExists);
  write_file(*root_, "other", "new");
  EXPECT_EQ(code_of(root_->link("other", *root_, "stands")), Code::kExists);
  EXPECT_EQ(read_file(*root_, "stands"), "old");
  ASSERT_TRUE(root_->make_symlink("dangling", "nowhere").ok());
  EXPECT_EQ(code_of(root_->create_file("dangling", 0600)), Code::kExists);
}

TEST_P(FileSystemConformance, KeepsSymlinkTargets) {
  const std::string target = "../some\nwhere/" + std::string(1000, 'y');
  ASSERT_TRUE(root_->make_symlink("link", target).ok());
  EXPECT_EQ(*root_->read_symlink("link"), target);
  EXPECT_EQ(code_of(root_->make_symlink("empty", "")), Code::kInvalidArgument);
  EXPECT_TRUE(root_->remove_file("link").ok());
  EXPECT_EQ(names_in(*root_), Names{});
}

TEST_P(FileSystemConformance, RemovesOnlyEmptyDirectories) {
  auto directory = make_and_open("d");
  write_file(*directory, "f", "");
  EXPECT_EQ(code_of(root_->remove_directory("d")), Code::kNotEmpty);
  ASSERT_TRUE(directory->remove_file("f").ok());
  ASSERT_TRUE(root_->remove_directory("d").ok());
  EXPECT_EQ(code_of(directory->create_file("late", 0600)), Code::kNotFound);
  EXPECT_EQ(code_of(directory->list()), Code::kNotFound);
}

TEST_P(FileSystemConformance, CountsHardLinks) {
  auto directory = make_and_open("d");
  write_file(*root_, "a", "shared");
  ASSERT_TRUE(root_->link("a", *directory, "b").ok());
  EXPECT_EQ(root_->stat("a")->link_count, 2U);
  EXPECT_EQ(root_->stat("a")->inode, directory->stat("b")->inode);
  auto file = root_->open_file("a", Access::kReadWrite);
  ASSERT_TRUE((*file)->write_at(0, as_bytes_view("S")).ok());
  EXPECT_EQ(read_file(*directory, "b"), "Shared");
  ASSERT_TRUE(root_->remove_file("a").ok());
  EXPECT_EQ(directory->stat("b")->link_count, 1U);
  EXPECT_EQ(root_->stat("d")->link_count, 2U);
  ASSERT_TRUE(directory->make_directory("sub", 0755).ok());
  EXPECT_EQ(root_->stat("d")->link_count, 3U);
}

TEST_P(FileSystemConformance, OpenFilesOutliveTheirNames) {
  write_file(*root_, "a", "alive");
  auto file = root_->open_file("a", Access::kReadWrite);
  ASSERT_TRUE(root_->remove_file("a").ok());
  ASSERT_TRUE((*file)->write_at(5, as_bytes_view("!")).ok());
  EXPECT_EQ(read_all(**file), "alive!");
  EXPECT_EQ((*file)->stat()->link_count, 0U);
  write_file(*root_, "a", "other");
  EXPECT_NE((*file)->stat()->inode, root_->stat("a")->inode);
  EXPECT_EQ(read_all(**file), "alive!");
}

TEST_P(FileSystemConformance, RenameReplaces) {
  auto directory = make_and_open("d");
  write_file(*root_, "a", "new");
  write_file(*directory, "b", "old");
  const std::uint64_t inode = root_->stat("a")->inode;
  ASSERT_TRUE(root_->rename("a", *directory, "b", RenameMode::kReplace).ok());
  EXPECT_EQ(names_in(*root_), Names{"d"});
  EXPECT_EQ(read_file(*directory, "b"), "new");
  EXPECT_EQ(directory->stat("b")->inode, inode);
}

TEST_P(FileSystemConformance, RenameReplaceKeepsKindsApart) {
  auto full = make_and_open("full");
  write_file(*full, "f", "");
  ASSERT_TRUE(root_->make_directory("empty", 0755).ok());
  write_file(*root_, "file", "");
  const auto replace = [&](std::string_view from, std::string_view to) {
    return code_of(root_->rename(from, *root_, to, RenameMode::kReplace));
  };
  EXPECT_EQ(replace("file", "empty"), Code::kIsADirectory);
  EXPECT_EQ(replace("empty", "file"), Code::kNotADirectory);
  EXPECT_EQ(replace("empty", "full"), Code::kNotEmpty);
  EXPECT_EQ(code_of(root_->rename("full", *full, "in", RenameMode::kReplace)),
            Code::kInvalidArgument);
  EXPECT_EQ(names_in(*root_), (Names{"empty", "file", "full"}));
  ASSERT_TRUE(root_->rename("full", *root_, "empty", RenameMode::kReplace).ok());
  EXPECT_EQ(names_in(*root_), (Names{"empty", "file"}));
  // The handle goes with the directory.
  EXPECT_EQ(names_in(*full), Names{"f"});
}

TEST_P(FileSystemConformance, RenameOntoAnotherNameOfItselfDoesNothing) {
  write_file(*root_, "a", "x");
  ASSERT_TRUE(root_->link("a", *root_, "b").ok());
  ASSERT_TRUE(root_->rename("a", *root_, "b", RenameMode::kReplace).ok());
  EXPECT_EQ(names_in(*root_), (Names{"a", "b"}));
}

TEST_P(FileSystemConformance, RenameNoReplace) {
  write_file(*root_, "a", "A");
  write_file(*root_, "b", "B");
  EXPECT_EQ(code_of(root_->rename("a", *root_, "b", RenameMode::kNoReplace)), Code::kExists);
  EXPECT_EQ(read_file(*root_, "a"), "A");
  EXPECT_EQ(read_file(*root_, "b"), "B");
  ASSERT_TRUE(root_->rename("a", *root_, "c", RenameMode::kNoReplace).ok());
  EXPECT_EQ(names_in(*root_), (Names{"b", "c"}));
}

TEST_P(FileSystemConformance, RenameExchange) {
  auto directory = make_and_open("d");
  write_file(*directory, "inside", "I");
  write_file(*root_, "a", "A");
  auto other = make_and_open("other");
  write_file(*other, "b", "B");
  ASSERT_TRUE(root_->rename("a", *other, "b", RenameMode::kExchange).ok());
  EXPECT_EQ(read_file(*root_, "a"), "B");
  EXPECT_EQ(read_file(*other, "b"), "A");
  // Of different kinds, too.
  ASSERT_TRUE(root_->rename("a", *root_, "d", RenameMode::kExchange).ok());
  EXPECT_EQ(read_file(*root_, "d"), "B");
  auto moved = root_->open_directory("a");
  ASSERT_TRUE(moved.ok());
  EXPECT_EQ(read_file(**moved, "inside"), "I");
  EXPECT_EQ(code_of(root_->rename("a", *root_, "none", RenameMode::kExchange)), Code::kNotFound);
  EXPECT_EQ(code_of(root_->rename("none", *root_, "a", RenameMode::kExchange)), Code::kNotFound);
  ASSERT_TRUE(root_->rename("a", *other, "b", RenameMode::kExchange).ok());
  EXPECT_EQ(root_->stat("a")->type, NodeType::kFile);
  EXPECT_EQ(other->stat("b")->type, NodeType::kDirectory);
  EXPECT_EQ(root_->stat("other")->link_count, 3U);
  EXPECT_EQ(root_->stat()->link_count, root_->stat("other")->link_count);
}

TEST_P(FileSystemConformance, OpensWhatLiesDeeper) {
  ASSERT_TRUE(root_->make_directory("d", 0755).ok());
  auto d = *root_->open_directory("d");
  ASSERT_TRUE(d->make_directory("e", 0755).ok());
  auto e = *d->open_directory("e");
  write_file(*e, "f", "deep");
  write_file(*root_, "f", "top");
  ASSERT_TRUE(root_->make_symlink("to-d", "d").ok());
  ASSERT_TRUE(e->make_symlink("to-f", "f").ok());
  const auto path = [](std::string_view text) { return *RelPath::parse(text); };
  const auto open = [&](std::string_view text) {
    return root_->open_file_below(path(text), Access::kRead);
  };
  EXPECT_EQ(open("d/e/f")->get()->stat()->size, 4U);
  EXPECT_EQ(open("f")->get()->stat()->size, 3U);
  EXPECT_EQ((*root_->open_below(path("d/e")))->stat("f")->size, 4U);
  EXPECT_EQ(code_of(open("d/e/missing")), Code::kNotFound);
  EXPECT_EQ(code_of(open("d/missing/f")), Code::kNotFound);
  EXPECT_EQ(code_of(open("d/e")), Code::kIsADirectory);
  EXPECT_EQ(code_of(open("d/e/to-f")), Code::kUnsupported);
  EXPECT_EQ(code_of(open("to-d/e/f")), Code::kNotADirectory);
  EXPECT_EQ(code_of(open("f/e")), Code::kNotADirectory);
  EXPECT_EQ(code_of(root_->open_below(path("to-d/e"))), Code::kNotADirectory);
}

TEST_P(FileSystemConformance, DescribesItself) {
  const auto info = root_->info();
  ASSERT_TRUE(info.ok());
  EXPECT_GT(info->total_bytes, 0U);
  EXPECT_LE(info->free_bytes, info->total_bytes);
  EXPECT_FALSE(info->read_only);
  EXPECT_TRUE(root_->sync().ok());
  EXPECT_TRUE(root_->sync_file_system().ok());
}

}  // namespace ox::fs
