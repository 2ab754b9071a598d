#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/time.h"

namespace ox::tree {

enum class CaseRule : std::uint8_t {
  kSensitive,
  kFolds,  ///< "a" and "A" are one name, whichever of them was written
};

enum class NormalizationRule : std::uint8_t {
  kBytes,
  kComposes,  ///< all canonically equivalent spellings are one name
};

/// Which names a replica can hold, and which of them are one name to it. Probed, never assumed.
struct NameRules {
  CaseRule case_rule = CaseRule::kSensitive;
  NormalizationRule normalization = NormalizationRule::kBytes;
  bool utf8_only = false;
  std::size_t max_name_bytes = 255;
  std::string forbidden_bytes = {};  ///< beside '/' and NUL, which no name holds
  bool forbid_trailing_dot_space = false;
  std::vector<std::string> forbidden_names = {};  ///< whole names, in any (ASCII) case
  /// As CON forbids "con.txt" too: names whose part before the first dot is one of these, in any
  /// case.
  std::vector<std::string> forbidden_stems = {};

  /// Why this replica cannot hold `name`, as a sentence for a person; none when it can.
  std::optional<std::string> refusal(std::string_view name) const;

  /// Two names with equal keys cannot both stand in one directory of this replica. Folding is
  /// Unicode's full case folding, which joins a few names that some stores keep apart ("ß", "ss"):
  /// one file too many is left out there, none is overwritten. Names that are not UTF-8 are their
  /// own keys.
  std::string collision_key(std::string_view name) const;

  friend bool operator==(const NameRules&, const NameRules&) = default;
};

/// Strict UTF-8: no surrogates, no needless bytes, nothing above U+10FFFF.
bool is_valid_utf8(std::string_view text);

/// The name under which a conflict's loser stands beside the winner:
/// `stem.conflict-<label>-<YYYYMMDDTHHMMSSZ>.ext`. Without an mtime the first 8 hexadecimal digits
/// of the digest stand for the date. `with_digest`, for when that name is taken by other bytes,
/// adds
/// `-<8 digits>` (the next 8 when the first already stand for the date).
/// `.ext` is the last suffix; a dotfile has none. Where the result would be longer than
/// `max_name_bytes` the stem is cut, then the extension, then the label; UTF-8 stays UTF-8.
/// The label keeps at most 40 bytes of [A-Za-z0-9._-]; others become '_'.
/// Contract: `name` is a valid name, `max_name_bytes` > 0.
std::string conflict_name(std::string_view name, std::string_view label,
                          std::optional<Timestamp> loser_mtime, const Digest& loser_digest,
                          bool with_digest, std::size_t max_name_bytes);

/// False for names that conflict_name() never makes under that limit.
bool may_be_conflict_name(std::string_view name, std::size_t max_name_bytes);

}  // namespace ox::tree
