#pragma once

#include <memory>

#include "fs/faulty/fault_plan.h"
#include "provider/provider.h"
#include "rt/rate_limit.h"

namespace ox::provider {

/// What is to be put around a provider; null is nothing.
struct StackOptions {
  std::shared_ptr<fs::FaultPlan> faults;  ///< tests only
  rt::RateLimit* reading = nullptr;
  rt::RateLimit* writing = nullptr;
};

/// The one place that orders the decorators, from the store outwards: faults (they play the
/// store), bandwidth (what failed before it moved bytes costs nothing).
std::unique_ptr<Provider> stack(std::unique_ptr<Provider> store, const StackOptions& options);

}  // namespace ox::provider
