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

/// Makes `slots` hold `count` and be half empty; `place_of` finds a taken slot's place in them.
template <typename Slot, typename PlaceOf>
void grow_slots(std::vector<Slot>& slots, std::size_t count, PlaceOf place_of) {
  const std::size_t size = std::bit_ceil(count * 2 + 16);
  if (size <= slots.size()) {
    return;
  }
  const std::vector<Slot> old = std::exchange(slots, std::vector<Slot>(size));
  for (const Slot& slot : old) {
    if (!slot.is_free()) {
      slots[place_of(slot)] = slot;
    }
  }
}

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
    if (!slot.is_free()) {
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

    bool is_free() const { return value == kNone; }
  };

  std::size_t place_of(const Key& key) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = Hash{}(key)&mask;
    while (!slots_[at].is_free() && !(slots_[at].key == key)) {
      at = (at + 1) & mask;
    }
    return at;
  }

  void grow_to(std::size_t count) {
    grow_slots(slots_, count, [this](const Slot& slot) { return place_of(slot.key); });
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

    bool is_free() const { return name.data() == nullptr; }
  };

  static std::uint32_t hash_of(std::uint32_t directory, std::string_view name) {
    const std::uint64_t mixed = std::hash<std::string_view>{}(name) ^
                                ((std::uint64_t{directory} + 1) * 0x9E3779B97F4A7C15ULL);
    return static_cast<std::uint32_t>(mixed ^ (mixed >> 32U));
  }

  std::size_t place_of(std::uint32_t directory, std::string_view name, std::uint32_t hash) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash & mask;
    while (!slots_[at].is_free() &&
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
    if (slot.is_free()) {
      slot = {.name = name, .directory = directory, .hash = hash};
      ++count_;
    }
    return slot;
  }

  void grow_to(std::size_t count) {
    grow_slots(slots_, count,
               [this](const Slot& slot) { return place_of(slot.directory, slot.name, slot.hash); });
  }

  std::vector<Slot> slots_;
  std::size_t count_ = 0;
  std::deque<std::string> kept_;
};

/// What is in each directory, in ascending order: entries of one replica, or nodes.
class Children {
 public:
  Children() = default;
  /// `parent_of(item)` for all items below `count`; kNone: in none.
  template <typename ParentOf>
  Children(std::size_t count, ParentOf parent_of) : begin_(count + 1, 0) {
    std::vector<std::uint32_t> parents(count);
    for (std::uint32_t item = 0; item < count; ++item) {
      parents[item] = parent_of(item);
      if (parents[item] != kNone) {
        ++begin_[parents[item] + 1];
      }
    }
    for (std::size_t k = 1; k < begin_.size(); ++k) {
      begin_[k] += begin_[k - 1];
    }
    children_.resize(begin_.back());
    std::vector<std::uint32_t> next(begin_.begin(), begin_.end() - 1);
    for (std::uint32_t item = 0; item < count; ++item) {
      if (parents[item] != kNone) {
        children_[next[parents[item]]++] = item;
      }
    }
  }

  /// None in what came later.
  std::span<const std::uint32_t> operator[](std::uint32_t directory) const {
    if (directory + std::size_t{1} >= begin_.size()) {
      return {};
    }
    return std::span(children_).subspan(begin_[directory],
                                        begin_[directory + 1] - begin_[directory]);
  }

 private:
  std::vector<std::uint32_t> begin_;
  std::vector<std::uint32_t> children_;
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
