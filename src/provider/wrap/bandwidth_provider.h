#pragma once

#include <memory>

#include "provider/provider.h"
#include "rt/rate_limit.h"

namespace ox::provider {

/// `inner`, reading from its sources at the pace of `reading` and staging at the pace of `writing`
/// (either may be null: no limit). The limits are shared with whoever else has them and must
/// outlive the provider. Copies that the machine makes by itself (shared extents) pay as well.
std::unique_ptr<Provider> make_bandwidth_limited(std::unique_ptr<Provider> inner,
                                                 rt::RateLimit* reading, rt::RateLimit* writing);

}  // namespace ox::provider
