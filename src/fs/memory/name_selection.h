#pragma once

#include <deque>
#include <vector>

#include "fs/memory/disk.h"

namespace ox::fs {

/// Which operations of `log` (oldest first) become durable when `directory` is synced: those in it,
/// and of the others only what a file system that orders its names would never leave behind:
/// earlier ones on the same entry or inode, the emptying of a directory that goes, the place that
/// holds what was moved. The rest can be undone or kept independently of them.
std::vector<bool> select_for_sync(const std::deque<NameOperation>& log, const Inode& directory);

}  // namespace ox::fs
