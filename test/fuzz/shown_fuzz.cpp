#include <string>

#include "cli/text.h"
#include "fuzz/fuzz.h"
#include "tree/names.h"

/// Foreign bytes on their way to a terminal or into JSON.
namespace ox::fuzz {
namespace {

bool is_plain(char letter) {
  return letter >= ' ' && letter <= '~';
}

void check_shown(std::string_view bytes) {
  const std::string text = cli::shown(bytes);
  must(tree::is_valid_utf8(text), "what is shown is UTF-8");
  for (const char letter : text) {
    must(static_cast<unsigned char>(letter) >= 0x80 || is_plain(letter), "nothing breaks a line");
  }
  for (const std::string_view harmful : {"\xC2\x9B", "\xE2\x80\xAE", "\xE2\x81\xA6"}) {
    must(text.find(harmful) == std::string::npos, "nothing commands the terminal");
  }
  must(!std::ranges::all_of(bytes, is_plain) || text == bytes, "plain text stays as it is");
  must(cli::shown(text) == text, "what is shown can be shown again");
}

std::string from_base64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char digit : text.substr(0, text.find('='))) {
    const std::size_t value = kDigits.find(digit);
    must(value != std::string_view::npos, "base64 has 64 digits");
    bits = bits << 6U | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> count);
    }
  }
  return bytes;
}

void check_error(std::string_view message, std::string_view context) {
  const std::string text =
      cli::shown_error(Error(Code::kIo, std::string(message)).with_context(context));
  must(std::ranges::count(text, '\n') == std::ranges::count(message, '\n'),
       "only lines of ours are broken");
}

void check(Input input) {
  const std::string_view bytes = Input(input).text();
  check_shown(bytes);
  const std::string encoded = cli::base64(bytes);
  must(encoded.size() % 4 == 0 && from_base64(encoded) == bytes, "base64 holds all bytes");
  const std::string_view message = input.part("\n%%\n");
  check_error(message, input.text());
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ox::fuzz::check(ox::fuzz::Input(data, size));
  return 0;
}
