#pragma once

#include "tree/entry.h"

/// What of a fingerprint is worth remembering.
namespace ox::sync {

/// A change of bytes moves the mtime, so time stamps hide one only while the mtime itself is fresh;
/// an mtime that was set to an older time is no such case.
inline bool may_hide_a_change(const tree::Fingerprint& fingerprint) {
  constexpr std::int64_t kFreshNs = 2'000'000'000;
  return fingerprint.racy && fingerprint.ctime.ns - fingerprint.mtime.ns < kFreshNs;
}

/// A directory is known by what it is: its times change with every child.
inline tree::Fingerprint kept_fingerprint(const tree::Entry& entry) {
  if (entry.kind == tree::Kind::kDirectory) {
    return {.id = entry.fingerprint.id, .birth_ns = entry.fingerprint.birth_ns};
  }
  return entry.fingerprint;
}

}  // namespace ox::sync
