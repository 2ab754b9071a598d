#include "app/rule_file.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <functional>
#include <map>

#include "app/exit_code.h"
#include "app/places.h"

namespace ox::app {

namespace {

class RuleReader {
 public:
  RuleReader(const std::string& origin, const std::string& home) : origin_(origin), home_(home) {}

  Result<std::vector<NamedRule>> read(const toml::table& file) {
    std::vector<NamedRule> rules;
    for (const auto& [key, node] : file) {
      if (key.str() != "rules") {
        return wrong(key,
                     "unknown key '" + std::string(key.str()) + "'; only [rules.NAME] is known");
      }
      const toml::table* table = node.as_table();
      if (table == nullptr) {
        return wrong(node, "'rules' must be tables: [rules.NAME]");
      }
      for (const auto& [name, rule] : *table) {
        TRY_ASSIGN(NamedRule read, read_rule(name, rule));
        rules.push_back(std::move(read));
      }
    }
    return rules;
  }

 private:
  using Setter = std::function<Result<void>(const toml::node&, NamedRule&)>;

  template <typename Place>
  Error wrong(const Place& place, std::string message) const {
    return Error(Code::kInvalidArgument, origin_ + ":" + std::to_string(place.source().begin.line) +
                                             ": " + std::move(message));
  }

  Result<NamedRule> read_rule(const toml::key& name, const toml::node& node) {
    NamedRule rule;
    rule.name = name.str();
    const toml::table* table = node.as_table();
    if (!is_rule_name(rule.name)) {
      return wrong(name, "'" + rule.name +
                             "' can't be a rule's name: use letters, digits, '.', "
                             "'_' and '-'");
    }
    if (table == nullptr) {
      return wrong(node, "a rule must be a table: [rules." + rule.name + "]");
    }
    for (const auto& [key, value] : *table) {
      const auto setter = setters().find(key.str());
      if (setter == setters().end()) {
        return wrong(key, "unknown key '" + std::string(key.str()) + "' in rule " + rule.name);
      }
      TRY(setter->second(value, rule));
    }
    if (rule.roots.size() < 2) {
      return wrong(node, "rule " + rule.name + " needs two roots or more");
    }
    if (const Result<void> checked = rule.settings.check(); !checked.ok()) {
      return wrong(node, "rule " + rule.name + ": " + checked.error().message());
    }
    TRY(check_ignores_on(node, rule));
    return rule;
  }

  Result<void> check_ignores_on(const toml::node& node, NamedRule& rule) const {
    std::vector<std::string> roots;
    for (const std::string& root : rule.roots) {
      TRY_ASSIGN(std::string path, canonical_path(root));
      roots.push_back(std::move(path));
    }
    for (const auto& [path, text] : rule.settings.ignores_on) {
      if (std::ranges::find(roots, path) == roots.end()) {
        return wrong(node, "ignore_on names " + path + ", which is no root of rule " + rule.name);
      }
    }
    return {};
  }

  // Values ----------------------------------------------------------------------------------------

  Result<std::string> text_of(const toml::node& node, std::string_view key) const {
    if (const auto* text = node.as_string()) {
      return text->get();
    }
    return wrong(node, "'" + std::string(key) + "' must be a text in quotes");
  }

  Result<bool> flag_of(const toml::node& node, std::string_view key) const {
    if (const auto* flag = node.as_boolean()) {
      return flag->get();
    }
    return wrong(node, "'" + std::string(key) + "' must be true or false");
  }

  /// Numbers may stand without quotes.
  Result<std::string> word_of(const toml::node& node, std::string_view key) const {
    if (const auto* number = node.as_integer()) {
      return std::to_string(number->get());
    }
    return text_of(node, key);
  }

  Result<std::vector<std::string>> list_of(const toml::node& node, std::string_view key) const {
    const toml::array* array = node.as_array();
    if (array == nullptr) {
      return wrong(node, "'" + std::string(key) + "' must be a list of texts: [\"…\", \"…\"]");
    }
    std::vector<std::string> texts;
    for (const toml::node& item : *array) {
      TRY_ASSIGN(std::string text, text_of(item, key));
      texts.push_back(std::move(text));
    }
    return texts;
  }

  std::string expanded(std::string path) const {
    if (path == "~" || path.starts_with("~/")) {
      path.replace(0, 1, home_);
    }
    return path;
  }

  Result<std::string> path_of(const toml::node& place, std::string text) const {
    std::string path = expanded(std::move(text));
    if (!path.starts_with('/')) {
      return wrong(place, "'" + path + "' must be an absolute path");
    }
    return path;
  }

  static std::string lines_of(const std::vector<std::string>& patterns) {
    std::string text;
    for (const std::string& pattern : patterns) {
      text += pattern + "\n";
    }
    return text;
  }

  /// A setter for a word that `parse` turns into a value.
  template <typename Value, typename Parse>
  Setter word(std::string key, std::optional<Value> Settings::* field, Parse parse,
              std::string wanted) const {
    return [this, key = std::move(key), field, parse, wanted = std::move(wanted)](
               const toml::node& node, NamedRule& rule) -> Result<void> {
      TRY_ASSIGN(const std::string text, word_of(node, key));
      const auto value = parse(text);
      if (!value.has_value()) {
        return wrong(node, "'" + text + "' is no " + key + "; it is " + wanted);
      }
      rule.settings.*field = static_cast<Value>(*value);
      return {};
    };
  }

  Setter flag(std::string key, std::optional<bool> Settings::* field) const {
    return [this, key = std::move(key), field](const toml::node& node,
                                               NamedRule& rule) -> Result<void> {
      TRY_ASSIGN(rule.settings.*field, flag_of(node, key));
      return {};
    };
  }

