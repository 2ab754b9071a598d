#pragma once

#include <memory>
#include <string>

#include "provider/provider.h"

namespace ox::provider {

/// Watches a real directory; our own folder tells nothing. kUnsupported for an empty path.
Result<std::unique_ptr<ChangeFeed>> watch_local(const std::string& os_path);

}  // namespace ox::provider
