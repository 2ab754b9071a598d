#include <array>
#include <string>

#include "base/rel_path.h"
#include "fuzz/fuzz.h"
#include "tree/names.h"

/// Names: what is UTF-8, which spellings are one name, what a store refuses, and the names of
/// conflict copies.
namespace ox::fuzz {
namespace {

/// UTF-8 by the table of RFC 3629, written down a second time.
bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if ((first >= 0x80 && first < 0xC2) || first > 0xF4 || text.size() < size) {
      return false;
    }
    const unsigned low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    for (std::size_t k = 1; k < size; ++k) {
      const auto byte = static_cast<unsigned char>(text[k]);
      if (byte < (k == 1 ? low : 0x80U) || byte > (k == 1 ? high : 0xBFU)) {
        return false;
      }
    }
    text.remove_prefix(size);
  }
  return true;
}

std::string in_case(std::string_view text, char first, char last) {
  std::string other(text);
  for (char& letter : other) {
    letter = letter >= first && letter <= last ? static_cast<char>(letter ^ 0x20) : letter;
  }
  return other;
}

constexpr std::array kCaseRules{tree::CaseRule::kSensitive, tree::CaseRule::kFolds};
constexpr std::array kNormalizations{tree::NormalizationRule::kBytes,
                                     tree::NormalizationRule::kComposes};

void check_key(const tree::NameRules& rules, std::string_view name) {
  const bool folds = rules.case_rule == tree::CaseRule::kFolds;
  const std::string key = rules.collision_key(name);
  must(rules.collision_key(key) == key, "a key is its own key");
  must(is_utf8(key) == is_utf8(name), "UTF-8 stays UTF-8");
  must(is_utf8(name) || key == name, "what is not UTF-8 is its own key");
  if (folds && is_utf8(name)) {
    must(rules.collision_key(in_case(name, 'a', 'z')) == key, "upper case is the same name");
    must(rules.collision_key(in_case(name, 'A', 'Z')) == key, "lower case is the same name");
  }
  if (rules.normalization == tree::NormalizationRule::kComposes) {
    const tree::NameRules composing{.normalization = tree::NormalizationRule::kComposes};
    must(rules.collision_key(composing.collision_key(name)) == key,
         "the composed spelling is the same name");
  }
}

void check_keys(std::string_view name) {
  must(tree::is_valid_utf8(name) == is_utf8(name), "UTF-8 is judged by RFC 3629");
  for (const tree::CaseRule case_rule : kCaseRules) {
    for (const tree::NormalizationRule normalization : kNormalizations) {
      check_key({.case_rule = case_rule, .normalization = normalization}, name);
    }
  }
  must(tree::NameRules{}.collision_key(name) == name, "without rules every name is its own key");
}

void check_refusal(std::string_view name) {
  const tree::NameRules rules{.utf8_only = true,
                              .forbidden_bytes = "<>:\"\\|?*\n",
                              .forbid_trailing_dot_space = true,
                              .forbidden_names = {"desktop.ini"},
                              .forbidden_stems = {"CON", "nul"}};
  const auto refusal = rules.refusal(name);
  must(!refusal.has_value() || !refusal->empty(), "a refusal says why");
  must(rules.refusal(in_case(name, 'a', 'z')).has_value() == refusal.has_value(),
       "a refusal does not depend on the case");
  const auto without_rules = tree::NameRules{}.refusal(name);
  must(without_rules.has_value() == (!is_valid_name(name) || name.size() > 255),
       "without rules every name is held that fits");
  must(refusal.has_value() || (!without_rules.has_value() && is_utf8(name)),
       "more rules do not allow more");
}

struct Loser {
  std::string_view name;
  std::string_view label;
  std::optional<Timestamp> mtime;
  Digest digest;
};

void check_conflict_name(const Loser& loser, std::size_t max_bytes) {
  std::array<std::string, 2> names;
  for (std::size_t k = 0; k < names.size(); ++k) {
    names[k] =
        tree::conflict_name(loser.name, loser.label, loser.mtime, loser.digest, k == 1, max_bytes);
    must(is_valid_name(names[k]), "a conflict's name is a name");
    must(names[k].size() <= max_bytes, "it fits");
    must(is_utf8(names[k]) || !is_utf8(loser.name), "it stays UTF-8");
    must(tree::may_be_conflict_name(names[k], max_bytes), "it is known as one");
    must(names[k] != loser.name || loser.name.size() == max_bytes, "it is another name");
  }
  const std::size_t roomy = loser.name.size() + 100;
  must(max_bytes < roomy || names[0] != names[1], "the digest makes another name");
}

void check(Input input) {
  const std::string_view name = input.line();
  Loser loser{.name = name, .label = input.line(), .mtime = {}, .digest = {}};
  const std::size_t max_bytes = 1 + input.number() % 4096;
  if (const std::uint64_t mtime = input.number(); mtime != 0) {
    loser.mtime = Timestamp{static_cast<std::int64_t>(mtime)};
  }
  std::ranges::copy(input.raw(sizeof(Digest::bytes)), loser.digest.bytes.begin());
  check_keys(name);
  check_refusal(name);
  if (is_valid_name(name)) {
    for (const std::size_t limit : {max_bytes, max_bytes % 64 + 1, std::size_t{255}}) {
      check_conflict_name(loser, limit);
    }
  }
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ox::fuzz::check(ox::fuzz::Input(data, size));
  return 0;
}
