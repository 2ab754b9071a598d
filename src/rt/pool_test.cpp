#include "rt/pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

namespace ox::rt {
namespace {

Error failure(std::string message) {
  return Error(Code::kIo, std::move(message));
}

/// Holds tasks until someone calls run_one(), like a simulation that owns the schedule.
class ManualPool final : public Pool {
 public:
  void submit(std::function<void()> task) override { waiting_.push_back(std::move(task)); }
  bool run_one() override {
    if (waiting_.empty()) {
      return false;
    }
    auto task = std::move(waiting_.front());
    waiting_.pop_front();
    task();
    return true;
  }
  std::size_t width() const override { return 1; }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  std::deque<std::function<void()>> waiting_;
};

TEST(ThreadPool, RunsWhatStillWaitsBeforeItEnds) {
  std::atomic<int> done = 0;
  {
    ThreadPool pool(2);
    EXPECT_EQ(pool.width(), 2U);
    for (int i = 0; i < 1000; ++i) {
      pool.submit([&done] { ++done; });
    }
  }
  EXPECT_EQ(done, 1000);
}

TEST(ThreadPool, ATaskMaySubmitWhileThePoolEnds) {
  std::atomic<int> done = 0;
  {
    ThreadPool pool(1);
    pool.submit([&] { pool.submit([&] { pool.submit([&] { ++done; }); }); });
  }
  EXPECT_EQ(done, 1);
}

TEST(ThreadPool, AnyThreadMayRunAWaitingTask) {
  std::latch busy(1);
  std::latch release(1);
  ThreadPool pool(1);
  pool.submit([&] {
    busy.count_down();
    release.wait();
  });
  busy.wait();
  std::thread::id where;
  std::vector<int> order;
  pool.submit([&order] { order.push_back(1); });
  pool.submit([&] {
    where = std::this_thread::get_id();
    order.push_back(2);
  });
  EXPECT_TRUE(pool.run_one());
  EXPECT_EQ(where, std::this_thread::get_id());
  EXPECT_EQ(order, std::vector<int>{2}) << "who waits takes the newest";
  EXPECT_TRUE(pool.run_one());
  EXPECT_FALSE(pool.run_one());
  release.count_down();
}

TEST(TaskGroup, WaitsForAllTasks) {
  ThreadPool pool(3);
  std::atomic<int> done = 0;
  TaskGroup group(pool, 8);
  for (int i = 0; i < 500; ++i) {
    group.spawn([&done](std::stop_token) -> Result<void> {
      ++done;
      return {};
    });
  }
  EXPECT_TRUE(group.wait().ok());
  EXPECT_EQ(done, 500);
  group.spawn([&done](std::stop_token) -> Result<void> {
    ++done;
    return {};
  });
  EXPECT_TRUE(group.wait().ok()) << "a group can be used again after wait()";
  EXPECT_EQ(done, 501);
}

TEST(TaskGroup, ReturnsTheFirstErrorAndStopsTheSiblings) {
  ThreadPool pool(2);
  TaskGroup group(pool, 100);
  std::latch sibling_runs(1);
  std::atomic<bool> sibling_saw_stop = false;
  group.spawn([&](std::stop_token stop) -> Result<void> {
    sibling_runs.count_down();
    std::atomic<bool> stopped = false;
    const std::stop_callback wake(stop, [&stopped] {
      stopped = true;
      stopped.notify_one();
    });
    stopped.wait(false);
    sibling_saw_stop = true;
    return Error(Code::kCancelled, "a stopped sibling");
  });
  group.spawn([&](std::stop_token) -> Result<void> {
    sibling_runs.wait();
    return failure("the cause");
  });
  const Result<void> result = group.wait();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().message(), "the cause");
  EXPECT_TRUE(sibling_saw_stop);
}

TEST(TaskGroup, WhatHasNotStartedWhenAnErrorComesNeverDoes) {
  ManualPool pool;
  TaskGroup group(pool, 10);
  int ran = 0;
  group.spawn([](std::stop_token) -> Result<void> { return failure("first"); });
  group.spawn([&ran](std::stop_token) -> Result<void> {
    ++ran;
    return failure("second");
  });
  EXPECT_EQ(group.wait().error().message(), "first");
  group.spawn([&ran](std::stop_token) -> Result<void> {
    ++ran;
    return {};
  });
  EXPECT_EQ(group.wait().error().message(), "first") << "the error stays";
  EXPECT_EQ(ran, 0);
}

TEST(TaskGroup, WorkThatAStopPreventedIsNotReportedAsDone) {
  InlinePool pool;
  TaskGroup stopped(pool, 4);
  stopped.stop();
  stopped.spawn([](std::stop_token) -> Result<void> { return {}; });
  EXPECT_TRUE(stopped.wait().failed_with(Code::kCancelled));

  std::stop_source outer;
  TaskGroup group(pool, 4, outer.get_token());
  group.spawn([](std::stop_token) -> Result<void> { return {}; });
  outer.request_stop();
  EXPECT_TRUE(group.stop_token().stop_requested());
  EXPECT_TRUE(group.wait().ok()) << "all of its work was done before the stop";
  group.spawn([](std::stop_token) -> Result<void> { return {}; });
  EXPECT_TRUE(group.wait().failed_with(Code::kCancelled));
}

TEST(TaskGroup, WhatIsQueuedWhenAStopComesIsNotReportedAsDone) {
  ManualPool pool;
  TaskGroup group(pool, 4);
  int ran = 0;
  group.spawn([&ran](std::stop_token) -> Result<void> {
    ++ran;
    return {};
  });
  group.stop();
  EXPECT_TRUE(group.wait().failed_with(Code::kCancelled));
  EXPECT_EQ(ran, 0);
}

TEST(TaskGroup, AnOuterStopReachesARunningTask) {
  ThreadPool pool(1);
  std::stop_source outer;
  TaskGroup group(pool, 1, outer.get_token());
  std::latch running(1);
  group.spawn([&](std::stop_token stop) -> Result<void> {
    running.count_down();
    std::atomic<bool> stopped = false;
    const std::stop_callback wake(stop, [&stopped] {
      stopped = true;
      stopped.notify_one();
    });
    stopped.wait(false);
    return Error(Code::kCancelled, "stopped");
  });
  running.wait();
  outer.request_stop();
  EXPECT_TRUE(group.wait().failed_with(Code::kCancelled));
}

TEST(TaskGroup, TheLimitBoundsWhatIsSubmittedAndNotDone) {
  ManualPool pool;
  TaskGroup group(pool, 3);
  int done = 0;
  for (int spawned = 1; spawned <= 20; ++spawned) {
    group.spawn([&done](std::stop_token) -> Result<void> {
      ++done;
      return {};
    });
    EXPECT_LE(spawned - done, 3);
    EXPECT_GE(spawned - done, std::min(spawned, 3)) << "no task is run before the group is full";
  }
  EXPECT_TRUE(group.wait().ok());
  EXPECT_EQ(done, 20);
}

TEST(TaskGroup, TheLimitHoldsOnThreads) {
  ThreadPool pool(4);
  TaskGroup group(pool, 2);
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  for (int i = 0; i < 2000; ++i) {
    group.spawn([&](std::stop_token) -> Result<void> {
      const int now = ++running;
      int seen = most;
      while (now > seen && !most.compare_exchange_weak(seen, now)) {
      }
      --running;
      return {};
    });
  }
  EXPECT_TRUE(group.wait().ok());
  EXPECT_LE(most, 2);
}

/// A tree of `width` children a node, spawned by its own tasks into one group.
void spawn_tree(TaskGroup& group, std::atomic<int>& done, int width, int depth) {
  group.spawn([&group, &done, width, depth](std::stop_token) -> Result<void> {
    ++done;
    for (int i = 0; depth > 0 && i < width; ++i) {
      spawn_tree(group, done, width, depth - 1);
    }
    return {};
  });
}

TEST(TaskGroup, TasksMaySpawnIntoTheirOwnGroupBeyondTheLimit) {
  ThreadPool one(1);
  ThreadPool three(3);
  InlinePool inline_pool;
  ManualPool manual;
  for (Pool* pool : {static_cast<Pool*>(&one), static_cast<Pool*>(&three),
                     static_cast<Pool*>(&inline_pool), static_cast<Pool*>(&manual)}) {
    std::atomic<int> done = 0;
    TaskGroup group(*pool, 1);
    spawn_tree(group, done, 4, 4);
    EXPECT_TRUE(group.wait().ok());
    EXPECT_EQ(done, 1 + 4 + 16 + 64 + 256);
  }
}

/// The same tree, but each node waits for a group of its own.
Result<void> nested_tree(Pool& pool, std::atomic<int>& done, int width, int depth,
                         std::stop_token stop) {
  ++done;
  if (depth == 0) {
    return {};
  }
  TaskGroup group(pool, 2, stop);
  for (int i = 0; i < width; ++i) {
    group.spawn([&pool, &done, width, depth](std::stop_token inner) {
      return nested_tree(pool, done, width, depth - 1, inner);
    });
  }
  return group.wait();
}

TEST(TaskGroup, NestedGroupsDoNotDeadlock) {
  ThreadPool one(1);
  ThreadPool three(3);
  InlinePool inline_pool;
  for (Pool* pool :
       {static_cast<Pool*>(&one), static_cast<Pool*>(&three), static_cast<Pool*>(&inline_pool)}) {
    std::atomic<int> done = 0;
    EXPECT_TRUE(nested_tree(*pool, done, 4, 5, {}).ok());
    EXPECT_EQ(done, 1 + 4 + 16 + 64 + 256 + 1024);
  }
}

TEST(TaskGroup, AGroupAsDeepAsTheStackAllowsWorksOnOneThread) {
  ThreadPool pool(1);
  std::atomic<int> done = 0;
  TaskGroup outer(pool, 1);
  outer.spawn([&](std::stop_token stop) { return nested_tree(pool, done, 1, 200, stop); });
  EXPECT_TRUE(outer.wait().ok());
  EXPECT_EQ(done, 201);
}

TEST(TaskGroup, ALongQueueOfNestingTasksDoesNotPileUpOnTheStack) {
  ThreadPool pool(2);
  TaskGroup outer(pool, 100'000);
  std::atomic<int> done = 0;
  for (int i = 0; i < 20'000; ++i) {
    outer.spawn([&](std::stop_token stop) -> Result<void> {
      char large[16'384];  // makes 500 nested tasks overflow an 8 MiB stack
      std::fill(std::begin(large), std::end(large), 'x');
      TaskGroup inner(pool, 4, stop);
      for (int child = 0; child < 2; ++child) {
        inner.spawn([&done, &large, child](std::stop_token) -> Result<void> {
          done += large[child] == 'x' ? 1 : 0;
          return {};
        });
      }
      return inner.wait();
    });
  }
  EXPECT_TRUE(outer.wait().ok());
  EXPECT_EQ(done, 40'000);
}

TEST(TaskGroup, AnErrorOfANestedGroupReachesTheOuterOne) {
  ThreadPool pool(1);
  TaskGroup outer(pool, 4);
  outer.spawn([&pool](std::stop_token stop) -> Result<void> {
    TaskGroup inner(pool, 4, stop);
    inner.spawn([](std::stop_token) -> Result<void> { return failure("deep"); });
    return inner.wait();
  });
  EXPECT_EQ(outer.wait().error().message(), "deep");
}

/// Has no threads of its own and tells when somebody found nothing to run.
class WatchedPool final : public Pool {
 public:
  void submit(std::function<void()> task) override {
    const Lock lock(mutex_);
    waiting_.push_back(std::move(task));
  }
  bool run_one() override {
    std::function<void()> task;
    {
      const Lock lock(mutex_);
      if (waiting_.empty()) {
        found_nothing = true;
        return false;
      }
      task = std::move(waiting_.front());
      waiting_.pop_front();
    }
    task();
    return true;
  }
  std::size_t width() const override { return 1; }

  std::atomic<bool> found_nothing = false;

 private:
  Mutex mutex_;
  std::deque<std::function<void()>> waiting_ OX_GUARDED_BY(mutex_);
};

TEST(TaskGroup, ASleepingWaiterIsWokenForATaskThatASiblingSpawns) {
  // One thread sleeps in wait() while its group's first task runs here and spawns a second one:
  // nobody but the sleeper is there to run it. A lost wake-up shows as a hang.
  for (int round = 0; round < 100; ++round) {
    WatchedPool pool;
    TaskGroup group(pool, 4);
    std::latch second_ran(1);
    std::latch first_runs(1);
    group.spawn([&](std::stop_token) -> Result<void> {
      first_runs.count_down();
      while (!pool.found_nothing) {
        std::this_thread::yield();
      }
      group.spawn([&](std::stop_token) -> Result<void> {
        second_ran.count_down();
        return {};
      });
      second_ran.wait();
      return {};
    });
    const std::jthread sleeper([&] {
      first_runs.wait();
      EXPECT_TRUE(group.wait().ok());
    });
    ASSERT_TRUE(pool.run_one());
  }
}

TEST(TaskGroup, EndingWithoutWaitStopsAndJoins) {
  ThreadPool pool(1);
  std::atomic<bool> ended = false;
  {
    std::latch running(1);
    TaskGroup group(pool, 2);
    group.spawn([&](std::stop_token stop) -> Result<void> {
      running.count_down();
      std::atomic<bool> stopped = false;
      const std::stop_callback wake(stop, [&stopped] {
        stopped = true;
        stopped.notify_one();
      });
      stopped.wait(false);
      ended = true;
      return {};
    });
    running.wait();
  }
  EXPECT_TRUE(ended);
}

TEST(TaskGroup, WhatATaskCapturedIsGoneWhenWaitReturns) {
  ThreadPool pool(2);
  for (int round = 0; round < 500; ++round) {
    const auto captured = std::make_shared<int>(round);
    TaskGroup group(pool, 4);
    for (int i = 0; i < 4; ++i) {
      group.spawn([captured](std::stop_token) -> Result<void> { return {}; });
    }
    ASSERT_TRUE(group.wait().ok());
    ASSERT_EQ(captured.use_count(), 1);
  }
}

TEST(TaskGroupDeathTest, ATaskMustNotWaitForItsOwnGroup) {
  EXPECT_DEATH(
      {
        InlinePool pool;
        TaskGroup group(pool, 1);
        group.spawn([&group](std::stop_token) { return group.wait(); });
      },
      "contract violated");
}

}  // namespace
}  // namespace ox::rt
