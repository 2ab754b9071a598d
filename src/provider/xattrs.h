#pragma once

#include <cstdint>
#include <vector>

#include "provider/provider.h"

namespace ox::provider {

/// Attributes::xattrs of user attributes sorted by name: the first eight bytes of the SHA-256 of
/// their canonical encoding (name and value, each length-prefixed). 0 only for none.
std::uint64_t digest_of_xattrs(const std::vector<Source::Xattr>& xattrs);

}  // namespace ox::provider
