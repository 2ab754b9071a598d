#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

/// Clang's thread-safety attributes under readable names.
#define OX_CAPABILITY(name) __attribute__((capability(name)))
#define OX_SCOPED_CAPABILITY __attribute__((scoped_lockable))
#define OX_GUARDED_BY(mutex) __attribute__((guarded_by(mutex)))
#define OX_REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#define OX_EXCLUDES(...) __attribute__((locks_excluded(__VA_ARGS__)))
#define OX_ACQUIRE(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define OX_RELEASE(...) __attribute__((release_capability(__VA_ARGS__)))
#define OX_NO_THREAD_SAFETY_ANALYSIS __attribute__((no_thread_safety_analysis))

namespace ox::rt {

/// A mutex that the compiler can check: fields say OX_GUARDED_BY(mutex_).
class OX_CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() OX_ACQUIRE() { inner_.lock(); }
  void unlock() OX_RELEASE() { inner_.unlock(); }

 private:
  friend class Condition;
  std::mutex inner_;
};

class OX_SCOPED_CAPABILITY Lock {
 public:
  explicit Lock(Mutex& mutex) OX_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~Lock() OX_RELEASE() { mutex_.unlock(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Mutex& mutex_;
};

/// A condition variable for Mutex. Wait in a loop that checks the condition.
class Condition {
 public:
  void wait(Mutex& mutex) OX_REQUIRES(mutex) {
    std::unique_lock<std::mutex> borrowed(mutex.inner_, std::adopt_lock);
    inner_.wait(borrowed);
    borrowed.release();
  }
  /// False when the time was up.
  template <typename Rep, typename Period>
  bool wait_for(Mutex& mutex, std::chrono::duration<Rep, Period> timeout) OX_REQUIRES(mutex) {
    std::unique_lock<std::mutex> borrowed(mutex.inner_, std::adopt_lock);
    const bool woken = inner_.wait_for(borrowed, timeout) == std::cv_status::no_timeout;
    borrowed.release();
    return woken;
  }
  void notify_one() { inner_.notify_one(); }
  void notify_all() { inner_.notify_all(); }

 private:
  std::condition_variable inner_;
};

}  // namespace ox::rt
