#include "sync/bases.h"

#include <algorithm>
#include <optional>
#include <set>

#include "crypto/digest.h"
#include "state/page.h"
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

namespace {

constexpr std::uint64_t kPruneEvery = 16;
constexpr std::size_t kFewBases = 64;
constexpr std::size_t kMostDropped = 4096;

void strike_out(std::set<Digest>& unused, const state::ContentView& content) {
  if (content.digest != nullptr) {
    Digest digest;
    std::copy_n(content.digest, digest.bytes.size(), digest.bytes.begin());
    unused.erase(digest);
  }
}

/// Strikes out what the records of one directory name, and adds the directories in it to `below`.
Result<void> strike_out_directory(state::Store& store, NodeId directory, std::set<Digest>& unused,
                                  std::vector<NodeId>& below) {
  TRY_ASSIGN(const std::vector<Bytes> pages, store.pages(directory));
  for (const Bytes& page : pages) {
    state::PageCursor cursor(page, directory);
    while (cursor.next()) {
      const state::RecordView& record = cursor.record();
      if (record.agreed.kind == tree::Kind::kDirectory) {
        below.push_back(record.id);
      }
      strike_out(unused, record.agreed.content);
      for (std::uint32_t i = 0; i < record.side_count; ++i) {
        if (record.sides[i].state == state::SideState::kDiffers) {
          strike_out(unused, record.sides[i].value.content);
        }
      }
    }
    if (!cursor.ok()) {
      return Error(Code::kCorrupt, "a page of the state is damaged");
    }
  }
  return {};
}

}  // namespace

Result<void> prune_bases(state::Store& store, RunId run) {
  if (run.value % kPruneEvery != 0) {
    return {};
  }
  TRY_ASSIGN(const std::vector<Digest> all, store.merge_base_digests());
  if (all.size() <= kFewBases) {
    return {};
  }
  std::set<Digest> unused(all.begin(), all.end());
  for (std::vector<NodeId> waiting{kRootNode}; !waiting.empty() && !unused.empty();) {
    const NodeId directory = waiting.back();
    waiting.pop_back();
    TRY(strike_out_directory(store, directory, unused, waiting));
  }
  TRY_ASSIGN(const std::vector<tree::NodeRecord> unsettled, store.unsettled());
  for (const tree::NodeRecord& record : unsettled) {
    for (const tree::ReplicaSide& side : record.sides) {
      if (side.acknowledged.has_value() && side.acknowledged->value.content.digest.has_value()) {
        unused.erase(*side.acknowledged->value.content.digest);
      }
    }
  }
  std::vector<Digest> kept;
  std::size_t dropped = 0;
  for (const Digest& digest : all) {
    if (unused.contains(digest) && dropped < kMostDropped) {
      ++dropped;
    } else {
      kept.push_back(digest);
    }
  }
  return dropped == 0 ? Result<void>{} : store.keep_merge_bases(kept);
}

}  // namespace ox::sync