  Setter roots() const {
    return [this](const toml::node& node, NamedRule& rule) -> Result<void> {
      TRY_ASSIGN(const std::vector<std::string> texts, list_of(node, "roots"));
      for (const std::string& text : texts) {
        TRY_ASSIGN(std::string path, path_of(node, text));
        rule.roots.push_back(std::move(path));
      }
      return {};
    };
  }

  Setter ignore() const {
    return [this](const toml::node& node, NamedRule& rule) -> Result<void> {
      TRY_ASSIGN(const std::vector<std::string> patterns, list_of(node, "ignore"));
      rule.settings.ignores.push_back(
          {.origin = origin_ + ", rule " + rule.name, .text = lines_of(patterns)});
      return {};
    };
  }

  Setter ignore_on() const {
    return [this](const toml::node& node, NamedRule& rule) -> Result<void> {
      const toml::table* table = node.as_table();
      if (table == nullptr) {
        return wrong(node, "'ignore_on' must be written ignore_on.\"/path\" = [\"pattern\"]");
      }
      for (const auto& [key, value] : *table) {
        TRY_ASSIGN(const std::string written, path_of(value, std::string(key.str())));
        TRY_ASSIGN(const std::string path, canonical_path(written));
        TRY_ASSIGN(const std::vector<std::string> patterns, list_of(value, "ignore_on"));
        rule.settings.ignores_on[path] = {.origin = origin_ + ", rule " + rule.name + " on " + path,
                                          .text = lines_of(patterns)};
      }
      return {};
    };
  }

  Setter on_failure() const {
    return [this](const toml::node& node, NamedRule& rule) -> Result<void> {
      TRY_ASSIGN(rule.settings.on_failure, text_of(node, "on_failure"));
      return {};
    };
  }

  const std::map<std::string_view, Setter>& setters() {
    if (setters_.empty()) {
      setters_ = {{"roots", roots()},
                  {"ignore", ignore()},
                  {"ignore_on", ignore_on()},
                  {"on_failure", on_failure()},
                  {"auto_merge", flag("auto_merge", &Settings::auto_merge)},
                  {"mirror", flag("mirror", &Settings::mirror)},
                  {"create", flag("create", &Settings::create)},
                  {"read_back", flag("read_back", &Settings::read_back)}};
      add_words();
    }
    return setters_;
  }

  void add_words() {
    setters_["mode"] =
        word("mode", &Settings::mode, plan::find_mode, "two-way, one-way, copy or move");
    setters_["keep_mode"] = word("keep_mode", &Settings::keep_mode, plan::find_keep_mode,
                                 "newer, older, bigger, smaller, path1 or path2");
    setters_["compare"] = word("compare", &Settings::compare, plan::find_compare,
                               "words of size, modtime and hash, with commas between");
    setters_["max_delete"] = word("max_delete", &Settings::max_delete, parse_budget,
                                  "a number, a share like 25%, both with a comma, or none");
    setters_["bwlimit"] =
        word("bwlimit", &Settings::bytes_per_second, parse_size, "bytes a second, like 500K or 1M");
    setters_["transfers"] =
        word("transfers", &Settings::transfers, parse_transfers, "a number from 1 to 256");
    for (const auto& [key, field] :
         {std::pair{"min_size", &Settings::min_size}, std::pair{"max_size", &Settings::max_size},
          std::pair{"trash_size", &Settings::trash_bytes}}) {
      setters_[key] = word(key, field, parse_size, "a size like 500K or 2G");
    }
    for (const auto& [key, field] :
         {std::pair{"min_age", &Settings::min_age}, std::pair{"max_age", &Settings::max_age}}) {
      setters_[key] = word(key, field, parse_age, "a time like 90s, 36h or 30d");
    }
    for (const auto& [key, field] : {std::pair{"scrub_every", &Settings::scrub_every},
                                     std::pair{"trash_age", &Settings::trash_age}}) {
      setters_[key] = word(key, field, parse_age, "a time like 36h or 30d");
    }
  }

  static std::optional<std::uint64_t> parse_transfers(std::string_view text) {
    const std::optional<std::uint64_t> number = parse_size(text);
    return number.has_value() && *number >= 1 && *number <= 256 ? number : std::nullopt;
  }

  const std::string& origin_;
  const std::string& home_;
  std::map<std::string_view, Setter> setters_;
};

}  // namespace

bool is_rule_name(std::string_view word) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !word.empty() && word.size() <= 64 && word.front() != '.' && word.front() != '-' &&
         word.find_first_not_of(kLetters) == std::string_view::npos &&
         word.find_first_not_of("0123456789") != std::string_view::npos;
}

Result<std::vector<NamedRule>> parse_rules(std::string_view text, const std::string& origin,
                                           const std::string& home) {
  const toml::parse_result parsed = toml::parse(text, origin);
  if (!parsed) {
    return usage_error(origin + ":" + std::to_string(parsed.error().source().begin.line) + ": " +
                       std::string(parsed.error().description()));
  }
  return RuleReader(origin, home).read(parsed.table());
}

Result<std::vector<NamedRule>> read_rules(const std::string& path, const std::string& home) {
  if (path.empty()) {
    return std::vector<NamedRule>{};
  }
  TRY_ASSIGN(const std::optional<std::string> text, read_file(path));
  if (!text.has_value()) {
    return std::vector<NamedRule>{};
  }
  return parse_rules(*text, path, home);
}

}  // namespace ox::app
