#include "base/time.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace ox {

namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kFirstSecond = -62'167'219'200;  // 0000-01-01
constexpr std::int64_t kLastSecond = 253'402'300'799;   // 9999-12-31

struct Split {
  std::tm calendar;
  std::int64_t fraction_ns;
};

Split split(Timestamp time) {
  std::int64_t seconds = time.ns / kNsPerSecond;
  std::int64_t fraction = time.ns % kNsPerSecond;
  if (fraction < 0) {
    fraction += kNsPerSecond;
    --seconds;
  }
  const std::time_t clamped = std::clamp(seconds, kFirstSecond, kLastSecond);
  Split result{.calendar = {}, .fraction_ns = fraction};
  gmtime_r(&clamped, &result.calendar);
  return result;
}

}  // namespace

std::string to_basic_iso8601(Timestamp time) {
  const Split parts = split(time);
  const std::tm& tm = parts.calendar;
  char text[64];
  std::snprintf(text, sizeof text, "%04d%02d%02dT%02d%02d%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
  return text;
}

std::string to_iso8601(Timestamp time) {
  const Split parts = split(time);
  const std::tm& tm = parts.calendar;
  char fraction[32] = "";
  if (parts.fraction_ns != 0) {
    std::snprintf(fraction, sizeof fraction, ".%09lld", static_cast<long long>(parts.fraction_ns));
  }
  char text[96];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", tm.tm_year + 1900,
                tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, fraction);
  return text;
}

}  // namespace ox
