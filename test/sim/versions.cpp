#include "sim/versions.h"

#include <array>

namespace ox::sim {

std::string Versions::make(rt::SeededRandom& random, std::size_t replica) {
  // Equal sizes are common, so that time stamps and digests alone must tell versions apart; some
  // are large enough to be known by their digest when they move, some span several pages.
  constexpr std::array<std::size_t, 10> kSizes{24, 24, 24, 24, 40, 100, 1200, 1200, 5000, 9500};
  std::size_t size = kSizes[random.below(kSizes.size())];
  while (sizes_tell_ && !sizes_.insert(size).second) {
    ++size;
  }
  return make_of_size(size, replica);
}

std::string Versions::make_of_size(std::size_t size, std::size_t replica) {
  const std::uint64_t token = ++last_;
  std::string bytes = "token " + std::to_string(token) + "\n";
  // Each part of the file names its version, so that no mix of two can be a third.
  const std::string filler = std::to_string(token) + ".";
  while (bytes.size() < size) {
    bytes += filler;
  }
  bytes.resize(size, '.');
  all_.insert_or_assign(bytes, Version{.token = token, .replica = replica});
  return bytes;
}

std::string Versions::make_target(std::size_t replica) {
  const std::uint64_t token = ++last_;
  std::string target = "target " + std::to_string(token);
  all_.insert_or_assign(target, Version{.token = token, .replica = replica});
  return target;
}

void Versions::replace(const std::string& bytes) {
  if (Version* version = find(bytes); version != nullptr) {
    version->replaced = true;
  }
}

void Versions::make_durable(const std::string& bytes) {
  if (Version* version = find(bytes); version != nullptr) {
    version->durable = true;
  }
}

void Versions::make_shared(const std::string& bytes) {
  if (Version* version = find(bytes); version != nullptr) {
    version->durable = version->shared = true;
  }
}

void Versions::forget_synced(const std::string& bytes) {
  if (Version* version = find(bytes); version != nullptr && !version->shared) {
    version->durable = false;
  }
}

Versions::Version* Versions::find(const std::string& bytes) {
  const auto found = all_.find(bytes);
  return found == all_.end() ? nullptr : &found->second;
}

}  // namespace ox::sim
