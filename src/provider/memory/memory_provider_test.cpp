#include "provider/memory/memory_provider.h"

#include <gtest/gtest.h>

#include "provider/memory/memory_root_for_test.h"

namespace ox::provider {
namespace {

using conformance::at;
using conformance::kTrash;
using conformance::stage_bytes;

bool run_suite(const std::string& name, const MemoryOptions& options) {
  return conformance::register_conformance(
      name, [options] { return std::make_unique<MemoryTestRoot>(options); });
}

MemoryOptions with(const std::function<void(MemoryOptions&)>& change) {
  MemoryOptions options;
  change(options);
  return options;
}

const MemoryOptions kByParts = with([](MemoryOptions& options) {
  options.capabilities.native_directory_move = options.capabilities.exchange = false;
});

const bool kSuites[] = {
    run_suite("MemoryFull", {}),
    run_suite("MemoryAtomic", with([](MemoryOptions& options) {
                Capabilities& can = options.capabilities;
                can.replace = can.remove = can.move = Cas::kAtomic;
              })),
    run_suite("MemoryRacy", with([](MemoryOptions& options) {
                Capabilities& can = options.capabilities;
                can.create = can.replace = can.remove = can.move = Cas::kRacy;
                can.exchange = false;
              })),
    run_suite("MemoryFat", with([](MemoryOptions& options) {
                Capabilities& can = options.capabilities;
                can.stable_ids = can.symlinks = can.modes = can.xattrs = false;
                can.ctime_reliable = can.leases = can.exchange = false;
                can.mtime_step = std::chrono::seconds(2);
                can.names.case_rule = tree::CaseRule::kFolds;
                can.names.utf8_only = true;
                can.names.forbidden_bytes = "\"*:<>?\\|\n\t";
                can.names.forbid_trailing_dot_space = true;
              })),
    run_suite("MemoryComposing", with([](MemoryOptions& options) {
                options.capabilities.names.normalization = tree::NormalizationRule::kComposes;
              })),
    run_suite("MemoryByParts", kByParts),
    run_suite("MemoryRevisions", with([](MemoryOptions& options) {
                Capabilities& can = options.capabilities;
                can.stable_ids = can.ctime_reliable = can.mtime_settable = can.has_mtime = false;
                can.native_directory_move = can.exchange = can.symlinks = can.modes = false;
                can.xattrs = can.leases = can.directories = false;
                options.revisions = true;
              })),
};

/// A store whose directories move entry by entry, with one that holds some; call after call fails.
class ByParts : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  ByParts() : store_(kByParts) {
    for (const char* path : {"old/a", "old/sub/b", "old/sub/c"}) {
      EXPECT_OK(store_.user_write(at(path), path));
    }
    print_ = store_.look(at("old")).value().fingerprint;
    store_.set_hook([this](const MemoryEvent& event) -> Result<void> {
      const bool counts = event.when == MemoryEvent::When::kBeforeEffect;
      return counts && effect_++ == GetParam() ? Error(Code::kUnreachable, "made to fail")
                                               : Result<void>{};
    });
  }

  void expect_all_below(const std::string& directory) {
    EXPECT_EQ("old/a", store_.content(at(directory + "/a")));
    EXPECT_EQ("old/sub/b", store_.content(at(directory + "/sub/b")));
    EXPECT_EQ("old/sub/c", store_.content(at(directory + "/sub/c")));
    EXPECT_EQ(5U, store_.entries().size()) << "and nothing else";
    EXPECT_TRUE(store_.parked_contents().empty());
  }

