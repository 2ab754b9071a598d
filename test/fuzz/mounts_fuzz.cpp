#include <array>
#include <string>
#include <vector>

#include "app/mounts.h"
#include "app/places.h"
#include "base/rel_path.h"
#include "fuzz/fuzz.h"

/// The kernel's list of mounts: any text, and lists as a kernel would write them.
namespace ox::fuzz {
namespace {

using app::MountPlace;

struct Mount {
  std::string device;
  std::string root;
  std::string point;
};

bool is_octal(std::string_view text) {
  return text.size() == 3 && text[0] <= '3' &&
         text.find_first_not_of("01234567") == std::string_view::npos;
}

std::string unescaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const bool escaped = text.front() == '\\' && is_octal(text.substr(1, 3));
    out += escaped ? static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + text[3] - '0')
                   : text.front();
    text.remove_prefix(escaped ? 4 : 1);
  }
  return out;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    if (letter == ' ' || letter == '\t' || letter == '\n' || letter == '\\') {
      std::array<char, 8> octal{};
      std::snprintf(octal.data(), octal.size(), "\\%03o", static_cast<unsigned>(letter));
      out += octal.data();
    } else {
      out += letter;
    }
  }
  return out;
}

std::string joined(const std::string& root, const std::string& below) {
  if (root == "/") {
    return below.empty() ? "/" : below;
  }
  return root + (below == "/" ? "" : below);
}

/// The last of the longest mount points that hold `path`.
MountPlace expected_place(const std::vector<Mount>& mounts, const std::string& path) {
  MountPlace place;
  std::size_t longest = 0;
  for (const Mount& mount : mounts) {
    if (!mount.point.empty() && app::is_within(path, mount.point) &&
        mount.point.size() >= longest) {
      longest = mount.point.size();
      place.device = mount.device;
      place.path = joined(mount.root, mount.point == "/" ? path : path.substr(longest));
    }
  }
  return place;
}

std::vector<Mount> mounts_in(std::string_view text) {
  std::vector<Mount> mounts;
  for (Input lines(as_bytes_view(text).data(), text.size()); !lines.at_end();) {
    const std::string_view line = lines.line();
    Input fields(as_bytes_view(line).data(), line.size());
    fields.part(" ");
    fields.part(" ");
    Mount& mount = mounts.emplace_back();
    mount.device = fields.part(" ");
    mount.root = unescaped(fields.part(" "));
    mount.point = unescaped(fields.part(" "));
  }
  return mounts;
}

/// A name of a line stands for one with what a line can't hold.
std::string path_of(std::string_view line) {
  std::string text(line);
  std::ranges::replace(text, '\x01', '\n');
  const Result<RelPath> path = RelPath::parse(text);
  return path.ok() ? "/" + path->text() : "/";
}

void check_written(Input input) {
  const std::string path = path_of(input.line());
  std::vector<Mount> mounts;
  std::string text;
  while (!input.at_end()) {
    Mount& mount = mounts.emplace_back();
    mount.device = "8:" + std::to_string(mounts.size());
    mount.root = path_of(input.line());
    mount.point = path_of(input.line());
    text += "1 2 " + mount.device + " " + escaped(mount.root) + " " + escaped(mount.point) +
            " rw - ext4 /dev/sda rw\n";
  }
  must(app::place_in_mounts(text, path) == expected_place(mounts, path),
       "a place is found as the kernel wrote it");
}

void check_any(Input input) {
  const std::string path = path_of(input.line());
  const std::string_view text = input.text();
  must(app::place_in_mounts(text, path) == expected_place(mounts_in(text), path),
       "in any text the longest mount point counts");
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ox::fuzz::Input input(data, size);
  ox::fuzz::check_any(input);
  ox::fuzz::check_written(input);
  return 0;
}
