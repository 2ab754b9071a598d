#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fs/fs.h"
#include "fs/os/descriptor.h"

namespace ox::fs {

/// The inotify watches of one tree: which watch stands for which directory. inotify knows inodes
/// while we speak of paths, so a watch whose directory moves is dropped and taken again.
///
/// Not safe from several threads; its owner guards it.
class WatchTree {
 public:
  using Skip = std::function<bool(std::string_view path)>;

  /// `root` is an open descriptor of the watched directory.
  WatchTree(Descriptor root, Skip skip);

  /// Drops all watches and events and watches the whole tree anew.
  Result<void> restart();
  /// Watches `path` and all directories below it, and names each of them in `changed`. A path that
  /// is no directory (any more) is no error.
  Result<void> add(const std::string& path, std::set<std::string>& changed);
  /// Drops the watches of `path` and of everything below it.
  void remove(const std::string& path);
  /// The kernel dropped `watch` by itself.
  void forget(int watch);

  /// The directory that `watch` stands for; null when it was dropped.
  const std::string* find_path(int watch) const;
  bool skips(std::string_view path) const { return skip_ && skip_(path); }
  bool watches(std::string_view path) const { return watches_.find(path) != watches_.end(); }
  int root() const { return root_.number(); }
  /// The watch that tells of removals beside the root, the root's own among them; -1 is none.
  int parent_watch() const { return parent_watch_; }
  int inotify() const { return inotify_.number(); }

 private:
  void watch_parent();
  Result<void> watch_one(const std::string& path, std::set<std::string>& changed,
                         std::vector<std::string>& pending);

  Descriptor root_;
  Skip skip_;
  Descriptor inotify_;
  int parent_watch_ = -1;
  std::unordered_map<int, std::string> paths_;
  std::map<std::string, int, std::less<>> watches_;
};

/// `directory` and `name` joined; the root is the empty path.
std::string join_path(std::string_view directory, std::string_view name);

}  // namespace ox::fs
