#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace ox::app {

enum class Standing : std::uint8_t { kDirectory, kMissing, kSomethingElse };

/// One root as typed and as it is.
struct Root {
  std::string path;  ///< canonical
  Standing standing = Standing::kDirectory;

  friend bool operator==(const Root&, const Root&) = default;
};

/// Finds each root's canonical path and refuses, by kInvalidArgument, lists that can be no rule:
/// fewer than two, more than sixteen, the same one twice (by path or by device and inode), one
/// inside another (also through a bind mount). Changes nothing.
Result<std::vector<Root>> find_roots(const std::vector<std::string>& typed);

/// Makes the directories of roots that are missing, parents included.
Result<void> create_missing(std::vector<Root>& roots);

/// A short name for each root, unlike all the others': its last word, else as many words from its
/// end as it takes, joined by '-'.
std::vector<std::string> labels_of(const std::vector<std::string>& paths);

/// The rule that these roots make, in whatever order: 32 hexadecimal digits.
std::string rule_id_of(std::vector<std::string> paths);
/// The rule of a name.
std::string rule_id_of_name(std::string_view name);

}  // namespace ox::app
