#include <algorithm>
#include <set>

#include "plan/axes.h"

namespace ox::plan {

namespace {

/// One-way, copy and move: the agreed tree is the source's; each destination follows it as far as
/// the mode lets changes cross, and keeps what is its own.
class Directional {
 public:
  explicit Directional(Work& work) : work_(work), source_(work.source()) {}

  void run() {
    for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
      decide_node(n);
    }
    yield_moved();
  }

 private:
  Mode mode() const { return work_.policy().mode; }
  bool copies() const { return mode() != Mode::kOneWay; }

  bool same(NodeIndex n, const Candidate& a, const Candidate& b) {
    return equal_or_ask(work_, n, a, b);
  }

  void decide_node(NodeIndex n) {
    Node& node = work_.nodes[n];
    if (node.id == kRootNode) {
      return;
    }
    if (work_.frozen.contains(node.id)) {
      freeze(work_, n);
      return;
    }
    const Status at_source = work_.side(n, source_).status;
    if (at_source == Status::kUnknown || at_source == Status::kOffline) {
      freeze(work_, n);
      return;
    }
    if (at_source == Status::kExcluded) {
      node.forget = true;
      node.next = std::nullopt;
      for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
        work_.side(n, i).target = goes_from_mirror(n, i) ? Target::kFollow : Target::kForget;
      }
      return;
    }
    if (at_source == Status::kAbsent) {
      source_lacks(n);
      return;
    }
    take_from_source(n);
    for (ReplicaIndex j = 0; j < work_.replica_count(); ++j) {
      if (j != source_) {
        decide_destination(n, j);
      }
    }
  }

  /// What a mirror's user moved out of an excluded place is a stranger where it stands.
  bool goes_from_mirror(NodeIndex n, ReplicaIndex i) const {
    return is_mirror(work_, i) && work_.present(n, i) &&
           !out_of_sight_at_source(work_, i, work_.side(n, i).parent, work_.seen_name(n, i));
  }

  void source_lacks(NodeIndex n) {
    Node& node = work_.nodes[n];
    if (mode() == Mode::kMove && node.agreed()) {
      keep_moved(n);
      return;
    }
    node.next = std::nullopt;
    node.known_delete = work_.acknowledged(n, source_) != nullptr || !node.agreed();
    for (ReplicaIndex j = 0; j < work_.replica_count(); ++j) {
      Side& side = work_.side(n, j);
      if (side.status == Status::kUnknown) {
        if (!copies() && node.known_delete) {
          work_.report(j, work_.known_path(n), "waiting",
                       "deleted at the source, but this copy could not be read; the delete waits");
          freeze(work_, n);
          return;
        }
        side.target = Target::kForget;
      } else if (side.status == Status::kExcluded) {
        side.target = Target::kForget;
      } else if (side.status == Status::kPresent && j != source_) {
        side.target = may_delete(n, j) ? Target::kFollow : Target::kForget;
      }
    }
  }

