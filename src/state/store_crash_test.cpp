#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "fs/faulty/faulty_fs.h"
#include "fs/memory/memory_fs.h"
#include "rt/clock.h"
#include "state/store_model.h"

namespace ox::state {
namespace {

using rt::SeededRandom;

/// One file system in memory with a fault plan before it, and a script of commits.
class Machine {
 public:
  /// What the script was told.
  struct Told {
    std::size_t durable = 0;    ///< commits that are surely there
    std::size_t attempted = 0;  ///< commits that may be there
    bool failed = false;
  };

  Result<std::unique_ptr<Store>> open() {
    return Store::open(
        {.os_path = {}, .directory = fs::make_faulty(memory_.root(), plan_), .name = "state"},
        OpenMode::kReadWrite);
  }

  fs::FaultPlan& plan() { return *plan_; }
  fs::MemoryFileSystem& memory() { return memory_; }

  /// Commits all in order, with the store closed and opened again after every second one.
  Told run(const std::vector<Commit>& commits) {
    Told told;
    std::unique_ptr<Store> store;
    for (const Commit& commit : commits) {
      if (told.attempted % 2 == 0) {
        store.reset();
        auto opened = open();
        if (!opened.ok()) {
          told.failed = true;
          return told;
        }
        store = *std::move(opened);
      }
      ++told.attempted;
      if (!store->commit(commit).ok()) {
        told.failed = true;
        return told;
      }
      if (commit.durable) {
        told.durable = told.attempted;
      }
    }
    return told;
  }

