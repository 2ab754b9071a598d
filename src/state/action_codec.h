#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "state/journal.h"
#include "state/store.h"

/// Bytes of the journal's records. Every body begins with a version; decoding is strict: kCorrupt
/// for any bytes that encoding doesn't write. Exact format: docs/formats/state.md.
namespace ox::state {

Bytes encode_batch(const ActionBatch& batch);
Result<ActionBatch> decode_batch(BytesView body);

Bytes encode_conflict(const ConflictRecord& record);
Result<ConflictRecord> decode_conflict(BytesView body);

Bytes encode_version(const VersionRecord& record);
Result<VersionRecord> decode_version(BytesView body);

Bytes encode_run(const RunRecord& record);
Result<RunRecord> decode_run(BytesView body);

Bytes encode_problem(const Problem& problem);
Result<Problem> decode_problem(BytesView body);

Bytes encode_facts(const RuleFacts& facts);
Result<RuleFacts> decode_facts(BytesView body);

/// A list of names, as `held` and `approved`.
Bytes encode_names(const std::vector<std::string>& names);
Result<std::vector<std::string>> decode_names(BytesView body);

}  // namespace ox::state
