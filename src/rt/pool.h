#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/result.h"
#include "rt/mutex.h"

namespace ox::rt {

/// Runs tasks. Only `rt` makes threads; everybody else is handed a Pool.
class Pool {
 public:
  virtual ~Pool() = default;
  /// Runs `task` now or later, on this thread or another.
  virtual void submit(std::function<void()> task) = 0;
  /// Runs one waiting task on the calling thread; false when none waits. Lets a thread that waits
  /// for a TaskGroup work instead of blocking, so that nested groups cannot deadlock. A pool with
  /// a queue takes the newest task, or the tasks of others pile up on the waiting stack.
  virtual bool run_one() = 0;
  virtual std::size_t width() const = 0;  ///< how many tasks can run at once
  /// Which of the `waiting` tasks of a group starts next, in the order in which they were spawned.
  /// A simulation runs them whole, and so in another order than they start.
  virtual std::size_t next_of(std::size_t /*waiting*/) { return 0; }
};

/// `threads` workers; joins them on destruction after the waiting tasks have run.
class ThreadPool final : public Pool {
 public:
  /// Throws std::system_error when the machine gives no more threads.
  explicit ThreadPool(std::size_t threads);
  ~ThreadPool() override;
  void submit(std::function<void()> task) override;
  bool run_one() override;
  std::size_t width() const override { return threads_.size(); }

 private:
  void work();
  void close();

  Mutex mutex_;
  Condition wake_;
  std::deque<std::function<void()>> waiting_ OX_GUARDED_BY(mutex_);
  bool closing_ OX_GUARDED_BY(mutex_) = false;
  std::vector<std::jthread> threads_;
};

/// Runs each task at once on the calling thread: simulation is deterministic.
class InlinePool final : public Pool {
 public:
  void submit(std::function<void()> task) override { task(); }
  bool run_one() override { return false; }
  std::size_t width() const override { return 1; }
};

/// A set of tasks with one end. The first error stops the siblings (through stop_token) and is
/// what wait() returns; tasks that have not started by then never do. The destructor stops what has
/// not been waited for and joins. `limit` bounds how many are submitted and not done; spawn() works
/// off tasks or blocks while the group is full. Tasks start in the order in which they were
/// spawned, unless the pool says otherwise. Safe from several threads. Make it the last member of
/// its class.
class TaskGroup {
 public:
  TaskGroup(Pool& pool, std::size_t limit, std::stop_token outer = {});
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Runs `task` unless the group has been stopped. May be called from inside a task of the group
  /// (then it never blocks on the limit).
  void spawn(std::function<Result<void>(std::stop_token)> task);
  /// Waits for all tasks, those spawned meanwhile included. kCancelled when there was no error, but
  /// a stop kept some task from running. Contract: not called from inside a task of the group.
  Result<void> wait();
  void stop() { source_.request_stop(); }
  std::stop_token stop_token() const { return source_.get_token(); }

 private:
  struct Shared;
  std::stop_source source_;
  std::stop_callback<std::function<void()>> outer_;
  std::size_t limit_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace ox::rt
