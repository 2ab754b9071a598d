#include "crew.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

namespace ox::bench {

void Crew::add(std::function<void()> job) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(job));
  ++unfinished_;
  wake_.notify_one();
}

void Crew::run(std::size_t threads) {
  std::vector<std::jthread> workers;
  for (std::size_t i = 0; i < threads; ++i) {
    workers.emplace_back([this] { work(); });
  }
}

void Crew::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return !waiting_.empty() || unfinished_ == 0; });
    if (waiting_.empty()) {
      return;
    }
    // The newest job first goes down into the tree, which keeps the number of waiting jobs small.
    const std::function<void()> job = std::move(waiting_.back());
    waiting_.pop_back();
    lock.unlock();
    job();
    lock.lock();
    if (--unfinished_ == 0) {
      wake_.notify_all();
    }
  }
}

void fail(std::string_view what, const std::string& path) {
  const int number = errno;
  std::fprintf(stderr, "%.*s %s: %s\n", static_cast<int>(what.size()), what.data(), path.c_str(),
               std::strerror(number));
  std::_Exit(1);
}

Descriptor::Descriptor(int at, const std::string& path, int flags, unsigned mode)
    : number_(::openat(at, path.c_str(), flags | O_CLOEXEC, mode)) {
  if (number_ < 0) {
    fail("open", path);
  }
}

Descriptor::~Descriptor() {
  ::close(number_);
}

std::vector<Item> items_in(const Descriptor& directory, const std::string& path) {
  constexpr std::size_t kBufferSize = 64UL * 1024;
  alignas(dirent64) thread_local char buffer[kBufferSize];
  std::vector<Item> items;
  while (true) {
    const long size = ::syscall(SYS_getdents64, directory.get(), buffer, kBufferSize);
    if (size < 0) {
      fail("read directory", path);
    }
    if (size == 0) {
      return items;
    }
    for (long place = 0; place < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + place);
      const std::string_view name(entry->d_name);
      if (name != "." && name != "..") {
        items.push_back({std::string(name), entry->d_type});
      }
      place += entry->d_reclen;
    }
  }
}

}  // namespace ox::bench
