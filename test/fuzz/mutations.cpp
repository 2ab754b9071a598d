#include "fuzz/mutations.h"

#include <algorithm>
#include <array>

#include "rt/random.h"

namespace ox::fuzz {

namespace {

using rt::SeededRandom;

constexpr std::size_t kLargest = 1U << 16U;
// Ends of ranges, what separates, and what means something to one parser or another.
constexpr std::array<std::uint8_t, 24> kTelling{0x00, 0x01, 0x7F, 0x80, 0xFF, '\n', ' ',  '/',
                                                '.',  '-',  '~',  '\\', '"',  '%',  '*',  '[',
                                                ']',  '!',  ',',  '=',  '0',  '9',  0xC3, 0xE2};

/// A beginning and a size within `bytes`.
struct Range {
  std::size_t begin;
  std::size_t size;
};

Range any_range(SeededRandom& random, const Bytes& bytes) {
  const std::size_t begin = random.below(bytes.size() + 1);
  const std::size_t most = random.below(3) == 0 ? bytes.size() : 8;
  return {begin, random.below(std::min(bytes.size() - begin, most) + 1)};
}

auto at(Bytes& bytes, std::size_t place) {
  return bytes.begin() + static_cast<std::ptrdiff_t>(place);
}

std::uint8_t any_byte(SeededRandom& random) {
  return random.below(2) == 0 ? kTelling[random.below(kTelling.size())]
                              : static_cast<std::uint8_t>(random.next());
}

void change_byte(SeededRandom& random, Bytes& bytes) {
  if (!bytes.empty()) {
    bytes[random.below(bytes.size())] = any_byte(random);
  }
}

void flip_bit(SeededRandom& random, Bytes& bytes) {
  if (!bytes.empty()) {
    bytes[random.below(bytes.size())] ^= static_cast<std::uint8_t>(1U << random.below(8));
  }
}

void insert_bytes(SeededRandom& random, Bytes& bytes) {
  Bytes added(1 + random.below(4), any_byte(random));
  bytes.insert(at(bytes, random.below(bytes.size() + 1)), added.begin(), added.end());
}

void erase_bytes(SeededRandom& random, Bytes& bytes) {
  const Range range = any_range(random, bytes);
  bytes.erase(at(bytes, range.begin), at(bytes, range.begin + range.size));
}

void insert_part(SeededRandom& random, Bytes& bytes, Bytes other) {
  const Range range = any_range(random, other);
  bytes.insert(at(bytes, random.below(bytes.size() + 1)), at(other, range.begin),
               at(other, range.begin + range.size));
}

void mutate(SeededRandom& random, const std::vector<Bytes>& corpus, Bytes& bytes) {
  switch (random.below(6)) {
    case 0:
      return flip_bit(random, bytes);
    case 1:
      return insert_bytes(random, bytes);
    case 2:
      return erase_bytes(random, bytes);
    case 3:
      return insert_part(random, bytes, bytes);
    case 4:
      return insert_part(random, bytes, corpus[random.below(corpus.size())]);
    default:
      return change_byte(random, bytes);
  }
}

}  // namespace

Bytes mutation(const std::vector<Bytes>& corpus, std::uint64_t seed, std::uint64_t number) {
  SeededRandom random(SeededRandom(seed).next() + number);
  Bytes bytes = corpus[random.below(corpus.size())];
  for (std::uint64_t changes = 1 + random.below(4); changes > 0; --changes) {
    mutate(random, corpus, bytes);
  }
  bytes.resize(std::min(bytes.size(), kLargest));
  return bytes;
}

}  // namespace ox::fuzz
