#include "app/settings.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "app/exit_code.h"

namespace ox::app {

namespace {

template <typename Value>
void put_over(std::optional<Value>& value, const std::optional<Value>& over) {
  if (over.has_value()) {
    value = over;
  }
}

struct Measured {
  double number = 0;
  std::string_view unit;
};

/// A decimal number and what follows it.
std::optional<Measured> measure(std::string_view text) {
  Measured measured;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), measured.number,
                                            std::chars_format::fixed);
  if (error != std::errc{} || !std::isfinite(measured.number) || measured.number < 0 ||
      text.front() == '-') {
    return std::nullopt;
  }
  measured.unit = text.substr(static_cast<std::size_t>(end - text.data()));
  return measured;
}

std::optional<std::uint64_t> whole(double number) {
  if (number >= static_cast<double>(std::numeric_limits<std::int64_t>::max())) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(number);
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const std::optional<Measured> measured = text.empty() ? std::nullopt : measure(text);
  if (!measured.has_value()) {
    return std::nullopt;
  }
  std::string_view unit = measured->unit;
  if (unit.ends_with('B') || unit.ends_with('b')) {
    unit.remove_suffix(1);
    if (unit.size() == 2 && unit.ends_with('i')) {
      unit.remove_suffix(1);
    }
  }
  if (unit.empty()) {
    return whole(measured->number);
  }
  constexpr std::string_view kUnits = "kmgtp";
  const std::size_t power = kUnits.find(static_cast<char>(unit.front() | 0x20));
  if (unit.size() != 1 || power == std::string_view::npos) {
    return std::nullopt;
  }
  return whole(std::ldexp(measured->number, 10 * (static_cast<int>(power) + 1)));
}

std::optional<std::chrono::seconds> parse_age(std::string_view text) {
  static const std::map<std::string_view, double> kUnits{
      {"s", 1},     {"m", 60},          {"h", 3600},      {"", 86400},
      {"d", 86400}, {"w", 7 * 86400.0}, {"y", 31557600.0}};
  const std::optional<Measured> measured = text.empty() ? std::nullopt : measure(text);
  if (!measured.has_value()) {
    return std::nullopt;
  }
  const auto unit = kUnits.find(measured->unit);
  constexpr double kLongest = 1e9 * 5;  // more than a century, and safe as nanoseconds
  if (unit == kUnits.end() || measured->number * unit->second > kLongest) {
    return std::nullopt;
  }
  return std::chrono::seconds(std::llround(measured->number * unit->second));
}

std::optional<BudgetSetting> parse_budget(std::string_view text) {
  if (text == "none") {
    return BudgetSetting{};
  }
  std::optional<std::uint64_t> nodes;
  std::optional<double> fraction;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    const std::optional<Measured> measured = word.empty() ? std::nullopt : measure(word);
    if (!measured.has_value()) {
      return std::nullopt;
    }
    if (measured->unit == "%" && !fraction.has_value() && measured->number <= 100) {
      fraction = measured->number / 100;
    } else if (measured->unit.empty() && !nodes.has_value() &&
               std::floor(measured->number) == measured->number) {
      nodes = whole(measured->number);
      if (!nodes.has_value()) {
        return std::nullopt;
      }
    } else {
      return std::nullopt;
    }
    if (comma == std::string_view::npos) {
      break;
    }
    text.remove_prefix(comma + 1);
  }
  // Both bounds must be passed before anything is held, so the one that is not named is 0.
  return BudgetSetting{
      .budget = plan::Budget{.max_nodes = nodes.value_or(0), .max_fraction = fraction.value_or(0)}};
}

Settings Settings::with(const Settings& over) const {
  Settings both = *this;
  put_over(both.mode, over.mode);
  put_over(both.keep_mode, over.keep_mode);
  put_over(both.compare, over.compare);
  put_over(both.auto_merge, over.auto_merge);
  put_over(both.mirror, over.mirror);
  put_over(both.create, over.create);
  put_over(both.read_back, over.read_back);
  put_over(both.scrub, over.scrub);
  put_over(both.scrub_every, over.scrub_every);
  put_over(both.max_delete, over.max_delete);
  put_over(both.bytes_per_second, over.bytes_per_second);
  put_over(both.transfers, over.transfers);
  put_over(both.trash_age, over.trash_age);
  put_over(both.trash_bytes, over.trash_bytes);
  put_over(both.min_size, over.min_size);
  put_over(both.max_size, over.max_size);
  put_over(both.min_age, over.min_age);
  put_over(both.max_age, over.max_age);
  both.ignores.insert(both.ignores.end(), over.ignores.begin(), over.ignores.end());
  both.ignores_on.insert(over.ignores_on.begin(), over.ignores_on.end());
  if (!over.on_failure.empty()) {
    both.on_failure = over.on_failure;
  }
  return both;
}

Result<void> Settings::check() const {
  const plan::Mode chosen = mode.value_or(plan::Mode::kTwoWay);
  if (keep_mode.has_value() && (chosen == plan::Mode::kCopy || chosen == plan::Mode::kMove)) {
    return usage_error("keep-mode has no meaning in mode " + std::string(plan::name_of(chosen)) +
                       ": there the first folder's version always wins and the other is kept "
                       "beside it");
  }
  if (mirror.value_or(false) && chosen != plan::Mode::kOneWay) {
    return usage_error("mirror needs mode one-way");
  }
  if ((scrub.value_or(false) || scrub_every.has_value()) && compare.has_value() && !compare->hash) {
    return usage_error("scrub needs compare with hash: without it bytes say nothing");
  }
  if (min_size.has_value() && max_size.has_value() && *min_size > *max_size) {
    return usage_error("min-size is larger than max-size: no file would be left");
  }
  if (min_age.has_value() && max_age.has_value() && *min_age > *max_age) {
    return usage_error("min-age is more than max-age: no file would be left");
  }
  return {};
}

plan::Policy Settings::policy(std::vector<ReplicaIndex> order) const {
  plan::Policy policy;
  policy.mode = mode.value_or(policy.mode);
  policy.keep_mode = keep_mode.value_or(policy.keep_mode);
  policy.compare = compare.value_or(policy.compare);
  policy.auto_merge = auto_merge.value_or(false);
  policy.mirror = mirror.value_or(false);
  if (max_delete.has_value()) {
    policy.budget = max_delete->budget;
  }
  policy.order = std::move(order);
  return policy;
}

sync::RunOptions Settings::run_options(std::vector<ReplicaIndex> order) const {
  sync::RunOptions options{.policy = policy(std::move(order))};
  options.read_back = read_back.value_or(false);
  options.scrub = scrub.value_or(false);
  options.scrub_every = scrub_every;
  options.transfers = transfers.value_or(options.transfers);
  options.retention.age = trash_age.value_or(options.retention.age);
  options.retention.bytes = trash_bytes;
  return options;
}

tree::Limits Settings::limits(Timestamp now) const {
  tree::Limits limits{.min_size = min_size, .max_size = max_size};
  const auto before = [&](std::chrono::seconds age) {
    return Timestamp{now.ns - std::chrono::nanoseconds(age).count()};
  };
  if (min_age.has_value()) {
    limits.max_mtime = before(*min_age);
  }
  if (max_age.has_value()) {
    limits.min_mtime = before(*max_age);
  }
  return limits;
}

}  // namespace ox::app
