#pragma once

#include <cstdint>

/// Bit positions of the page format, shared by its writer and its reader.
namespace ox::state::bits {

inline constexpr std::uint8_t kPageVersion = 1;
inline constexpr std::uint8_t kDetachedVersion = 1;

// The head byte of a record.
inline constexpr unsigned kRecordKind = 0x03;
inline constexpr unsigned kRecordDigest = 0x04;
inline constexpr unsigned kRecordLinkTarget = 0x08;
inline constexpr unsigned kRecordXattrs = 0x10;
inline constexpr unsigned kRecordSameMode = 0x20;
inline constexpr unsigned kRecordOwnSideCount = 0x40;
inline constexpr unsigned kRecordUnused = 0x80;

// The head byte of a side.
inline constexpr unsigned kSideAcknowledged = 0x01;
inline constexpr unsigned kSideAssumed = 0x02;
inline constexpr unsigned kSideWaived = 0x04;
inline constexpr unsigned kSideDiffers = 0x08;
inline constexpr unsigned kSideUnused = 0xF0;

// The fields of a value that differ from its base.
inline constexpr unsigned kDiffParent = 0x01;
inline constexpr unsigned kDiffName = 0x02;
inline constexpr unsigned kDiffKind = 0x04;
inline constexpr unsigned kDiffSize = 0x08;
inline constexpr unsigned kDiffMtime = 0x10;
inline constexpr unsigned kDiffDigest = 0x20;
inline constexpr unsigned kDiffLinkTarget = 0x40;
inline constexpr unsigned kDiffAttributes = 0x80;
inline constexpr unsigned kDiffContent = kDiffSize | kDiffMtime | kDiffDigest | kDiffLinkTarget;

// The head byte of a fingerprint.
inline constexpr unsigned kPrintSameSize = 0x01;
inline constexpr unsigned kPrintSameMtime = 0x02;
inline constexpr unsigned kPrintCtime = 0x04;
inline constexpr unsigned kPrintOneLink = 0x08;
inline constexpr unsigned kPrintRacy = 0x10;
inline constexpr unsigned kPrintBirth = 0x20;
inline constexpr unsigned kPrintRevision = 0x40;
inline constexpr unsigned kPrintId = 0x80;

/// a − b and a + b modulo 2⁶⁴, so that any two numbers have exactly one distance.
inline std::int64_t distance(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::int64_t>(a - b);
}
inline std::int64_t distance(std::int64_t a, std::int64_t b) {
  return distance(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b));
}
inline std::uint64_t moved(std::uint64_t from, std::int64_t by) {
  return from + static_cast<std::uint64_t>(by);
}
inline std::int64_t moved(std::int64_t from, std::int64_t by) {
  return static_cast<std::int64_t>(moved(static_cast<std::uint64_t>(from), by));
}

}  // namespace ox::state::bits
