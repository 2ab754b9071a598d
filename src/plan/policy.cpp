#include "plan/policy.h"

#include <array>
#include <source_location>
#include <utility>

#include "base/expects.h"

namespace ox::plan {

namespace {

constexpr std::array<std::pair<std::string_view, Mode>, 4> kModes{{{"two-way", Mode::kTwoWay},
                                                                   {"one-way", Mode::kOneWay},
                                                                   {"copy", Mode::kCopy},
                                                                   {"move", Mode::kMove}}};
constexpr std::array<std::pair<std::string_view, KeepMode>, 6> kKeepModes{
    {{"newer", KeepMode::kNewer},
     {"older", KeepMode::kOlder},
     {"bigger", KeepMode::kBigger},
     {"smaller", KeepMode::kSmaller},
     {"path1", KeepMode::kPath1},
     {"path2", KeepMode::kPath2}}};

template <typename Table>
auto find_in(const Table& table, std::string_view name)
    -> std::optional<typename Table::value_type::second_type> {
  for (const auto& [word, value] : table) {
    if (word == name) {
      return value;
    }
  }
  return std::nullopt;
}

template <typename Table, typename Value>
std::string_view word_for(const Table& table, Value wanted) {
  for (const auto& [word, value] : table) {
    if (value == wanted) {
      return word;
    }
  }
  contract_violated(std::source_location::current());
}

}  // namespace

std::optional<Mode> find_mode(std::string_view name) {
  return find_in(kModes, name);
}

std::optional<KeepMode> find_keep_mode(std::string_view name) {
  return find_in(kKeepModes, name);
}

std::optional<Compare> find_compare(std::string_view text) {
  Compare compare{.size = false, .modtime = false, .hash = false};
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    bool* field = word == "size"      ? &compare.size
                  : word == "modtime" ? &compare.modtime
                  : word == "hash"    ? &compare.hash
                                      : nullptr;
    if (field == nullptr || *field) {
      return std::nullopt;
    }
    *field = true;
    if (comma == std::string_view::npos) {
      return compare;
    }
    text.remove_prefix(comma + 1);
  }
}

std::string_view name_of(Mode mode) {
  return word_for(kModes, mode);
}

std::string_view name_of(KeepMode mode) {
  return word_for(kKeepModes, mode);
}

}  // namespace ox::plan
