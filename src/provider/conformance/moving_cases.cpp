#include "provider/conformance/support.h"

namespace ox::provider::conformance {
namespace {

void moves_a_file(Root& root) {
  Provider& provider = root.provider();
  root.make_directory(at("d"));
  root.write(at("d/keeper"), "x");
  root.write(at("old"), "bytes");
  const tree::Entry before = look(root, "old");
  const auto moved = provider.move(at("old"), at("d/new"), before.fingerprint);
  ASSERT_OK(moved);
  EXPECT_EQ("new", moved->name);
  EXPECT_EQ("bytes", root.read(at("d/new")));
  EXPECT_FALSE(root.read(at("old")).has_value());
  EXPECT_TRUE(moved->fingerprint.same_version(print_of(root, "d/new")));
  EXPECT_EQ(before.content.mtime, moved->content.mtime) << "bytes and their time stay together";
  if (provider.capabilities().stable_ids) {
    EXPECT_TRUE(before.fingerprint.same_object(moved->fingerprint));
  }
}

void never_moves_onto_anything(Root& root) {
  Provider& provider = root.provider();
  root.write(at("file"), "ours");
  root.write(at("taken"), "theirs");
  root.make_directory(at("directory"));
  root.write(at("directory/inner"), "x");
  EXPECT_CODE(Code::kExists, provider.move(at("file"), at("taken"), print_of(root, "file")));
  EXPECT_CODE(Code::kExists, provider.move(at("file"), at("directory"), print_of(root, "file")));
  EXPECT_EQ("ours", root.read(at("file")));
  EXPECT_EQ("theirs", root.read(at("taken")));
  if (provider.capabilities().directories) {
    root.make_directory(at("empty"));
    EXPECT_CODE(Code::kExists,
                provider.move(at("directory"), at("empty"), print_of(root, "directory")))
        << "not even onto an empty directory";
    EXPECT_EQ("x", root.read(at("directory/inner")));
  }
}

void never_moves_another_version(Root& root) {
  Provider& provider = root.provider();
  root.write(at("file"), "old");
  const tree::Fingerprint old = print_of(root, "file");
  root.write(at("file"), "edited");
  EXPECT_CODE(Code::kPreconditionFailed, provider.move(at("file"), at("new"), old));
  EXPECT_EQ("edited", root.read(at("file")));
  EXPECT_FALSE(root.read(at("new")).has_value());
  root.remove(at("file"));
  EXPECT_CODE(Code::kPreconditionFailed, provider.move(at("file"), at("new"), old));
}

void moving_needs_the_parent(Root& root) {
  Provider& provider = root.provider();
  if (!provider.capabilities().directories) {
    GTEST_SKIP();
  }
  root.write(at("file"), "x");
  EXPECT_CODE(Code::kNotFound,
              provider.move(at("file"), at("missing/new"), print_of(root, "file")));
  EXPECT_EQ("x", root.read(at("file")));
}

void moves_a_whole_directory(Root& root) {
  Provider& provider = root.provider();
  root.make_directory(at("old"));
  root.make_directory(at("old/sub"));
  root.write(at("old/sub/file"), "x");
  const tree::Fingerprint old = print_of(root, "old");
  EXPECT_CODE(Code::kInvalidArgument, provider.move(at("old"), at("old/sub/inside"), old));
  // A new child changes the directory's times, not which directory it is.
  root.write(at("old/late"), "y");
  ASSERT_OK(provider.move(at("old"), at("new"), old));
  EXPECT_EQ("x", root.read(at("new/sub/file")));
  EXPECT_EQ("y", root.read(at("new/late")));
  EXPECT_CODE(Code::kNotFound, provider.look(at("old")));
}

void never_moves_another_directory(Root& root) {
  Provider& provider = root.provider();
  const Capabilities& can = provider.capabilities();
  if (!can.stable_ids) {
    GTEST_SKIP();
  }
  root.make_directory(at("old"));
  root.write(at("old/file"), "x");
  const tree::Fingerprint old = print_of(root, "old");
  root.rename(at("old"), at("elsewhere"));
  root.make_directory(at("old"));
  root.write(at("old/file"), "y");
  EXPECT_CODE(Code::kPreconditionFailed, provider.move(at("old"), at("new"), old));
  EXPECT_EQ("y", root.read(at("old/file")));
}

void moves_symlinks(Root& root) {
  if (!root.provider().capabilities().symlinks) {
    GTEST_SKIP();
  }
  root.write(at("file"), "x");
  root.make_symlink(at("link"), "file");
  ASSERT_OK(root.provider().move(at("link"), at("new"), print_of(root, "link")));
  EXPECT_EQ("file", root.read(at("new")));
  EXPECT_EQ("x", root.read(at("file")));
  EXPECT_EQ(tree::Kind::kSymlink, look(root, "new").kind);
}

void exchanges_names(Root& root) {
  Provider& provider = root.provider();
  root.write(at("a"), "was a");
  root.make_directory(at("d"));
  root.write(at("d/b"), "was b");
  if (!provider.capabilities().exchange) {
    EXPECT_CODE(Code::kUnsupported, provider.exchange(at("a"), at("d/b")));
    EXPECT_EQ("was a", root.read(at("a")));
    return;
  }
  const auto exchanged = provider.exchange(at("a"), at("d/b"));
  ASSERT_OK(exchanged);
  EXPECT_EQ("was b", root.read(at("a")));
  EXPECT_EQ("was a", root.read(at("d/b")));
  EXPECT_EQ("a", exchanged->first.name);
  EXPECT_TRUE(exchanged->first.fingerprint.same_version(print_of(root, "a")));
  EXPECT_TRUE(exchanged->second.fingerprint.same_version(print_of(root, "d/b")));
  EXPECT_CODE(Code::kNotFound, provider.exchange(at("a"), at("missing")));
  EXPECT_EQ("was b", root.read(at("a")));
}

/// As the provider reads it, where what a user reads is another thing.
std::string read_through(Provider& provider, std::string_view path) {
  const auto source = provider.open(at(path), nullptr);
  if (!source.ok()) {
    return "nothing";
  }
  std::string bytes((*source)->size(), '\0');
  const auto count =
      (*source)->read_at(0, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  return count.ok() ? bytes : "unreadable";
}

void shows_what_is_parked(Root& root, const std::string& parked) {
  Provider& provider = root.provider();
  ASSERT_OK(provider.show_parked({{at("shown"), parked}, {at("taken"), parked}}));
  EXPECT_EQ((std::vector<std::string>{"shown", "taken"}), names_in(root, ""));
  const auto entry = provider.look(at("shown"));
  ASSERT_OK(entry);
  EXPECT_EQ("shown", entry->name);
  EXPECT_EQ("bytes", read_through(provider, "shown"));
  EXPECT_EQ("theirs", read_through(provider, "taken")) << "what stands there is what is seen";
  ASSERT_OK(provider.show_parked({}));
  EXPECT_CODE(Code::kNotFound, provider.look(at("shown")));
}

void shows_directories_that_are_parked(Root& root) {
  Provider& provider = root.provider();
  if (!provider.capabilities().directories) {
    GTEST_SKIP();
  }
  root.make_directory(at("dir"));
  root.make_directory(at("dir/sub"));
  root.write(at("dir/sub/file"), "bytes");
  ASSERT_OK(provider.park(at("dir"), print_of(root, "dir"), "node-8"));
  ASSERT_OK(provider.show_parked({{at("there"), "node-8"}}));
  EXPECT_EQ(std::vector<std::string>{"there"}, names_in(root, ""));
  EXPECT_EQ(std::vector<std::string>{"file"}, names_in(root, "there/sub"));
  EXPECT_EQ("bytes", read_through(provider, "there/sub/file"));
  ASSERT_OK(provider.unpark("node-8", at("there")));
  EXPECT_EQ("bytes", root.read(at("there/sub/file")));
}

void parks_across_processes(Root& root) {
  root.write(at("file"), "bytes");
  root.write(at("taken"), "theirs");
  ASSERT_OK(root.provider().park(at("file"), print_of(root, "file"), "node-7"));
  EXPECT_CODE(Code::kNotFound, root.provider().look(at("file")));
  EXPECT_EQ(std::vector<std::string>{"taken"}, names_in(root, ""));
  root.reopen();
  ASSERT_OK(root.provider().sweep());
  const auto parked = root.provider().parked();
  ASSERT_OK(parked);
  EXPECT_EQ(std::vector<std::string>{"node-7"}, *parked);
  shows_what_is_parked(root, "node-7");
  EXPECT_CODE(Code::kExists, root.provider().unpark("node-7", at("taken")));
  EXPECT_EQ("theirs", root.read(at("taken")));
  const auto unparked = root.provider().unpark("node-7", at("new"));
  ASSERT_OK(unparked);
  EXPECT_EQ("bytes", root.read(at("new")));
  EXPECT_TRUE(unparked->fingerprint.same_version(print_of(root, "new")));
  EXPECT_CODE(Code::kNotFound, root.provider().unpark("node-7", at("again")));
  EXPECT_TRUE(root.provider().parked().value().empty());
}

void parking_checks_its_precondition(Root& root) {
  root.write(at("file"), "old");
  const tree::Fingerprint old = print_of(root, "file");
  root.write(at("file"), "edited");
  EXPECT_CODE(Code::kPreconditionFailed, root.provider().park(at("file"), old, "node-7"));
  EXPECT_EQ("edited", root.read(at("file")));
  ASSERT_OK(root.provider().park(at("file"), print_of(root, "file"), "node-7"));
  root.write(at("second"), "other");
  EXPECT_CODE(Code::kExists,
              root.provider().park(at("second"), print_of(root, "second"), "node-7"));
  EXPECT_EQ("other", root.read(at("second")));
}

void keeps_identities(Root& root) {
  const std::string rule(32, '1');
  const std::string other(32, 'f');
  auto found = root.provider().read_identity(rule);
  ASSERT_OK(found);
  EXPECT_FALSE(found->has_value());
  RootIdentity identity{.rule = rule, .replica = 3, .epoch = 41, .file_system = "uuid-1"};
  ASSERT_OK(root.provider().write_identity(identity));
  identity.epoch = 42;
  ASSERT_OK(root.provider().write_identity(identity));
  const RootIdentity second{.rule = other, .replica = 0, .epoch = 7, .file_system = ""};
  ASSERT_OK(root.provider().write_identity(second));
  root.reopen();
  found = root.provider().read_identity(rule);
  ASSERT_OK(found);
  EXPECT_EQ(identity, found->value());
  EXPECT_EQ(second, root.provider().read_identity(other).value().value());
  EXPECT_CODE(Code::kInvalidArgument, root.provider().read_identity("../escape"));
  identity.rule = "../escape";
  EXPECT_CODE(Code::kInvalidArgument, root.provider().write_identity(identity));
}

}  // namespace

std::vector<Case> moving_cases() {
  return {{"MovesAFile", moves_a_file},
          {"NeverMovesOntoAnything", never_moves_onto_anything},
          {"NeverMovesAnotherVersion", never_moves_another_version},
          {"MovingNeedsTheParent", moving_needs_the_parent},
          {"MovesAWholeDirectory", moves_a_whole_directory},
          {"NeverMovesAnotherDirectory", never_moves_another_directory},
          {"MovesSymlinks", moves_symlinks},
          {"ExchangesNames", exchanges_names},
          {"ParksAcrossProcesses", parks_across_processes},
          {"ShowsDirectoriesThatAreParked", shows_directories_that_are_parked},
          {"ParkingChecksItsPrecondition", parking_checks_its_precondition},
          {"KeepsIdentities", keeps_identities}};
}

}  // namespace ox::provider::conformance
