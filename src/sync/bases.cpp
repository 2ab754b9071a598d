#include "sync/bases.h"

#include <algorithm>
#include <optional>

#include "crypto/digest.h"
#include "sync/sources.h"
#include "sync/text_merge.h"

namespace ox::sync {

namespace {

constexpr std::uint64_t kMaxBaseBytes = 1U << 20U;

std::optional<RelPath> agreed_path(const Ledger& ledger, const tree::NodeRecord& record) {
  std::vector<std::string_view> names;
  for (const tree::NodeRecord* at = &record; at->id != kRootNode;) {
    if (!at->agreed.has_value()) {
      return std::nullopt;
    }
    names.push_back(at->agreed->name);
    at = ledger.find(at->agreed->parent);
    if (at == nullptr) {
      return std::nullopt;
    }
  }
  RelPath path;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    path = path.child(*name);
  }
  return path;
}

std::optional<Bytes> read_agreed(const Ledger& ledger, const tree::NodeRecord& record,
                                 const std::vector<EngineReplica>& replicas) {
  const std::optional<RelPath> path = agreed_path(ledger, record);
  if (!path.has_value()) {
    return std::nullopt;
  }
  for (ReplicaIndex i = 0; i < replicas.size(); ++i) {
    if (replicas[i].provider == nullptr || !record.sides[i].acknowledged.has_value()) {
      continue;
    }
    const auto source = replicas[i].provider->open(*path, nullptr);
    if (!source.ok()) {
      continue;
    }
    Result<Bytes> bytes = read_small(**source, kMaxBaseBytes);
    if (bytes.ok() && crypto::sha256(*bytes) == record.agreed->content.digest) {
      return std::move(*bytes);
    }
  }
  return std::nullopt;
}

}  // namespace

Result<void> keep_bases(state::Store& store, const Ledger& ledger,
                        const std::vector<EngineReplica>& replicas,
                        const std::map<Digest, Bytes>& merged, bool all_texts) {
  state::Commit commit;
  for (const NodeId id : ledger.changed_files()) {
    const tree::NodeRecord* record = ledger.find(id);
    if (record == nullptr || !record->agreed.has_value() ||
        !record->agreed->content.digest.has_value() ||
        record->agreed->content.size > kMaxBaseBytes ||
        (!all_texts && record->agreed->name != kIgnoreFileName)) {
      continue;
    }
    const Digest& digest = *record->agreed->content.digest;
    TRY_ASSIGN(const std::optional<Bytes> kept, store.merge_base(digest));
    if (kept.has_value()) {
      continue;
    }
    const auto text = merged.find(digest);
    std::optional<Bytes> bytes =
        text != merged.end() ? std::optional(text->second) : read_agreed(ledger, *record, replicas);
    if (bytes.has_value() && is_text(*bytes)) {
      commit.merge_bases.emplace_back(digest, std::move(*bytes));
    }
  }
  return commit.merge_bases.empty() ? Result<void>{} : store.commit(commit);
}

}  // namespace ox::sync
