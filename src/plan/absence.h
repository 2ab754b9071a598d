#pragma once

#include "plan/work.h"

/// Why a node is not where it was known to be: what identify() does not match.
namespace ox::plan {

/// An id tells a file only with a birth time behind it and when no other name shares it.
bool has_identity(const Traits& traits, const tree::Fingerprint& fingerprint, tree::Kind kind);

/// A node whose record is given and that is not among the directory's entries is not there.
inline bool shows_absence(Coverage coverage) {
  return coverage == Coverage::kListed || coverage == Coverage::kDiffering;
}

/// A symlink in the place of a directory is no newcomer while some replica has no symlinks: that
/// one would lose the directory and have nothing in its place. Marks such entries in
/// Work::withheld.
void withhold_symlinks(Work& work, ReplicaIndex i);

/// Gives every node that was not matched on `i` its status: absent, excluded, or unknown.
void settle_absences(Work& work, ReplicaIndex i);

}  // namespace ox::plan
