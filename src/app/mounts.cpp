#include "app/mounts.h"

#include <array>
#include <charconv>

#include "app/places.h"

namespace ox::app {

namespace {

/// The kernel writes space, tab, newline and backslash as three octal digits.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t k = 0; k < text.size(); ++k) {
    unsigned value = 0;
    if (text[k] == '\\' && k + 4 <= text.size() &&
        std::from_chars(&text[k + 1], &text[k + 1] + 3, value, 8).ec == std::errc{}) {
      out += static_cast<char>(value);
      k += 3;
    } else {
      out += text[k];
    }
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