  MemoryProvider store_;
  tree::Fingerprint print_;
  std::uint64_t effect_ = 0;
};

TEST_P(ByParts, AMoveThatFailedIsFinished) {
  const bool moved = store_.move(at("old"), at("new"), print_).ok();
  if (!moved && store_.look(at("new")).ok()) {
    ASSERT_OK(store_.finish_move(at("old"), at("new")));
  } else if (!moved) {
    ASSERT_OK(store_.move(at("old"), at("new"), print_));
  }
  expect_all_below("new");
}

TEST_P(ByParts, ParkingThatFailedIsTakenBack) {
  const bool parked = store_.park(at("old"), print_, "node").ok();
  if (parked) {
    const bool back = store_.unpark("node", at("old")).ok();
    if (!back && store_.look(at("old")).ok()) {
      ASSERT_OK(store_.finish_unpark("node", at("old")));
    } else if (!back) {
      ASSERT_OK(store_.unpark("node", at("old")));
    }
  } else if (!store_.parked().value().empty()) {
    ASSERT_OK(store_.finish_unpark("node", at("old")));
  }
  expect_all_below("old");
}

TEST_P(ByParts, WhatStandsThereIsNotReplaced) {
  ASSERT_OK(store_.user_write(at("new/sub/b"), "theirs"));
  ignore(store_.finish_move(at("old"), at("new")), "some call fails");
  store_.set_hook({});
  EXPECT_CODE(Code::kExists, store_.finish_move(at("old"), at("new")));
  EXPECT_EQ("theirs", store_.content(at("new/sub/b")));
  EXPECT_EQ("old/sub/b", store_.content(at("old/sub/b")));
  EXPECT_EQ("old/sub/c", store_.content(at("new/sub/c")));
}

INSTANTIATE_TEST_SUITE_P(AtEachCall, ByParts, ::testing::Range<std::uint64_t>(0, 18));

TEST(MemoryProvider, AtomicStoresRefuseAnEditInTheGap) {
  MemoryOptions options;
  options.capabilities.replace = options.capabilities.remove = Cas::kAtomic;
  MemoryProvider store(options);
  ASSERT_OK(store.user_write(at("file"), "old"));
  const auto print = store.look(at("file")).value().fingerprint;
  const auto batch = store.begin_batch().value();
  const Staged staged = stage_bytes(*batch, "ours");
  store.set_hook([&](const MemoryEvent& event) -> Result<void> {
    const bool gap = event.when == MemoryEvent::When::kBeforeEffect;
    return gap ? store.user_write(at("file"), "theirs") : Result<void>{};
  });
  EXPECT_CODE(Code::kPreconditionFailed,
              batch->publish(staged, at("file"), Precondition::matches(print), kTrash));
  EXPECT_EQ("theirs", store.content(at("file")));
  EXPECT_TRUE(store.trash_contents().empty());
}

TEST(MemoryProvider, DetectingStoresKeepAndTellAnEditInTheGap) {
  MemoryProvider store;
  ASSERT_OK(store.user_write(at("file"), "old"));
  const auto print = store.look(at("file")).value().fingerprint;
  const auto batch = store.begin_batch().value();
  const Staged staged = stage_bytes(*batch, "ours");
  store.set_hook([&](const MemoryEvent& event) -> Result<void> {
    const bool gap = event.when == MemoryEvent::When::kBeforeEffect && event.call == "publish";
    return gap ? store.user_write(at("file"), "theirs") : Result<void>{};
  });
  const auto published = batch->publish(staged, at("file"), Precondition::matches(print), kTrash);
  ASSERT_OK(published);
  EXPECT_FALSE(published->displaced_as_expected);
  EXPECT_EQ("ours", store.content(at("file")));
  EXPECT_EQ("theirs", store.trash_contents().at(at("run-1/file")));
}

TEST(MemoryProvider, RacyStoresOverwriteAnEditInTheGapButKeepIt) {
  MemoryOptions options;
  options.capabilities.replace = Cas::kRacy;
  MemoryProvider store(options);
  ASSERT_OK(store.user_write(at("file"), "old"));
  const auto print = store.look(at("file")).value().fingerprint;
  const auto batch = store.begin_batch().value();
  const Staged staged = stage_bytes(*batch, "ours");
  store.set_hook([&](const MemoryEvent& event) -> Result<void> {
    const bool gap = event.when == MemoryEvent::When::kBeforeEffect && event.call == "publish";
    return gap ? store.user_write(at("file"), "theirs") : Result<void>{};
  });
  const auto published = batch->publish(staged, at("file"), Precondition::matches(print), kTrash);
  ASSERT_OK(published);
  EXPECT_TRUE(published->displaced_as_expected) << "a racy store can't tell";
  EXPECT_EQ("theirs", store.trash_contents().at(at("run-1/file")));
}

TEST(MemoryProvider, ALostAnswerHasItsEffect) {
  MemoryProvider store;
  store.set_hook([](const MemoryEvent& event) -> Result<void> {
    if (event.when == MemoryEvent::When::kAfterEffect) {
      return Error(Code::kUnreachable, "lost");
    }
    return {};
  });
  EXPECT_CODE(Code::kUnreachable, store.make_directory(at("d"), std::nullopt));
  store.set_hook({});
  EXPECT_OK(store.look(at("d")));
}

TEST(MemoryProvider, WithoutTheFlagNothingCanBeWritten) {
  MemoryOptions options;
  Capabilities& can = options.capabilities;
  can.create = can.replace = can.remove = can.move = Cas::kNone;
  MemoryProvider store(options);
  ASSERT_OK(store.user_write(at("file"), "x"));
  const auto print = store.look(at("file")).value().fingerprint;
  EXPECT_CODE(Code::kUnsupported, store.make_directory(at("d"), std::nullopt));
  EXPECT_CODE(Code::kUnsupported, store.move(at("file"), at("new"), print));
  EXPECT_CODE(Code::kUnsupported, store.remove(at("file"), print, kTrash));
  EXPECT_EQ(1U, store.entries().size());
}

TEST(MemoryProvider, SnapshotsBringBackEverythingButTime) {
  MemoryProvider store;
  ASSERT_OK(store.user_write(at("d/file"), "one"));
  const auto print = store.look(at("d/file")).value().fingerprint;
  const auto taken = store.snapshot();
  ASSERT_OK(store.user_write(at("d/file"), "two"));
  ASSERT_OK(store.remove(at("d/file"), store.look(at("d/file")).value().fingerprint, kTrash));
  store.restore(taken);
  EXPECT_EQ("one", store.content(at("d/file")));
  EXPECT_TRUE(store.trash_contents().empty());
  EXPECT_TRUE(print.same_version(store.look(at("d/file")).value().fingerprint));
  ASSERT_OK(store.user_write(at("d/file"), "six"));
  EXPECT_FALSE(print.same_version(store.look(at("d/file")).value().fingerprint));
  store.restore(taken);
  EXPECT_EQ("one", store.content(at("d/file"))) << "a snapshot can be taken up twice";
}

TEST(MemoryProvider, SilentWritesKeepTheMtimeOnly) {
  MemoryProvider store;
  ASSERT_OK(store.user_write(at("file"), "one"));
  const auto before = store.look(at("file")).value().fingerprint;
  ASSERT_OK(store.silent_write(at("file"), "two"));
  const auto after = store.look(at("file")).value().fingerprint;
  EXPECT_EQ(before.mtime, after.mtime);
  EXPECT_EQ(before.size, after.size);
  EXPECT_NE(before.ctime, after.ctime);
}

TEST(MemoryProvider, DecayIsToldByNothingButTheBytes) {
  MemoryProvider store;
  ASSERT_OK(store.user_write(at("file"), "one"));
  const auto before = store.look(at("file")).value().fingerprint;
  ASSERT_OK(store.decay(at("file"), "two"));
  EXPECT_TRUE(before.same_version(store.look(at("file")).value().fingerprint));
  EXPECT_EQ(store.content(at("file")), "two");
}

TEST(MemoryProvider, OpenWritersAreNoticed) {
  MemoryProvider store;
  ASSERT_OK(store.user_write(at("file"), "one"));
  const auto print = store.look(at("file")).value().fingerprint;
  const auto source = store.open(at("file"), &print).value();
  const auto batch = store.begin_batch().value();
  const Staged staged = stage_bytes(*batch, "ours");
  ASSERT_OK(store.user_hold_open(at("file"), true));
  EXPECT_CODE(Code::kBusy, source->verify_unchanged());
  EXPECT_CODE(Code::kBusy,
              batch->publish(staged, at("file"), Precondition::matches(print), kTrash));
  EXPECT_CODE(Code::kBusy, store.remove(at("file"), print, kTrash));
  ASSERT_OK(store.user_hold_open(at("file"), false));
  EXPECT_OK(source->verify_unchanged());
  EXPECT_OK(batch->publish(staged, at("file"), Precondition::matches(print), kTrash));
}

TEST(MemoryProvider, AnInconsistentListingIsLateOnce) {
  MemoryOptions options;
  options.capabilities.consistent = false;
  MemoryProvider store(options);
  EXPECT_TRUE(store.list(at(""), nullptr, {}).value().empty());
  ASSERT_OK(store.user_write(at("file"), "x"));
  EXPECT_TRUE(store.list(at(""), nullptr, {}).value().empty());
  EXPECT_EQ(1U, store.list(at(""), nullptr, {}).value().size());
}

}  // namespace
}  // namespace ox::provider