  /// What was moved stays agreed, so that its next version is known as such. After a crash the
  /// source may still have it acknowledged; deletes do not cross, so whoever removed it there does
  /// not matter.
  void keep_moved(NodeIndex n) {
    const bool known = work_.acknowledged(n, source_) != nullptr;
    work_.side(n, source_).target = known ? Target::kForget : Target::kIgnore;
    bool stands = false;
    for (ReplicaIndex j = 0; j < work_.replica_count(); ++j) {
      Side& side = work_.side(n, j);
      const bool gone = side.status == Status::kAbsent || side.status == Status::kExcluded;
      if (j != source_) {
        side.target = gone && work_.waived(n, j) == nullptr ? Target::kForget : Target::kIgnore;
        stands = stands || !gone;
      }
    }
    if (stands) {
      moved_.push_back(n);
      return;
    }
    work_.nodes[n].next = std::nullopt;
    for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
      work_.side(n, i).target = Target::kForget;
    }
  }

  /// What was moved gives way to what the source has in its place now.
  void yield_moved() {
    std::set<std::pair<NodeId, std::string>> taken;
    for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
      const Node& node = work_.nodes[n];
      if (work_.present(n, source_) && node.next.has_value()) {
        taken.emplace(node.next->parent, node.next->name);
      }
    }
    for (bool again = true; again;) {
      again = false;
      for (const NodeIndex n : moved_) {
        Node& node = work_.nodes[n];
        if (!node.next.has_value()) {
          continue;
        }
        const NodeIndex parent = work_.next_parent(n);
        if (!taken.contains({node.next->parent, node.next->name}) &&
            work_.nodes[parent].next.has_value()) {
          continue;
        }
        node.next = std::nullopt;
        again = true;
        for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
          work_.side(n, i).target = Target::kForget;
        }
      }
    }
  }

  /// Others agreed on it while the source was away, before they were its destinations: it is their
  /// edit.
  bool is_news_to_source(NodeIndex n, ReplicaIndex j) const {
    const Node& node = work_.nodes[n];
    const tree::Acknowledged* here = work_.acknowledged(n, j);
    const tree::Acknowledged* there = work_.acknowledged(n, source_);
    if (here == nullptr || !node.agreed()) {
      return false;
    }
    const auto is_agreed = [&](const tree::Content& content) {
      const tree::Content& agreed = node.record->agreed->content;
      return content.digest == agreed.digest && content.link_target == agreed.link_target;
    };
    if (there == nullptr) {
      return mode() != Mode::kMove &&
             is_agreed(here->value.content);  // what was moved is gone there
    }
    return here->value.content.digest.has_value() == there->value.content.digest.has_value() &&
           is_agreed(here->value.content) && !is_agreed(there->value.content);
  }

  /// A destination's copy goes only in mode one-way, and only while it is the copy we made.
  bool may_delete(NodeIndex n, ReplicaIndex j) {
    const tree::Acknowledged* known = work_.acknowledged(n, j);
    if (is_mirror(work_, j)) {
      return true;
    }
    if (copies() || known == nullptr || !work_.nodes[n].known_delete) {
      return false;
    }
    const bool untouched =
        work_.side(n, j).change == ContentChange::kSame && !is_news_to_source(n, j);
    const bool assumed = known->assumed || work_.side(n, j).doubted;
    if (assumed || work_.waived(n, j) != nullptr || !untouched) {
      work_.report(j, work_.known_path(n), assumed ? "assumed_equal" : "kept",
                   "deleted at the source; kept here, because this copy is not the one that was "
                   "deleted");
      return false;
    }
    return true;
  }

  void take_from_source(NodeIndex n) {
    Node& node = work_.nodes[n];
    const tree::Entry& entry = work_.entry(n, source_);
    tree::NodeValue value{.parent = work_.nodes[work_.side(n, source_).parent].id,
                          .name = work_.seen_name(n, source_),
                          .kind = entry.kind,
                          .content = work_.seen_content(n, source_),
                          .attributes = work_.seen_attributes(n, source_)};
    if (const std::optional<tree::Content> agreed = agreed_content(work_, n);
        agreed.has_value() && !value.content.digest.has_value() &&
        work_.side(n, source_).change == ContentChange::kSame) {
      value.content.digest = agreed->digest;
    }
    node.next = std::move(value);
  }

  void decide_destination(NodeIndex n, ReplicaIndex j) {
    Side& side = work_.side(n, j);
    switch (side.status) {
      case Status::kOffline:
      case Status::kUnknown:
        side.target = Target::kIgnore;
        return;
      case Status::kExcluded:
        side.target = Target::kForget;
        return;
      case Status::kAbsent:
        if (copies() && work_.nodes[n].next->kind != tree::Kind::kDirectory) {
          decide_declined(n, j);
        } else if (copies() &&
                   (work_.acknowledged(n, j) != nullptr || work_.waived(n, j) != nullptr)) {
          leave(n, j);
        }
        return;
      case Status::kPresent:
        if (work_.nodes[n].next->kind != tree::Kind::kDirectory) {
          decide_drift(n, j);
        }
        return;
    }
  }

  Candidate at_source(NodeIndex n) const {
    return {.content = work_.nodes[n].next->content, .holders = {source_}};
  }

  /// What the destination knowingly passed on: it stays away until the source has something else.
  void decide_declined(NodeIndex n, ReplicaIndex j) {
    const tree::Content* declined = work_.waived(n, j);
    if (const tree::Acknowledged* known = work_.acknowledged(n, j); known != nullptr) {
      declined = &known->value.content;
    }
    if (declined != nullptr && same(n, at_source(n), Candidate{.content = *declined})) {
      leave(n, j);
    }
  }

  /// The destination keeps what it has. In mode one-way that is the version: renames cross, and its
  /// own are undone.
  void leave(NodeIndex n, ReplicaIndex j) {
    const bool follows = mode() == Mode::kOneWay && work_.present(n, j);
    work_.side(n, j).target = follows ? Target::kFollow : Target::kLeave;
    work_.side(n, j).waive = true;
  }

  void decide_drift(NodeIndex n, ReplicaIndex j) {
    const Candidate wanted = at_source(n);
    const Candidate seen{.content = work_.seen_content(n, j), .holders = {j}};
    if (same(n, wanted, seen)) {
      return;
    }
    const tree::Acknowledged* known = work_.acknowledged(n, j);
    const tree::Content* passed = work_.waived(n, j);
    const bool drifted = known == nullptr || passed != nullptr ||
                         work_.side(n, j).change == ContentChange::kChanged ||
                         is_news_to_source(n, j);
    if (passed != nullptr && same(n, wanted, Candidate{.content = *passed})) {
      leave(n, j);
      return;
    }
    if (!drifted) {
      return;
    }
    if (copies() && known != nullptr && passed == nullptr &&
        same(n, wanted, Candidate{.content = known->value.content})) {
      leave(n, j);
      return;
    }
    const std::vector<Candidate> both{wanted, seen};
    if (!digest_or_ask(work_, n, wanted) || !digest_or_ask(work_, n, seen) ||
        work_.needs_digests()) {
      return;
    }
    const std::size_t winner = copies() ? 0 : choose_winner(work_, both);
    if (winner == 1) {
      leave(n, j);  // the source keeps its own version: nothing is lost, no copy is made
    }
    if (winner == 1 || is_mirror(work_, j)) {
      work_.conflicts.push_back({.node = work_.nodes[n].id,
                                 .copy = kNoNode,
                                 .path = {},
                                 .copy_path = {},
                                 .kind = "content",
                                 .winner = label_of(work_, both[winner].holders),
                                 .loser = label_of(work_, both[1 - winner].holders)});
      return;
    }
    work_.losers.push_back({.node = n,
                            .content = seen.content,
                            .holders = seen.holders,
                            .only = j,
                            .winner_label = label_of(work_, wanted.holders)});
  }

  Work& work_;
  ReplicaIndex source_;
  std::vector<NodeIndex> moved_;
};

}  // namespace

void decide_directional(Work& work) {
  Directional(work).run();
}

}  // namespace ox::plan
