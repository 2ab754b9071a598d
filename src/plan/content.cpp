#include <algorithm>

#include "plan/axes.h"

namespace ox::plan {

namespace {

/// What the replicas say about one node's content.
struct Versions {
  std::vector<Candidate> changed;      ///< distinct, none equal to the agreed one
  std::vector<ReplicaIndex> passive;   ///< show the agreed bytes
  std::vector<tree::Content> touched;  ///< agreed bytes with a new mtime
  bool stale = false;                  ///< some changer had not seen the agreed content
  bool fresh = false;                  ///< some changer had
};

void add_version(Work& work, NodeIndex n, Versions& versions, Candidate found) {
  for (Candidate& known : versions.changed) {
    if (equal_or_ask(work, n, known, found)) {
      known.holders.push_back(found.holders.front());
      known.content.mtime = std::max(known.content.mtime, found.content.mtime);
      if (!known.content.digest.has_value()) {
        known.content.digest = found.content.digest;
      }
      return;
    }
  }
  versions.changed.push_back(std::move(found));
}

enum class Gather : std::uint8_t {
  kChanges,
  kEverything,  ///< what stands unchanged, too
};

Versions gather(Work& work, NodeIndex n, const std::optional<tree::Content>& agreed, Gather what) {
  Versions versions;
  for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
    if (!work.present(n, i)) {
      continue;
    }
    const tree::Acknowledged* known = work.acknowledged(n, i);
    Candidate seen{.content = work.seen_content(n, i), .holders = {i}};
    // A touched file brings no bytes that were not agreed before.
    const ContentChange change = work.side(n, i).change;
    const bool changer = known == nullptr || change == ContentChange::kChanged ||
                         (change == ContentChange::kTouched && !agreed.has_value());
    const bool never_read = known != nullptr && change == ContentChange::kSame &&
                            agreed.has_value() &&
                            known->value.content == work.nodes[n].record->agreed->content;
    const bool as_agreed =
        never_read || (agreed.has_value() &&
                       equal_or_ask(work, n, Candidate{.content = *agreed, .agreed = true}, seen));
    if (as_agreed) {
      versions.passive.push_back(i);
      if (known != nullptr && work.side(n, i).change == ContentChange::kTouched) {
        versions.touched.push_back(seen.content);
      }
      continue;
    }
    const bool detached = work.nodes[n].record != nullptr && !agreed.has_value();
    if (!changer && what == Gather::kChanges && (agreed.has_value() || detached)) {
      continue;
    }
    const bool saw_agreed =
        known != nullptr && agreed.has_value() &&
        same_bytes(known->value.content, *agreed, work.policy().compare, time_step(work));
    (saw_agreed ? versions.fresh : versions.stale) = true;
    add_version(work, n, versions, std::move(seen));
  }
  return versions;
}

/// Has some replica that can't be looked at acknowledged the agreed bytes?
bool held_out_of_sight(const Work& work, NodeIndex n) {
  for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
    const tree::Acknowledged* known = work.acknowledged(n, i);
    const Status status = work.side(n, i).status;
    if (known != nullptr && status != Status::kPresent && status != Status::kAbsent &&
        known->value.content == work.nodes[n].record->agreed->content) {
      return true;
    }
  }
  return false;
}

/// Where nobody shows the agreed bytes for certain, what somebody shows is as good: bytes that are
/// nowhere can't be given to those who lack them.
void agree_on_what_stands(Work& work, NodeIndex n, const std::vector<ReplicaIndex>& holders) {
  tree::Content& agreed = work.nodes[n].next->content;
  if (work.policy().compare.hash) {
    return;  // all of them were read
  }
  bool lacking = false;
  for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
    lacking = lacking || work.side(n, i).status == Status::kAbsent;
  }
  if (!lacking || !agreed.digest.has_value() || holders.empty()) {
    return;
  }
  std::optional<tree::Content> other;
  for (const ReplicaIndex i : holders) {
    const tree::Content seen = work.seen_content(n, i);
    if (seen.digest.has_value()) {
      return;
    }
    if (!other.has_value() ||
        std::tie(seen.size, seen.mtime) < std::tie(other->size, other->mtime)) {
      other = seen;
    }
  }
  agreed = *other;
}

std::string winner_label(const Work& work, const Candidate& candidate) {
  return label_of(work, candidate.holders);
}

