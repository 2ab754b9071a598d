#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "fs/fs.h"
#include "provider/local/local_root.h"

namespace ox::provider {

/// Whose folder a name is taken from. In the tree somebody may save under it meanwhile; in our own
/// folder nobody does.
enum class Whose : std::uint8_t { kUsers, kOurs };

/// In the stage: what a name of the tree that we take away stood for.
inline constexpr std::string_view kAsidePrefix = "parked-aside-";

/// Renames `from_name` to a name that must be free, in the safest way the file system has; `type`
/// is what is moved. kExists when the name is taken, and then nothing changed. Without
/// RENAME_NOREPLACE a file is linked and unlinked, a directory renamed over an empty one of ours.
Result<void> move_to_free_name(LocalRoot& root, Whose whose, fs::NodeType type, fs::Directory& from,
                               const std::string& from_name, fs::Directory& to,
                               const std::string& to_name);

/// The same to a name in our own folder that nobody else takes: where nothing stands there, nothing
/// of ours has to hold it, which after a crash would look like what was to be moved.
Result<void> move_to_private_name(LocalRoot& root, fs::Directory& from,
                                  const std::string& from_name, fs::Directory& to,
                                  const std::string& to_name);

/// Does the entry `name` of `directory` stand for the file that `stat` was taken of?
bool is_same_inode(fs::Directory& directory, const std::string& name, const fs::Stat& stat);

/// `name`, "name~2", "name~3" …, cut to fit `max_bytes` without breaking UTF-8.
std::string numbered_name(const std::string& name, unsigned number, std::size_t max_bytes);

}  // namespace ox::provider
