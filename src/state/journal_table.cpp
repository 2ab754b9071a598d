#include "state/journal_table.h"

#include <algorithm>
#include <cstring>

#include "state/action_codec.h"
#include "state/checksum.h"

namespace ox::state {
namespace {

constexpr char kGetNote[] = "SELECT body FROM note WHERE key=?";
constexpr char kPutNote[] = "INSERT OR REPLACE INTO note(key, body) VALUES(?,?)";
constexpr char kPutBatch[] =
    "INSERT OR REPLACE INTO batch(run, number, open, body) VALUES(?,?,?,?)";
constexpr char kOpenBatches[] = "SELECT body FROM batch WHERE open=1 ORDER BY run, number";
constexpr char kBatchesOfRun[] = "SELECT body FROM batch WHERE run=? ORDER BY number";
constexpr char kPutRun[] = "INSERT OR REPLACE INTO run(id, body) VALUES(?,?)";
constexpr char kRuns[] = "SELECT body FROM run ORDER BY id DESC LIMIT ?";
constexpr char kRun[] = "SELECT body FROM run WHERE id=?";
constexpr char kPutConflict[] = "INSERT INTO conflict(body) VALUES(?)";
constexpr char kConflicts[] = "SELECT body FROM conflict ORDER BY position";
constexpr char kPutVersion[] =
    "INSERT OR REPLACE INTO version(moment, replica, trashed, node, path, body) "
    "VALUES(?,?,?,?,?,?)";
constexpr char kVersionsOfPath[] =
    "SELECT body FROM version WHERE path=? ORDER BY moment DESC, position DESC";
constexpr char kVersionsOfNode[] =
    "SELECT body FROM version WHERE node=? ORDER BY moment DESC, position DESC";
constexpr char kVersionsOfReplica[] =
    "SELECT body FROM version WHERE replica=? ORDER BY moment DESC, position DESC";
constexpr char kDropVersion[] = "DELETE FROM version WHERE replica=? AND trashed=?";
constexpr char kDropProblems[] = "DELETE FROM problem";
constexpr char kPutProblem[] = "INSERT INTO problem(body) VALUES(?)";
constexpr char kProblems[] = "SELECT body FROM problem ORDER BY position";
constexpr char kPutMergeBase[] = "INSERT OR IGNORE INTO merge_base(digest, body) VALUES(?,?)";
constexpr char kMergeBase[] = "SELECT body FROM merge_base WHERE digest=?";
constexpr char kMergeBases[] = "SELECT digest FROM merge_base";
constexpr char kDropMergeBase[] = "DELETE FROM merge_base WHERE digest=?";

/// All rows of a query whose first column is a sealed body.
template <typename T>
Result<std::vector<T>> read_all(Query& query, Result<T> (*decode)(BytesView)) {
  std::vector<T> records;
  while (true) {
    TRY_ASSIGN(const bool found, query.step());
    if (!found) {
      return records;
    }
    TRY_ASSIGN(const BytesView body, query.body(0));
    TRY_ASSIGN(T record, decode(body));
    records.push_back(std::move(record));
  }
}

Result<std::optional<Bytes>> read_one(Query& query) {
  TRY_ASSIGN(const bool found, query.step());
  if (!found) {
    return std::optional<Bytes>();
  }
  TRY_ASSIGN(const BytesView body, query.body(0));
  return std::optional<Bytes>(Bytes(body.begin(), body.end()));
}

/// For a table of position and body.
Result<void> append(Database& database, const char* sql, Bytes body) {
  const Bytes row = seal(std::move(body));
  TRY_ASSIGN(Query query, database.query(sql));
  return query.bind(BytesView(row)).run();
}

Result<void> write_batch(Database& database, const ActionBatch& batch) {
  const Bytes row = seal(encode_batch(batch));
  TRY_ASSIGN(Query query, database.query(kPutBatch));
  query.bind(batch.run.value).bind(batch.number).bind(std::uint64_t{batch.open});
  return query.bind(BytesView(row)).run();
}

Result<void> write_run(Database& database, const RunRecord& run) {
  const Bytes row = seal(encode_run(run));
  TRY_ASSIGN(Query query, database.query(kPutRun));
  return query.bind(run.id.value).bind(BytesView(row)).run();
}

Result<void> write_version(Database& database, const VersionRecord& version) {
  const Bytes row = seal(encode_version(version));
  TRY_ASSIGN(Query query, database.query(kPutVersion));
  query.bind(static_cast<std::uint64_t>(version.when.ns)).bind(std::uint64_t{version.replica});
  query.bind(std::string_view(version.trashed.text())).bind(version.node.value);
  query.bind(std::string_view(version.path.text())).bind(BytesView(row));
  return query.run();
}

Result<void> write_merge_base(Database& database, const Digest& digest, Bytes content) {
  const Bytes row = seal(std::move(content));
  TRY_ASSIGN(Query query, database.query(kPutMergeBase));
  return query.bind(BytesView(digest.bytes)).bind(BytesView(row)).run();
}

Result<void> drop_versions(Database& database, const Commit& commit) {
  if (commit.purged_paths_of_replica.empty()) {
    return {};
  }
  if (!commit.purged_replica) {
    return Error(Code::kInvalidArgument, "purged paths of no replica");
  }
  for (const RelPath& path : commit.purged_paths_of_replica) {
    TRY_ASSIGN(Query query, database.query(kDropVersion));
    query.bind(std::uint64_t{*commit.purged_replica}).bind(std::string_view(path.text()));
    TRY(query.run());
  }
  return {};
}

Result<void> replace_problems(Database& database, const std::vector<Problem>& problems) {
  TRY(database.execute(kDropProblems));
  for (const Problem& problem : problems) {
    TRY(append(database, kPutProblem, encode_problem(problem)));
  }
  return {};
}

}  // namespace

Result<std::optional<Bytes>> read_note(Database& database, Note note) {
  TRY_ASSIGN(Query query, database.query(kGetNote));
  query.bind(static_cast<std::uint64_t>(note));
  return read_one(query);
}

Result<void> write_note(Database& database, Note note, Bytes body) {
  const Bytes row = seal(std::move(body));
  TRY_ASSIGN(Query query, database.query(kPutNote));
  return query.bind(static_cast<std::uint64_t>(note)).bind(BytesView(row)).run();
}

Result<void> write_journal(Database& database, const Commit& commit) {
  for (const ActionBatch& batch : commit.batches) {
    TRY(write_batch(database, batch));
  }
  for (const RunRecord& run : commit.runs) {
    TRY(write_run(database, run));
  }
  for (const ConflictRecord& conflict : commit.conflicts) {
    TRY(append(database, kPutConflict, encode_conflict(conflict)));
  }
  // A purge speaks of what stood before this commit.
  TRY(drop_versions(database, commit));
  for (const VersionRecord& version : commit.versions) {
    TRY(write_version(database, version));
  }
  if (commit.problems) {
    TRY(replace_problems(database, *commit.problems));
  }
  for (const auto& [digest, content] : commit.merge_bases) {
    TRY(write_merge_base(database, digest, content));
  }
  if (commit.facts) {
    TRY(write_note(database, Note::kFacts, encode_facts(*commit.facts)));
  }
  if (commit.held) {
    TRY(write_note(database, Note::kHeld, encode_names(*commit.held)));
  }
  if (commit.approved) {
    TRY(write_note(database, Note::kApproved, encode_names(*commit.approved)));
  }
  return {};
}

Result<std::vector<ActionBatch>> read_open_batches(Database& database) {
  TRY_ASSIGN(Query query, database.query(kOpenBatches));
  return read_all(query, decode_batch);
}

Result<std::vector<ActionBatch>> read_batches(Database& database, RunId run) {
  TRY_ASSIGN(Query query, database.query(kBatchesOfRun));
  query.bind(run.value);
  return read_all(query, decode_batch);
}

Result<std::vector<RunRecord>> read_runs(Database& database, std::uint64_t limit) {
  TRY_ASSIGN(Query query, database.query(kRuns));
  // SQLite reads a negative limit as none.
  query.bind(std::min<std::uint64_t>(limit, INT64_MAX));
  return read_all(query, decode_run);
}

Result<std::optional<RunRecord>> find_run_record(Database& database, RunId run) {
  TRY_ASSIGN(Query query, database.query(kRun));
  query.bind(run.value);
  TRY_ASSIGN(std::vector<RunRecord> found, read_all(query, decode_run));
  return found.empty() ? std::nullopt : std::optional<RunRecord>(std::move(found.front()));
}

Result<std::vector<ConflictRecord>> read_conflicts(Database& database) {
  TRY_ASSIGN(Query query, database.query(kConflicts));
  return read_all(query, decode_conflict);
}

Result<std::vector<VersionRecord>> read_versions(Database& database, const RelPath& path) {
  TRY_ASSIGN(Query query, database.query(kVersionsOfPath));
  query.bind(std::string_view(path.text()));
  return read_all(query, decode_version);
}

Result<std::vector<VersionRecord>> read_versions_of(Database& database, NodeId node) {
  TRY_ASSIGN(Query query, database.query(kVersionsOfNode));
  query.bind(node.value);
  return read_all(query, decode_version);
}

Result<std::vector<VersionRecord>> read_trash(Database& database, ReplicaIndex replica) {
  TRY_ASSIGN(Query query, database.query(kVersionsOfReplica));
  query.bind(std::uint64_t{replica});
  return read_all(query, decode_version);
}

Result<std::vector<Problem>> read_problems(Database& database) {
  TRY_ASSIGN(Query query, database.query(kProblems));
  return read_all(query, decode_problem);
}

Result<std::optional<Bytes>> read_merge_base(Database& database, const Digest& digest) {
  TRY_ASSIGN(Query query, database.query(kMergeBase));
  query.bind(BytesView(digest.bytes));
  return read_one(query);
}

Result<std::vector<Digest>> read_merge_base_digests(Database& database) {
  std::vector<Digest> digests;
  TRY_ASSIGN(Query query, database.query(kMergeBases));
  while (true) {
    TRY_ASSIGN(const bool found, query.step());
    if (!found) {
      return digests;
    }
    const BytesView key = query.bytes(0);
    Digest digest;
    if (key.size() != digest.bytes.size()) {
      return Error(Code::kCorrupt, "a merge base of the state has no digest");
    }
    std::memcpy(digest.bytes.data(), key.data(), key.size());
    digests.push_back(digest);
  }
}

Result<void> keep_only_merge_bases(Database& database, const std::vector<Digest>& keep) {
  std::vector<Digest> sorted = keep;
  std::sort(sorted.begin(), sorted.end());
  TRY_ASSIGN(const std::vector<Digest> all, read_merge_base_digests(database));
  for (const Digest& digest : all) {
    if (!std::binary_search(sorted.begin(), sorted.end(), digest)) {
      TRY_ASSIGN(Query query, database.query(kDropMergeBase));
      TRY(query.bind(BytesView(digest.bytes)).run());
    }
  }
  return {};
}

}  // namespace ox::state
