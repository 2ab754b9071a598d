#pragma once

#include "tree/entry.h"

/// Which remembered fingerprints have to be looked behind.
namespace ox::sync {

/// A change of bytes moves the mtime, so time stamps hide one only while the mtime itself is fresh;
/// an mtime that was set to an older time is no such case.
inline bool may_hide_a_change(const tree::Fingerprint& fingerprint) {
  constexpr std::int64_t kFreshNs = 2'000'000'000;
  return fingerprint.racy && fingerprint.ctime.ns - fingerprint.mtime.ns < kFreshNs;
}

}  // namespace ox::sync
