#include "app/places.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>

#include "app/exit_code.h"

namespace ox::app {

namespace {

constexpr std::size_t kMostBytes = 64U << 20U;

Result<std::string> absolute(const std::string& path) {
  if (path.empty()) {
    return usage_error("an empty path names nothing");
  }
  if (path.find('\0') != std::string::npos) {
    return usage_error("a path can't hold a NUL byte");
  }
  if (path.front() == '/') {
    return path;
  }
  const std::unique_ptr<char, decltype(&std::free)> current(::getcwd(nullptr, 0), &std::free);
  if (current == nullptr) {
    return Error::from_errno(errno, "find the current directory", {});
  }
  return std::string(current.get()) + "/" + path;
}

std::optional<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> found(::realpath(path.c_str(), nullptr),
                                                          &std::free);
  return found == nullptr ? std::nullopt : std::optional<std::string>(found.get());
}

/// Takes the last word off `path`, without the slashes around it.
std::string cut_last_word(std::string& path) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  const std::size_t slash = path.rfind('/');
  std::string word = path.substr(slash + 1);
  path.resize(slash == 0 ? 1 : slash);
  return word;
}

Result<void> make_folders(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) {
    return {};
  }
  if (errno != ENOENT) {
    return Error::from_errno(errno, "make the folder", path);
  }
  std::string parent = path;
  cut_last_word(parent);
  TRY(make_folders(parent));
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) {
    return {};
  }
  return Error::from_errno(errno, "make the folder", path);
}

Result<std::string> folder_of(const std::function<const char*(const char*)>& environment,
                              const char* variable, const char* below_home) {
  // The specification says that a relative path is to be ignored.
  if (const char* set = environment(variable); set != nullptr && set[0] == '/') {
    return std::string(set) + "/syncoxiders";
  }
  const char* home = environment("HOME");
  if (home == nullptr || home[0] != '/') {
    return usage_error(std::string("neither ") + variable +
                       " nor HOME is set; say where with --state and --rules");
  }
  return std::string(home) + below_home + "/syncoxiders";
}

}  // namespace

Result<Places> find_places(const std::function<const char*(const char*)>& environment,
                           const std::optional<std::string>& state_folder,
                           const std::optional<std::string>& rules_file) {
  Places places;
  if (const char* home = environment("HOME"); home != nullptr) {
    places.home = home;
  }
  std::string folder = state_folder.value_or("");
  if (!state_folder.has_value()) {
    TRY_ASSIGN(folder, folder_of(environment, "XDG_STATE_HOME", "/.local/state"));
  }
  Result<std::string> canonical = canonical_path(folder);
  if (!canonical.ok()) {
    return canonical.failed_with(Code::kInvalidArgument) ? canonical.error()
                                                         : state_error(canonical.error(), folder);
  }
  places.state_folder = std::move(*canonical);
  if (rules_file.has_value()) {
    TRY_ASSIGN(places.rules_file, absolute(*rules_file));
  } else if (const Result<std::string> settings =
                 folder_of(environment, "XDG_CONFIG_HOME", "/.config");
             settings.ok()) {
    places.rules_file = *settings + "/rules.toml";
  }
  return places;
}

Result<void> make_state_folder(const Places& places) {
  if (const Result<void> made = make_folders(places.state_folder); !made.ok()) {
    return state_error(made.error(), places.state_folder);
  }
  return {};
}

Result<std::string> canonical_path(const std::string& path) {
  TRY_ASSIGN(std::string standing, absolute(path));
  std::vector<std::string> missing;
  while (true) {
    if (const std::optional<std::string> real = real_path(standing); real.has_value()) {
      standing = *real;
      break;
    }
    const int reason = errno;
    const bool absent = reason == ENOENT || reason == ENOTDIR;
    if (!absent || standing == "/") {
      return Error::from_errno(reason, "can't be reached", path);
    }
    missing.push_back(cut_last_word(standing));
  }
  bool went_up = false;
  for (auto word = missing.rbegin(); word != missing.rend(); ++word) {
    if (word->empty() || *word == ".") {
      continue;
    }
    if (*word == "..") {
      cut_last_word(standing);
      went_up = true;
      continue;
    }
    standing += (standing == "/" ? "" : "/") + *word;
  }
  // Back out of what is missing, the rest may stand, and hold symlinks.
  return went_up ? canonical_path(standing) : standing;
}

bool is_within(std::string_view inner, std::string_view outer) {
  return inner == outer || outer == "/" ||
         (inner.starts_with(outer) && inner.size() > outer.size() && inner[outer.size()] == '/');
}

Result<std::optional<std::string>> read_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    return errno == ENOENT || errno == ENOTDIR ? Result<std::optional<std::string>>(std::nullopt)
                                               : Error::from_errno(errno, "open", path);
  }
  std::string text;
  std::array<char, 1U << 16U> buffer;
  int failure = 0;
  while (failure == 0) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(count));
      failure = text.size() > kMostBytes ? EFBIG : 0;
    } else if (count == 0) {
      break;
    } else if (errno != EINTR) {
      failure = errno;
    }
  }
  ::close(descriptor);
  if (failure != 0) {
    return Error::from_errno(failure, "read", path);
  }
  return std::optional(std::move(text));
}

Result<void> write_file(const std::string& path, std::string_view text) {
  const std::string temporary = path + ".new";
  const int descriptor =
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) {
    return Error::from_errno(errno, "write", temporary);
  }
  const ssize_t written = ::write(descriptor, text.data(), text.size());
  const int failure = errno;
  ::close(descriptor);
  if (written != static_cast<ssize_t>(text.size())) {
    ::unlink(temporary.c_str());
    return Error::from_errno(written < 0 ? failure : ENOSPC, "write", temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return Error::from_errno(errno, "replace", path);
  }
  return {};
}

Result<std::vector<std::string>> names_in(const std::string& folder, std::string_view suffix) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(folder.c_str()), &::closedir);
  if (directory == nullptr) {
    return errno == ENOENT ? Result<std::vector<std::string>>(std::move(names))
                           : Error::from_errno(errno, "list", folder);
  }
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view name(entry->d_name);
    if (name.size() > suffix.size() && name.ends_with(suffix)) {
      names.emplace_back(name);
    }
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace ox::app
