#include "tree/names.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/expects.h"
#include "base/rel_path.h"

namespace ox::tree {

namespace {

bool is_ascii(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string ascii_lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) { return ascii_lower(c); });
  return result;
}

bool equal_in_any_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, {}, [](char c) { return ascii_lower(c); }, [](char c) { return ascii_lower(c); });
}

bool is_one_of(std::string_view name, const std::vector<std::string>& names) {
  return std::ranges::any_of(
      names, [name](const std::string& other) { return equal_in_any_case(name, other); });
}

/// Contract: `text` is valid UTF-8; then only a lack of memory can make utf8proc fail.
std::string map_utf8(std::string_view text, int options) {
  utf8proc_uint8_t* mapped = nullptr;
  // utf8proc's options are flags, so most sums of them are no enumerator.
  // NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange)
  const auto flags = static_cast<utf8proc_option_t>(options);
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &mapped, flags);
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  expects(size >= 0);
  return {reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(size)};
}

std::string describe_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte > 0x20 && byte < 0x7F) {
    return std::string("the character ") + c;
  }
  char text[16];
  std::snprintf(text, sizeof text, "the byte 0x%02x", byte);
  return text;
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t code_point = 0;
    const utf8proc_ssize_t size = utf8proc_iterate(at, left, &code_point);
    if (size <= 0) {
      return false;
    }
    at += size;
    left -= size;
  }
  return true;
}

std::optional<std::string> NameRules::refusal(std::string_view name) const {
  if (!is_valid_name(name)) {
    return "it is not a name";
  }
  if (name.size() > max_name_bytes) {
    return "the name is longer than " + std::to_string(max_name_bytes) + " bytes";
  }
  if (utf8_only && !is_valid_utf8(name)) {
    return "the name is not valid UTF-8";
  }
  if (const std::size_t at = name.find_first_of(forbidden_bytes); at != std::string_view::npos) {
    return "the name holds " + describe_byte(name[at]);
  }
  if (forbid_trailing_dot_space && (name.back() == '.' || name.back() == ' ')) {
    return "the name ends with a dot or a space";
  }
  if (is_one_of(name, forbidden_names) ||
      is_one_of(name.substr(0, name.find('.')), forbidden_stems)) {
    return "the name is reserved";
  }
  return std::nullopt;
}

std::string NameRules::collision_key(std::string_view name) const {
  const bool folds = case_rule == CaseRule::kFolds;
  const bool composes = normalization == NormalizationRule::kComposes;
  if (!folds && !composes) {
    return std::string(name);
  }
  if (is_ascii(name)) {
    return folds ? ascii_lower(name) : std::string(name);
  }
  if (!is_valid_utf8(name)) {
    return std::string(name);
  }
  if (!composes) {
    return map_utf8(name, UTF8PROC_CASEFOLD);
  }
  if (!folds) {
    return map_utf8(name, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
  }
  // Folding turns U+0345 from a mark into a letter, so marks must stand in canonical order before
  // it (The Unicode Standard, D145).
  const std::string decomposed = map_utf8(name, UTF8PROC_DECOMPOSE | UTF8PROC_STABLE);
  return map_utf8(decomposed, UTF8PROC_CASEFOLD | UTF8PROC_COMPOSE | UTF8PROC_STABLE);
}

namespace {

constexpr std::string_view kConflictWord = ".conflict-";
constexpr std::size_t kMaxLabelBytes = 40;
constexpr std::size_t kDigitsInName = 8;

std::string sanitized(std::string_view label) {
  std::string result(label.substr(0, kMaxLabelBytes));
  for (char& c : result) {
    const char lower = ascii_lower(c);
    const bool allowed = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
                         c == '_' || c == '-';
    c = allowed ? c : '_';
  }
  return result.empty() ? "_" : result;
}

/// Where the extension begins, its dot included; the end when there is none.
std::size_t extension_begin(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  const bool only_dots_before =
      name.substr(0, dot).find_first_not_of('.') == std::string_view::npos;
  if (dot == std::string_view::npos || dot + 1 == name.size() || only_dots_before) {
    return name.size();
  }
  return dot;
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80;
}

/// The longest beginning of `text` within `max_bytes` that cuts no character.
std::string_view cut(std::string_view text, std::size_t max_bytes, bool utf8) {
  if (text.size() <= max_bytes) {
    return text;
  }
  while (utf8 && max_bytes > 0 && is_continuation(text[max_bytes])) {
    --max_bytes;
  }
  return text.substr(0, max_bytes);
}

std::size_t first_character_bytes(std::string_view text, bool utf8) {
  std::size_t size = 1;
  while (utf8 && size < text.size() && is_continuation(text[size])) {
    ++size;
  }
  return size;
}

/// A cut extension must not end in what some stores refuse at the end of a name.
std::string_view cut_extension(std::string_view extension, std::size_t max_bytes, bool utf8) {
  std::string_view result = cut(extension, max_bytes, utf8);
  if (result.size() < extension.size()) {
    while (!result.empty() && (result.back() == ' ' || result.back() == '.')) {
      result.remove_suffix(1);
    }
  }
  return result;
}

std::string stamp_of(std::optional<Timestamp> mtime, const Digest& digest, bool with_digest) {
  const std::string hex = digest.to_hex();
  std::string stamp = mtime ? to_basic_iso8601(*mtime) : hex.substr(0, kDigitsInName);
  if (with_digest) {
    stamp += '-' + hex.substr(mtime ? 0 : kDigitsInName, kDigitsInName);
  }
  return stamp;
}

}  // namespace

std::string conflict_name(std::string_view name, std::string_view label,
                          std::optional<Timestamp> loser_mtime, const Digest& loser_digest,
                          bool with_digest, std::size_t max_name_bytes) {
  expects(is_valid_name(name) && max_name_bytes > 0);
  const bool utf8 = is_valid_utf8(name);
  const std::string_view stem = name.substr(0, extension_begin(name));
  const std::string_view extension = name.substr(stem.size());
  const std::string_view before = kConflictWord;
  const std::string after = '-' + stamp_of(loser_mtime, loser_digest, with_digest);
  std::string shown_label = sanitized(label);

  // What has to stay: the stem's first character, the words, and one byte of the label.
  const std::size_t least = first_character_bytes(stem, utf8) + before.size() + 1 + after.size();
  if (max_name_bytes < least) {
    return loser_digest.to_hex().substr(0, max_name_bytes);
  }
  std::size_t room = max_name_bytes - least;
  shown_label.resize(std::min(shown_label.size(), room + 1));
  room -= shown_label.size() - 1;
  const std::string_view kept_extension = cut_extension(extension, room, utf8);
  room -= kept_extension.size();
  const std::string_view kept_stem = cut(stem, first_character_bytes(stem, utf8) + room, utf8);

  std::string result(kept_stem);
  result += before;
  result += shown_label;
  result += after;
  result += kept_extension;
  return result;
}

bool may_be_conflict_name(std::string_view name, std::size_t max_name_bytes) {
  return name.find(kConflictWord) != std::string_view::npos ||
         (name.size() == max_name_bytes &&
          name.find_first_not_of("0123456789abcdef") == std::string_view::npos);
}

}  // namespace ox::tree
