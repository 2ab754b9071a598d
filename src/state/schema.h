#pragma once

#include "state/database.h"

namespace ox::state {

/// "OxSt": tells a store of ours from other SQLite files.
inline constexpr std::uint64_t kApplicationId = 0x4F785374;
inline constexpr std::uint64_t kSchemaVersion = 1;

/// Checks that a fresh connection is a store of ours, or makes an empty file one. kCorrupt for
/// another database, kUnsupported for a newer store, kNotFound for an empty one opened to read.
Result<void> prepare_schema(Database& database, OpenMode mode);

}  // namespace ox::state
