#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace ox::app {

/// Runs `command` by /bin/sh with `variables` added to the environment and waits for it. Its input
/// is empty and its output goes to our stderr. kIo when it can't be started or fails.
Result<void> run_shell(const std::string& command,
                       const std::map<std::string, std::string>& variables);

}  // namespace ox::app
