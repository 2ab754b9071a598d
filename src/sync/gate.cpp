#include "sync/gate.h"

#include <algorithm>

namespace ox::sync {

namespace {

bool writable(const EngineReplica& replica) {
  return replica.provider->capabilities().create != provider::Cas::kNone;
}

enum class Trust : std::uint8_t { kFull, kRebase, kAway };

struct Verdict {
  Trust trust = Trust::kFull;
  std::string reason;
};

/// A root that never took our mark, because it takes no writes: at least it must not be empty.
Result<Verdict> judge_unmarked(const EngineReplica& replica,
                               const std::vector<std::string>& approved, std::stop_token stop) {
  TRY_ASSIGN(const std::vector<tree::Entry> entries,
             replica.provider->list({}, nullptr, std::move(stop)));
  const bool allowed = std::ranges::find(approved, "root " + replica.label) != approved.end();
  if (entries.empty() && !allowed) {
    return Verdict{.trust = Trust::kAway,
                   .reason = "is empty, which it was not before (is a disk not mounted?)"};
  }
  return Verdict{};
}

Result<Verdict> judge(const state::RuleFacts& facts, ReplicaIndex i, const EngineReplica& replica,
                      const std::vector<std::string>& approved, std::stop_token stop) {
  const state::ReplicaFacts& expected = facts.replicas[i];
  if (!expected.known) {
    return Verdict{};
  }
  if (expected.epoch == 0 && expected.pending_epoch == 0 && !writable(replica)) {
    return judge_unmarked(replica, approved, std::move(stop));
  }
  const auto identity = replica.provider->read_identity(facts.id);
  if (!identity.ok() && !identity.failed_with(Code::kCorrupt)) {
    return identity.error();
  }
  if (!identity.ok() || !identity->has_value()) {
    TRY_ASSIGN(const std::vector<tree::Entry> entries, replica.provider->list({}, nullptr, stop));
    const bool allowed = std::ranges::find(approved, "root " + replica.label) != approved.end();
    if (entries.empty() && !allowed) {
      return Verdict{.trust = Trust::kAway,
                     .reason =
                         "is empty and is not the folder that was synced before (is a disk not "
                         "mounted?)"};
    }
    return Verdict{.trust = Trust::kRebase,
                   .reason = replica.label + " does not carry this rule's mark"};
  }
  const provider::RootIdentity& found = **identity;
  if (found.replica != i) {
    return Verdict{.trust = Trust::kRebase,
                   .reason = replica.label + " carries the mark of another replica"};
  }
  if (found.epoch != expected.epoch && found.epoch != expected.pending_epoch) {
    return Verdict{.trust = Trust::kRebase,
                   .reason = found.epoch < expected.epoch
                                 ? replica.label + " was restored from an older copy"
                                 : "the state was restored from an older copy"};
  }
  return Verdict{};
}

}  // namespace

std::string mode_key(const plan::Policy& policy, const state::RuleFacts& facts) {
  std::string key(plan::name_of(policy.mode));
  if (policy.mode != plan::Mode::kTwoWay) {
    key += ":" + facts.replicas[policy.order.front()].address;
  }
  return key;
}

Result<Gate> pass_gate(const state::RuleFacts& facts, const std::vector<EngineReplica>& replicas,
                       const std::string& mode, bool compares_bytes,
                       const std::vector<std::string>& approved, std::stop_token stop) {
  Gate gate{.replicas = replicas};
  const bool ran_before = std::ranges::any_of(facts.replicas, &state::ReplicaFacts::known);
  if (ran_before && facts.mode != mode) {
    gate.rebase = true;
    gate.reason = "the mode changed";
  } else if (ran_before && compares_bytes && !facts.bytes_compared) {
    gate.rebase = true;
    gate.reason = "bytes are compared again";
  }
  for (ReplicaIndex i = 0; i < replicas.size(); ++i) {
    if (replicas[i].provider == nullptr) {
      gate.problems.push_back(
          {.replica = i,
           .path = {},
           .code = "away",
           .message = replicas[i].label + " is away: " + replicas[i].away_reason});
      continue;
    }
    const Result<Verdict> judged = judge(facts, i, replicas[i], approved, stop);
    if (!judged.ok()) {
      if (judged.failed_with(Code::kCancelled)) {
        return judged.error();
      }
      gate.replicas[i].provider = nullptr;
      gate.replicas[i].away_reason = judged.error().message();
      gate.problems.push_back(
          {.replica = i,
           .path = {},
           .code = "away",
           .message = replicas[i].label + " can't be read: " + judged.error().to_string()});
      continue;
    }
    const Verdict& verdict = *judged;
    if (verdict.trust == Trust::kRebase) {
      gate.rebase = true;
      gate.reason = verdict.reason;
    } else if (verdict.trust == Trust::kAway) {
      gate.replicas[i].provider = nullptr;
      gate.replicas[i].away_reason = verdict.reason;
      gate.held.push_back("root " + replicas[i].label);
      gate.problems.push_back({.replica = i,
                               .path = {},
                               .code = "held",
                               .message = replicas[i].label + " " + verdict.reason +
                                          "; nothing is done to it until you approve"});
    }
  }
  return gate;
}

void raise_epochs(state::RuleFacts& facts, const std::vector<EngineReplica>& replicas,
                  Timestamp now, rt::Random& random) {
  constexpr std::uint64_t kMostSkipped = 1U << 30U;  // of nanoseconds: about a second
  const auto floor = static_cast<std::uint64_t>(std::max<std::int64_t>(now.ns, 0));
  for (ReplicaIndex i = 0; i < replicas.size(); ++i) {
    if (replicas[i].provider != nullptr && writable(replicas[i])) {
      state::ReplicaFacts& replica = facts.replicas[i];
      replica.pending_epoch =
          std::max({replica.epoch, replica.pending_epoch, floor}) + random.next() % kMostSkipped;
    }
  }
}

namespace {

Result<void> mark(const state::RuleFacts& facts, ReplicaIndex i, const EngineReplica& replica) {
  return replica.provider->write_identity({.rule = facts.id,
                                           .replica = i,
                                           .epoch = facts.replicas[i].pending_epoch,
                                           .file_system = facts.replicas[i].file_system});
}

/// An empty new root that takes no mark would count as unmounted later on, if it were known.
bool shows_anything(const EngineReplica& replica) {
  const auto entries = replica.provider->list({}, nullptr, {});
  return entries.ok() && !entries->empty();
}

/// Answers with those that did not take it. Those that were full are tried once more when room
/// could be made.
std::map<ReplicaIndex, Error> mark_all(const state::RuleFacts& facts,
                                       const std::vector<EngineReplica>& replicas,
                                       const std::function<bool(ReplicaIndex)>& make_room) {
  std::map<ReplicaIndex, Error> refused;
  const auto try_all = [&](const std::vector<ReplicaIndex>& chosen) {
    std::vector<ReplicaIndex> full;
    for (const ReplicaIndex i : chosen) {
      refused.erase(i);
      if (const Result<void> marked = mark(facts, i, replicas[i]); !marked.ok()) {
        refused.emplace(i, marked.error());
        if (marked.failed_with(Code::kNoSpace)) {
          full.push_back(i);
        }
      }
    }
    return full;
  };
  std::vector<ReplicaIndex> all;
  for (ReplicaIndex i = 0; i < replicas.size(); ++i) {
    if (replicas[i].provider != nullptr && writable(replicas[i])) {
      all.push_back(i);
    }
  }
  const std::vector<ReplicaIndex> full = try_all(all);
  if (std::ranges::any_of(full, make_room)) {
    try_all(full);
  }
  return refused;
}

}  // namespace

Result<std::map<ReplicaIndex, Error>> advance_epoch(
    state::Store& store, state::RuleFacts& facts, const std::vector<EngineReplica>& replicas,
    state::Commit extra, const std::function<bool(ReplicaIndex)>& make_room) {
  for (ReplicaIndex i = 0; i < replicas.size(); ++i) {
    if (replicas[i].provider != nullptr && writable(replicas[i])) {
      state::ReplicaFacts& replica = facts.replicas[i];
      replica.pending_epoch = std::max(replica.epoch, replica.pending_epoch) + 1;
    }
  }
  extra.facts = facts;
  TRY(store.commit(extra));
  std::map<ReplicaIndex, Error> refused = mark_all(facts, replicas, make_room);
  for (ReplicaIndex i = 0; i < replicas.size(); ++i) {
    if (replicas[i].provider == nullptr || refused.contains(i)) {
      continue;
    }
    facts.replicas[i].epoch = facts.replicas[i].pending_epoch;
    facts.replicas[i].known =
        facts.replicas[i].known || writable(replicas[i]) || shows_anything(replicas[i]);
  }
  return refused;
}

}  // namespace ox::sync
