#pragma once

#include "provider/provider.h"
#include "tree/entry.h"

namespace ox::sync {

/// The version of `before`, as far as a rename lets one tell (it moves ctime and may give another
/// revision). Stores that only look before they act (Cas::kRacy) may have acted on another one; it
/// shows in what they say they displaced or moved.
inline bool same_after_rename(const tree::Fingerprint& before, const tree::Fingerprint& after) {
  const bool both_have_ids = before.id != 0 && after.id != 0;
  return before.size == after.size && before.mtime == after.mtime &&
         (!both_have_ids || (before.id == after.id && before.birth_ns == after.birth_ns));
}

/// Notices that something else was displaced than `precondition` names.
inline void judge_displaced(const provider::Precondition& precondition,
                            provider::Published& published) {
  published.displaced_as_expected =
      published.displaced_as_expected &&
      (!published.displaced.has_value() ||
       (precondition.expected.has_value() &&
        same_after_rename(*precondition.expected, published.displaced->fingerprint)));
}

}  // namespace ox::sync
