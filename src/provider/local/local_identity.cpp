#include "provider/local/local_identity.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace ox::provider {
namespace {

constexpr std::string_view kIdName = "id";
constexpr std::string_view kMagic = "syncoxiders-id";
constexpr std::string_view kVersion = "1";
constexpr std::size_t kMostBytes = 4096;

Error corrupt() {
  return Error(Code::kCorrupt, "the root's identity can't be read");
}

std::vector<std::string_view> split_at_spaces(std::string_view line) {
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t space = line.find(' ');
    words.push_back(line.substr(0, space));
    if (space == std::string_view::npos) {
      return words;
    }
    line.remove_prefix(space + 1);
  }
}

template <typename Number>
Result<Number> parse_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  // One encoding a value: from_chars lets leading zeros pass.
  if (error != std::errc{} || end != text.data() + text.size() || std::to_string(number) != text) {
    return corrupt();
  }
  return number;
}

bool is_word(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char letter) { return letter > ' ' && letter <= '~'; });
}

}  // namespace

bool is_rule(std::string_view text) {
  return text.size() == 32 && std::ranges::all_of(text, [](char digit) {
           return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f');
         });
}

std::string format_identity(const RootIdentity& identity) {
  std::string text(kMagic);
  text += ' ';
  text += kVersion;
  text += ' ' + identity.rule + ' ' + std::to_string(identity.replica) + ' ' +
          std::to_string(identity.epoch) + ' ';
  text += identity.file_system.empty() ? "-" : identity.file_system;
  text += '\n';
  return text;
}

Result<RootIdentity> parse_identity(std::string_view text) {
  if (!text.ends_with('\n')) {
    return corrupt();
  }
  text.remove_suffix(1);
  const std::vector<std::string_view> words = split_at_spaces(text);
  if (words.size() != 6 || words[0] != kMagic || words[1] != kVersion || !is_rule(words[2]) ||
      !is_word(words[5])) {
    return corrupt();
  }
  RootIdentity identity;
  identity.rule = words[2];
  TRY_ASSIGN(identity.replica, parse_number<std::uint32_t>(words[3]));
  TRY_ASSIGN(identity.epoch, parse_number<std::uint64_t>(words[4]));
  if (words[5] != "-") {
    identity.file_system = words[5];
  }
  return identity;
}

Result<std::optional<RootIdentity>> read_local_identity(LocalRoot& root, std::string_view rule) {
  if (!is_rule(rule)) {
    return Error(Code::kInvalidArgument, "not a rule").with_context(rule);
  }
  auto folder = root.open_own(kIdName);
  if (folder.failed_with(Code::kNotFound)) {
    return std::optional<RootIdentity>{};
  }
  TRY_ASSIGN(const auto directory, std::move(folder));
  auto opened = directory->open_file(rule, fs::Access::kRead);
  if (opened.failed_with(Code::kNotFound)) {
    return std::optional<RootIdentity>{};
  }
  TRY_ASSIGN(const auto file, std::move(opened));
  Bytes bytes(kMostBytes);
  TRY_ASSIGN(const std::size_t size, file->read_at(0, bytes));
  TRY_ASSIGN(RootIdentity identity, parse_identity(as_text_view(bytes).substr(0, size)));
  if (identity.rule != rule) {
    return corrupt();
  }
  return std::optional(std::move(identity));
}

Result<void> write_local_identity(LocalRoot& root, const RootIdentity& identity) {
  const std::string text = format_identity(identity);
  if (const auto parsed = parse_identity(text); !parsed.ok() || *parsed != identity) {
    return Error(Code::kInvalidArgument, "not an identity").with_context(identity.rule);
  }
  TRY_ASSIGN(const auto directory, root.make_own(kIdName));
  const std::string temporary = identity.rule + ".new";
  ignore(directory->remove_file(temporary), "left by a crash, or not there at all");
  TRY_ASSIGN(const auto file, directory->create_file(temporary, 0600));
  TRY(file->write_at(0, as_bytes_view(text)));
  TRY(file->sync());
  TRY(directory->rename(temporary, *directory, identity.rule, fs::RenameMode::kReplace));
  return directory->sync();
}

}  // namespace ox::provider
