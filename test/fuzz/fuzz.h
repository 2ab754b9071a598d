#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

/// What each fuzzer defines; it returns 0. Who calls it is libFuzzer (preset `fuzz`) or replay.cpp
/// (all others).
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace ox::fuzz {

/// Ends the program, which is how a fuzzer says that an input broke a promise.
inline void must(bool holds, std::string_view promise,
                 std::source_location where = std::source_location::current()) {
  if (!holds) {
    std::fprintf(stderr, "%s:%u: broken promise: %.*s\n", where.file_name(), where.line(),
                 static_cast<int>(promise.size()), promise.data());
    std::abort();
  }
}

/// A refusal says why.
template <typename T>
void must_explain(const Result<T>& result,
                  std::source_location where = std::source_location::current()) {
  must(result.ok() || !result.error().message().empty(), "an error has a message", where);
}

/// The same, and the reason is `code`.
template <typename T>
void must_explain(const Result<T>& result, Code code,
                  std::source_location where = std::source_location::current()) {
  must_explain(result, where);
  must(result.ok() || result.failed_with(code), "an error has the code that its header names",
       where);
}

/// Takes an input apart from its beginning. Behind the end everything is zero or empty.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  std::uint8_t byte() {
    const BytesView one = raw(1);
    return one.empty() ? 0 : one.front();
  }
  /// Eight bytes, the lowest first.
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 8) {
      value |= static_cast<std::uint64_t>(byte()) << shift;
    }
    return value;
  }
  /// Up to `size` bytes.
  BytesView raw(std::size_t size) {
    const BytesView taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  /// Up to the next line feed, which is left out.
  std::string_view line() { return part("\n"); }
  /// Up to the next `separator`, which is left out; all of it where there is none.
  std::string_view part(std::string_view separator) {
    const std::string_view all = as_text_view(rest_);
    const std::size_t end = std::min(all.find(separator), all.size());
    raw(std::min(end + separator.size(), all.size()));
    return all.substr(0, end);
  }
  std::string_view text() { return as_text_view(raw(rest_.size())); }
  BytesView bytes() { return raw(rest_.size()); }
  bool at_end() const { return rest_.empty(); }

 private:
  BytesView rest_;
};

}  // namespace ox::fuzz
