#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "rt/random.h"

namespace ox::sim {

/// Every content that ever stood on a user's disk, and what must become of it.
class Versions {
 public:
  struct Version {
    std::uint64_t token = 0;  ///< 0: a state in between, or what a power cut left: owed to nobody
    std::size_t replica = 0;  ///< where it was written
    bool durable = false;     ///< the user synced it
    bool shared = false;      ///< a clean run ended with it on all replicas
    bool replaced = false;    ///< a user who had it before him overwrote or deleted it
    bool excused = false;     ///< the user's own file system lost it
    bool trash_will_do = false;  ///< it was written to a file that may have been put aside already
  };

  /// From now on no two of them are of one size.
  void let_sizes_tell() { sizes_tell_ = true; }
  /// A content that nobody ever wrote before.
  std::string make(rt::SeededRandom& random, std::size_t replica);
  /// One of just this size; none is longer than its name.
  std::string make_of_size(std::size_t size, std::size_t replica);
  std::string make_target(std::size_t replica);
  /// Something that stands on a user's disk and is no whole version.
  void allow(const std::string& bytes) { all_.try_emplace(bytes); }

  /// A user destroys this copy.
  void replace(const std::string& bytes);
  void make_durable(const std::string& bytes);
  /// The engine has acknowledged it everywhere, so it said that it is durable.
  void make_shared(const std::string& bytes);
  /// The place where it was synced is gone: copies elsewhere are under way at best.
  void forget_synced(const std::string& bytes);
  Version* find(const std::string& bytes);
  bool known(const std::string& bytes) const { return all_.contains(bytes); }
  std::unordered_map<std::string, Version>& all() { return all_; }
  const std::unordered_map<std::string, Version>& all() const { return all_; }

 private:
  std::unordered_map<std::string, Version> all_;
  std::uint64_t last_ = 0;
  bool sizes_tell_ = false;
  std::unordered_set<std::size_t> sizes_;
};

}  // namespace ox::sim
