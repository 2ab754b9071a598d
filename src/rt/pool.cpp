#include "rt/pool.h"

#include <utility>

#include "base/expects.h"

namespace ox::rt {

ThreadPool::ThreadPool(std::size_t threads) {
  expects(threads > 0);
  threads_.reserve(threads);
  try {
    for (std::size_t i = 0; i < threads; ++i) {
      threads_.emplace_back([this] { work(); });
    }
  } catch (...) {
    // Whoever runs already waits for work, and would be waited for.
    close();
    throw;
  }
}

ThreadPool::~ThreadPool() {
  close();
}

void ThreadPool::close() {
  {
    const Lock lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  threads_.clear();
}

void ThreadPool::submit(std::function<void()> task) {
  {
    const Lock lock(mutex_);
    waiting_.push_back(std::move(task));
  }
  wake_.notify_one();
}

bool ThreadPool::run_one() {
  std::function<void()> task;
  {
    const Lock lock(mutex_);
    if (waiting_.empty()) {
      return false;
    }
    // The newest, unlike a worker: a thread that waits wants its own children, and those of others
    // would pile up on its stack.
    task = std::move(waiting_.back());
    waiting_.pop_back();
  }
  task();
  return true;
}

void ThreadPool::work() {
  while (true) {
    std::function<void()> task;
    {
      const Lock lock(mutex_);
      while (waiting_.empty() && !closing_) {
        wake_.wait(mutex_);
      }
      if (waiting_.empty()) {
        return;
      }
      task = std::move(waiting_.front());
      waiting_.pop_front();
    }
    task();
  }
}

namespace {

/// The tasks that stand on this thread's stack, innermost first.
struct Frame {
  const void* group;
  const Frame* below;
  std::size_t depth;
};

thread_local const Frame* innermost_frame = nullptr;

/// A thread that waits runs tasks of any group down to this depth, below it only those of the group
/// it waits for, so that a long queue of nesting tasks cannot use up the stack.
constexpr std::size_t kMaxForeignDepth = 16;

bool runs_inside(const void* group) {
  for (const Frame* frame = innermost_frame; frame != nullptr; frame = frame->below) {
    if (frame->group == group) {
      return true;
    }
  }
  return false;
}

}  // namespace

/// Outlives the group while the pool still holds its tickets. The pool is given tickets, each of
/// which runs the group's next task; a ticket whose task somebody else has run does nothing.
struct TaskGroup::Shared {
  using Task = std::function<Result<void>(std::stop_token)>;

  Shared(Pool& tasks_pool, std::stop_source stop) : pool(tasks_pool), source(std::move(stop)) {}

  Pool& pool;
  std::stop_source source;
  Mutex mutex;
  Condition changed;
  std::deque<Task> queue OX_GUARDED_BY(mutex);
  std::size_t pending OX_GUARDED_BY(mutex) = 0;  ///< queued or running
  std::uint64_t submitted OX_GUARDED_BY(mutex) = 0;
  bool skipped_any OX_GUARDED_BY(mutex) = false;
  std::optional<Error> first_error OX_GUARDED_BY(mutex);

  /// An exception is a bug; it must not leave the count behind.
  bool run_next() noexcept;
  void finish(Result<void> outcome, bool skipped);
  void help_until_pending_at_most(std::size_t goal);
  bool help();
};

bool TaskGroup::Shared::run_next() noexcept {
  Task task;
  {
    const Lock lock(mutex);
    if (queue.empty()) {
      return false;
    }
    const std::size_t next = pool.next_of(queue.size());
    task = std::move(queue[next]);
    queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(next));
  }
  const bool skipped = source.stop_requested();
  Result<void> outcome;
  if (!skipped) {
    const Frame frame{this, innermost_frame,
                      innermost_frame == nullptr ? 1 : innermost_frame->depth + 1};
    innermost_frame = &frame;
    outcome = task(source.get_token());
    innermost_frame = frame.below;
  }
  // What the task captured must be gone before the owner of the group may go on.
  task = nullptr;
  finish(std::move(outcome), skipped);
  return true;
}

void TaskGroup::Shared::finish(Result<void> outcome, bool skipped) {
  const bool failed = !outcome.ok();
  if (failed) {
    {
      const Lock lock(mutex);
      if (!first_error) {
        first_error = std::move(outcome).error();
      }
    }
    // Only after the error stands, so that no sibling's kCancelled can be the first.
    source.request_stop();
  }
  const Lock lock(mutex);
  skipped_any = skipped_any || skipped;
  --pending;
  changed.notify_all();
}

bool TaskGroup::Shared::help() {
  if (innermost_frame != nullptr && innermost_frame->depth >= kMaxForeignDepth) {
    return run_next();
  }
  return pool.run_one();
}

void TaskGroup::Shared::help_until_pending_at_most(std::size_t goal) {
  while (true) {
    std::uint64_t seen = 0;
    {
      const Lock lock(mutex);
      if (pending <= goal) {
        return;
      }
      seen = submitted;
    }
    if (help()) {
      continue;
    }
    // Nothing waits, so what is pending runs elsewhere. A task that is spawned from now on may find
    // every worker asleep like this one, hence it wakes us too.
    const Lock lock(mutex);
    while (pending > goal && submitted == seen) {
      changed.wait(mutex);
    }
  }
}

TaskGroup::TaskGroup(Pool& pool, std::size_t limit, std::stop_token outer)
    : outer_(std::move(outer), [this] { source_.request_stop(); }),
      limit_(limit),
      shared_(std::make_shared<Shared>(pool, source_)) {
  expects(limit > 0);
}

TaskGroup::~TaskGroup() {
  stop();
  shared_->help_until_pending_at_most(0);
}

void TaskGroup::spawn(std::function<Result<void>(std::stop_token)> task) {
  if (!runs_inside(shared_.get())) {
    shared_->help_until_pending_at_most(limit_ - 1);
  }
  {
    const Lock lock(shared_->mutex);
    if (source_.stop_requested()) {
      shared_->skipped_any = true;
      return;
    }
    shared_->queue.push_back(std::move(task));
    ++shared_->pending;
  }
  // The local copy keeps the state alive: the task may end, and the group with it, before we
  // return.
  const std::shared_ptr<Shared> shared = shared_;
  shared->pool.submit([shared] { shared->run_next(); });
  const Lock lock(shared->mutex);
  ++shared->submitted;
  shared->changed.notify_all();
}

Result<void> TaskGroup::wait() {
  expects(!runs_inside(shared_.get()));
  shared_->help_until_pending_at_most(0);
  const Lock lock(shared_->mutex);
  if (shared_->first_error) {
    return *shared_->first_error;
  }
  if (shared_->skipped_any) {
    return Error(Code::kCancelled, "stopped before all of the work was done");
  }
  return {};
}

}  // namespace ox::rt
