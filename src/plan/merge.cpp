#include <algorithm>
#include <set>
#include <tuple>

#include "plan/axes.h"

/// Which texts are folded into one, and in which order.
namespace ox::plan {

namespace {

/// Texts larger than this are not merged line by line.
constexpr std::uint64_t kMaxMergedBytes = 4U << 20U;

/// What replica `i` had before it came to hold `candidate`.
std::optional<Digest> base_on(const Work& work, NodeIndex n, ReplicaIndex i,
                              const Candidate& candidate) {
  const tree::Acknowledged* known = work.acknowledged(n, i);
  if (known == nullptr) {
    return std::nullopt;
  }
  return work.side(n, i).change == ContentChange::kSame ? candidate.content.digest
                                                        : known->value.content.digest;
}

/// What the holders of a candidate changed to get there; `newest` when one of them had seen that.
/// None when it is not known, or when they started from different contents, as nobody can tell
/// which of those is the older one.
std::optional<Digest> base_of(const Work& work, NodeIndex n, const Candidate& candidate,
                              const Digest& newest) {
  if (candidate.agreed) {
    return candidate.content.digest;
  }
  std::set<Digest> bases;
  for (const ReplicaIndex i : candidate.holders) {
    const std::optional<Digest> base = base_on(work, n, i, candidate);
    if (base == newest) {
      return newest;
    }
    if (base.has_value()) {
      bases.insert(*base);
    }
  }
  return bases.size() == 1 ? std::optional(*bases.begin()) : std::nullopt;
}

/// The changers in the order in which they are to be folded: first the agreed content, then what
/// was made of `newest` (or that itself), for what was made of an older content would take its
/// lines back; then the rest, each against its own base. None when there is nothing to begin with.
std::optional<MergeRequest> merge_request(const Work& work, NodeIndex n,
                                          std::span<const Candidate> candidates,
                                          const Digest& newest) {
  std::optional<MergeSide> agreed;
  std::vector<MergeSide> sides;
  for (const Candidate& candidate : candidates) {
    const std::optional<Digest> base = base_of(work, n, candidate, newest);
    if (!base.has_value()) {
      return std::nullopt;
    }
    const MergeSide side{.theirs = *candidate.content.digest, .base = base};
    if (candidate.agreed) {
      agreed = side;
    } else {
      sides.push_back(side);
    }
  }
  std::ranges::sort(sides, {}, [&](const MergeSide& side) {
    return std::tuple(side.base != newest, side.theirs != side.base, side);
  });
  if (agreed.has_value()) {
    sides.insert(sides.begin(), *agreed);
  } else if (sides.front().base != newest) {
    return std::nullopt;
  }
  return MergeRequest{.node = work.nodes[n].id, .sides = std::move(sides)};
}

std::optional<tree::Content> answer_to(Work& work, MergeRequest request,
                                       std::span<const Candidate> candidates) {
  for (const MergeAnswer& answer : work.input().merges) {
    if (answer.request == request) {
      if (!answer.digest.has_value()) {
        return std::nullopt;
      }
      tree::Content content{.size = answer.size, .digest = answer.digest};
      for (const Candidate& candidate : candidates) {
        content.mtime = std::max(content.mtime, candidate.content.mtime);
      }
      return content;
    }
  }
  work.merge_requests.push_back(std::move(request));
  return std::nullopt;
}

std::set<Digest> all_bases(const Work& work, NodeIndex n, std::span<const Candidate> candidates) {
  std::set<Digest> bases;
  for (const Candidate& candidate : candidates) {
    for (const ReplicaIndex i : candidate.holders) {
      if (const std::optional<Digest> base = base_on(work, n, i, candidate)) {
        bases.insert(*base);
      }
    }
  }
  return bases;
}

}  // namespace

std::optional<tree::Content> merged_text(Work& work, NodeIndex n,
                                         std::span<const Candidate> candidates,
                                         const std::optional<tree::Content>& agreed) {
  const Node& node = work.nodes[n];
  const bool small = std::ranges::all_of(candidates, [](const Candidate& candidate) {
    return candidate.content.size <= kMaxMergedBytes;
  });
  if (!work.policy().auto_merge || node.next->kind != tree::Kind::kFile || !small) {
    return std::nullopt;
  }
  if (agreed.has_value() && !agreed->digest.has_value()) {
    return std::nullopt;
  }
  if (agreed.has_value()) {
    if (std::optional<MergeRequest> request = merge_request(work, n, candidates, *agreed->digest)) {
      return answer_to(work, *std::move(request), candidates);
    }
  }
  // Of several bases none is known to be the newest, but a merge that a crash broke off gives the
  // agreed bytes again when it is begun at the same one.
  const std::set<Digest> bases = all_bases(work, n, candidates);
  for (const Digest& newest : bases) {
    std::optional<MergeRequest> request = merge_request(work, n, candidates, newest);
    if (!request.has_value()) {
      continue;
    }
    const std::size_t asked = work.merge_requests.size();
    const std::optional<tree::Content> text = answer_to(work, *std::move(request), candidates);
    if (work.merge_requests.size() != asked) {
      return std::nullopt;
    }
    const bool only_base = bases.size() == 1 && !agreed.has_value();
    const bool again =
        node.agreed() && text.has_value() && text->digest == node.record->agreed->content.digest;
    if (text.has_value() && (only_base || again)) {
      return text;
    }
  }
  return std::nullopt;
}

}  // namespace ox::plan
