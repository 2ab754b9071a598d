#pragma once

#include <vector>

#include "sync/scan.h"

namespace ox::sync {

/// A file that was moved while its replica was listed may have been met in both places. Each place
/// of such a file is looked at once more; what is not there any more is hidden, and the scan
/// counts as unstable.
void look_again_at_doubles(Scan& scan, const std::vector<EngineReplica>& replicas);

}  // namespace ox::sync
