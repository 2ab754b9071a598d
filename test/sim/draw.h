#pragma once

#include <array>
#include <cstddef>

#include "rt/random.h"

namespace ox::sim {

template <typename Value, std::size_t kCount>
Value one_of(rt::SeededRandom& random, const std::array<Value, kCount>& values) {
  return values[random.below(kCount)];
}

}  // namespace ox::sim
