#include "fs/faulty/faulty_fs.h"

#include "fs/conformance.h"
#include "fs/conformance_files.h"
#include "fs/conformance_names.h"
#include "fs/memory/memory_fs.h"

namespace ox::fs {
namespace {

class FaultySandbox final : public Sandbox {
 public:
  std::unique_ptr<Directory> root() override { return make_faulty(file_system_.root(), plan_); }
  void tick() override { clock_.advance(std::chrono::seconds(1)); }

 private:
  rt::ManualClock clock_{Timestamp{1'700'000'000'000'000'000}};
  MemoryFileSystem file_system_{clock_};
  std::shared_ptr<FaultPlan> plan_ = std::make_shared<FaultPlan>();
};

// Without a fault it changes nothing of what it decorates.
INSTANTIATE_TEST_SUITE_P(Faultless, FileSystemConformance,
                         testing::Values(ConformanceCase{
                             "memory", [] { return std::make_unique<FaultySandbox>(); }}),
                         name_of_case);

class FaultyTest : public testing::Test {
 protected:
  rt::ManualClock clock_{Timestamp{1'700'000'000'000'000'000}};
  MemoryFileSystem memory_{clock_};
  std::shared_ptr<FaultPlan> plan_ = std::make_shared<FaultPlan>();
  std::unique_ptr<Directory> plain_ = memory_.root();
  std::unique_ptr<Directory> root_ = make_faulty(memory_.root(), plan_);
  const Error no_space_{Code::kNoSpace, "planned"};
};

TEST_F(FaultyTest, FailsThePlannedCallAndNoOther) {
  plan_->fail_call(2, no_space_);
  EXPECT_TRUE(root_->make_directory("a", 0755).ok());
  EXPECT_EQ(code_of(root_->make_directory("b", 0755)), Code::kNoSpace);
  EXPECT_EQ(plan_->last_call(), "make_directory");
  EXPECT_TRUE(root_->make_directory("c", 0755).ok());
  EXPECT_EQ(names_in(*plain_), (Names{"a", "c"}));
  EXPECT_EQ(plan_->calls(), 3U);
  EXPECT_FALSE(plan_->crashed());
}

TEST_F(FaultyTest, LosesAcknowledgements) {
  write_file(*plain_, "a", "");
  plan_->fail_call(1, no_space_, Effect::kComplete);
  plan_->fail_call(2, no_space_, Effect::kComplete);
  EXPECT_EQ(code_of(root_->rename("a", *root_, "b", RenameMode::kReplace)), Code::kNoSpace);
  EXPECT_EQ(names_in(*plain_), Names{"b"});
  EXPECT_EQ(code_of(root_->create_file("c", 0644)), Code::kNoSpace);
  EXPECT_EQ(names_in(*plain_), (Names{"b", "c"}));
  // The handle that nobody got is closed: nobody writes the file.
  EXPECT_TRUE((*plain_->open_file("c", Access::kRead))->take_read_lease().ok());
}

TEST_F(FaultyTest, WritesHalf) {
  auto file = *root_->create_file("f", 0644);
  plan_->fail_call(plan_->calls() + 1, no_space_, Effect::kHalf);
  EXPECT_EQ(code_of(file->write_at(0, as_bytes_view("12345678"))), Code::kNoSpace);
  EXPECT_EQ(read_file(*plain_, "f"), "1234");
  plan_->fail_call(plan_->calls() + 1, no_space_, Effect::kComplete);
  EXPECT_EQ(code_of(file->write_at(0, as_bytes_view("abcdefgh"))), Code::kNoSpace);
  EXPECT_EQ(read_file(*plain_, "f"), "abcdefgh");
  plan_->fail_call(plan_->calls() + 1, no_space_);
  EXPECT_EQ(code_of(file->write_at(0, as_bytes_view("--------"))), Code::kNoSpace);
  EXPECT_EQ(read_file(*plain_, "f"), "abcdefgh");
  // Half a rename is none.
  plan_->fail_call(plan_->calls() + 1, no_space_, Effect::kHalf);
  EXPECT_EQ(code_of(root_->rename("f", *root_, "g", RenameMode::kReplace)), Code::kNoSpace);
  EXPECT_EQ(names_in(*plain_), Names{"f"});
}

TEST_F(FaultyTest, ADeadProcessChangesNothing) {
  auto file = *root_->create_file("f", 0644);
  ASSERT_TRUE(file->write_at(0, as_bytes_view("before")).ok());
  plan_->crash_at(plan_->calls() + 2);
  ASSERT_TRUE(root_->make_directory("last", 0755).ok());
  EXPECT_FALSE(plan_->crashed());
  EXPECT_EQ(code_of(root_->rename("f", *root_, "g", RenameMode::kReplace)), Code::kUnreachable);
  EXPECT_TRUE(plan_->crashed());
  EXPECT_EQ(plan_->last_call(), "rename");
  EXPECT_EQ(code_of(file->write_at(0, as_bytes_view("after!"))), Code::kUnreachable);
  EXPECT_EQ(code_of(file->sync()), Code::kUnreachable);
  EXPECT_EQ(code_of(root_->remove_file("f")), Code::kUnreachable);
  EXPECT_EQ(code_of(root_->list()), Code::kUnreachable);
  EXPECT_EQ(plan_->last_call(), "rename");
  EXPECT_EQ(names_in(*plain_), (Names{"f", "last"}));
  EXPECT_EQ(read_file(*plain_, "f"), "before");
  // The next process starts with a clean plan.
  plan_->clear();
  EXPECT_TRUE(root_->remove_file("f").ok());
  EXPECT_EQ(plan_->calls(), 1U);
}

TEST_F(FaultyTest, EveryCallOfAScriptCanBeTheLast) {
  // What a script leaves grows with the number of its calls that were let through.
  std::set<Names> ends;
  const auto script = [](Directory& root) -> Result<void> {
    TRY(root.make_directory("1", 0755));
    TRY(root.make_directory("2", 0755));
    TRY_ASSIGN(auto inside, root.open_directory("1"));
    TRY(root.rename("2", *inside, "3", RenameMode::kNoReplace));
    TRY(inside->sync());
    return root.remove_directory("1");
  };
  for (std::uint64_t call = 1; call <= 7; ++call) {
    MemoryFileSystem memory(clock_);
    auto plan = std::make_shared<FaultPlan>();
    plan->crash_at(call);
    auto root = make_faulty(memory.root(), plan);
    const auto end = script(*root);
    EXPECT_EQ(code_of(end), call <= 6 ? Code::kUnreachable : Code::kNotEmpty);
    ends.insert(names_in(*memory.root()));
  }
  EXPECT_EQ(ends, (std::set<Names>{{}, {"1"}, {"1", "2"}}));
}

TEST_F(FaultyTest, CountsFilesAndDirectoriesTogether) {
  auto file = *root_->create_file("f", 0644);               // 1
  auto directory = (root_->make_directory("d", 0755).ok(),  // 2
                    *root_->open_directory("d"));           // 3
  EXPECT_TRUE(file->stat().ok());                           // 4
  EXPECT_TRUE(directory->stat().ok());                      // 5
  EXPECT_TRUE(directory->list().ok());                      // 6
  auto again = *root_->open_file("f", Access::kRead);       // 7
  EXPECT_EQ(plan_->calls(), 7U);
  plan_->fail_call(8, no_space_);
  EXPECT_EQ(code_of(again->stat()), Code::kNoSpace);
}

TEST_F(FaultyTest, TargetsMayBePlainOrFaulty) {
  write_file(*plain_, "a", "bytes");
  ASSERT_TRUE(root_->link("a", *plain_, "b").ok());
  ASSERT_TRUE(root_->rename("b", *plain_, "c", RenameMode::kNoReplace).ok());
  auto source = *plain_->open_file("a", Access::kRead);
  auto target = *root_->create_file("copy", 0644);
  EXPECT_EQ(*target->copy_range_from(*source, 0, 0, 100), 5U);
  EXPECT_EQ(read_file(*plain_, "copy"), "bytes");
}

TEST_F(FaultyTest, FailsByChanceInOneClassOnly) {
  rt::SeededRandom random(1);
  plan_->fail_randomly(random, 250'000, no_space_, CallClass::kSync);
  auto file = *root_->create_file("f", 0644);
  int failed = 0;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(file->write_at(0, as_bytes_view("x")).ok());
    ASSERT_TRUE(file->stat().ok());
    failed += file->sync_data().ok() ? 0 : 1;
  }
  EXPECT_GT(failed, 150);
  EXPECT_LT(failed, 350);
}

TEST_F(FaultyTest, TheSameSeedFailsTheSameCalls) {
  std::vector<std::vector<bool>> runs;
  for (int run = 0; run < 2; ++run) {
    rt::SeededRandom random(7);
    plan_->clear();
    plan_->fail_randomly(random, 500'000, no_space_);
    std::vector<bool>& outcome = runs.emplace_back();
    for (int i = 0; i < 64; ++i) {
      outcome.push_back(root_->stat().ok());
    }
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_THAT(runs[0], testing::Contains(true));
  EXPECT_THAT(runs[0], testing::Contains(false));
}

}  // namespace
}  // namespace ox::fs
