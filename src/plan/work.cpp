#include "plan/work.h"

#include <algorithm>
#include <utility>

#include "base/expects.h"
#include "crypto/digest.h"

namespace ox::plan {

Work::Work(const Input& input)
    : input_(input),
      replicas_(static_cast<std::uint32_t>(input.replicas.size())),
      next_node_(input.next_node) {
  expects(replicas_ > 0 && replicas_ <= kMaxReplicas && !input.policy.order.empty());
  std::size_t most = input.nodes.size() + 1;
  for (const Replica& replica : input.replicas) {
    most = std::max(most, replica.entries.size());
  }
  nodes.reserve(most);
  sides_.reserve(most * replicas_);
  index_.reserve(most);
  for (const tree::NodeRecord& record : input.nodes) {
    expects(record.sides.size() == replicas_);
    add_node(Node{.id = record.id, .record = &record, .next = record.agreed});
  }
  if (find(kRootNode) == kNone) {
    Node root{.id = kRootNode};
    root.next = tree::NodeValue{.kind = tree::Kind::kDirectory};
    add_node(std::move(root));
  }
  node_of_entry.resize(replicas_);
  children_of_entry.reserve(replicas_);
  hidden.resize(replicas_);
  for (ReplicaIndex i = 0; i < replicas_; ++i) {
    const Replica& replica = input.replicas[i];
    node_of_entry[i].assign(replica.entries.size(), kNone);
    for (EntryIndex e = 1; e < replica.entries.size(); ++e) {
      expects(replica.entries[e].parent < e);
    }
    children_of_entry.emplace_back(replica.entries.size(), [&](EntryIndex e) {
      return e == 0 ? kNone : replica.entries[e].parent;
    });
    for (const Hidden& name : replica.hidden) {
      hidden[i].add(name.parent, name.name, static_cast<std::uint32_t>(name.reason));
    }
  }
}

const tree::Acknowledged* Work::acknowledged(NodeIndex n, ReplicaIndex i) const {
  const tree::NodeRecord* record = nodes[n].record;
  if (record == nullptr || !record->sides[i].acknowledged.has_value()) {
    return nullptr;
  }
  return &*record->sides[i].acknowledged;
}

const tree::Content* Work::waived(NodeIndex n, ReplicaIndex i) const {
  const tree::NodeRecord* record = nodes[n].record;
  if (record == nullptr || !record->sides[i].waived.has_value()) {
    return nullptr;
  }
  return &*record->sides[i].waived;
}

const tree::Entry& Work::entry(NodeIndex n, ReplicaIndex i) const {
  const Side& here = side(n, i);
  expects(here.status == Status::kPresent);
  return input_.replicas[i].entries[here.entry].entry;
}

void Work::expect(Operation& operation, NodeIndex n) const {
  operation.expected = entry(n, operation.replica).fingerprint;
  if (operation.expected->racy) {
    if (const auto digest = seen_content(n, operation.replica).digest; digest.has_value()) {
      operation.expected_bytes = *digest;
    }
  }
}

tree::Content Work::seen_content(NodeIndex n, ReplicaIndex i) const {
  if (side(n, i).moved_in) {
    return moved_content.at({n, i});
  }
  const tree::Acknowledged* known = acknowledged(n, i);
  const ContentChange change = side(n, i).change;
  if (known != nullptr && change == ContentChange::kSame) {
    tree::Content content = known->value.content;
    if (side(n, i).doubted || !content.digest.has_value()) {
      content.digest = entry(n, i).content.digest;
    }
    return content;
  }
  tree::Content content = entry(n, i).content;
  if (known != nullptr && change == ContentChange::kTouched) {
    content.digest = known->value.content.digest;
  }
  return content;
}

tree::Attributes Work::seen_attributes(NodeIndex n, ReplicaIndex i) const {
  const tree::Entry& seen = entry(n, i);
  const tree::Acknowledged* known = acknowledged(n, i);
  if (known != nullptr && seen.kind != tree::Kind::kDirectory &&
      seen.fingerprint.same_version(known->fingerprint)) {
    // Listings leave xattrs out, but they show the mode: a coarse ctime may hide a chmod.
    tree::Attributes attributes = known->value.attributes;
    if (traits(i).modes && seen.kind != tree::Kind::kSymlink &&
        attributes.mode != tree::kModeUnknown) {
      attributes.mode = seen.attributes.mode;
    }
    return attributes;
  }
  tree::Attributes kept{.mode = tree::kModeUnknown, .xattrs = 0};
  if (known != nullptr) {
    kept = known->value.attributes;
  } else if (nodes[n].agreed()) {
    kept = nodes[n].record->agreed->attributes;
  }
  const Traits& can = traits(i);
  return {.mode = can.modes && seen.kind != tree::Kind::kSymlink ? seen.attributes.mode : kept.mode,
          .xattrs = can.xattrs ? seen.attributes.xattrs : kept.xattrs};
}

const std::string& Work::seen_name(NodeIndex n, ReplicaIndex i) const {
  const std::string& name = entry(n, i).name;
  if (traits(i).names.normalization == tree::NormalizationRule::kBytes) {
    return name;
  }
  tree::NameRules spelling = traits(i).names;
  spelling.case_rule = tree::CaseRule::kSensitive;
  const auto same = [&](const std::string& other) {
    return spelling.collision_key(other) == spelling.collision_key(name);
  };
  const tree::NodeValue* agreed = nodes[n].agreed() ? &*nodes[n].record->agreed : nullptr;
  const tree::Acknowledged* known = acknowledged(n, i);
  const NodeIndex parent = side(n, i).parent;
  const bool followed = agreed != nullptr && known != nullptr && parent != kNone &&
                        nodes[parent].id == agreed->parent &&
                        agreed->parent != known->value.parent && same(agreed->name);
  if (known != nullptr && !followed && same(known->value.name)) {
    return known->value.name;
  }
  return agreed != nullptr && same(agreed->name) ? agreed->name : name;
}

NodeIndex Work::add_node(Node node) {
  const auto index = static_cast<NodeIndex>(nodes.size());
  const bool fresh = index_.add(node.id, index);
  expects(fresh);
  nodes.push_back(std::move(node));
  sides_.resize(sides_.size() + replicas_);
  for (ReplicaIndex i = 0; i < replicas_; ++i) {
    if (!online(i)) {
      side(index, i).status = Status::kOffline;
      side(index, i).target = Target::kIgnore;
    }
  }
  return index;
}

NodeIndex Work::next_parent(NodeIndex n) const {
  expects(nodes[n].next.has_value());
  return find(nodes[n].next->parent);
}

RelPath Work::next_path(NodeIndex n) const {
  std::vector<std::string_view> names;
  for (NodeIndex at = n; nodes[at].id != kRootNode; at = next_parent(at)) {
    names.push_back(nodes[at].next->name);
    expects(names.size() <= nodes.size());
  }
  return RelPath::of_names(names);
}

RelPath Work::known_path(NodeIndex n) const {
  const auto known_value = [&](NodeIndex at) -> const tree::NodeValue* {
    if (nodes[at].record == nullptr) {
      return nodes[at].next.has_value() ? &*nodes[at].next : nullptr;
    }
    if (nodes[at].record->agreed.has_value()) {
      return &*nodes[at].record->agreed;
    }
    for (const tree::ReplicaSide& known : nodes[at].record->sides) {
      if (known.acknowledged.has_value()) {
        return &known.acknowledged->value;
      }
    }
    return nullptr;
  };
  std::vector<std::string_view> names;
  for (NodeIndex at = n; at != kNone && nodes[at].id != kRootNode;) {
    const tree::NodeValue* value = known_value(at);
    if (value == nullptr || names.size() > nodes.size()) {
      break;
    }
    names.push_back(value->name);
    at = find(value->parent);
  }
  return RelPath::of_names(names);
}

RelPath Work::entry_path(ReplicaIndex i, EntryIndex e) const {
  std::vector<std::string_view> names;
  for (EntryIndex at = e; at != 0; at = input_.replicas[i].entries[at].parent) {
    names.push_back(entry_at(i, at).name);
  }
  return RelPath::of_names(names);
}

void Work::report(std::optional<ReplicaIndex> replica, RelPath path, std::string_view code,
                  std::string message) {
  reports.push_back({.replica = replica,
                     .path = std::move(path),
                     .code = std::string(code),
                     .message = std::move(message)});
}

void Work::need_digest(ReplicaIndex i, EntryIndex e) {
  if (!entry_at(i, e).content.digest.has_value()) {
    needed_.emplace(i, e);
  }
}

NeedDigests Work::take_needed() {
  NeedDigests need;
  for (const auto& [replica, entry_index] : needed_) {
    need.items.push_back({.replica = replica, .entry = entry_index});
  }
  needed_.clear();
  return need;
}

bool is_mirror(const Work& work, ReplicaIndex i) {
  return i != work.source() && work.policy().mode == Mode::kOneWay && work.policy().mirror;
}

bool out_of_sight_at_source(const Work& work, ReplicaIndex i, NodeIndex directory,
                            const std::string& name) {
  const ReplicaIndex source = work.source();
  const Side& there = work.side(directory, source);
  if (there.status == Status::kExcluded && work.present(directory, i)) {
    // It left an excluded place, so the question is about where it stands now.
    return out_of_sight_at_source(work, i, work.side(directory, i).parent,
                                  work.seen_name(directory, i));
  }
  if (there.status != Status::kPresent) {
    return there.status != Status::kAbsent;
  }
  return work.input().replicas[source].entries[there.entry].coverage == Coverage::kUnknown ||
         work.hidden[source].contains(there.entry, name);
}

bool moved_on(const Work& work, NodeIndex n, ReplicaIndex i) {
  const tree::Acknowledged* known = work.acknowledged(n, i);
  const NodeIndex parent = work.side(n, i).parent;
  return known != nullptr && (parent == kNone || work.nodes[parent].id != known->value.parent ||
                              work.seen_name(n, i) != known->value.name);
}

Equality compare_content(const tree::Content& a, const tree::Content& b, const Compare& compare,
                         std::int64_t step_ns) {
  if (a.link_target != b.link_target) {
    return Equality::kDifferent;
  }
  if (!a.link_target.empty()) {
    return Equality::kEqual;
  }
  if (a.digest.has_value() && b.digest.has_value()) {
    return *a.digest == *b.digest ? Equality::kEqual : Equality::kDifferent;
  }
  if (compare.hash) {
    return a.size != b.size ? Equality::kDifferent : Equality::kNeedBytes;
  }
  if (compare.size && a.size != b.size) {
    return Equality::kDifferent;
  }
  if (compare.modtime) {
    const std::int64_t gap =
        a.mtime.ns > b.mtime.ns ? a.mtime.ns - b.mtime.ns : b.mtime.ns - a.mtime.ns;
    if (gap > step_ns) {
      return Equality::kDifferent;
    }
  }
  return Equality::kEqual;
}

bool same_bytes(const tree::Content& a, const tree::Content& b, const Compare& compare,
                std::int64_t step_ns) {
  return compare_content(a, b, compare, step_ns) == Equality::kEqual;
}

Digest digest_of(const tree::Content& content, tree::Kind kind) {
  if (kind == tree::Kind::kSymlink) {
    return crypto::sha256(as_bytes_view(content.link_target));
  }
  expects(content.digest.has_value());
  return *content.digest;
}

NodeId derived_id(NodeId node, const Digest& loser) {
  ByteWriter writer;
  writer.put_varint(node.value);
  writer.put_raw(loser.bytes);
  return NodeId{crypto::sha256(writer.bytes()).prefix64() | (std::uint64_t{1} << 63U)};
}

bool is_another_file(const Work& work, NodeId id, tree::Kind kind, const tree::Content& content) {
  const NodeIndex n = work.find(id);
  if (n == kNone) {
    return work.input().known && work.input().known(id);
  }
  const auto differs = [&](tree::Kind other_kind, const tree::Content& other) {
    return other_kind != kind || other.digest != content.digest ||
           other.link_target != content.link_target;
  };
  const std::optional<tree::NodeValue>& next = work.nodes[n].next;
  if (next.has_value()) {
    return differs(next->kind, next->content);
  }
  for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
    if (work.present(n, i) && differs(work.entry(n, i).kind, work.seen_content(n, i))) {
      return true;  // it is about to go
    }
  }
  return false;
}

}  // namespace ox::plan
