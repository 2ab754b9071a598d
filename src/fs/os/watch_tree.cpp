#include "fs/os/watch_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <memory>

namespace ox::fs {
namespace {

constexpr std::uint32_t kWatched = IN_ATTRIB | IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE | IN_DELETE |
                                   IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |
                                   IN_ONLYDIR | IN_EXCL_UNLINK;
// One call takes a path of at most PATH_MAX bytes; a tree can be deeper.
constexpr std::size_t kLongestPiece = 4000;
constexpr std::size_t kListingBuffer = std::size_t{32} * 1024;

Descriptor open_piece(int directory, const std::string& piece) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  struct open_how how{};
  how.flags = kFlags;
  how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;
  const long opened = retry_interrupted(
      [&] { return ::syscall(SYS_openat2, directory, piece.c_str(), &how, sizeof how); });
  if (opened < 0 && (errno == ENOSYS || errno == EPERM || errno == EAGAIN)) {
    // Sandboxes refuse the newer call, and a rename elsewhere can disturb it.
    return Descriptor(::openat(directory, piece.c_str(), kFlags));
  }
  return Descriptor(static_cast<int>(opened));
}

// Opens the directory `path` below `root` without following a symlink anywhere on the way.
Descriptor open_below(int root, std::string_view path) {
  Descriptor current(::openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  while (current.is_open() && !path.empty()) {
    std::size_t cut = path.size();
    if (cut > kLongestPiece) {
      cut = path.rfind('/', kLongestPiece);
      if (cut == std::string_view::npos) {
        errno = ENAMETOOLONG;
        return {};
      }
    }
    current = open_piece(current.number(), std::string(path.substr(0, cut)));
    path.remove_prefix(cut == path.size() ? cut : cut + 1);
  }
  return current;
}

// What only means that the directory went away or was never one: its parent tells the rest.
bool means_gone(int number) {
  return number == ENOENT || number == ENOTDIR || number == ELOOP || number == ESTALE;
}

Error watching_error(std::string_view path) {
  if (errno == ENOSPC) {
    return Error(Code::kUnsupported,
                 "the limit of inotify watches is reached; raise fs.inotify.max_user_watches")
        .with_context(path);
  }
  return last_error("watch", path);
}

// Calls `found(name)` for each entry that is or may be a directory.
template <typename Found>
Result<void> for_each_subdirectory(int directory, const Found& found) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(kListingBuffer);
  for (;;) {
    const ssize_t size =
        retry_interrupted([&] { return ::getdents64(directory, buffer.get(), kListingBuffer); });
    if (size <= 0) {
      return size == 0 || means_gone(errno) ? Result<void>() : last_error("list", "");
    }
    for (ssize_t at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const struct dirent64*>(buffer.get() + at);
      at += entry->d_reclen;
      const std::string_view name = entry->d_name;
      if ((entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) && name != "." && name != "..") {
        found(name);
      }
    }
  }
}

}  // namespace

std::string join_path(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty() && !name.empty()) {
    path += '/';
  }
  return path += name;
}

WatchTree::WatchTree(Descriptor root, Skip skip) : root_(std::move(root)), skip_(std::move(skip)) {}

Result<void> WatchTree::restart() {
  // Closing it frees all watches and queued events at once.
  inotify_ = Descriptor();
  paths_.clear();
  watches_.clear();
  inotify_ = Descriptor(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify_.is_open()) {
    if (errno == EMFILE) {
      return Error(Code::kUnsupported,
                   "no inotify instance is left; raise fs.inotify.max_user_instances or the limit "
                   "of open files");
    }
    return last_error("inotify", "");
  }
  watch_parent();
  std::set<std::string> all;
  return add("", all);
}

// The kernel tells of a directory's removal only when nobody holds it open, and we do. Where the
// parent may not be read, the removal goes unnoticed until somebody lists the root.
void WatchTree::watch_parent() {
  parent_watch_ = -1;
  const Descriptor parent(::openat(root_.number(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto above = stat_at(parent.number(), "");
  const auto root = stat_at(root_.number(), "");
  if (!parent.is_open() || !above.ok() || !root.ok() ||
      (above->inode == root->inode && above->device == root->device)) {
    return;
  }
  const std::string exact = "/proc/self/fd/" + std::to_string(parent.number());
  parent_watch_ = ::inotify_add_watch(inotify_.number(), exact.c_str(), IN_DELETE | IN_ONLYDIR);
}

Result<void> WatchTree::add(const std::string& path, std::set<std::string>& changed) {
  std::vector<std::string> pending{path};
  while (!pending.empty()) {
    const std::string next = std::move(pending.back());
    pending.pop_back();
    if (next.empty() || !skips(next)) {
      TRY(watch_one(next, changed, pending));
    }
  }
  return {};
}

Result<void> WatchTree::watch_one(const std::string& path, std::set<std::string>& changed,
                                  std::vector<std::string>& pending) {
  const Descriptor directory = open_below(root_.number(), path);
  if (!directory.is_open()) {
    if (means_gone(errno)) {
      return {};
    }
    if (errno == EACCES) {
      // Nobody lets us list it, so there is nothing to watch; a chmod shows in its parent.
      changed.insert(path);
      return {};
    }
    return last_error("watch", path);
  }
  // By descriptor, so that nothing put in the path's place meanwhile is watched instead.
  const std::string exact = "/proc/self/fd/" + std::to_string(directory.number());
  const int watch = ::inotify_add_watch(inotify_.number(), exact.c_str(), kWatched);
  if (watch < 0) {
    if (means_gone(errno)) {
      return {};
    }
    return watching_error(path);
  }
  // An inode keeps its watch wherever it moves: the older path is the stale one.
  if (const auto known = paths_.find(watch); known != paths_.end() && known->second != path) {
    if (const auto stale = watches_.find(known->second);
        stale != watches_.end() && stale->second == watch) {
      watches_.erase(stale);
    }
  }
  paths_[watch] = path;
  watches_[path] = watch;
  changed.insert(path);
  // Listed only after it is watched: what appears in between is seen at least once.
  return for_each_subdirectory(
      directory.number(), [&](std::string_view name) { pending.push_back(join_path(path, name)); });
}

void WatchTree::remove(const std::string& path) {
  const auto drop = [&](std::map<std::string, int, std::less<>>::iterator at) {
    ::inotify_rm_watch(inotify_.number(), at->second);
    paths_.erase(at->second);
    return watches_.erase(at);
  };
  if (const auto exact = watches_.find(path); exact != watches_.end()) {
    drop(exact);
  }
  const std::string below = path + '/';
  for (auto at = watches_.lower_bound(below);
       at != watches_.end() && at->first.starts_with(below);) {
    at = drop(at);
  }
}

void WatchTree::forget(int watch) {
  const auto known = paths_.find(watch);
  if (known == paths_.end()) {
    return;
  }
  if (const auto at = watches_.find(known->second); at != watches_.end() && at->second == watch) {
    watches_.erase(at);
  }
  paths_.erase(known);
}

const std::string* WatchTree::find_path(int watch) const {
  const auto known = paths_.find(watch);
  return known == paths_.end() ? nullptr : &known->second;
}

}  // namespace ox::fs
