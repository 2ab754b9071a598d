#include "plan/newcomers.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>

/// What no record and no other replica explains.
namespace ox::plan {

namespace {

/// Directories that hold nothing but excluded names are not ours to spread. What was moved into
/// them is ours already.
std::vector<bool> worth_keeping(const Work& work, ReplicaIndex i) {
  const auto count = static_cast<EntryIndex>(work.node_of_entry[i].size());
  std::vector<bool> keep(count, false);
  std::vector<bool> empty(count, true);
  for (const Hidden& hidden : work.input().replicas[i].hidden) {
    empty[hidden.parent] = false;
  }
  for (EntryIndex e = count; e-- > 1;) {
    const Observed& seen = work.input().replicas[i].entries[e];
    keep[e] =
        keep[e] || seen.entry.kind != tree::Kind::kDirectory || work.node_of_entry[i][e] != kNone ||
        (empty[e] && work.children_of_entry[i][e].empty() && seen.coverage == Coverage::kListed);
    keep[seen.parent] = keep[seen.parent] || keep[e];
  }
  return keep;
}

struct Newcomer {
  std::string_view path;
  tree::Kind kind = tree::Kind::kFile;
  ReplicaIndex replica = 0;
  EntryIndex entry = 0;
};

/// The paths of those entries of a replica for which `wanted` says so, and of what they stand in.
template <typename Wanted>
PathTexts entry_texts(const Work& work, ReplicaIndex i, const Wanted& wanted) {
  const std::vector<Observed>& entries = work.input().replicas[i].entries;
  PathTexts texts(entries.size());
  texts.add_root(0);
  std::vector<EntryIndex> chain;
  for (EntryIndex e = 1; e < entries.size(); ++e) {
    if (!wanted(e)) {
      continue;
    }
    for (EntryIndex at = e; !texts.has(at); at = entries[at].parent) {
      chain.push_back(at);
    }
    for (; !chain.empty(); chain.pop_back()) {
      const Observed& seen = entries[chain.back()];
      texts.add(chain.back(), seen.parent, seen.entry.name);
    }
  }
  return texts;
}

/// Nodes that are new in this run, by directory, name and kind.
class FreshNodes {
 public:
  NodeIndex find(NodeIndex parent, std::string_view name, tree::Kind kind) const {
    return by_kind_[static_cast<std::size_t>(kind)].find(parent, name);
  }
  void add(NodeIndex parent, std::string_view name, tree::Kind kind, NodeIndex n) {
    by_kind_[static_cast<std::size_t>(kind)].add(parent, name, n);
  }

 private:
  std::array<PlaceTable, 4> by_kind_;
};

/// In the order of paths.
std::vector<Newcomer> find_newcomers(const Work& work, const std::vector<ReplicaIndex>& replicas,
                                     std::vector<PathTexts>& texts) {
  std::vector<Newcomer> found;
  texts.reserve(replicas.size());
  for (const ReplicaIndex i : replicas) {
    const std::vector<bool> keep = worth_keeping(work, i);
    const auto wanted = [&](EntryIndex e) {
      return work.node_of_entry[i][e] == kNone && keep[e] &&
             work.entry_at(i, e).kind != tree::Kind::kOther &&
             (work.withheld.empty() || !work.withheld.contains({i, e}));
    };
    texts.push_back(entry_texts(work, i, wanted));
    for (EntryIndex e = 1; e < work.node_of_entry[i].size(); ++e) {
      if (wanted(e)) {
        found.push_back(
            {.path = texts.back()[e], .kind = work.entry_at(i, e).kind, .replica = i, .entry = e});
      }
    }
  }
  std::ranges::sort(found, [](const Newcomer& a, const Newcomer& b) {
    return std::tie(a.path, a.kind, a.replica) < std::tie(b.path, b.kind, b.replica);
  });
  return found;
}

void stands(Work& work, NodeIndex n, ReplicaIndex i, EntryIndex e, NodeIndex parent) {
  work.side(n, i) = Side{
      .status = Status::kPresent, .change = ContentChange::kChanged, .entry = e, .parent = parent};
  work.node_of_entry[i][e] = n;
}

/// What is not worth spreading by itself, for all in it is excluded or left for another plan, is
/// where another replica's directory is to stand.
void join_directories(Work& work, ReplicaIndex i, const FreshNodes& fresh) {
  for (EntryIndex e = 1; e < work.node_of_entry[i].size(); ++e) {
    const tree::Entry& entry = work.entry_at(i, e);
    if (work.node_of_entry[i][e] != kNone || entry.kind != tree::Kind::kDirectory) {
      continue;
    }
    const NodeIndex parent = work.node_of_entry[i][work.input().replicas[i].entries[e].parent];
    if (parent == kNone || work.withheld.contains({i, e})) {
      continue;
    }
    const NodeIndex n = fresh.find(parent, entry.name, entry.kind);
    if (n != kNone && !work.present(n, i)) {
      stands(work, n, i, e, parent);
    }
  }
}

}  // namespace

void add_newcomers(Work& work, const std::vector<ReplicaIndex>& replicas, Newcomers what) {
  std::vector<PathTexts> texts;
  const std::vector<Newcomer> found = find_newcomers(work, replicas, texts);
  FreshNodes fresh;
  if (what == Newcomers::kJoinOthers) {
    for (NodeIndex n = 0; n < work.nodes.size(); ++n) {
      const Node& node = work.nodes[n];
      if (node.record == nullptr && node.next.has_value() && node.id != kRootNode) {
        fresh.add(work.next_parent(n), node.next->name, node.next->kind, n);
      }
    }
  }
  for (const Newcomer& newcomer : found) {
    const EntryIndex parent_entry =
        work.input().replicas[newcomer.replica].entries[newcomer.entry].parent;
    const NodeIndex parent = work.node_of_entry[newcomer.replica][parent_entry];
    if (parent == kNone) {
      continue;
    }
    const tree::Entry& entry = work.entry_at(newcomer.replica, newcomer.entry);
    NodeIndex n = fresh.find(parent, entry.name, entry.kind);
    if (n == kNone) {
      if (what == Newcomers::kJoinOthers) {
        continue;
      }
      Node node{.id = work.new_id()};
      node.next =
          tree::NodeValue{.parent = work.nodes[parent].id, .name = entry.name, .kind = entry.kind};
      n = work.add_node(std::move(node));
      fresh.add(parent, entry.name, entry.kind, n);
    }
    if (work.present(n, newcomer.replica)) {
      continue;
    }
    stands(work, n, newcomer.replica, newcomer.entry, parent);
  }
  for (const ReplicaIndex i : replicas) {
    join_directories(work, i, fresh);
  }
}

}  // namespace ox::plan
