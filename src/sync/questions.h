#pragma once

#include <map>

#include "sync/scan.h"

namespace ox::sync {

/// Reads the files the planner asks for and fills their digests in. One that can't be read counts
/// as unreadable in this pass and is reported; true: some had changed, so scan again.
Result<bool> answer_digests(const plan::NeedDigests& need, plan::Input& input,
                            const std::vector<EngineReplica>& replicas, const Services& services,
                            std::size_t width, std::vector<plan::Report>& reports,
                            std::stop_token stop);

/// Merges the texts the planner asks for; the results' bytes go to `merged`.
Result<std::vector<plan::MergeAnswer>> answer_merges(const plan::NeedMerge& need,
                                                     const std::vector<plan::Replica>& observed,
                                                     const std::vector<EngineReplica>& replicas,
                                                     state::Store& store,
                                                     std::map<Digest, Bytes>& merged);

/// Path of an observed entry.
RelPath path_of(const plan::Replica& replica, std::uint32_t entry);

/// Nothing is known of this entry in this pass.
void hide(plan::Replica& replica, std::uint32_t entry);

}  // namespace ox::sync
