#include "sim/tree.h"

#include <algorithm>
#include <cstdlib>

namespace ox::sim {
namespace {

std::string_view word_of(NodeKind kind) {
  switch (kind) {
    case NodeKind::kFile:
      return "file";
    case NodeKind::kDirectory:
      return "directory";
    case NodeKind::kSymlink:
      return "symlink";
  }
  return "";
}

std::string difference(const Node& a, const Node& b, const Tolerance& tolerance) {
  if (a.kind != b.kind) {
    return std::string(word_of(a.kind)) + " against " + std::string(word_of(b.kind));
  }
  if (a.bytes != b.bytes) {
    return title_of(a.bytes) + " against " + title_of(b.bytes);
  }
  if (!tolerance.modes && a.kind != NodeKind::kSymlink && a.mode != b.mode) {
    return "modes differ";
  }
  const std::int64_t step = tolerance.mtime_step;
  const std::int64_t apart = std::abs(a.mtime.ns - b.mtime.ns);
  if (tolerance.mtimes && a.kind == NodeKind::kFile && apart > (step == 1 ? 0 : 2 * step)) {
    return "mtimes differ by " + std::to_string(a.mtime.ns - b.mtime.ns) + " ns";
  }
  return {};
}

}  // namespace

std::string with_one_spelling(std::string path) {
  constexpr std::string_view kDecomposed = "e\u0301";
  constexpr std::string_view kComposed = "\u00e9";
  for (std::size_t at = 0; (at = path.find(kDecomposed, at)) != std::string::npos;) {
    path.replace(at, kDecomposed.size(), kComposed);
  }
  return path;
}

Tree with_one_spelling(const Tree& tree) {
  Tree same;
  for (const auto& [path, node] : tree) {
    const std::string spelled = with_one_spelling(path);
    // Where both stand they are two.
    same.emplace(tree.contains(spelled) ? path : spelled, node);
  }
  return same;
}

std::string first_difference(const Tree& a, const Tree& b, const Tolerance& tolerance) {
  if (tolerance.names) {
    Tolerance spelled = tolerance;
    spelled.names = false;
    return first_difference(with_one_spelling(a), with_one_spelling(b), spelled);
  }
  auto left = a.begin();
  auto right = b.begin();
  const auto skip = [&](auto& at, const Tree& tree) {
    while (tolerance.symlinks && at != tree.end() && at->second.kind == NodeKind::kSymlink) {
      ++at;
    }
  };
  while (true) {
    skip(left, a);
    skip(right, b);
    if (left == a.end() || right == b.end()) {
      break;
    }
    if (left->first != right->first) {
      return left->first < right->first ? left->first + ": only on the first"
                                        : right->first + ": only on the second";
    }
    if (const std::string found = difference(left->second, right->second, tolerance);
        !found.empty()) {
      return left->first + ": " + found;
    }
    ++left;
    ++right;
  }
  if (left != a.end()) {
    return left->first + ": only on the first";
  }
  return right == b.end() ? std::string() : right->first + ": only on the second";
}

std::string title_of(const std::string& bytes) {
  const std::size_t end = std::min(bytes.find('\n'), bytes.size());
  const std::string line = bytes.substr(0, std::min<std::size_t>(end, 40));
  const bool plain = std::ranges::all_of(line, [](char c) { return c >= ' ' && c <= '~'; });
  return "<" + (plain ? line : std::string("?")) + ">";
}

std::string to_text(const Tree& tree) {
  std::string text;
  for (const auto& [path, node] : tree) {
    text += "    " + path + "  " + std::string(word_of(node.kind));
    if (node.kind != NodeKind::kDirectory) {
      text += " " + std::to_string(node.bytes.size()) + " bytes " + title_of(node.bytes);
    }
    constexpr std::string_view kDigits = "01234567";
    text += " 0";
    for (int shift = 6; shift >= 0; shift -= 3) {
      text += kDigits[(node.mode >> static_cast<unsigned>(shift)) & 7U];
    }
    text += " mtime " + std::to_string(node.mtime.ns % 1'000'000'000'000) + " id " +
            std::to_string(node.id) + "\n";
  }
  return text;
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

std::string join(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

bool is_within(const std::string& path, const std::string& directory) {
  return directory.empty() || path == directory ||
         (path.size() > directory.size() && path.starts_with(directory) &&
          path[directory.size()] == '/');
}

bool on_one_line(const std::string& a, const std::string& b) {
  return is_within(a, b) || is_within(b, a);
}

}  // namespace ox::sim
