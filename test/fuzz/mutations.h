#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace ox::fuzz {

/// One of the inputs in `corpus` with a few small changes, parts of others included; the same for
/// the same corpus, seed and number on every machine.
Bytes mutation(const std::vector<Bytes>& corpus, std::uint64_t seed, std::uint64_t number);

}  // namespace ox::fuzz
