#include <charconv>
#include <chrono>
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/text.h"
#include "fuzz/fuzz.h"
#include "sync/undo_versions.h"

/// Times as they are shown, and what a person types to choose a version by number or time.
namespace ox::fuzz {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + count, value);
  must(error == std::errc{} && end == text.data() + at + count, "a time is made of digits");
  return value;
}

/// The second that "20261123T101500Z" names, by the calendar of the standard library.
std::int64_t second_of(std::string_view text) {
  using namespace std::chrono;
  must(text.size() == 16 && text[8] == 'T' && text[15] == 'Z', "a basic time has 16 characters");
  const year_month_day date(year(digits(text, 0, 4)),
                            month(static_cast<unsigned>(digits(text, 4, 2))),
                            day(static_cast<unsigned>(digits(text, 6, 2))));
  must(date.ok(), "a time names a day that there is");
  const seconds time =
      hours(digits(text, 9, 2)) + minutes(digits(text, 11, 2)) + seconds(digits(text, 13, 2));
  return (sys_days(date).time_since_epoch() + time).count();
}

std::int64_t floor_second(Timestamp time) {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::nanoseconds(time.ns)).count();
}

std::string without_punctuation(std::string text) {
  std::erase_if(text, [](char letter) { return letter == '-' || letter == ':'; });
  return text;
}

void check_time(Timestamp time) {
  const std::string basic = to_basic_iso8601(time);
  must(second_of(basic) == floor_second(time), "a time is shown rounded down");
  const std::string extended = without_punctuation(to_iso8601(time));
  must(extended.substr(0, 15) == basic.substr(0, 15), "both spellings name one second");
  const std::int64_t fraction = (time.ns % kNsPerSecond + kNsPerSecond) % kNsPerSecond;
  must(fraction == 0 ? extended.size() == 16
                     : digits(extended, 16, 9) == fraction && extended.size() == 26,
       "the fraction is whole");
  must(cli::shown_time(time).substr(0, 10) == to_iso8601(time).substr(0, 10) &&
           without_punctuation(cli::shown_time(time)).substr(9) == basic.substr(9),
       "a person is shown the same second");
}

std::vector<sync::Version> versions_of(Input& input) {
  std::vector<sync::Version> versions(input.byte() % 5);
  for (std::size_t k = 0; k < versions.size(); ++k) {
    versions[k].number = k + 1;
    versions[k].record.when = {static_cast<std::int64_t>(input.number())};
  }
  return versions;
}

void check_own_names(const std::vector<sync::Version>& versions, const sync::Version& version) {
  const auto by_number = sync::choose_version(versions, std::to_string(version.number));
  must(by_number.ok() && by_number->number == version.number, "a number chooses its version");
  const std::string time = to_basic_iso8601(version.record.when);
  const auto by_time = sync::choose_version(versions, time);
  must(by_time.ok() && to_basic_iso8601(by_time->record.when) == time && by_time->number != 0 &&
           by_time->number <= version.number,
       "a time chooses the newest version of its second");
}

void check_choice(const std::vector<sync::Version>& versions, std::string_view wanted) {
  const auto chosen = sync::choose_version(versions, wanted);
  must_explain(chosen, Code::kNotFound);
  if (wanted.empty()) {
    must(chosen.ok() == !versions.empty(), "nothing said means the newest");
    return;
  }
  if (!chosen.ok()) {
    return;
  }
  const std::string typed = without_punctuation(std::string(wanted));
  must(!typed.empty(), "punctuation alone chooses nothing");
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), number);
  const bool is_number = error == std::errc{} && end == wanted.data() + wanted.size();
  must(to_basic_iso8601(chosen->record.when).starts_with(typed) ||
           (is_number && number == chosen->number),
       "what was typed is the number or the beginning of the time");
}

void check(Input input) {
  const std::vector<sync::Version> versions = versions_of(input);
  for (const sync::Version& version : versions) {
    check_time(version.record.when);
    check_own_names(versions, version);
  }
  check_choice(versions, input.text());
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ox::fuzz::check(ox::fuzz::Input(data, size));
  return 0;
}
