#pragma once

#include <optional>
#include <vector>

#include "state/database.h"

/// All of the state that is not nodes, in its database. Writers expect a transaction of the caller.
namespace ox::state {

/// The single values of a store, by key.
enum class Note : std::uint8_t { kFacts, kHeld, kApproved, kNodeCount };

Result<std::optional<Bytes>> read_note(Database& database, Note note);
Result<void> write_note(Database& database, Note note, Bytes body);

Result<void> write_journal(Database& database, const Commit& commit);

Result<std::vector<ActionBatch>> read_open_batches(Database& database);
Result<std::vector<ActionBatch>> read_batches(Database& database, RunId run);
Result<std::vector<RunRecord>> read_runs(Database& database, std::uint64_t limit);
Result<std::optional<RunRecord>> find_run_record(Database& database, RunId run);
Result<std::vector<ConflictRecord>> read_conflicts(Database& database);
Result<std::vector<VersionRecord>> read_versions(Database& database, const RelPath& path);
Result<std::vector<VersionRecord>> read_versions_of(Database& database, NodeId node);
Result<std::vector<VersionRecord>> read_trash(Database& database, ReplicaIndex replica);
Result<std::vector<Problem>> read_problems(Database& database);
Result<std::optional<Bytes>> read_merge_base(Database& database, const Digest& digest);
Result<std::vector<Digest>> read_merge_base_digests(Database& database);
Result<void> keep_only_merge_bases(Database& database, const std::vector<Digest>& keep);

}  // namespace ox::state
