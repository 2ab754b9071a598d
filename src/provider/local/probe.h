#pragma once

#include "fs/fs.h"
#include "provider/local/local_root.h"

namespace ox::provider {

/// Tries out in `stage` (a folder of ours) what the file system can do. Leaves nothing behind,
/// whatever fails. `prefix` begins the names it uses. The facts of the file system itself, of our
/// folder and of the clock are the caller's.
Result<RootFacts> probe_file_system(fs::Directory& stage, const fs::FileSystemInfo& info,
                                    const std::string& prefix, rt::Clock& clock);

/// The same by knowledge instead of trial, where nothing may be written: what a file system of this
/// type is known for.
RootFacts guess_file_system(fs::Directory& root, const fs::FileSystemInfo& info);

/// Takes back everything that needs writing.
void make_read_only(Capabilities& capabilities);

}  // namespace ox::provider
