#include <array>
#include <charconv>
#include <string>

#include "app/settings.h"
#include "fuzz/fuzz.h"

/// Values that a person writes: sizes, ages, budgets, and the words for modes.
namespace ox::fuzz {
namespace {

constexpr std::string_view kDigits = "0123456789";

char in_lower_case(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter | 0x20) : letter;
}

/// A whole number that a double holds exactly, or none.
std::optional<std::uint64_t> exact_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number < (1ULL << 53U)
             ? std::optional(number)
             : std::nullopt;
}

/// "", "B", "K", "KB", "KiB" and so on: by how many bits they move; none for anything else.
std::optional<unsigned> bits_of_unit(std::string_view unit) {
  if (unit.empty() || unit == "B" || unit == "b") {
    return 0;
  }
  const std::size_t power = std::string_view("kmgtp").find(in_lower_case(unit.front()));
  const std::string_view rest = unit.substr(1);
  for (const std::string_view known : {"", "B", "b", "iB", "ib"}) {
    if (power != std::string_view::npos && rest == known) {
      return 10 * (static_cast<unsigned>(power) + 1);
    }
  }
  return std::nullopt;
}

void check_size(std::string_view text) {
  const std::size_t unit_at = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto bits = bits_of_unit(text.substr(unit_at));
  const auto number = exact_number(text.substr(0, unit_at));
  const auto size = app::parse_size(text);
  if (!size.has_value()) {
    must(!bits.has_value() || !number.has_value() || *number >= 1ULL << (63U - *bits),
         "a number with a unit is a size");
    return;
  }
  must(bits.has_value() && text.find_first_of(kDigits) < unit_at, "a size is a number and a unit");
  must(!number.has_value() || *size == *number << *bits, "a size is exact");
  must(app::parse_size(std::to_string(*size)) == size, "what is written in bytes is the same size");
}

void check_age(std::string_view text) {
  const auto age = app::parse_age(text);
  if (age.has_value()) {
    must(age->count() >= 0, "an age is never negative");
    must(app::parse_age(std::to_string(age->count()) + "s") == age,
         "what is written in seconds is the same age");
    must(text.find_first_not_of("0123456789.smhdwy") == std::string_view::npos,
         "an age is a number and a unit");
  }
}

/// "none", or both bounds.
std::string written(const app::BudgetSetting& setting) {
  if (!setting.budget.has_value()) {
    return "none";
  }
  std::array<char, 64> percent{};
  std::snprintf(percent.data(), percent.size(), "%.12f", setting.budget->max_fraction * 100);
  return std::to_string(setting.budget->max_nodes) + "," + percent.data() + "%";
}

void check_budget(std::string_view text) {
  const auto budget = app::parse_budget(text);
  if (!budget.has_value()) {
    return;
  }
  must(budget->budget.has_value() == (text != "none"), "only none is no budget");
  const auto again = app::parse_budget(written(*budget));
  must(again.has_value() && written(*again) == written(*budget), "what is written is read");
  if (!text.empty() && text.find_first_not_of(kDigits) == std::string_view::npos) {
    const auto exact = exact_number(text);
    must(exact.has_value() ? budget->budget->max_nodes == *exact
                           : budget->budget->max_nodes >= 1ULL << 53U || text.starts_with('0'),
         "a bound is the number that was written");
  }
}

void check_words(std::string_view text) {
  const auto mode = plan::find_mode(text);
  must(!mode.has_value() || plan::name_of(*mode) == text, "a mode has one name");
  const auto keep_mode = plan::find_keep_mode(text);
  must(!keep_mode.has_value() || plan::name_of(*keep_mode) == text, "a keep-mode has one name");
  const auto compare = plan::find_compare(text);
  if (compare.has_value()) {
    const auto named = [&](std::string_view word) {
      return ("," + std::string(text) + ",").find("," + std::string(word) + ",") !=
             std::string::npos;
    };
    must(compare->size == named("size") && compare->modtime == named("modtime") &&
             compare->hash == named("hash"),
         "what is compared is what is named");
  }
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = ox::fuzz::Input(data, size).text();
  ox::fuzz::check_size(text);
  ox::fuzz::check_age(text);
  ox::fuzz::check_budget(text);
  ox::fuzz::check_words(text);
  return 0;
}