void settle_conflict(Work& work, NodeIndex n, std::vector<Candidate> candidates,
                     const std::optional<tree::Content>& agreed) {
  Node& node = work.nodes[n];
  if (const std::optional<tree::Content> text = merged_text(work, n, candidates, agreed)) {
    node.next->content = *text;
    node.merged = true;
    Conflict conflict{.node = node.id,
                      .copy = kNoNode,
                      .path = {},
                      .copy_path = {},
                      .kind = "merged",
                      .winner = winner_label(work, candidates[0]),
                      .loser = {}};
    conflict.loser = winner_label(work, candidates[1]);
    work.conflicts.push_back(std::move(conflict));
    return;
  }
  const std::size_t winner = choose_winner(work, candidates);
  node.next->content = candidates[winner].content;
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    if (c != winner) {
      work.losers.push_back({.node = n,
                             .content = candidates[c].content,
                             .holders = candidates[c].holders,
                             .only = std::nullopt,
                             .winner_label = winner_label(work, candidates[winner])});
    }
  }
}

}  // namespace

std::int64_t time_step(const Work& work) {
  std::int64_t step = 0;
  for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
    step = std::max<std::int64_t>(step, work.traits(i).mtime_step.count());
  }
  return step > 1 ? step : 0;
}

std::string label_of(const Work& work, const std::vector<ReplicaIndex>& replicas) {
  std::string label;
  for (const ReplicaIndex i : replicas) {
    if (label.empty() || work.traits(i).label < label) {
      label = work.traits(i).label;
    }
  }
  return label;
}

bool digest_or_ask(Work& work, NodeIndex n, const Candidate& candidate) {
  if (candidate.content.digest.has_value() || work.nodes[n].next->kind != tree::Kind::kFile) {
    return true;
  }
  std::vector<ReplicaIndex> holders = candidate.holders;
  if (candidate.agreed) {
    for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
      const tree::Acknowledged* known = work.acknowledged(n, i);
      if (work.present(n, i) && known != nullptr && work.nodes[n].agreed() &&
          work.side(n, i).change == ContentChange::kSame &&
          known->value.content == work.nodes[n].record->agreed->content) {
        holders.push_back(i);
      }
    }
  }
  if (holders.empty()) {
    return false;
  }
  work.need_digest(holders.front(), work.side(n, holders.front()).entry);
  return true;
}

bool equal_or_ask(Work& work, NodeIndex n, const Candidate& a, const Candidate& b) {
  const Equality equality =
      compare_content(a.content, b.content, work.policy().compare, time_step(work));
  if (equality == Equality::kNeedBytes) {
    digest_or_ask(work, n, a);
    digest_or_ask(work, n, b);
    return false;
  }
  return equality == Equality::kEqual;
}

std::optional<tree::Content> agreed_content(const Work& work, NodeIndex n) {
  if (!work.nodes[n].agreed()) {
    return std::nullopt;
  }
  tree::Content content = work.nodes[n].record->agreed->content;
  if (content.digest.has_value()) {
    return content;
  }
  for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
    const tree::Acknowledged* known = work.acknowledged(n, i);
    if (work.present(n, i) && known != nullptr && work.side(n, i).change == ContentChange::kSame &&
        known->value.content == content) {
      const std::optional<Digest>& read = work.entry(n, i).content.digest;
      if (read.has_value()) {
        content.digest = read;
        break;
      }
    }
  }
  return content;
}

bool merge_content(Work& work, NodeIndex n) {
  Node& node = work.nodes[n];
  if (node.next->kind == tree::Kind::kDirectory) {
    return true;
  }
  std::optional<tree::Content> agreed = agreed_content(work, n);
  Versions versions = gather(work, n, agreed, Gather::kChanges);
  if (work.needs_digests()) {
    return true;
  }
  if (agreed.has_value() && versions.passive.empty() && !versions.fresh &&
      !held_out_of_sight(work, n)) {
    agreed = std::nullopt;  // a merge that was agreed and lost in a crash: nobody has its bytes
    versions = gather(work, n, agreed, Gather::kEverything);
  }
  if (versions.changed.empty()) {
    if (agreed.has_value()) {
      node.next->content = *agreed;
      for (const tree::Content& touched : versions.touched) {
        node.next->content.mtime = &touched == &versions.touched.front()
                                       ? touched.mtime
                                       : std::max(node.next->content.mtime, touched.mtime);
      }
      agree_on_what_stands(work, n, versions.passive);
    }
    return true;
  }
  std::vector<Candidate> candidates = std::move(versions.changed);
  if (agreed.has_value() && versions.stale && !versions.fresh) {
    if (!versions.passive.empty()) {
      candidates.push_back({.content = *agreed, .holders = versions.passive, .agreed = true});
    } else {
      return false;  // only a replica that can't be asked now holds it
    }
  }
  if (candidates.size() == 1) {
    node.next->content = candidates[0].content;
    return true;
  }
  for (const Candidate& candidate : candidates) {
    if (!digest_or_ask(work, n, candidate)) {
      return false;
    }
  }
  if (!work.needs_digests()) {
    settle_conflict(work, n, std::move(candidates), agreed);
  }
  return true;
}

}  // namespace ox::plan
