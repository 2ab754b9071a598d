#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "fs/fs.h"
#include "provider/provider.h"
#include "rt/clock.h"
#include "rt/random.h"

namespace ox::provider {

/// How much opening a root may do to it.
enum class LocalOpening : std::uint8_t {
  /// Tries out what the file system can do, in `.syncoxiders/stage/<rule>/`. A root that refuses
  /// writes is opened all the same, as one that can only be read.
  kProbe,
  /// Writes nothing, now or later: every write is kReadOnly. What would have been probed is guessed
  /// from the type of the file system (for dry runs).
  kLookOnly,
};

struct LocalOptions {
  std::unique_ptr<fs::Directory> root;
  std::string rule;              ///< 32 hexadecimal digits: names our part of the stage
  rt::Clock* clock = nullptr;    ///< none: the system's
  rt::Random* random = nullptr;  ///< none: the system's; names staging folders
  std::string os_path;           ///< for the watcher; empty: watch() is kUnsupported
  LocalOpening opening = LocalOpening::kProbe;
  std::uint64_t resume_threshold = 16ULL << 20U;  ///< bytes; smaller files are not resumable
  std::uint64_t resume_chunk = 8ULL << 20U;       ///< bytes between two checkpoints
};

/// A replica in a directory, on any fs::Directory. Preconditions of directories ask only for the
/// same directory (by id, where ids are stable), since their times change with every child.
/// Replaced and removed versions are moved to the trash of this root, which must be on one file
/// system; entries of other file systems mounted below come as kOther and are kUnreachable.
/// kInvalidArgument for a bad rule, kNotADirectory when our own folder's name is taken by something
/// else, otherwise what the file system answers.
Result<std::unique_ptr<Provider>> make_local_provider(LocalOptions options);

}  // namespace ox::provider
