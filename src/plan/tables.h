#pragma once

#include <bit>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"

/// Flat hash tables for what the planner looks up for every node: no allocation an element.
namespace ox::plan {

using NodeIndex = std::uint32_t;
using EntryIndex = std::uint32_t;
inline constexpr std::uint32_t kNone = UINT32_MAX;

/// Key → number. Keys are only added.
template <typename Key, typename Hash = std::hash<Key>>
class FlatTable {
 public:
  void reserve(std::size_t count) { grow_to(count); }

  /// False when the key is there already: it keeps what it has.
  bool add(const Key& key, std::uint32_t value) {
    if ((count_ + 1) * 2 > slots_.size()) {
      grow_to(count_ + 1);
    }
    Slot& slot = slots_[place_of(key)];
    if (slot.value != kNone) {
      return false;
    }
    slot = {key, value};
    ++count_;
    return true;
  }

  /// kNone when it is not there.
  std::uint32_t find(const Key& key) const {
    return slots_.empty() ? kNone : slots_[place_of(key)].value;
  }
  bool contains(const Key& key) const { return find(key) != kNone; }

 private:
  struct Slot {
    Key key{};
    std::uint32_t value = kNone;
  };

  std::size_t place_of(const Key& key) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = Hash{}(key)&mask;
    while (slots_[at].value != kNone && !(slots_[at].key == key)) {
      at = (at + 1) & mask;
    }
    return at;
  }

  void grow_to(std::size_t count) {
    const std::size_t size = std::bit_ceil(count * 2 + 16);
    if (size <= slots_.size()) {
      return;
    }
    const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(size));
    for (const Slot& slot : old) {
      if (slot.value != kNone) {
        slots_[place_of(slot.key)] = slot;
      }
    }
  }

  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

/// (Directory, name) → number. Names are not copied: they have to outlive the table unchanged, or
/// be handed over by keep(). The value kNone means that there is none, so set(…, kNone) takes it
/// away.
class PlaceTable {
 public:
  void reserve(std::size_t count) { grow_to(count); }

  /// Leaves what is there already; returns the value that is there then.
  std::uint32_t add(std::uint32_t directory, std::string_view name, std::uint32_t value) {
    Slot& slot = slot_for(directory, name);
    if (slot.value == kNone) {
      slot.value = value;
    }
    return slot.value;
  }
  void set(std::uint32_t directory, std::string_view name, std::uint32_t value) {
    slot_for(directory, name).value = value;
  }
  std::uint32_t find(std::uint32_t directory, std::string_view name) const {
    if (slots_.empty()) {
      return kNone;
    }
    const std::uint32_t hash = hash_of(directory, name);
    return slots_[place_of(directory, name, hash)].value;
  }
  bool contains(std::uint32_t directory, std::string_view name) const {
    return find(directory, name) != kNone;
  }

  /// A name that nobody else holds on to.
  std::string_view keep(std::string name) { return kept_.emplace_back(std::move(name)); }

 private:
  struct Slot {
    std::string_view name;  ///< no data: a free slot
    std::uint32_t directory = kNone;
    std::uint32_t hash = 0;
    std::uint32_t value = kNone;
  };

  static std::uint32_t hash_of(std::uint32_t directory, std::string_view name) {
    const std::uint64_t mixed = std::hash<std::string_view>{}(name) ^
                                ((std::uint64_t{directory} + 1) * 0x9E3779B97F4A7C15ULL);
    return static_cast<std::uint32_t>(mixed ^ (mixed >> 32U));
  }

  std::size_t place_of(std::uint32_t directory, std::string_view name, std::uint32_t hash) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash & mask;
    while (slots_[at].name.data() != nullptr &&
           !(slots_[at].hash == hash && slots_[at].directory == directory &&
             slots_[at].name == name)) {
      at = (at + 1) & mask;
    }
    return at;
  }

  Slot& slot_for(std::uint32_t directory, std::string_view name) {
    if ((count_ + 1) * 2 > slots_.size()) {
      grow_to(count_ + 1);
    }
    const std::uint32_t hash = hash_of(directory, name);
    Slot& slot = slots_[place_of(directory, name, hash)];
    if (slot.name.data() == nullptr) {
      slot = {.name = name, .directory = directory, .hash = hash};
      ++count_;
    }
    return slot;
  }

  void grow_to(std::size_t count) {
    const std::size_t size = std::bit_ceil(count * 2 + 16);
    if (size <= slots_.size()) {
      return;
    }
    const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(size));
    for (const Slot& slot : old) {
      if (slot.name.data() != nullptr) {
        slots_[place_of(slot.directory, slot.name, slot.hash)] = slot;
      }
    }
  }

  std::vector<Slot> slots_;
  std::size_t count_ = 0;
  std::deque<std::string> kept_;
};

/// The entries in each directory of one replica, in the order of the listing.
class Children {
 public:
  template <typename Entries>
  explicit Children(const Entries& entries) : begin_(entries.size() + 1, 0) {
    for (std::size_t e = 1; e < entries.size(); ++e) {
      ++begin_[entries[e].parent + 1];
    }
    for (std::size_t e = 1; e < begin_.size(); ++e) {
      begin_[e] += begin_[e - 1];
    }
    children_.resize(begin_.back());
    std::vector<std::uint32_t> next(begin_.begin(), begin_.end() - 1);
    for (std::size_t e = 1; e < entries.size(); ++e) {
      children_[next[entries[e].parent]++] = static_cast<EntryIndex>(e);
    }
  }

  std::span<const EntryIndex> operator[](EntryIndex directory) const {
    return std::span(children_).subspan(begin_[directory],
                                        begin_[directory + 1] - begin_[directory]);
  }

 private:
  std::vector<std::uint32_t> begin_;
  std::vector<EntryIndex> children_;
};

/// Paths as texts, all in one piece of memory. Each item is added after what it stands in.
class PathTexts {
 public:
  explicit PathTexts(std::size_t items) : texts_(items) {}

  bool has(std::uint32_t item) const { return texts_[item].begin != kNotThere; }
  void add_root(std::uint32_t item) { texts_[item] = {.begin = 0, .size = 0}; }
  void add(std::uint32_t item, std::uint32_t directory, std::string_view name) {
    const Text above = texts_[directory];
    const Text text{.begin = bytes_.size(),
                    .size = above.size + (above.size == 0 ? 0 : 1) + name.size()};
    bytes_.append(bytes_, above.begin, above.size);
    if (above.size != 0) {
      bytes_ += '/';
    }
    bytes_ += name;
    texts_[item] = text;
  }

  /// Valid until the next add().
  std::string_view operator[](std::uint32_t item) const {
    return std::string_view(bytes_).substr(texts_[item].begin, texts_[item].size);
  }

 private:
  static constexpr std::size_t kNotThere = SIZE_MAX;
  struct Text {
    std::size_t begin = kNotThere;
    std::size_t size = 0;
  };

  std::string bytes_;
  std::vector<Text> texts_;
};

}  // namespace ox::plan
