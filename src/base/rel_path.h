#pragma once

#include <compare>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ox {

/// True for a byte string that can be one component of a path: not empty, not "." or "..",
/// without '/' and NUL, and at most 4,096 bytes. Any other bytes are allowed, valid UTF-8 or not.
bool is_valid_name(std::string_view name);

/// A path below a root: names joined by '/', never absolute, never holding "." or "..", so it
/// cannot leave its root. The empty path is the root itself. A value: copies and compares by bytes.
class RelPath {
 public:
  RelPath() = default;

  /// Accepts exactly one spelling of each path: no leading, trailing or doubled '/'.
  static Result<RelPath> parse(std::string_view text);

  /// The path of these valid names, the last one first: as a walk up to the root collects them.
  static RelPath of_names(std::span<const std::string_view> last_first);

  bool is_root() const { return text_.empty(); }
  const std::string& text() const { return text_; }

  /// Last component; the root has none (empty).
  std::string_view name() const;
  /// The directory that holds this path. The root's parent is the root.
  RelPath parent() const;
  /// This path extended by one name, which must be valid.
  RelPath child(std::string_view name) const;
  /// This path extended by all of `below`.
  RelPath join(const RelPath& below) const;
  /// True when `other` is this path or stands below it.
  bool contains(const RelPath& other) const;
  /// First component and what follows it. Contract: not the root.
  std::string_view first() const;
  RelPath after_first() const;

  friend bool operator==(const RelPath&, const RelPath&) = default;
  friend auto operator<=>(const RelPath&, const RelPath&) = default;

 private:
  std::string text_;
};

}  // namespace ox

template <>
struct std::hash<ox::RelPath> {
  std::size_t operator()(const ox::RelPath& path) const noexcept {
    return std::hash<std::string>{}(path.text());
  }
};
