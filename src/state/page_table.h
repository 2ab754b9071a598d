#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "state/database.h"

/// The nodes of the state in its database: pages by directory, and beside them what has no agreed
/// value and what stands elsewhere than agreed.
namespace ox::state {

/// A page with fewer records is joined with the one behind it when it is written.
inline constexpr std::size_t kJoinBelowRecords = 64;

Result<std::vector<Bytes>> read_pages(Database& database, NodeId directory);
Result<std::optional<tree::NodeRecord>> find_record(Database& database, NodeId directory,
                                                    std::string_view name);
Result<std::vector<tree::NodeRecord>> read_unsettled(Database& database);

/// Changes all nodes; the caller holds a transaction. kInvalidArgument when a change doesn't fit
/// what stands: a `stored` place that another node or none holds, two nodes of one name, a node
/// twice. Returns by how much the number of agreed nodes grew, the root not counted.
Result<std::int64_t> change_nodes(Database& database, std::span<const NodeChange> changes);

}  // namespace ox::state
