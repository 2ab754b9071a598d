#include "app/roots.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "app/exit_code.h"
#include "app/mounts.h"
#include "app/places.h"
#include "crypto/digest.h"

namespace ox::app {

namespace {

constexpr std::size_t kMostRoots = 16;
constexpr std::size_t kIdDigits = 32;

struct Seen {
  Root root;
  dev_t device = 0;
  ino_t inode = 0;
  MountPlace place;
};

Result<Seen> see(const std::string& typed) {
  Result<std::string> path = canonical_path(typed);
  if (!path.ok()) {
    return path.failed_with(Code::kInvalidArgument) ? path.error()
                                                    : root_error(path.error().message(), typed);
  }
  Seen seen{.root = {.path = std::move(*path)}, .place = {}};
  struct stat status = {};
  if (::stat(seen.root.path.c_str(), &status) != 0) {
    if (errno != ENOENT && errno != ENOTDIR) {
      const Error cause = Error::from_errno(errno, "look at", seen.root.path);
      return root_error(cause.message(), seen.root.path);
    }
    seen.root.standing = Standing::kMissing;
    return seen;
  }
  seen.root.standing = S_ISDIR(status.st_mode) ? Standing::kDirectory : Standing::kSomethingElse;
  seen.device = status.st_dev;
  seen.inode = status.st_ino;
  return seen;
}

Result<void> check_pair(const Seen& a, const Seen& b) {
  const bool stand = a.root.standing != Standing::kMissing && b.root.standing != Standing::kMissing;
  if (a.root.path == b.root.path || (stand && a.device == b.device && a.inode == b.inode)) {
    return usage_error("the same folder is given twice: " + a.root.path +
                       (a.root.path == b.root.path ? "" : " and " + b.root.path));
  }
  const bool nested_by_path =
      is_within(a.root.path, b.root.path) || is_within(b.root.path, a.root.path);
  const bool nested_by_mount =
      stand && !a.place.device.empty() && a.place.device == b.place.device &&
      (is_within(a.place.path, b.place.path) || is_within(b.place.path, a.place.path));
  if (nested_by_path || nested_by_mount) {
    return usage_error("one folder is inside the other: " + a.root.path + " and " + b.root.path +
                       "; name folders that do not overlap");
  }
  return {};
}

Result<void> make_parents_and(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) == 0 || errno == EEXIST) {
    return {};
  }
  const int reason = errno;
  const std::size_t slash = path.rfind('/');
  if (reason != ENOENT || slash == 0 || slash == std::string::npos) {
    return Error::from_errno(reason, "make the folder", path);
  }
  TRY(make_parents_and(path.substr(0, slash)));
  if (::mkdir(path.c_str(), 0777) == 0 || errno == EEXIST) {
    return {};
  }
  return Error::from_errno(errno, "make the folder", path);
}

std::string digest_id(std::string_view text) {
  return crypto::sha256(as_bytes_view(text)).to_hex().substr(0, kIdDigits);
}

/// The last `count` words of a path, joined by '-'; all of them when there are fewer.
std::string last_words(const std::string& path, std::size_t count) {
  std::size_t start = path.size();
  for (std::size_t k = 0; k < count && start != 0 && start != std::string::npos; ++k) {
    start = path.rfind('/', start - 1);
  }
  std::string words = path.substr(start == std::string::npos ? 0 : start);
  while (!words.empty() && words.front() == '/') {
    words.erase(words.begin());
  }
  std::ranges::replace(words, '/', '-');
  return words.empty() ? "root" : words;
}

}  // namespace

Result<std::vector<Root>> find_roots(const std::vector<std::string>& typed) {
  if (typed.size() < 2) {
    return usage_error("a sync needs two folders or more, or the name of a rule");
  }
  if (typed.size() > kMostRoots) {
    return usage_error("a rule has at most " + std::to_string(kMostRoots) + " folders");
  }
  TRY_ASSIGN(const std::optional<std::string> mounts, read_file("/proc/self/mountinfo"));
  std::vector<Seen> all;
  for (const std::string& path : typed) {
    TRY_ASSIGN(Seen seen, see(path));
    seen.place = place_in_mounts(mounts.value_or(""), seen.root.path);
    for (const Seen& other : all) {
      TRY(check_pair(other, seen));
    }
    all.push_back(std::move(seen));
  }
  std::vector<Root> roots;
  for (Seen& seen : all) {
    if (seen.root.standing == Standing::kSomethingElse) {
      return root_error("is a file and no folder", seen.root.path);
    }
    roots.push_back(std::move(seen.root));
  }
  return roots;
}

Result<void> create_missing(std::vector<Root>& roots) {
  for (Root& root : roots) {
    if (root.standing == Standing::kMissing) {
      if (const Result<void> made = make_parents_and(root.path); !made.ok()) {
        return root_error(made.error().message(), root.path);
      }
      root.standing = Standing::kDirectory;
    }
  }
  return {};
}

std::vector<std::string> labels_of(const std::vector<std::string>& paths) {
  std::vector<std::string> labels;
  for (const std::string& path : paths) {
    for (std::size_t words = 1;; ++words) {
      std::string label = last_words(path, words);
      const auto same = [&](const std::string& other) {
        return &other != &path && last_words(other, words) == label;
      };
      const bool whole = last_words(path, words + 1) == label;
      if (whole || std::ranges::none_of(paths, same)) {
        labels.push_back(std::move(label));
        break;
      }
    }
  }
  // "/a-b" and "/a/b" can come out alike; the conflict names they make must not.
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::string word = labels[i];
    for (std::size_t number = i + 1; std::ranges::count(labels, labels[i]) > 1; ++number) {
      labels[i] = word + "-" + std::to_string(number);
    }
  }
  return labels;
}

std::string rule_id_of(std::vector<std::string> paths) {
  std::ranges::sort(paths);
  std::string text;
  for (const std::string& path : paths) {
    text += text.empty() ? "" : std::string(1, '\0');
    text += path;
  }
  return digest_id(text);
}

std::string rule_id_of_name(std::string_view name) {
  return digest_id("name:" + std::string(name));
}

}  // namespace ox::app
