#include "sync/renew.h"

#include <algorithm>
#include <set>

namespace ox::sync {

namespace {

constexpr std::size_t kVersionsInACommit = 4096;

/// The records of these versions as they are to be; several replicas may share one.
Result<state::Commit> renewed(state::Store& store, std::span<const SettledVersion> versions) {
  state::Commit commit;
  for (const SettledVersion& version : versions) {
    const bool same_record = !commit.nodes.empty() &&
                             commit.nodes.back().stored->parent == version.directory &&
                             commit.nodes.back().stored->name == version.name;
    if (!same_record) {
      TRY_ASSIGN(std::optional<tree::NodeRecord> record,
                 store.find_child(version.directory, version.name));
      if (!record.has_value()) {
        continue;
      }
      commit.nodes.push_back(
          {.id = record->id, .stored = record->agreed, .record = std::move(record)});
    }
    auto& side = commit.nodes.back().record->sides[version.replica].acknowledged;
    if (side.has_value() && side->fingerprint.same_version(version.fingerprint)) {
      side->fingerprint = version.fingerprint;
    }
  }
  return commit;
}

}  // namespace

Result<void> renew_fingerprints(state::Store& store, const std::vector<EngineReplica>& replicas,
                                const std::vector<SettledVersion>& versions) {
  std::set<ReplicaIndex> concerned;
  for (const SettledVersion& version : versions) {
    concerned.insert(version.replica);
  }
  std::erase_if(concerned,
                [&](ReplicaIndex i) { return !replicas[i].provider->make_durable().ok(); });
  std::vector<SettledVersion> durable;
  std::ranges::copy_if(versions, std::back_inserter(durable), [&](const SettledVersion& version) {
    return concerned.contains(version.replica);
  });
  std::ranges::sort(durable, {}, [](const SettledVersion& version) {
    return std::tie(version.directory, version.name, version.replica);
  });
  for (std::size_t begin = 0; begin < durable.size();) {
    std::size_t end = std::min(begin + kVersionsInACommit, durable.size());
    while (end < durable.size() && durable[end].directory == durable[end - 1].directory &&
           durable[end].name == durable[end - 1].name) {
      ++end;
    }
    TRY_ASSIGN(state::Commit commit,
               renewed(store, std::span(durable).subspan(begin, end - begin)));
    commit.durable = false;
    TRY(store.commit(commit));
    begin = end;
  }
  return {};
}

}  // namespace ox::sync
