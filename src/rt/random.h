#pragma once

#include <cstdint>
#include <span>

namespace ox::rt {

/// Where chance comes from, so that a simulation can replay it.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
};

/// The kernel's generator. Safe from several threads.
Random& system_random();

/// SplitMix64: the same numbers for the same seed on every machine. Not for secrets.
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014).
class SeededRandom : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31U);
  }
  /// Uniform enough for tests: 0 ≤ result < bound. Contract: bound > 0.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }

 private:
  std::uint64_t state_;
};

}  // namespace ox::rt
