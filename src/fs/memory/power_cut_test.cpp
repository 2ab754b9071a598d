#include "fs/conformance.h"
#include "fs/memory/memory_fs.h"
#include "fs/memory/test_machine.h"

namespace ox::fs {
namespace {

using testing::IsSubsetOf;
using testing::IsSupersetOf;

constexpr std::uint64_t kSeeds = 400;

void overwrite(Directory& directory, std::string_view name, std::string_view text) {
  auto file = directory.open_file(name, Access::kReadWrite);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->truncate(0).ok());
  ASSERT_TRUE((*file)->write_at(0, as_bytes_view(text)).ok());
}

void sync_file(Directory& directory, std::string_view name) {
  auto file = directory.open_file(name, Access::kRead);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->sync().ok());
}

using Script = std::function<void(Machine&, Directory&)>;
using Look = std::function<std::string(Directory&)>;

/// What `look` sees after the power cuts of many seeds.
std::set<std::string> outcomes(const Script& script, const Look& look,
                               const MemoryOptions& options = {}) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    Machine machine(options);
    auto root = machine.root();
    script(machine, *root);
    root.reset();
    machine.cut(seed);
    seen.insert(look(*machine.root()));
  }
  return seen;
}

using Outcomes = std::set<std::string>;

Look content_of(std::string name) {
  return [name](Directory& root) { return read_file(root, name); };
}

std::string joined_names(Directory& root) {
  std::string joined;
  for (const std::string& name : names_in(root)) {
    joined += (joined.empty() ? "" : " ") + name;
  }
  return joined;
}

const std::string kZeros(3, '\0');

TEST(PowerCut, KeepsWhatWasSynced) {
  EXPECT_EQ(outcomes(
                [](Machine&, Directory& root) {
                  write_file(root, "f", "one");
                  sync_file(root, "f");
                  ASSERT_TRUE(root.sync().ok());
                },
                content_of("f")),
            Outcomes{"one"});
}

TEST(PowerCut, KeepsEverythingOnceTheFileSystemIsSynced) {
  const auto describe = [](Directory& root) {
    auto directory = *root.open_directory("d");
    const Stat stat = *directory->stat("f");
    return read_file(*directory, "f") + " " + std::to_string(stat.mode) + " " +
           std::to_string(stat.mtime.ns) + " " + *root.read_symlink("l") + " " +
           directory->extended_attributes("f")->at(0).name + " " + joined_names(root);
  };
  EXPECT_EQ(outcomes(
                [](Machine&, Directory& root) {
                  ASSERT_TRUE(root.make_directory("d", 0755).ok());
                  auto directory = *root.open_directory("d");
                  write_file(*directory, "f", "one");
                  write_file(root, "gone", "");
                  ASSERT_TRUE(root.make_symlink("l", "target").ok());
                  auto file = *directory->open_file("f", Access::kReadWrite);
                  ASSERT_TRUE(file->set_mode(0600).ok());
                  ASSERT_TRUE(file->set_mtime({42}).ok());
                  ASSERT_TRUE(file->set_extended_attribute({"user.x", {}}).ok());
                  ASSERT_TRUE(root.remove_file("gone").ok());
                  ASSERT_TRUE(root.sync_file_system().ok());
                },
                describe),
            Outcomes{"one 384 42 target user.x d l"});
}

TEST(PowerCut, WithoutSyncingAnythingMayBeLost) {
  const auto seen =
      outcomes([](Machine&, Directory& root) { write_file(root, "f", "one"); }, content_of("f"));
  EXPECT_EQ(seen, (Outcomes{"<not_found>", "", kZeros, "one"}));
}

TEST(PowerCut, WhatWasStoredThroughAMappingIsLostOrKeptLikeAnyWrite) {
  const auto store = [](bool syncs) {
    return [syncs](Machine&, Directory& root) {
      write_file(root, "f", "old");
      ASSERT_TRUE(root.sync_file_system().ok());
      const auto file = root.open_file("f", Access::kReadWrite).value();
      ASSERT_TRUE(MemoryFileSystem::store_mapped(*file, 0, as_bytes_view("new")).ok());
      if (syncs) {
        ASSERT_TRUE(root.sync_file_system().ok());
      }
      ASSERT_TRUE(file->set_mode(0600).ok());
    };
  };
  EXPECT_EQ(outcomes(store(false), content_of("f")), (Outcomes{"old", "new"}));
  EXPECT_EQ(outcomes(store(true), content_of("f")), Outcomes{"new"});
}

