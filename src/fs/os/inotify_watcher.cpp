#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <memory>
#include <set>

#include "fs/os/descriptor.h"
#include "fs/os/watch_tree.h"
#include "rt/mutex.h"

namespace ox::fs {
namespace {

constexpr std::size_t kEventBuffer = std::size_t{64} * 1024;
// One wait() takes so many buffers at most, so that a busy tree can't hold it for ever.
constexpr int kBuffersPerWait = 64;

class InotifyWatcher final : public Watcher {
 public:
  InotifyWatcher(std::string root_path, Descriptor root, WatchTree::Skip skip, Descriptor wake)
      : root_path_(std::move(root_path)),
        wake_(std::move(wake)),
        tree_(std::move(root), std::move(skip)) {}

  Result<void> start() {
    const rt::Lock lock(mutex_);
    return tree_.restart();
  }

  Result<std::vector<WatchEvent>> wait(std::chrono::milliseconds timeout) override;

  void interrupt() override {
    const std::uint64_t one = 1;
    // It fails only when the counter is full, and then it wakes anyway.
    [[maybe_unused]] const ssize_t written = ::write(wake_.number(), &one, sizeof one);
  }

 private:
  /// What one wait() gathers.
  struct Seen {
    std::set<std::string> changed;
    int last_watch = -1;  ///< whose directory was inserted last: events come in runs
    bool overflow = false;
    bool gone = false;
  };

  Result<void> take_events(Seen& seen) OX_REQUIRES(mutex_);
  Result<void> take_event(const struct inotify_event& event, Seen& seen) OX_REQUIRES(mutex_);

  Result<void> follow_subdirectory(std::uint32_t mask, const std::string& path, Seen& seen)
      OX_REQUIRES(mutex_);
  bool root_stands() const OX_REQUIRES(mutex_);

  const std::string root_path_;
  const Descriptor wake_;
  rt::Mutex mutex_;
  WatchTree tree_ OX_GUARDED_BY(mutex_);
};

Result<void> InotifyWatcher::take_event(const struct inotify_event& event, Seen& seen) {
  if ((event.mask & IN_Q_OVERFLOW) != 0) {
    seen.overflow = true;
    return {};
  }
  if (event.wd == tree_.parent_watch()) {
    const auto root = stat_at(tree_.root(), "");
    seen.gone = seen.gone || (root.ok() && root->link_count == 0);
    return {};
  }
  const std::string* known = tree_.find_path(event.wd);
  if (known == nullptr) {
    return {};  // Of a watch that was dropped: its directory has been reported since.
  }
  if (known->empty() && (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0) {
    seen.gone = true;
  }
  if ((event.mask & IN_IGNORED) != 0) {
    tree_.forget(event.wd);
    return {};
  }
  if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
    return {};  // The parent's event says where it went.
  }
  const bool of_subdirectory = (event.mask & IN_ISDIR) != 0 && event.len > 0;
  const std::string path = of_subdirectory ? join_path(*known, event.name) : std::string();
  if (of_subdirectory && tree_.skips(path)) {
    return {};
  }
  if (event.wd != seen.last_watch) {
    seen.changed.insert(*known);
    seen.last_watch = event.wd;
  }
  if (of_subdirectory) {
    return follow_subdirectory(event.mask, path, seen);
  }
  return {};
}

Result<void> InotifyWatcher::follow_subdirectory(std::uint32_t mask, const std::string& path,
                                                 Seen& seen) {
  constexpr std::uint32_t kNameChanged = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
  if ((mask & kNameChanged) != 0) {
    // Whatever stands there now is taken anew, also when it went: an exchange tells of the old
    // directory's leaving after the new one's coming.
    tree_.remove(path);
    return tree_.add(path, seen.changed);
  }
  if ((mask & IN_ATTRIB) != 0 && !tree_.watches(path)) {
    return tree_.add(path, seen.changed);  // Perhaps it may be listed since.
  }
  return {};
}

Result<void> InotifyWatcher::take_events(Seen& seen) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(kEventBuffer);
  const int inotify = tree_.inotify();
  for (int round = 0; round < kBuffersPerWait && !seen.overflow; ++round) {
    const ssize_t size =
        retry_interrupted([&] { return ::read(inotify, buffer.get(), kEventBuffer); });
    if (size < 0) {
      return errno == EAGAIN ? Result<void>() : last_error("read events", "");
    }
    for (ssize_t at = 0; at < size;) {
      const auto* event = reinterpret_cast<const struct inotify_event*>(buffer.get() + at);
      at += static_cast<ssize_t>(sizeof *event + event->len);
      TRY(take_event(*event, seen));
    }
  }
  return {};
}

// The event that told of the root's end may be among the lost ones.
bool InotifyWatcher::root_stands() const {
  const auto watched = stat_at(tree_.root(), "");
  // Its path may lead through symlinks, which a trailing "." resolves.
  const auto named = stat_at(AT_FDCWD, (root_path_ + "/.").c_str());
  return tree_.watches("") && watched.ok() && named.ok() && watched->inode == named->inode &&
         watched->device == named->device;
}

Result<std::vector<WatchEvent>> InotifyWatcher::wait(std::chrono::milliseconds timeout) {
  const rt::Lock lock(mutex_);
  std::array<struct pollfd, 2> sources{pollfd{tree_.inotify(), POLLIN, 0},
                                       pollfd{wake_.number(), POLLIN, 0}};
  const auto pause =
      static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(timeout.count(), 0, INT_MAX));
  // A signal may end the wait early, which an empty answer allows.
  if (::poll(sources.data(), sources.size(), pause) < 0 && errno != EINTR) {
    return last_error("wait for events", "");
  }
  std::uint64_t woken = 0;
  [[maybe_unused]] const ssize_t drained = ::read(wake_.number(), &woken, sizeof woken);

  Seen seen;
  TRY(take_events(seen));
  std::vector<WatchEvent> events;
  if (seen.gone) {
    events.push_back({WatchEvent::What::kGone, ""});
    return events;
  }
  if (seen.overflow) {
    // Directories may have come unseen, so every watch is taken again before the caller lists.
    TRY(tree_.restart());
    if (!root_stands()) {
      events.push_back({WatchEvent::What::kGone, ""});
      return events;
    }
    events.push_back({WatchEvent::What::kOverflow, ""});
    return events;
  }
  for (const std::string& path : seen.changed) {
    events.push_back({WatchEvent::What::kChanged, path});
  }
  return events;
}

}  // namespace

Result<std::unique_ptr<Watcher>> watch_os_directory(
    const std::string& absolute_path, std::function<bool(std::string_view path)> skip) {
  if (!absolute_path.starts_with('/') || absolute_path.find('\0') != std::string::npos) {
    return Error(Code::kInvalidArgument, "not an absolute path").with_context(absolute_path);
  }
  Descriptor root(retry_interrupted(
      [&] { return ::open(absolute_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!root.is_open()) {
    return last_error("watch", absolute_path);
  }
  Descriptor wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake.is_open()) {
    return last_error("watch", absolute_path);
  }
  auto watcher = std::make_unique<InotifyWatcher>(absolute_path, std::move(root), std::move(skip),
                                                  std::move(wake));
  TRY(watcher->start());
  return std::unique_ptr<Watcher>(std::move(watcher));
}

}  // namespace ox::fs
