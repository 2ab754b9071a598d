#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"

namespace ox::state {

/// CRC-32C (Castagnoli) of `bytes`, as iSCSI uses it. Source: RFC 3720, appendix B.4.
std::uint32_t crc32c(BytesView bytes);

/// `body` followed by its checksum: what stands in the database. SQLite itself doesn't notice a
/// flipped bit, and a wrong digest in the agreed tree would be believed.
Bytes seal(Bytes body);

/// The body of a sealed row, as a view into it; kCorrupt when the checksum doesn't fit.
Result<BytesView> unseal(BytesView row);

}  // namespace ox::state
