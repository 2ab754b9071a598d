#pragma once

#include <memory>

#include "fs/faulty/fault_plan.h"
#include "provider/provider.h"

namespace ox::provider {

/// `inner` with the faults of `plan`: the k-th call fails before or after its effect, by chance, or
/// the process dies at it (see fs::FaultPlan; a half effect is none here). Calls of the provider,
/// of its batches and of its sources' read_at and verify_unchanged are counted together.
std::unique_ptr<Provider> make_faulty(std::unique_ptr<Provider> inner,
                                      std::shared_ptr<fs::FaultPlan> plan);

}  // namespace ox::provider
