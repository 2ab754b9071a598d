#include <algorithm>

#include "plan/work.h"

namespace ox::plan {

namespace {

/// Is there something in sight that makes another version of the same bytes: a rename, a chmod, a
/// hard link?
bool is_explained(const Work& work, NodeIndex n, ReplicaIndex i) {
  const tree::Acknowledged& known = *work.acknowledged(n, i);
  const tree::Entry& seen = work.entry(n, i);
  return moved_on(work, n, i) || work.seen_attributes(n, i) != known.value.attributes ||
         seen.fingerprint.link_count != known.fingerprint.link_count;
}

/// What happened to the bytes of one node on one replica since it was acknowledged.
ContentChange change_of(Work& work, NodeIndex n, ReplicaIndex i) {
  const tree::Entry& seen = work.entry(n, i);
  const tree::Acknowledged* known = work.acknowledged(n, i);
  if (known == nullptr) {
    return ContentChange::kChanged;
  }
  if (seen.kind == tree::Kind::kDirectory) {
    return ContentChange::kSame;
  }
  if (seen.kind == tree::Kind::kSymlink) {
    return seen.content.link_target == known->value.content.link_target ? ContentChange::kSame
                                                                        : ContentChange::kChanged;
  }
  const tree::Fingerprint& before = known->fingerprint;
  if (seen.fingerprint.same_version(before) && !before.racy) {
    return ContentChange::kSame;
  }
  if (seen.content.size != before.size) {
    return ContentChange::kChanged;
  }
  const bool touched = work.traits(i).has_mtime && seen.content.mtime != before.mtime;
  const std::optional<Digest>& old_digest = known->value.content.digest;
  if (seen.content.digest.has_value() && old_digest.has_value()) {
    if (*seen.content.digest != *old_digest) {
      return ContentChange::kChanged;
    }
    return touched ? ContentChange::kTouched : ContentChange::kSame;
  }
  if (old_digest.has_value() && work.policy().compare.hash) {
    work.need_digest(i, work.side(n, i).entry);
    return ContentChange::kChanged;
  }
  work.side(n, i).doubted =
      !touched && !seen.fingerprint.same_version(before) && !is_explained(work, n, i);
  return touched ? ContentChange::kChanged : ContentChange::kSame;
}

}  // namespace

void classify_changes(Work& work) {
  for (NodeIndex n = 0; n < work.nodes.size(); ++n) {
    for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
      if (work.present(n, i)) {
        work.side(n, i).change = change_of(work, n, i);
      }
    }
  }
}

namespace {

/// The single candidate that `better` puts before all others by a clear gap; none otherwise.
template <typename Measure>
std::optional<std::size_t> clear_best(std::span<const Candidate> candidates, Measure measure,
                                      bool largest, std::int64_t gap) {
  std::size_t best = 0;
  for (std::size_t c = 1; c < candidates.size(); ++c) {
    const auto value = measure(candidates[c]);
    const auto leader = measure(candidates[best]);
    if (largest ? value > leader : value < leader) {
      best = c;
    }
  }
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    if (c == best) {
      continue;
    }
    const auto value = measure(candidates[c]);
    const auto leader = measure(candidates[best]);
    if ((largest ? leader - value : value - leader) <= gap) {
      return std::nullopt;
    }
  }
  return best;
}

/// What two time stamps of the holders may differ by without saying anything; none when some
/// candidate has no usable time.
std::optional<std::int64_t> time_gap(const Work& work, std::span<const Candidate> candidates) {
  std::int64_t largest_step = 0;
  std::int64_t skew = 0;
  bool coarse = false;
  for (const Candidate& candidate : candidates) {
    for (const ReplicaIndex i : candidate.holders) {
      const Traits& traits = work.traits(i);
      if (!traits.has_mtime) {
        return std::nullopt;
      }
      coarse = coarse || traits.mtime_step.count() > 1;
      largest_step = std::max<std::int64_t>(largest_step, traits.mtime_step.count());
      skew = std::max<std::int64_t>(skew, traits.clock_skew.count());
    }
  }
  return (coarse ? 2 * largest_step : 0) + skew;
}

std::optional<std::size_t> by_time(const Work& work, std::span<const Candidate> candidates,
                                   bool newest) {
  const std::optional<std::int64_t> gap = time_gap(work, candidates);
  if (!gap.has_value()) {
    return std::nullopt;
  }
  return clear_best(
      candidates, [](const Candidate& c) { return c.content.mtime.ns; }, newest, *gap);
}

std::optional<std::size_t> by_size(std::span<const Candidate> candidates, bool biggest) {
  return clear_best(
      candidates, [](const Candidate& c) { return static_cast<std::int64_t>(c.content.size); },
      biggest, 0);
}

std::optional<std::size_t> by_holder(std::span<const Candidate> candidates, ReplicaIndex holder) {
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    if (std::ranges::find(candidates[c].holders, holder) != candidates[c].holders.end()) {
      return c;
    }
  }
  return std::nullopt;
}

std::size_t by_digest(std::span<const Candidate> candidates) {
  std::size_t best = 0;
  for (std::size_t c = 1; c < candidates.size(); ++c) {
    const auto key = [](const Candidate& candidate) {
      return std::pair(candidate.content.digest, candidate.content.link_target);
    };
    if (key(candidates[c]) < key(candidates[best])) {
      best = c;
    }
  }
  return best;
}

}  // namespace

std::size_t choose_winner(const Work& work, std::span<const Candidate> candidates) {
  const Policy& policy = work.policy();
  std::optional<std::size_t> winner;
  switch (policy.keep_mode) {
    case KeepMode::kNewer:
      break;
    case KeepMode::kOlder:
      winner = by_time(work, candidates, false);
      break;
    case KeepMode::kBigger:
      winner = by_size(candidates, true);
      break;
    case KeepMode::kSmaller:
      winner = by_size(candidates, false);
      break;
    case KeepMode::kPath1:
      winner = by_holder(candidates, policy.order[0]);
      break;
    case KeepMode::kPath2:
      winner = by_holder(candidates, policy.order.size() > 1 ? policy.order[1] : policy.order[0]);
      break;
  }
  const bool names_a_path =
      policy.keep_mode == KeepMode::kPath1 || policy.keep_mode == KeepMode::kPath2;
  if (!winner.has_value() && !names_a_path) {
    winner = by_time(work, candidates, true);
  }
  if (!winner.has_value()) {
    winner = by_holder(candidates, policy.order[0]);
  }
  return winner.value_or(by_digest(candidates));
}

}  // namespace ox::plan
