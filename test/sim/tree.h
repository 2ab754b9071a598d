#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"

/// The simulator: the real engine on simulated disks, driven from a seed, judged by an oracle that
/// shares no code with it.
namespace ox::sim {

enum class NodeKind : std::uint8_t { kFile, kDirectory, kSymlink };

/// One entry of a replica as its user sees it.
struct Node {
  NodeKind kind = NodeKind::kFile;
  std::string bytes;  ///< of a file; of a symlink its target
  std::uint32_t mode = 0;
  Timestamp mtime;
  Timestamp ctime;
  std::uint64_t id = 0;
  std::int64_t birth_ns = 0;

  friend bool operator==(const Node&, const Node&) = default;
};

/// Path → entry, all of a replica but our own folder.
using Tree = std::map<std::string, Node>;

/// What two replicas need not agree on.
struct Tolerance {
  /// Something may be left out on a replica, and is told then.
  bool leaves_out() const { return names || symlinks; }

  bool modes = false;           ///< some replica can't hold them
  bool symlinks = false;        ///< some replica can't hold them
  bool names = false;           ///< some replica can't hold all of them, which is told
  bool mtimes = true;           ///< compared at all
  std::int64_t mtime_step = 1;  ///< the coarsest of all disks
};

/// The first difference that a user would see, as "path: what"; empty when there is none.
std::string first_difference(const Tree& a, const Tree& b, const Tolerance& tolerance);

/// Spellings of "é" are one name to some stores, and which of them stands is nobody's business.
std::string with_one_spelling(std::string path);
Tree with_one_spelling(const Tree& tree);

/// For a person: "x/a file 24 bytes «token 7» 0644".
std::string to_text(const Tree& tree);
/// The first line of a content, or its size when it is none of ours.
std::string title_of(const std::string& bytes);

/// The path that holds `path`; the root is empty.
std::string parent_of(const std::string& path);
std::string join(const std::string& directory, const std::string& name);
/// True when one of the two is the other or stands above it.
bool on_one_line(const std::string& a, const std::string& b);
bool is_within(const std::string& path, const std::string& directory);

}  // namespace ox::sim
