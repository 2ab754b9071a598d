#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "provider/local/local_root.h"

namespace ox::provider {

/// The one line of `.syncoxiders/id/<rule>`:
/// "syncoxiders-id 1 <rule> <replica> <epoch> <file system's UUID or ->\n", single spaces, decimal
/// numbers without leading zeros.
std::string format_identity(const RootIdentity& identity);
/// kCorrupt for anything that format_identity() does not write.
Result<RootIdentity> parse_identity(std::string_view text);

bool is_rule(std::string_view text);

Result<std::optional<RootIdentity>> read_local_identity(LocalRoot& root, std::string_view rule);
Result<void> write_local_identity(LocalRoot& root, const RootIdentity& identity);

}  // namespace ox::provider
