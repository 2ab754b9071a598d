#include <algorithm>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "provider/conformance/support.h"
#include "rt/pool.h"

namespace ox::provider::conformance {
namespace {

std::unique_ptr<Batch> begin(Root& root) {
  auto batch = root.provider().begin_batch();
  EXPECT_OK(batch);
  return std::move(batch).value();
}

void creates_a_file(Root& root) {
  const Capabilities& can = root.provider().capabilities();
  const auto batch = begin(root);
  StringSource source("hello");
  StageRequest request;
  request.source = &source;
  request.mtime = kMtime;
  request.attributes = tree::Attributes{.mode = 0640};
  const auto staged = batch->stage(request, {});
  ASSERT_OK(staged);
  EXPECT_EQ(5U, staged->size);
  EXPECT_EQ(crypto::sha256(as_bytes_view("hello")), staged->digest);
  EXPECT_EQ(std::vector<std::string>{}, names_in(root, "")) << "staged is not seen";
  ASSERT_OK(batch->make_durable());
  const auto published = batch->publish(*staged, at("file"), Precondition::absent(), kTrash);
  ASSERT_OK(published);
  ASSERT_OK(batch->settle());
  EXPECT_FALSE(published->displaced.has_value());
  EXPECT_TRUE(published->displaced_as_expected);
  EXPECT_EQ("hello", root.read(at("file")));
  const tree::Entry found = look(root, "file");
  EXPECT_TRUE(published->entry.fingerprint.same_version(found.fingerprint));
  EXPECT_EQ(published->entry.content, found.content);
  EXPECT_EQ(published->entry.attributes, found.attributes);
  EXPECT_EQ("file", published->entry.name);
  if (can.mtime_settable && can.has_mtime) {
    EXPECT_EQ(kMtime, found.content.mtime);
  }
  EXPECT_EQ(can.modes ? 0640U : tree::kModeUnknown, found.attributes.mode);
}

void creates_an_empty_file_and_a_large_one(Root& root) {
  std::string large;
  for (std::uint32_t number = 0; large.size() < 3'000'000; ++number) {
    large += std::to_string(number * 2654435761U);
  }
  const auto batch = begin(root);
  const Staged empty = stage_bytes(*batch, "");
  const Staged full = stage_bytes(*batch, large);
  ASSERT_OK(batch->publish(empty, at("empty"), Precondition::absent(), kTrash));
  ASSERT_OK(batch->publish(full, at("large"), Precondition::absent(), kTrash));
  EXPECT_EQ("", root.read(at("empty")));
  EXPECT_TRUE(root.read(at("large")) == large);
}

void never_creates_over_anything(Root& root) {
  root.write(at("file"), "theirs");
  root.make_directory(at("directory"));
  root.write(at("directory/inner"), "theirs too");
  const auto batch = begin(root);
  const Staged staged = stage_bytes(*batch, "ours");
  EXPECT_CODE(Code::kExists, batch->publish(staged, at("file"), Precondition::absent(), kTrash));
  EXPECT_CODE(Code::kExists,
              batch->publish(staged, at("directory"), Precondition::absent(), kTrash));
  if (root.provider().capabilities().symlinks) {
    root.make_symlink(at("dangling"), "nowhere");
    EXPECT_CODE(Code::kExists,
                batch->publish(staged, at("dangling"), Precondition::absent(), kTrash));
    EXPECT_EQ("nowhere", root.read(at("dangling")));
  }
  EXPECT_EQ("theirs", root.read(at("file")));
  EXPECT_EQ("theirs too", root.read(at("directory/inner")));
  EXPECT_OK(batch->publish(staged, at("free"), Precondition::absent(), kTrash))
      << "it must still be staged";
  EXPECT_EQ("ours", root.read(at("free")));
  const auto trash = root.provider().list_trash();
  ASSERT_OK(trash);
  EXPECT_TRUE(trash->empty());
}

void needs_the_parent(Root& root) {
  const auto batch = begin(root);
  root.write(at("file"), "x");
  const Staged staged = stage_bytes(*batch, "ours");
  if (root.provider().capabilities().directories) {
    EXPECT_CODE(Code::kNotFound,
                batch->publish(staged, at("missing/file"), Precondition::absent(), kTrash));
  }
  EXPECT_CODE(Code::kNotFound,
              batch->publish(staged, at("file/below"), Precondition::absent(), kTrash));
  if (root.provider().capabilities().symlinks) {
    root.make_directory(at("real"));
    root.make_symlink(at("link"), "real");
    EXPECT_CODE(Code::kNotFound,
                batch->publish(staged, at("link/file"), Precondition::absent(), kTrash));
    EXPECT_FALSE(root.read(at("real/file")).has_value());
  }
}

void publishes_once(Root& root) {
  const auto batch = begin(root);
  const Staged staged = stage_bytes(*batch, "ours");
  ASSERT_OK(batch->publish(staged, at("first"), Precondition::absent(), kTrash));
  EXPECT_CODE(Code::kInvalidArgument,
              batch->publish(staged, at("second"), Precondition::absent(), kTrash));
  EXPECT_FALSE(root.read(at("second")).has_value());
}

void reads_back_what_is_staged(Root& root) {
  const auto batch = begin(root);
  const Staged staged = stage_bytes(*batch, "ours");
  ASSERT_OK(batch->make_durable());
  const auto read = batch->read_back(staged, {});
  ASSERT_OK(read);
  EXPECT_EQ(*read, *staged.digest);
  ASSERT_OK(batch->publish(staged, at("file"), Precondition::absent(), kTrash));
  EXPECT_CODE(Code::kInvalidArgument, batch->read_back(staged, {}));
}

void creates_symlinks(Root& root) {
  const auto batch = begin(root);
  if (!root.provider().capabilities().symlinks) {
    StageRequest request;
    request.kind = tree::Kind::kSymlink;
    request.link_target = "target";
    EXPECT_CODE(Code::kUnsupported, batch->stage(request, {}));
    return;
  }
  const Staged staged = stage_link(*batch, "../some where");
  const auto published = batch->publish(staged, at("link"), Precondition::absent(), kTrash);
  ASSERT_OK(published);
  EXPECT_EQ(tree::Kind::kSymlink, published->entry.kind);
  EXPECT_EQ("../some where", published->entry.content.link_target);
  EXPECT_EQ("../some where", root.read(at("link")));
  EXPECT_TRUE(published->entry.fingerprint.same_version(print_of(root, "link")));
}

Staged stage_directory(Batch& batch, std::string_view place, std::uint32_t mode) {
  StageRequest request;
  request.kind = tree::Kind::kDirectory;
  request.place = at(place);
  request.attributes = tree::Attributes{.mode = mode};
  auto staged = batch.stage(request, {});
  EXPECT_OK(staged);
  return staged.ok() ? std::move(staged).value() : Staged{};
}

void publishes_a_whole_tree_at_once(Root& root) {
  const Capabilities& can = root.provider().capabilities();
  if (!can.directories) {
    GTEST_SKIP();
  }
  const auto batch = begin(root);
  const Staged top = stage_directory(*batch, "new", 0755);
  stage_bytes(*batch, "one", at("new/one"));
  stage_directory(*batch, "new/sub", 0555);
  stage_bytes(*batch, "two", at("new/sub/two"));
  stage_directory(*batch, "new/empty", 0700);
  ASSERT_OK(batch->make_durable());
  EXPECT_EQ(std::vector<std::string>{}, names_in(root, ""));
  const auto published = batch->publish(top, at("placed"), Precondition::absent(), kTrash);
  ASSERT_OK(published);
  ASSERT_OK(batch->settle());
  EXPECT_EQ(tree::Kind::kDirectory, published->entry.kind);
  EXPECT_EQ("one", root.read(at("placed/one")));
  EXPECT_EQ("two", root.read(at("placed/sub/two")));
  EXPECT_EQ((std::vector<std::string>{"empty", "one", "sub"}), names_in(root, "placed"));
  EXPECT_EQ(can.modes ? 0755U : tree::kModeUnknown, look(root, "placed").attributes.mode);
  EXPECT_EQ(can.modes ? 0555U : tree::kModeUnknown, look(root, "placed/sub").attributes.mode);
  if (can.stable_ids) {
    EXPECT_TRUE(published->entry.fingerprint.same_object(print_of(root, "placed")));
  }
}

void tells_what_came_with_a_tree(Root& root) {
  const Capabilities& can = root.provider().capabilities();
  if (!can.staged_trees) {
    GTEST_SKIP();
  }
  const auto batch = begin(root);
  const Staged top = stage_directory(*batch, "new", 0755);
  stage_bytes(*batch, "one", at("new/one"));
  stage_directory(*batch, "new/sub", 0755);
  stage_bytes(*batch, "two", at("new/sub/two"));
  stage_directory(*batch, "new-2", 0755);
  ASSERT_OK(batch->make_durable());
  const auto published = batch->publish(top, at("placed"), Precondition::absent(), kTrash);
  ASSERT_OK(published);
  ASSERT_EQ(3U, published->inside.size());
  const tree::Entry& sub = published->inside.at(at("new/sub"));
  EXPECT_EQ(tree::Kind::kDirectory, sub.kind);
  EXPECT_EQ(look(root, "placed/sub").attributes, sub.attributes);
  if (can.stable_ids) {
    EXPECT_TRUE(sub.fingerprint.same_object(print_of(root, "placed/sub")));
  }
  for (const auto& [place, path] :
       {std::pair("new/one", "placed/one"), std::pair("new/sub/two", "placed/sub/two")}) {
    const tree::Entry& told = published->inside.at(at(place));
    const tree::Entry stands = look(root, path);
    EXPECT_EQ(stands.content, told.content) << path;
    EXPECT_EQ(stands.attributes, told.attributes) << path;
    EXPECT_TRUE(told.fingerprint.same_version(stands.fingerprint)) << path;
  }
}

void discarded_content_is_not_published(Root& root) {
  const auto batch = begin(root);
  batch->discard(stage_bytes(*batch, "alone"));
  if (!root.provider().capabilities().staged_trees) {
    return;
  }
  const Staged top = stage_directory(*batch, "new", 0755);
  stage_bytes(*batch, "kept", at("new/kept"));
  batch->discard(stage_bytes(*batch, "wrong", at("new/again")));
  stage_bytes(*batch, "right", at("new/again"));
  batch->discard(stage_bytes(*batch, "wrong", at("new/gone")));
  ASSERT_OK(batch->make_durable());
  const auto published = batch->publish(top, at("placed"), Precondition::absent(), kTrash);
  ASSERT_OK(published);
  EXPECT_EQ((std::vector<std::string>{"again", "kept"}), names_in(root, "placed"));
  EXPECT_EQ("right", root.read(at("placed/again")));
  EXPECT_EQ(2U, published->inside.size());
}

void a_tree_keeps_its_order(Root& root) {
  if (!root.provider().capabilities().directories) {
    GTEST_SKIP();
  }
  const auto batch = begin(root);
  StringSource source("x");
  StageRequest request;
  request.source = &source;
  request.place = at("new/one");
  EXPECT_CODE(Code::kNotFound, batch->stage(request, {})) << "its directory is not staged";
  stage_directory(*batch, "new", 0755);
  EXPECT_OK(batch->stage(request, {}));
  EXPECT_CODE(Code::kExists, batch->stage(request, {}));
  const Staged single = stage_bytes(*batch, "single");
  EXPECT_OK(batch->publish(single, at("single"), Precondition::absent(), kTrash));
  EXPECT_EQ("single", root.read(at("single")));
}

void a_directory_takes_no_standing_place(Root& root) {
  if (!root.provider().capabilities().directories) {
    GTEST_SKIP();
  }
  root.make_directory(at("standing"));
  const auto batch = begin(root);
  const Staged top = stage_directory(*batch, "new", 0755);
  EXPECT_CODE(Code::kExists, batch->publish(top, at("standing"), Precondition::absent(), kTrash));
  EXPECT_CODE(Code::kInvalidArgument,
              batch->publish(top, at("standing"), Precondition::matches(print_of(root, "standing")),
                             kTrash));
}

void unpublished_leaves_nothing(Root& root) {
  {
    const auto batch = begin(root);
    stage_bytes(*batch, "never seen");
  }
  EXPECT_EQ(std::vector<std::string>{}, names_in(root, ""));
  const auto swept = root.provider().sweep();
  ASSERT_OK(swept);
  EXPECT_EQ(0U, *swept) << "the batch itself has cleaned up";
}

void a_failed_stage_leaves_the_batch_usable(Root& root) {
  const auto batch = begin(root);
  StringSource source(std::string(100'000, 'x'));
  StageRequest request;
  request.source = &source;
  std::uint64_t told = 0;
  request.on_bytes = [&](std::uint64_t) -> Result<void> {
    return Error(Code::kNoSpace, "the caller has had enough");
  };
  EXPECT_CODE(Code::kNoSpace, batch->stage(request, {}));
  request.on_bytes = nullptr;
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_CODE(Code::kCancelled, batch->stage(request, stopped.get_token()));
  request.on_bytes = [&](std::uint64_t bytes) -> Result<void> {
    told += bytes;
    return {};
  };
  const auto staged = batch->stage(request, {});
  ASSERT_OK(staged);
  EXPECT_EQ(100'000U, told);
  EXPECT_OK(batch->publish(*staged, at("file"), Precondition::absent(), kTrash));
  StageRequest wrong;
  EXPECT_CODE(Code::kInvalidArgument, batch->stage(wrong, {})) << "a file without a source";
}

// Ends before it said.
class ShortSource final : public Source {
 public:
  std::uint64_t size() const override { return 100; }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    const std::size_t left = offset < 40 ? 40 - static_cast<std::size_t>(offset) : 0;
    const std::size_t size = std::min(left, into.size());
    std::fill_n(into.begin(), size, 's');
    return size;
  }
  Result<void> verify_unchanged() override { return {}; }
  const tree::Fingerprint& fingerprint() const override { return fingerprint_; }

 private:
  tree::Fingerprint fingerprint_;
};

void a_source_that_shrinks_is_not_staged(Root& root) {
  const auto batch = begin(root);
  ShortSource source;
  StageRequest request;
  request.source = &source;
  EXPECT_CODE(Code::kPreconditionFailed, batch->stage(request, {}));
}

void copies_from_its_own_kind(Root& root) {
  root.write(at("original"), "bytes of the original");
  const auto source = root.provider().open(at("original"), nullptr);
  ASSERT_OK(source);
  const auto batch = begin(root);
  StageRequest request;
  request.source = source->get();
  request.mtime = kMtime;
  request.expected_digest = crypto::sha256(as_bytes_view("bytes of the original"));
  const auto staged = batch->stage(request, {});
  ASSERT_OK(staged);
  EXPECT_EQ(request.expected_digest, staged->digest);
  ASSERT_OK((*source)->verify_unchanged());
  ASSERT_OK(batch->publish(*staged, at("copy"), Precondition::absent(), kTrash));
  EXPECT_EQ("bytes of the original", root.read(at("copy")));
}

void carries_user_attributes(Root& root) {
  if (!root.provider().capabilities().xattrs) {
    GTEST_SKIP();
  }
  StringSource source("x", {{.name = "user.colour", .value = {'r', 'e', 'd'}}});
  const auto batch = begin(root);
  StageRequest request;
  request.source = &source;
  const auto staged = batch->stage(request, {});
  ASSERT_OK(staged);
  const auto published = batch->publish(*staged, at("file"), Precondition::absent(), kTrash);
  ASSERT_OK(published);
  EXPECT_NE(0U, published->entry.attributes.xattrs);
  EXPECT_EQ(published->entry.attributes.xattrs, look(root, "file").attributes.xattrs);
}

void takes_many_threads(Root& root) {
  constexpr int kFiles = 60;
  root.make_directory(at("many"));
  root.write(at("many/first"), "x");
  const auto batch = begin(root);
  {
    rt::ThreadPool pool(4);
    rt::TaskGroup group(pool, 8);
    for (int i = 0; i < kFiles; ++i) {
      group.spawn([&, i](std::stop_token stop) -> Result<void> {
        StringSource source("bytes " + std::to_string(i));
        StageRequest request;
        request.source = &source;
        request.mtime = kMtime;
        TRY_ASSIGN(const Staged staged, batch->stage(request, stop));
        TRY_ASSIGN([[maybe_unused]] const Published published,
                   batch->publish(staged, at("many").child(std::to_string(i)),
                                  Precondition::absent(), kTrash));
        return {};
      });
    }
    ASSERT_OK(group.wait());
  }
  ASSERT_OK(batch->settle());
  EXPECT_EQ(static_cast<std::size_t>(kFiles) + 1, names_in(root, "many").size());
  for (int i = 0; i < kFiles; ++i) {
    EXPECT_EQ("bytes " + std::to_string(i), root.read(at("many").child(std::to_string(i))));
  }
}

void makes_directories(Root& root) {
  Provider& provider = root.provider();
  const tree::Attributes attributes{.mode = 0750};
  if (!provider.capabilities().directories) {
    EXPECT_CODE(Code::kUnsupported, provider.make_directory(at("new"), attributes));
    return;
  }
  const auto made = provider.make_directory(at("new"), attributes);
  ASSERT_OK(made);
  EXPECT_EQ(tree::Kind::kDirectory, made->kind);
  EXPECT_EQ("new", made->name);
  EXPECT_EQ(provider.capabilities().modes ? 0750U : tree::kModeUnknown, made->attributes.mode);
  EXPECT_CODE(Code::kExists, provider.make_directory(at("new"), attributes));
  EXPECT_CODE(Code::kNotFound, provider.make_directory(at("missing/new"), std::nullopt));
  EXPECT_OK(provider.make_directory(at("new/deeper"), std::nullopt));
  EXPECT_EQ(std::vector<std::string>{"deeper"}, names_in(root, "new"));
  root.write(at("file"), "x");
  EXPECT_CODE(Code::kExists, provider.make_directory(at("file"), std::nullopt));
}

}  // namespace

std::vector<Case> creating_cases() {
  return {{"CreatesAFile", creates_a_file},
          {"CreatesAnEmptyFileAndALargeOne", creates_an_empty_file_and_a_large_one},
          {"NeverCreatesOverAnything", never_creates_over_anything},
          {"NeedsTheParent", needs_the_parent},
          {"PublishesOnce", publishes_once},
          {"ReadsBackWhatIsStaged", reads_back_what_is_staged},
          {"CreatesSymlinks", creates_symlinks},
          {"PublishesAWholeTreeAtOnce", publishes_a_whole_tree_at_once},
          {"ATreeKeepsItsOrder", a_tree_keeps_its_order},
          {"TellsWhatCameWithATree", tells_what_came_with_a_tree},
          {"DiscardedContentIsNotPublished", discarded_content_is_not_published},
          {"ADirectoryTakesNoStandingPlace", a_directory_takes_no_standing_place},
          {"UnpublishedLeavesNothing", unpublished_leaves_nothing},
          {"AFailedStageLeavesTheBatchUsable", a_failed_stage_leaves_the_batch_usable},
          {"ASourceThatShrinksIsNotStaged", a_source_that_shrinks_is_not_staged},
          {"CopiesFromItsOwnKind", copies_from_its_own_kind},
          {"CarriesUserAttributes", carries_user_attributes},
          {"TakesManyThreads", takes_many_threads},
          {"MakesDirectories", makes_directories}};
}

}  // namespace ox::provider::conformance
