#pragma once

#include <string>
#include <vector>

#include "rt/random.h"
#include "state/journal.h"
#include "tree/record.h"

/// Random values for the tests of this room, the odd ones included.
namespace ox::state::samples {

using rt::SeededRandom;

/// A valid name of any bytes, 1 to `longest` long.
std::string any_name(SeededRandom& random, std::size_t longest = 12);
RelPath any_path(SeededRandom& random);
tree::Content any_content(SeededRandom& random);
tree::Entry any_entry(SeededRandom& random);
tree::NodeValue any_value(SeededRandom& random, NodeId parent, const std::string& name);
/// A side that mostly agrees with `agreed`.
tree::ReplicaSide any_side(SeededRandom& random, const tree::NodeValue& agreed);
tree::NodeRecord any_record(SeededRandom& random, NodeId id, NodeId parent, const std::string& name,
                            std::size_t sides);
/// Records of one directory in order of their names.
std::vector<tree::NodeRecord> any_page(SeededRandom& random, NodeId parent, std::size_t count);
Action any_action(SeededRandom& random);

/// `bytes` with one to three bytes changed, removed, doubled or swapped.
Bytes damaged(SeededRandom& random, const Bytes& bytes);

}  // namespace ox::state::samples