TEST(PowerCut, SyncingAFileDoesNotKeepItsName) {
  EXPECT_EQ(outcomes(
                [](Machine&, Directory& root) {
                  write_file(root, "f", "one");
                  sync_file(root, "f");
                },
                content_of("f")),
            (Outcomes{"<not_found>", "one"}));
}

TEST(PowerCut, SyncingADirectoryDoesNotKeepTheBytesInIt) {
  EXPECT_EQ(outcomes(
                [](Machine&, Directory& root) {
                  write_file(root, "f", "one");
                  ASSERT_TRUE(root.sync().ok());
                },
                content_of("f")),
            (Outcomes{"", kZeros, "one"}));
}

TEST(PowerCut, SyncingADirectoryDoesNotKeepItsOwnName) {
  const auto seen = outcomes(
      [](Machine&, Directory& root) {
        ASSERT_TRUE(root.make_directory("d", 0755).ok());
        auto directory = *root.open_directory("d");
        write_file(*directory, "f", "");
        ASSERT_TRUE(directory->sync().ok());
      },
      [](Directory& root) {
        auto directory = root.open_directory("d");
        return directory.ok() ? joined_names(**directory) : "none";
      });
  EXPECT_EQ(seen, (Outcomes{"none", "f"}));
}

TEST(PowerCut, SyncingDataKeepsNoMtime) {
  const auto script = [](bool data_only) {
    return [data_only](Machine& machine, Directory& root) {
      write_file(root, "f", "old");
      ASSERT_TRUE(root.sync_file_system().ok());
      machine.clock().advance(std::chrono::seconds(1));
      auto file = *root.open_file("f", Access::kReadWrite);
      ASSERT_TRUE(file->write_at(0, as_bytes_view("newer")).ok());
      ASSERT_TRUE(file->set_mtime({42}).ok());
      ASSERT_TRUE((data_only ? file->sync_data() : file->sync()).ok());
    };
  };
  const auto look = [](Directory& root) {
    return read_file(root, "f") + std::to_string(root.stat("f")->mtime.ns);
  };
  EXPECT_EQ(outcomes(script(true), look),
            (Outcomes{"newer" + std::to_string(kStart),
                      "newer" + std::to_string(kStart + 1'000'000'000), "newer42"}));
  EXPECT_EQ(outcomes(script(false), look), Outcomes{"newer42"});
}

TEST(PowerCut, BytesThatComeThroughBringTheirMtime) {
  const auto seen = outcomes(
      [](Machine& machine, Directory& root) {
        write_file(root, "f", "old");
        ASSERT_TRUE(root.sync_file_system().ok());
        machine.clock().advance(std::chrono::nanoseconds(5));
        auto file = *root.open_file("f", Access::kReadWrite);
        ASSERT_TRUE(file->write_at(0, as_bytes_view("new")).ok());
      },
      [](Directory& root) {
        return read_file(root, "f") + std::to_string(root.stat("f")->mtime.ns - kStart);
      });
  // Never new bytes under an old mtime, as only mtimes tell a scan what to read.
  EXPECT_EQ(seen, (Outcomes{"old0", "old5", "new5"}));
}

TEST(PowerCut, RewritingInPlaceIsNotAtomic) {
  const auto seen = outcomes(
      [](Machine&, Directory& root) {
        write_file(root, "f", "old");
        ASSERT_TRUE(root.sync_file_system().ok());
        overwrite(root, "f", "NEW");
      },
      content_of("f"));
  EXPECT_EQ(seen, (Outcomes{"old", "", kZeros, "NEW"}));
}

TEST(PowerCut, PagesComeThroughEachByItself) {
  constexpr std::size_t kPage = 4096;
  std::set<std::string> mixtures;
  const auto seen = outcomes(
      [](Machine&, Directory& root) {
        write_file(root, "f", std::string(3 * kPage, 'a'));
        ASSERT_TRUE(root.sync_file_system().ok());
        auto file = *root.open_file("f", Access::kReadWrite);
        ASSERT_TRUE(file->write_at(0, Bytes(3 * kPage, 'b')).ok());
      },
      [](Directory& root) {
        const std::string text = read_file(root, "f");
        EXPECT_EQ(text.size(), 3 * kPage);
        std::string pages;
        for (std::size_t page = 0; page < 3; ++page) {
          const std::string_view part = std::string_view(text).substr(page * kPage, kPage);
          EXPECT_EQ(part, std::string(kPage, part[0])) << "a page is whole";
          pages += part[0];
        }
        return pages;
      });
  EXPECT_EQ(seen, (Outcomes{"aaa", "aab", "aba", "abb", "baa", "bab", "bba", "bbb"}));
}

TEST(PowerCut, SeveralWritesEndAnywhereBetween) {
  const auto seen = outcomes(
      [](Machine&, Directory& root) {
        write_file(root, "f", "base");
        ASSERT_TRUE(root.sync_file_system().ok());
        auto file = *root.open_file("f", Access::kReadWrite);
        ASSERT_TRUE(file->write_at(4, as_bytes_view("1")).ok());
        ASSERT_TRUE(file->write_at(0, as_bytes_view("BASE")).ok());
        ASSERT_TRUE(file->truncate(2).ok());
        ASSERT_TRUE(file->write_at(6, as_bytes_view("x")).ok());
      },
      content_of("f"));
  EXPECT_THAT(seen, IsSupersetOf({std::string("base"), std::string("base1"), std::string("ba"),
                                  std::string("BA"), std::string("BA\0\0\0\0x", 7),
                                  std::string("ba\0\0\0\0\0", 7)}));
  for (const std::string& text : seen) {
    EXPECT_TRUE(text.size() == 2 || text.size() == 4 || text.size() == 5 || text.size() == 7);
    if (text.size() == 7) {
      EXPECT_EQ(text.substr(2, 4), std::string(4, '\0')) << "what was cut off does not come back";
    }
  }
}

TEST(PowerCut, ReplacingByRenameNeverLosesTheName) {
  const auto replace = [](bool sync_first) {
    return [sync_first](Machine&, Directory& root) {
      write_file(root, "f", "old");
      ASSERT_TRUE(root.sync_file_system().ok());
      write_file(root, "temporary", "new");
      if (sync_first) {
        sync_file(root, "temporary");
      }
      ASSERT_TRUE(root.rename("temporary", root, "f", RenameMode::kReplace).ok());
    };
  };
  EXPECT_EQ(outcomes(replace(true), content_of("f")), (Outcomes{"old", "new"}));
  // The classic mistake: the rename comes through, the bytes don't.
  EXPECT_EQ(outcomes(replace(false), content_of("f")), (Outcomes{"old", "", kZeros, "new"}));
}

TEST(PowerCut, AfterSyncingTheDirectoryTheRenameStays) {
  EXPECT_EQ(outcomes(
                [](Machine&, Directory& root) {
                  write_file(root, "f", "old");
                  ASSERT_TRUE(root.sync_file_system().ok());
                  write_file(root, "temporary", "new");
                  sync_file(root, "temporary");
                  ASSERT_TRUE(root.rename("temporary", root, "f", RenameMode::kReplace).ok());
                  ASSERT_TRUE(root.sync().ok());
                },
                [](Directory& root) { return read_file(root, "f") + " in " + joined_names(root); }),
            Outcomes{"new in f"});
}

TEST(PowerCut, ExchangeIsAtomic) {
  EXPECT_EQ(
      outcomes(
          [](Machine&, Directory& root) {
            write_file(root, "a", "A");
            ASSERT_TRUE(root.make_directory("d", 0755).ok());
            write_file(**root.open_directory("d"), "b", "B");
            ASSERT_TRUE(root.sync_file_system().ok());
            ASSERT_TRUE(
                root.rename("a", **root.open_directory("d"), "b", RenameMode::kExchange).ok());
          },
          [](Directory& root) {
            return read_file(root, "a") + read_file(**root.open_directory("d"), "b");
          }),
      (Outcomes{"AB", "BA"}));
}

TEST(PowerCut, NamesComeThroughInTheirOrder) {
  EXPECT_EQ(outcomes(
                [](Machine&, Directory& root) {
                  write_file(root, "a", "");
                  ASSERT_TRUE(root.sync_file_system().ok());
                  write_file(root, "b", "");
                  ASSERT_TRUE(root.link("a", root, "c").ok());
                  ASSERT_TRUE(root.remove_file("a").ok());
                  ASSERT_TRUE(root.rename("b", root, "d", RenameMode::kReplace).ok());
                },
                joined_names),
            (Outcomes{"a", "a b", "a b c", "b c", "c d"}));
}

TEST(PowerCut, RemovedFilesMayComeBackWhole) {
  const auto seen = outcomes(
      [](Machine&, Directory& root) {
        write_file(root, "f", "precious");
        ASSERT_TRUE(root.sync_file_system().ok());
        ASSERT_TRUE(root.remove_file("f").ok());
        // Takes over the number of the removed file.
        write_file(root, "g", "other");
      },
      content_of("f"));
  EXPECT_EQ(seen, (Outcomes{"precious", "<not_found>"}));
}

TEST(PowerCut, ASyncedDirectoryIsNoProofForAnother) {
  const auto seen = outcomes(
      [](Machine&, Directory& root) {
        ASSERT_TRUE(root.make_directory("a", 0755).ok());
        ASSERT_TRUE(root.make_directory("b", 0755).ok());
        ASSERT_TRUE(root.sync_file_system().ok());
        auto a = *root.open_directory("a");
        auto b = *root.open_directory("b");
        write_file(*a, "1", "");
        write_file(*b, "2", "");
        ASSERT_TRUE(b->sync().ok());
      },
      [](Directory& root) {
        return joined_names(**root.open_directory("a")) + "," +
               joined_names(**root.open_directory("b"));
      });
  EXPECT_EQ(seen, (Outcomes{",2", "1,2"}));
}

TEST(PowerCut, ADirectoryGoesOnlyAfterWhatLeftIt) {
  const auto seen = outcomes(
      [](Machine&, Directory& root) {
        ASSERT_TRUE(root.make_directory("from", 0755).ok());
        ASSERT_TRUE(root.make_directory("to", 0755).ok());
        auto from = *root.open_directory("from");
        write_file(*from, "f", "precious");
        ASSERT_TRUE(root.sync_file_system().ok());
        ASSERT_TRUE(from->rename("f", **root.open_directory("to"), "f", RenameMode::kReplace).ok());
        ASSERT_TRUE(root.remove_directory("from").ok());
        ASSERT_TRUE(root.sync().ok());
      },
      [](Directory& root) {
        return joined_names(root) + " " + read_file(**root.open_directory("to"), "f");
      });
  EXPECT_EQ(seen, Outcomes{"to precious"});
}

TEST(PowerCut, WhatArrivedIsFoundWhereItsPlaceWent) {
  const auto seen = outcomes(
      [](Machine&, Directory& root) {
        write_file(root, "f", "precious");
        ASSERT_TRUE(root.sync_file_system().ok());
        ASSERT_TRUE(root.make_directory("unsynced", 0755).ok());
        auto unsynced = *root.open_directory("unsynced");
        ASSERT_TRUE(unsynced->make_directory("place", 0755).ok());
        ASSERT_TRUE(unsynced->sync().ok());
        auto place = *unsynced->open_directory("place");
        ASSERT_TRUE(root.rename("f", *place, "f", RenameMode::kReplace).ok());
        ASSERT_TRUE(unsynced->rename("place", root, "settled", RenameMode::kReplace).ok());
        ASSERT_TRUE(place->sync().ok());
      },
      [](Directory& root) {
        auto settled = root.open_directory("settled");
        return settled.ok() ? read_file(**settled, "f") : joined_names(root);
      });
  EXPECT_EQ(seen, Outcomes{"precious"});
}

TEST(PowerCut, NothingIsKeptByASyncThatCannotBeTrusted) {
  MemoryOptions options;
  options.sync_whole = Support::kNo;
  EXPECT_THAT(outcomes(
                  [](Machine&, Directory& root) {
                    EXPECT_FALSE(root.info()->sync_whole);
                    write_file(root, "f", "one");
                    ASSERT_TRUE(root.sync_file_system().ok());
                  },
                  content_of("f"), options),
              IsSupersetOf({"<not_found>", "one"}));
}

TEST(PowerCut, EndsAllHandlesAndCanBeRepeated) {
  Machine machine;
  auto root = machine.root();
  write_file(*root, "f", "one");
  auto file = *root->open_file("f", Access::kReadWrite);
  sync_file(*root, "f");
  ASSERT_TRUE(root->sync().ok());
  EXPECT_EQ(machine.file_system().unsynced_names(), 0U);
  machine.cut(1);
  EXPECT_EQ(code_of(file->write_at(0, as_bytes_view("x"))), Code::kUnreachable);
  EXPECT_EQ(code_of(root->sync_file_system()), Code::kUnreachable);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    // What survived one cut is on the disk and survives the next.
    machine.cut(seed);
    EXPECT_EQ(read_file(*machine.root(), "f"), "one");
  }
  auto again = machine.root();
  overwrite(*again, "f", "two");
  sync_file(*again, "f");
  file.reset();
  machine.cut(2);
  EXPECT_EQ(read_file(*machine.root(), "f"), "two");
}

}  // namespace
}  // namespace ox::fs
