// What opening a root finds out, and what it leaves behind.
#include <gtest/gtest.h>

#include "fs/faulty/faulty_fs.h"
#include "fs/memory/memory_fs.h"
#include "provider/local/local_identity.h"
#include "provider/local/local_root_for_test.h"

namespace ox::provider {
namespace {

using conformance::at;
using conformance::kTrash;
using fs::Support;

Result<std::unique_ptr<Provider>> open(std::unique_ptr<fs::Directory> root,
                                       LocalOpening opening = LocalOpening::kProbe,
                                       rt::Clock* clock = nullptr) {
  LocalOptions options;
  options.root = std::move(root);
  options.rule = kTestRule;
  options.opening = opening;
  options.clock = clock;
  return make_local_provider(std::move(options));
}

Capabilities capabilities_of(const fs::MemoryOptions& options) {
  fs::MemoryFileSystem disk(rt::system_clock(), options);
  return open(disk.root()).value()->capabilities();
}

TEST(LocalOpening, AGoodFileSystemCanDoEverything) {
  const Capabilities can = capabilities_of({});
  EXPECT_EQ(Cas::kAtomic, can.create);
  EXPECT_EQ(Cas::kDetectAfter, can.replace);
  EXPECT_EQ(Cas::kDetectAfter, can.remove);
  EXPECT_EQ(Cas::kDetectAfter, can.move);
  EXPECT_TRUE(can.stable_ids);
  EXPECT_TRUE(can.exchange);
  EXPECT_TRUE(can.symlinks);
  EXPECT_TRUE(can.modes);
  EXPECT_TRUE(can.xattrs);
  EXPECT_TRUE(can.leases);
  EXPECT_TRUE(can.mtime_settable);
  EXPECT_TRUE(can.ctime_reliable);
  EXPECT_EQ(Duration{1}, can.mtime_step);
  EXPECT_EQ(tree::NameRules{}, can.names);
}

TEST(LocalOpening, EachMissingAbilityIsFound) {
  fs::MemoryOptions options;
  options.rename_exchange = Support::kNo;
  EXPECT_EQ(Cas::kRacy, capabilities_of(options).replace);
  EXPECT_FALSE(capabilities_of(options).exchange);
  options.rename_no_replace = Support::kNo;
  EXPECT_EQ(Cas::kAtomic, capabilities_of(options).create) << "a hard link creates safely";
  EXPECT_EQ(Cas::kRacy, capabilities_of(options).move);
  options.hard_links = Support::kNo;
  EXPECT_EQ(Cas::kRacy, capabilities_of(options).create);
  EXPECT_EQ(Cas::kRacy, capabilities_of(options).remove);
  options = {};
  options.birth_time = Support::kNo;
  EXPECT_FALSE(capabilities_of(options).stable_ids);
  options = {};
  options.symlinks = options.leases = options.extended_attributes = Support::kNo;
  EXPECT_FALSE(capabilities_of(options).symlinks);
  EXPECT_FALSE(capabilities_of(options).leases);
  EXPECT_FALSE(capabilities_of(options).xattrs);
}

TEST(LocalOpening, TheStepOfTimeStampsIsMeasured) {
  using namespace std::chrono_literals;
  for (const std::chrono::nanoseconds step :
       std::vector<std::chrono::nanoseconds>{1ns, 100ns, 1us, 1ms, 10ms, 1s, 2s}) {
    fs::MemoryOptions options;
    options.time_step = step;
    EXPECT_EQ(step, capabilities_of(options).mtime_step);
  }
}

TEST(LocalOpening, LeavesNothingButItsFolders) {
  fs::MemoryFileSystem disk(rt::system_clock());
  ASSERT_OK(open(disk.root()));
  ASSERT_EQ(1U, disk.root()->list().value().size());
  const auto own = disk.root()->open_directory(kOwnFolder).value();
  EXPECT_EQ(0700U, own->stat().value().mode);
  const auto stage = own->open_directory("stage").value()->open_directory(kTestRule).value();
  ASSERT_EQ(1U, stage->list().value().size());
  EXPECT_EQ("clock", stage->list().value().front().name);
}

TEST(LocalOpening, AProbeThatFailsHalfWayCleansUp) {
  for (std::uint64_t call = 1;; ++call) {
    fs::MemoryFileSystem disk(rt::system_clock());
    ASSERT_OK(open(disk.root()));
    const auto plan = std::make_shared<fs::FaultPlan>();
    plan->fail_call(call, Error(Code::kIo, "planned"));
    ignore(open(fs::make_faulty(disk.root(), plan)), "only what is left counts");
    const auto stage = disk.root()
                           ->open_directory(kOwnFolder)
                           .value()
                           ->open_directory("stage")
                           .value()
                           ->open_directory(kTestRule)
                           .value();
    // The clean-up itself may be what fails.
    EXPECT_LE(stage->list().value().size(), 2U) << "failed at call " << call;
    if (plan->calls() < call) {
      break;
    }
    ASSERT_OK(open(disk.root()).value()->sweep());
    EXPECT_EQ(1U, stage->list().value().size());
  }
}

TEST(LocalOpening, AReadOnlyRootCanBeRead) {
  fs::MemoryFileSystem disk(rt::system_clock());
  ASSERT_OK(disk.root()->create_file("file", 0644).value()->write_at(0, as_bytes_view("bytes")));
  disk.set_read_only(true);
  auto opened = open(disk.root());
  ASSERT_OK(opened);
  Provider& provider = **opened;
  const Capabilities& can = provider.capabilities();
  EXPECT_EQ(Cas::kNone, can.create);
  EXPECT_EQ(Cas::kNone, can.replace);
  EXPECT_EQ(Cas::kNone, can.remove);
  EXPECT_EQ(Cas::kNone, can.move);
  EXPECT_FALSE(can.exchange);
  const auto entries = provider.list(at(""), nullptr, {});
  ASSERT_OK(entries);
  ASSERT_EQ(1U, entries->size());
  EXPECT_EQ("bytes", conformance::read_all(*provider.open(at("file"), nullptr).value()));
  const auto print = entries->front().fingerprint;
  EXPECT_CODE(Code::kReadOnly, provider.begin_batch());
  EXPECT_CODE(Code::kReadOnly, provider.make_directory(at("d"), std::nullopt));
  EXPECT_CODE(Code::kReadOnly, provider.remove(at("file"), print, kTrash));
  EXPECT_CODE(Code::kReadOnly, provider.sweep());
  EXPECT_CODE(Code::kReadOnly, provider.write_identity({.rule = kTestRule, .file_system = ""}));
  EXPECT_FALSE(provider.read_identity(kTestRule).value().has_value());
  EXPECT_TRUE(provider.list_trash().value().empty());
  EXPECT_TRUE(provider.parked().value().empty());
  EXPECT_OK(provider.make_durable());
}

TEST(LocalOpening, LookingOnlyWritesNothing) {
  fs::MemoryFileSystem disk(rt::system_clock());
  ASSERT_OK(disk.root()->create_file("file", 0644));
  const auto provider = open(disk.root(), LocalOpening::kLookOnly).value();
  EXPECT_EQ(1U, provider->list(at(""), nullptr, {}).value().size());
  EXPECT_NE(Cas::kNone, provider->capabilities().create) << "a dry run plans as if it could";
  EXPECT_CODE(Code::kReadOnly, provider->make_directory(at("d"), std::nullopt));
  EXPECT_CODE(Code::kReadOnly, provider->begin_batch());
  EXPECT_EQ(1U, disk.root()->list().value().size());

  ASSERT_OK(open(disk.root())
                .value()
                ->write_identity({.rule = kTestRule, .epoch = 9, .file_system = ""}));
  const auto again = open(disk.root(), LocalOpening::kLookOnly).value();
  EXPECT_EQ(9U, again->read_identity(kTestRule).value().value().epoch);
}

TEST(LocalOpening, WhatStandsInTheWayIsRefused) {
  fs::MemoryFileSystem disk(rt::system_clock());
  ASSERT_OK(disk.root()->create_file(kOwnFolder, 0644));
  EXPECT_CODE(Code::kNotADirectory, open(disk.root()));
  ASSERT_OK(disk.root()->remove_file(kOwnFolder));
  ASSERT_OK(disk.root()->make_directory("elsewhere", 0755));
  ASSERT_OK(disk.root()->make_symlink(kOwnFolder, "elsewhere"));
  EXPECT_FALSE(open(disk.root()).ok());
  EXPECT_TRUE(disk.root()->open_directory("elsewhere").value()->list().value().empty());
  LocalOptions options;
  options.root = disk.root();
  options.rule = "../../escape";
  EXPECT_CODE(Code::kInvalidArgument, make_local_provider(std::move(options)));
}

TEST(LocalOpening, NestedRootsKeepTheirFoldersHidden) {
  fs::MemoryFileSystem disk(rt::system_clock());
  ASSERT_OK(disk.root()->make_directory("inner", 0755));
  ASSERT_OK(open(disk.root()->open_directory("inner").value()));
  const auto outer = open(disk.root()).value();
  EXPECT_TRUE(outer->list(at("inner"), nullptr, {}).value().empty());
  EXPECT_CODE(Code::kNameInvalid, outer->look(at("inner").child(kOwnFolder).child("stage")));
}

TEST(LocalIdentity, IsParsedStrictly) {
  const std::string rule(32, 'a');
  const std::string good = "syncoxiders-id 1 " + rule + " 2 30 uuid\n";
  const auto parsed = parse_identity(good);
  ASSERT_OK(parsed);
  EXPECT_EQ(2U, parsed->replica);
  EXPECT_EQ(30U, parsed->epoch);
  EXPECT_EQ(good, format_identity(*parsed));
  for (const std::string& bad : std::vector<std::string>{
           "", "\n", good + "\n", good + good, good.substr(0, good.size() - 1),
           "syncoxiders-id 2 " + rule + " 2 30 uuid\n", "syncoxiders-id 1 " + rule + " 2 30\n",
           "syncoxiders-id 1 " + rule + " 02 30 uuid\n",
           "syncoxiders-id 1 " + rule + " +2 30 uuid\n",
           "syncoxiders-id 1 " + rule + " 2 -30 uuid\n",
           "syncoxiders-id 1 " + rule + " 4294967296 30 uuid\n",
           "syncoxiders-id 1  " + rule + " 2 30 uuid\n",
           "syncoxiders-id 1 " + rule + " 2 30 uuid more\n",
           "syncoxiders-id 1 " + std::string(32, 'A') + " 2 30 uuid\n",
           "syncoxiders-id 1 " + rule + " 2 30 \n"}) {
    EXPECT_CODE(Code::kCorrupt, parse_identity(bad)) << bad;
  }
}

TEST(LocalIdentity, ATornFileIsCorruptAndNotMissing) {
  fs::MemoryFileSystem disk(rt::system_clock());
  const auto provider = open(disk.root()).value();
  ASSERT_OK(provider->write_identity({.rule = kTestRule, .epoch = 9, .file_system = ""}));
  const auto id = disk.root()->open_directory(kOwnFolder).value()->open_directory("id").value();
  ASSERT_OK(id->open_file(kTestRule, fs::Access::kReadWrite).value()->truncate(10));
  EXPECT_CODE(Code::kCorrupt, provider->read_identity(kTestRule));
}

TEST(LocalSweep, RemovesWhatEarlierRunsLeftAndNothingElse) {
  rt::ManualClock clock(rt::system_clock().now());
  fs::MemoryFileSystem disk(clock);
  const auto provider = open(disk.root(), LocalOpening::kProbe, &clock).value();
  const auto stage = disk.root()
                         ->open_directory(kOwnFolder)
                         .value()
                         ->open_directory("stage")
                         .value()
                         ->open_directory(kTestRule)
                         .value();
  ASSERT_OK(disk.root()->create_file("parked", 0644));
  ASSERT_OK(provider->park(at("parked"), provider->look(at("parked")).value().fingerprint, "n1"));
  ASSERT_OK(stage->create_file("resume-old.part", 0600));
  clock.advance(std::chrono::hours(24 * 6));
  ASSERT_OK(stage->create_file("resume-young.part", 0600));
  clock.advance(std::chrono::hours(24 * 2));
  ASSERT_OK(stage->create_file("probe-1-first", 0600));
  ASSERT_OK(stage->make_directory("batch-0", 0700));
  const auto left = stage->open_directory("batch-0").value();
  ASSERT_OK(left->make_directory("t", 0700));
  ASSERT_OK(left->open_directory("t").value()->create_file("file", 0600));
  ASSERT_OK(left->set_mode("t", 0500));
  const auto batch = provider->begin_batch().value();
  const Staged staged = conformance::stage_bytes(*batch, "live");

  const auto swept = provider->sweep();
  ASSERT_OK(swept);
  EXPECT_EQ(3U, *swept);
  EXPECT_CODE(Code::kNotFound, stage->stat("resume-old.part"));
  EXPECT_CODE(Code::kNotFound, stage->stat("batch-0"));
  EXPECT_OK(stage->stat("resume-young.part"));
  EXPECT_EQ(std::vector<std::string>{"n1"}, provider->parked().value());
  EXPECT_OK(batch->publish(staged, at("file"), Precondition::absent(), kTrash));
}

TEST(LocalOpening, WhatIsParkedIsSeenWhereNothingMayBeWritten) {
  fs::MemoryFileSystem disk(rt::system_clock());
  {
    const auto writer = open(disk.root()).value();
    ASSERT_TRUE(disk.root()->create_file("file", 0644).ok());
    const tree::Entry entry = writer->look(at("file")).value();
    ASSERT_TRUE(writer->park(at("file"), entry.fingerprint, "7").ok());
  }
  const auto reader = open(disk.root(), LocalOpening::kLookOnly).value();
  EXPECT_EQ(std::vector<std::string>{"7"}, reader->parked().value());
  ASSERT_TRUE(reader->show_parked({{at("file"), "7"}}).ok());
  EXPECT_EQ("file", reader->look(at("file")).value().name);
  EXPECT_EQ(1U, reader->list({}, nullptr, {}).value().size());
  EXPECT_TRUE(reader->open(at("file"), nullptr).ok());
}

}  // namespace
}  // namespace ox::provider
