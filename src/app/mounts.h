#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ox::app {

/// A directory as its file system knows it, whichever mounts lead to it.
struct MountPlace {
  std::string device;  ///< "major:minor"; empty when it can't be told
  std::string path;    ///< below the root of that file system

  friend bool operator==(const MountPlace&, const MountPlace&) = default;
};

/// `mounts` is the text of /proc/self/mountinfo, `path` canonical.
MountPlace place_in_mounts(std::string_view mounts, const std::string& path);

}  // namespace ox::app
