#include "state/samples.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace ox::state::samples {
namespace {

/// Small, large, negative and extreme numbers in turn.
std::uint64_t any_number(SeededRandom& random) {
  switch (random.below(6)) {
    case 0:
      return 0;
    case 1:
      return random.below(200);
    case 2:
      return std::uint64_t{1} << random.below(64);
    case 3:
      return ~std::uint64_t{0} - random.below(3);
    default:
      return random.next() >> random.below(64);
  }
}

Timestamp any_time(SeededRandom& random) {
  if (random.below(3) == 0) {
    return {static_cast<std::int64_t>(any_number(random))};
  }
  return {1'700'000'000'000'000'000 + static_cast<std::int64_t>(random.below(1'000'000'000))};
}

Digest any_digest(SeededRandom& random) {
  Digest digest;
  for (std::uint8_t& byte : digest.bytes) {
    byte = static_cast<std::uint8_t>(random.next());
  }
  return digest;
}

tree::Attributes any_attributes(SeededRandom& random) {
  return {.mode = random.below(4) == 0 ? static_cast<std::uint32_t>(any_number(random)) : 0644U,
          .xattrs = random.below(5) == 0 ? any_number(random) : 0};
}

tree::Kind any_kind(SeededRandom& random) {
  return static_cast<tree::Kind>(random.below(4));
}

tree::Fingerprint any_fingerprint(SeededRandom& random, const tree::Content& content) {
  tree::Fingerprint print;
  print.id = random.below(5) == 0 ? any_number(random) : 1000 + random.below(100);
  print.size = random.below(6) == 0 ? any_number(random) : content.size;
  print.mtime = random.below(6) == 0 ? any_time(random) : content.mtime;
  print.ctime = random.below(6) == 0 ? Timestamp{} : any_time(random);
  print.birth_ns = random.below(3) == 0 ? 0 : any_time(random).ns;
  print.link_count = random.below(6) == 0 ? static_cast<std::uint32_t>(any_number(random)) : 1;
  print.racy = random.below(6) == 0;
  print.revision = random.below(6) == 0 ? any_name(random) : "";
  return print;
}

/// Changes one field, sometimes two; never the place of a root.
void disturb(SeededRandom& random, tree::NodeValue& value) {
  const std::uint64_t movable = value.parent == kNoNode ? 0 : 2;
  do {
    switch (random.below(6 + movable) + 2 - movable) {
      case 0:
        value.parent = NodeId{random.below(50) + 1};
        break;
      case 1:
        value.name = any_name(random);
        break;
      case 2:
        value.kind = any_kind(random);
        break;
      case 3:
        value.content.size = any_number(random);
        break;
      case 4:
        value.content.mtime = any_time(random);
        break;
      case 5:
        value.content.digest = any_digest(random);
        break;
      case 6:
        value.content.link_target = any_name(random);
        break;
      default:
        value.attributes = any_attributes(random);
    }
  } while (random.below(3) == 0);
}

}  // namespace

std::string any_name(SeededRandom& random, std::size_t longest) {
  std::string name;
  const std::size_t size = 1 + random.below(longest);
  const bool wild = random.below(3) == 0;
  while (name.size() < size) {
    const char byte = wild ? static_cast<char>(random.next())
                           : static_cast<char>('a' + static_cast<char>(random.below(3)));
    if (byte != '/' && byte != '\0') {
      name += byte;
    }
  }
  return is_valid_name(name) ? name : "dots";
}

RelPath any_path(SeededRandom& random) {
  RelPath path;
  for (std::uint64_t depth = random.below(4); depth > 0; --depth) {
    path = path.child(any_name(random));
  }
  return path;
}

tree::Content any_content(SeededRandom& random) {
  tree::Content content;
  content.size = any_number(random);
  content.mtime = any_time(random);
  if (random.below(4) != 0) {
    content.digest = any_digest(random);
  }
  if (random.below(8) == 0) {
    content.link_target = any_name(random, 300);
  }
  return content;
}

tree::Entry any_entry(SeededRandom& random) {
  tree::Entry entry;
  entry.name = any_name(random);
  entry.kind = any_kind(random);
  entry.content = any_content(random);
  entry.attributes = any_attributes(random);
  entry.fingerprint = any_fingerprint(random, entry.content);
  return entry;
}

tree::NodeValue any_value(SeededRandom& random, NodeId parent, const std::string& name) {
  return {.parent = parent,
          .name = name,
          .kind = any_kind(random),
          .content = any_content(random),
          .attributes = any_attributes(random)};
}

tree::ReplicaSide any_side(SeededRandom& random, const tree::NodeValue& agreed) {
  tree::ReplicaSide side;
  if (random.below(5) != 0) {
    tree::Acknowledged& known = side.acknowledged.emplace();
    known.value = agreed;
    if (random.below(5) == 0) {
      disturb(random, known.value);
    }
    known.fingerprint = any_fingerprint(random, known.value.content);
    known.assumed = random.below(4) == 0;
  }
  if (random.below(6) == 0) {
    side.waived = random.below(2) == 0 ? agreed.content : any_content(random);
  }
  return side;
}

tree::NodeRecord any_record(SeededRandom& random, NodeId id, NodeId parent, const std::string& name,
                            std::size_t sides) {
  tree::NodeRecord record;
  record.id = id;
  record.agreed = any_value(random, parent, name);
  for (std::size_t side = 0; side < sides; ++side) {
    record.sides.push_back(any_side(random, *record.agreed));
  }
  return record;
}

std::vector<tree::NodeRecord> any_page(SeededRandom& random, NodeId parent, std::size_t count) {
  std::set<std::string> names;
  while (names.size() < count) {
    names.insert(any_name(random, random.below(40) == 0 ? 4096 : 12));
  }
  const std::size_t usual_sides = random.below(8) == 0 ? random.below(17) : 2;
  std::vector<tree::NodeRecord> records;
  for (const std::string& name : names) {
    const NodeId id{random.below(8) == 0 ? (std::uint64_t{1} << 63U) | random.next()
                                         : 2 + random.below(1000)};
    const std::size_t sides = random.below(10) == 0 ? random.below(17) : usual_sides;
    records.push_back(any_record(random, id, parent, name, sides));
  }
  return records;
}

Action any_action(SeededRandom& random) {
  Action action;
  action.kind = static_cast<ActionKind>(random.below(7));
  action.replica = static_cast<ReplicaIndex>(random.below(3));
  action.node = NodeId{random.next() >> random.below(64)};
  action.path = any_path(random);
  if (random.below(3) == 0) {
    action.from = any_path(random);
  }
  if (random.below(5) == 0) {
    action.parked = any_name(random);
  }
  if (random.below(2) == 0) {
    action.before = any_entry(random);
  }
  if (random.below(2) == 0) {
    action.after = any_entry(random);
    if (random.below(2) == 0) {
      action.after->name = action.path.name();
    }
  }
  if (random.below(3) == 0) {
    action.trashed = any_path(random);
  }
  action.done = random.below(2) == 0;
  return action;
}

Bytes damaged(SeededRandom& random, const Bytes& bytes) {
  Bytes result = bytes;
  for (std::uint64_t times = 1 + random.below(3); times > 0 && !result.empty(); --times) {
    const auto at = static_cast<std::ptrdiff_t>(random.below(result.size()));
    const auto byte = static_cast<std::uint8_t>(random.next());
    switch (random.below(6)) {
      case 0:
        result.erase(result.begin() + at);
        break;
      case 1:
        result.insert(result.begin() + at, byte);
        break;
      case 2:
        result.resize(static_cast<std::size_t>(at));
        break;
      case 3:
        std::swap(result[static_cast<std::size_t>(at)], result.back());
        break;
      case 4:
        result[static_cast<std::size_t>(at)] ^= static_cast<std::uint8_t>(1U << (byte & 7U));
        break;
      default:
        result[static_cast<std::size_t>(at)] = byte;
    }
  }
  return result;
}

}  // namespace ox::state::samples
