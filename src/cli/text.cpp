#include "cli/text.h"

#include <fmt/format.h>

#include <array>

#include "tree/names.h"

namespace ox::cli {

namespace {

/// Length of the UTF-8 sequence that `first` begins.
std::size_t sequence_length(unsigned char first) {
  return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/// Control characters of ASCII and Latin-1, and those that turn the direction of writing around.
bool is_control(std::string_view sequence) {
  if (sequence.size() == 1) {
    const auto byte = static_cast<unsigned char>(sequence.front());
    return byte < 0x20 || byte == 0x7F;
  }
  if (sequence.size() == 2) {
    return sequence.front() == '\xC2' && static_cast<unsigned char>(sequence[1]) < 0xA0;
  }
  return sequence == "\xE2\x80\x8E" || sequence == "\xE2\x80\x8F" ||
         (sequence.starts_with("\xE2\x80") && sequence[2] >= '\xAA' && sequence[2] <= '\xAE') ||
         (sequence.starts_with("\xE2\x81") && sequence[2] >= '\xA6' && sequence[2] <= '\xA9');
}

}  // namespace

std::string shown(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    std::string_view sequence =
        bytes.substr(0, sequence_length(static_cast<unsigned char>(bytes.front())));
    if (!tree::is_valid_utf8(sequence)) {
      sequence = bytes.substr(0, 1);
    }
    if (!tree::is_valid_utf8(sequence) || is_control(sequence)) {
      for (const char byte : sequence) {
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
      }
    } else {
      out += sequence;
    }
    bytes.remove_prefix(sequence.size());
  }
  return out;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t bits = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8U | (k < count ? static_cast<unsigned char>(bytes[at + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += k <= count ? kDigits[bits >> (18 - 6 * k) & 63U] : '=';
    }
  }
  return out;
}

std::string shown_size(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 6> kUnits{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto number = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (number >= 1024 && unit + 1 < kUnits.size()) {
    number /= 1024;
    ++unit;
  }
  return unit == 0 ? counted(bytes, "byte", "bytes")
                   : fmt::format("{:.1f} {}", number, kUnits[unit]);
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string shown_time(Timestamp time) {
  std::string text = to_iso8601(time);
  if (const std::size_t letter = text.find('T'); letter != std::string::npos) {
    text[letter] = ' ';
  }
  if (const std::size_t fraction = text.find('.'); fraction != std::string::npos) {
    text.replace(fraction, std::string::npos, "Z");
  }
  return text;
}

std::string shown_duration(std::int64_t seconds) {
  if (seconds >= 3600) {
    return fmt::format("{}h {:02}m", seconds / 3600, seconds % 3600 / 60);
  }
  return seconds >= 60 ? fmt::format("{}m {:02}s", seconds / 60, seconds % 60)
                       : fmt::format("{}s", seconds);
}

std::string shown_error(const Error& error) {
  // Lines of a list are ours; a name that holds a line feed is not.
  std::string out;
  std::string_view rest = error.message();
  for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    out += shown(rest.substr(0, end)) + "\n";
    rest.remove_prefix(end + 1);
  }
  out += shown(rest);
  return error.context().empty() ? out : out + ": " + shown(error.context());
}

}  // namespace ox::cli
