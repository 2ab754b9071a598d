#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "base/boxed.h"
#include "base/digest.h"
#include "base/ids.h"
#include "base/time.h"

namespace ox::tree {

enum class Kind : std::uint8_t {
  kFile,
  kDirectory,
  kSymlink,
  kOther,  ///< device, socket, pipe: seen, never synced; it only occupies its name
};

/// What a file holds. mtime travels with it: who writes the bytes sets the time.
struct Content {
  std::uint64_t size = 0;
  Timestamp mtime;
  std::optional<Digest> digest;  ///< none while nobody has read the bytes
  RareText link_target;          ///< symlinks only: raw bytes of the target

  friend bool operator==(const Content&, const Content&) = default;
};

/// Attributes::mode of what has no permission bits: symlinks, entries of stores without modes.
inline constexpr std::uint32_t kModeUnknown = ~std::uint32_t{0};

/// What a file or directory carries beside its content.
struct Attributes {
  std::uint32_t mode = kModeUnknown;  ///< permission bits (07777)
  std::uint64_t xattrs =
      0;  ///< digest prefix of the sorted user attributes; 0 = none or not looked at

  friend bool operator==(const Attributes&, const Attributes&) = default;
};

/// How a replica recognises that an entry is still the very version it told us about. Compared only
/// with fingerprints of the same replica.
struct Fingerprint {
  std::uint64_t id = 0;       ///< inode or file id; 0 = the replica has none
  std::int64_t birth_ns = 0;  ///< tells a reused inode; 0 = not kept
  std::uint64_t size = 0;
  Timestamp mtime;
  Timestamp ctime;  ///< 0 where there is none
  std::uint32_t link_count = 1;
  /// The version was taken so soon after its last change that a further change could hide behind
  /// the same time stamps: the bytes must be read again before they are believed unchanged.
  bool racy = false;
  RareText revision;  ///< etag, rev or generation; empty for file systems

  /// Same version, as far as the replica can tell. `racy` and the link count do not matter.
  bool same_version(const Fingerprint& other) const {
    return id == other.id && birth_ns == other.birth_ns && size == other.size &&
           mtime == other.mtime && ctime == other.ctime && revision == other.revision;
  }
  /// Same file object, whatever its content is now (needs stable ids).
  bool same_object(const Fingerprint& other) const {
    return id != 0 && id == other.id && birth_ns == other.birth_ns;
  }
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

/// One entry of a directory, as a replica shows it now.
struct Entry {
  std::string name;
  Kind kind = Kind::kFile;
  Content content;
  Attributes attributes;
  Fingerprint fingerprint;

  friend bool operator==(const Entry&, const Entry&) = default;
};

/// What of an entry's fingerprint is worth remembering. A directory is known by what it is: its
/// times change with every child.
inline Fingerprint kept_fingerprint(const Entry& entry) {
  if (entry.kind == Kind::kDirectory) {
    return {.id = entry.fingerprint.id, .birth_ns = entry.fingerprint.birth_ns};
  }
  return entry.fingerprint;
}

/// What a node is: where it stands and what it holds.
struct NodeValue {
  NodeId parent = kNoNode;  ///< the root's parent is kNoNode and its name is empty
  std::string name;
  Kind kind = Kind::kFile;
  Content content;
  Attributes attributes;

  friend bool operator==(const NodeValue&, const NodeValue&) = default;
};

}  // namespace ox::tree
