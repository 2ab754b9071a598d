#pragma once

#include <memory>

#include "fs/faulty/fault_plan.h"
#include "fs/fs.h"

namespace ox::fs {

/// `inner` with the faults of `plan`, as are all files and directories opened through it. Every
/// call but File::advise_… and those of a lease is counted. In rename, link, clone_from
/// and copy_range_from the other handle may be faulty or plain.
std::unique_ptr<Directory> make_faulty(std::unique_ptr<Directory> inner,
                                       std::shared_ptr<FaultPlan> plan);

}  // namespace ox::fs