 private:
  rt::ManualClock clock_{Timestamp{1}};
  fs::MemoryFileSystem memory_{clock_};
  std::shared_ptr<fs::FaultPlan> plan_ = std::make_shared<fs::FaultPlan>();
};

/// Commits, and the models before the first and after each of them.
struct Script {
  explicit Script(std::uint64_t seed) {
    SeededRandom random(seed);
    models.emplace_back();
    for (int number = 0; number < 6; ++number) {
      StoreModel model = models.back();
      Commit commit = model.change(random, 12, 8);
      commit.durable = number % 3 != 1;
      commit.merge_bases.emplace_back(Digest{}, Bytes(20'000, 7));
      commits.push_back(std::move(commit));
      models.push_back(std::move(model));
    }
  }
  std::vector<Commit> commits;
  std::vector<StoreModel> models;
};

/// The number of the model that the store holds; none when it is no model at all.
std::optional<std::size_t> standing(Store& store, const Script& script) {
  for (std::size_t number = 0; number < script.models.size(); ++number) {
    if (script.models[number].is_same(store)) {
      return number;
    }
  }
  return std::nullopt;
}

enum class Ending { kPowerCut, kCrash };

/// Ends the script at every call of the file system in turn and looks at what is left.
void end_everywhere(std::uint64_t seed, Ending ending) {
  const Script script(seed);
  Machine whole;
  ASSERT_FALSE(whole.run(script.commits).failed);
  const std::uint64_t calls = whole.plan().calls();
  ASSERT_GT(calls, 100U);
  for (std::uint64_t call = 1; call <= calls; ++call) {
    Machine machine;
    machine.plan().crash_at(call);
    const Machine::Told told = machine.run(script.commits);
    SeededRandom chance(seed * 1000 + call);
    if (ending == Ending::kPowerCut) {
      machine.memory().power_cut(chance);
    } else {
      machine.memory().crash();
    }
    machine.plan().clear();
    auto store = machine.open();
    ASSERT_TRUE(store.ok()) << call << ": " << store.error().to_string();
    const auto number = standing(**store, script);
    ASSERT_TRUE(number) << "torn at call " << call;
    const std::size_t surely = ending == Ending::kPowerCut
                                   ? told.durable
                                   : told.attempted - (told.failed && told.attempted > 0 ? 1 : 0);
    EXPECT_GE(*number, std::min(surely, told.attempted)) << "lost at call " << call;
    EXPECT_LE(*number, told.attempted) << call;
    // And life goes on.
    if (*number < script.commits.size()) {
      ASSERT_TRUE((*store)->commit(script.commits[*number]).ok()) << call;
      EXPECT_TRUE(script.models[*number + 1].is_same(**store)) << call;
    }
  }
}

TEST(StoreCrash, APowerCutAtAnyCallLeavesOneOfTheStates) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    end_everywhere(seed, Ending::kPowerCut);
  }
}

TEST(StoreCrash, ADeadProcessLosesNothingItWasToldOf) {
  end_everywhere(9, Ending::kCrash);
}

/// Fails every call of one commit in turn; then commits again.
void fail_everywhere(const Error& error, fs::Effect effect) {
  const Script script(31);
  for (std::uint64_t call = 1; call < 400; ++call) {
    Machine machine;
    auto opened = machine.open();
    ASSERT_TRUE(opened.ok());
    std::unique_ptr<Store> store = *std::move(opened);
    ASSERT_TRUE(store->commit(script.commits[0]).ok());
    machine.plan().clear();
    machine.plan().fail_call(call, error, effect);
    const auto done = store->commit(script.commits[1]);
    const bool reached = machine.plan().calls() >= call;
    machine.plan().clear();
    const std::size_t expected = done.ok() ? 2 : 1;
    ASSERT_TRUE(script.models[expected].is_same(*store)) << call;
    if (!done.ok()) {
      EXPECT_EQ(done.error().code(), error.code()) << done.error().to_string();
      ASSERT_TRUE(store->commit(script.commits[1]).ok()) << call;
    }
    ASSERT_TRUE(store->commit(script.commits[2]).ok()) << call;
    store.reset();
    auto again = machine.open();
    ASSERT_TRUE(again.ok());
    EXPECT_TRUE(script.models[3].is_same(**again)) << call;
    if (!reached) {
      return;
    }
  }
  FAIL() << "a commit needs fewer calls";
}

TEST(StoreFault, AFullDiskLeavesTheOldState) {
  fail_everywhere(Error(Code::kNoSpace, "full"), fs::Effect::kNone);
  fail_everywhere(Error(Code::kNoSpace, "full"), fs::Effect::kHalf);
}

TEST(StoreFault, AFailingDiskLeavesTheOldState) {
  fail_everywhere(Error(Code::kIo, "bad"), fs::Effect::kNone);
  fail_everywhere(Error(Code::kIo, "bad"), fs::Effect::kComplete);
}

TEST(StoreFault, OpeningSurvivesAnyFailingCall) {
  const Script script(41);
  for (std::uint64_t call = 1; call < 60; ++call) {
    Machine machine;
    ASSERT_FALSE(machine.run({script.commits[0]}).failed);
    machine.plan().clear();
    machine.plan().fail_call(call, Error(Code::kIo, "bad"));
    if (auto store = machine.open(); store.ok()) {
      EXPECT_TRUE(script.models[1].is_same(**store) || machine.plan().calls() >= call);
    } else {
      EXPECT_EQ(store.error().code(), Code::kIo) << store.error().to_string();
    }
    machine.plan().clear();
    auto store = machine.open();
    ASSERT_TRUE(store.ok());
    EXPECT_TRUE(script.models[1].is_same(**store)) << call;
  }
}

TEST(StoreFault, AReallyFullDiskIsNoSpaceAndPasses) {
  const Script script(51);
  Machine machine;
  auto store = machine.open();
  ASSERT_TRUE(store.ok());
  ASSERT_TRUE((*store)->commit(script.commits[0]).ok());
  machine.memory().set_capacity(0);
  EXPECT_TRUE((*store)->commit(script.commits[1]).failed_with(Code::kNoSpace));
  EXPECT_TRUE(script.models[1].is_same(**store));
  machine.memory().set_capacity(std::uint64_t{1} << 30U);
  EXPECT_TRUE((*store)->commit(script.commits[1]).ok());
  EXPECT_TRUE(script.models[2].is_same(**store));
}

}  // namespace
}  // namespace ox::state
