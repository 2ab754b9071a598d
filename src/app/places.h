#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ox::app {

/// Where our own files are on this machine.
struct Places {
  std::string state_folder;  ///< absolute
  std::string rules_file;    ///< absolute; need not stand; empty: there is none
  std::string home;          ///< what "~" stands for; may be empty
};

/// By the XDG base directory rules, unless said otherwise. `environment` is asked for variables.
Result<Places> find_places(const std::function<const char*(const char*)>& environment,
                           const std::optional<std::string>& state_folder,
                           const std::optional<std::string>& rules_file);

/// Makes the state folder, for its owner only.
Result<void> make_state_folder(const Places& places);

/// `path` as an absolute one without ".", ".." and symlinks, as far as it stands; what does not
/// stand is appended by its words. Bytes of any kind are fine.
Result<std::string> canonical_path(const std::string& path);

/// True when `inner` is `outer` or stands below it; both canonical.
bool is_within(std::string_view inner, std::string_view outer);

/// The whole file; none when it does not stand.
Result<std::optional<std::string>> read_file(const std::string& path);
/// Replaces the file at once; readers see the old or the new one.
Result<void> write_file(const std::string& path, std::string_view text);

/// The names in a folder that end with `suffix`, sorted; none when the folder does not stand.
Result<std::vector<std::string>> names_in(const std::string& folder, std::string_view suffix);

}  // namespace ox::app
