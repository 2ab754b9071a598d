#include "app/mounts.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include "app/places.h"

namespace ox::app {

namespace {

/// The byte that three octal digits behind a backslash stand for; none for anything else.
std::optional<char> find_escaped(std::string_view text) {
  if (text.size() < 4 || text.front() != '\\') {
    return std::nullopt;
  }
  std::uint8_t value = 0;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + 4, value, 8);
  return error == std::errc{} && end == text.data() + 4 ? std::optional(static_cast<char>(value))
                                                        : std::nullopt;
}

/// The kernel writes space, tab, newline and backslash as three octal digits.
std::string unescape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::optional<char> escaped = find_escaped(text);
    out += escaped.value_or(text.front());
    text.remove_prefix(escaped.has_value() ? 4 : 1);
  }
  return out;
}

/// The first five fields of a line: id, parent, major:minor, root, mount point.
std::array<std::string_view, 5> fields_of(std::string_view line) {
  std::array<std::string_view, 5> fields;
  for (std::string_view& field : fields) {
    const std::size_t space = line.find(' ');
    field = line.substr(0, space);
    line = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
  }
  return fields;
}

}  // namespace

MountPlace place_in_mounts(std::string_view mounts, const std::string& path) {
  MountPlace best;
  std::size_t best_length = 0;
  while (!mounts.empty()) {
    const std::size_t end = mounts.find('\n');
    const auto fields = fields_of(mounts.substr(0, end));
    mounts = end == std::string_view::npos ? std::string_view() : mounts.substr(end + 1);
    const std::string point = unescape(fields[4]);
    // Of two mounts over one place the later one is what is seen.
    if (point.empty() || !is_within(path, point) || point.size() < best_length) {
      continue;
    }
    best_length = point.size();
    std::string below = point == "/" ? path : path.substr(point.size());
    const std::string root = unescape(fields[3]);
    best.device = fields[2];
    best.path = root == "/" ? (below.empty() ? "/" : below) : root + (below == "/" ? "" : below);
  }
  return best;
}

}  // namespace ox::app
