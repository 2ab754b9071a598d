#include <array>
#include <string>

#include "app/rule_file.h"
#include "fuzz/fuzz.h"

/// The file of named rules. What is read is written down as a file of its own, which has to mean
/// the same.
namespace ox::fuzz {
namespace {

using app::NamedRule;
using app::Settings;

constexpr const char* kOrigin = "rules.toml";

/// A text in quotes, every byte that could mean something escaped.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte < 0x20 || letter == '"' || letter == '\\' || byte == 0x7F) {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\u%04X", static_cast<unsigned>(byte));
      out += escaped.data();
    } else {
      out += letter;
    }
  }
  return out + '"';
}

std::string list_of_lines(std::string_view text) {
  std::string out = "[";
  for (Input lines(as_bytes_view(text).data(), text.size()); !lines.at_end();) {
    out += quoted(lines.line()) + ",";
  }
  return out + "]";
}

class RuleWriter {
 public:
  std::string write(const NamedRule& rule) {
    out_ = "[rules." + quoted(rule.name) + "]\nroots = [";
    for (const std::string& root : rule.roots) {
      out_ += quoted(root) + ",";
    }
    out_ += "]\n";
    write_words(rule.settings);
    write_flags(rule.settings);
    write_numbers(rule.settings);
    write_ignores(rule.settings);
    return std::move(out_);
  }

 private:
  void line(std::string_view key, const std::string& value) {
    out_ += std::string(key) + " = " + value + "\n";
  }

  void write_words(const Settings& settings) {
    if (settings.mode.has_value()) {
      line("mode", quoted(plan::name_of(*settings.mode)));
    }
    if (settings.keep_mode.has_value()) {
      line("keep_mode", quoted(plan::name_of(*settings.keep_mode)));
    }
    if (const auto& compare = settings.compare; compare.has_value()) {
      std::string words = compare->size ? ",size" : "";
      words += compare->modtime ? ",modtime" : "";
      words += compare->hash ? ",hash" : "";
      line("compare", quoted(words.substr(1)));
    }
    if (const auto& most = settings.max_delete; most.has_value()) {
      std::array<char, 64> text{"none"};
      if (most->budget.has_value()) {
        std::snprintf(text.data(), text.size(), "%llu,%.12f%%",
                      static_cast<unsigned long long>(most->budget->max_nodes),
                      most->budget->max_fraction * 100);
      }
      line("max_delete", quoted(text.data()));
    }
    line("on_failure", quoted(settings.on_failure));
  }

  void write_flags(const Settings& settings) {
    for (const auto& [key, flag] :
         {std::pair{"auto_merge", settings.auto_merge}, std::pair{"mirror", settings.mirror},
          std::pair{"create", settings.create}, std::pair{"read_back", settings.read_back}}) {
      if (flag.has_value()) {
        line(key, *flag ? "true" : "false");
      }
    }
  }

  void write_numbers(const Settings& settings) {
    const std::optional<std::uint64_t> transfers = settings.transfers;
    for (const auto& [key, number] :
         {std::pair{"bwlimit", settings.bytes_per_second}, std::pair{"transfers", transfers},
          std::pair{"trash_size", settings.trash_bytes}, std::pair{"min_size", settings.min_size},
          std::pair{"max_size", settings.max_size}}) {
      if (number.has_value()) {
        line(key, std::to_string(*number));
      }
    }
    for (const auto& [key, age] :
         {std::pair{"scrub_every", settings.scrub_every},
          std::pair{"trash_age", settings.trash_age}, std::pair{"min_age", settings.min_age},
          std::pair{"max_age", settings.max_age}}) {
      if (age.has_value()) {
        line(key, quoted(std::to_string(age->count()) + "s"));
      }
    }
  }

  void write_ignores(const Settings& settings) {
    for (const app::IgnoreText& ignores : settings.ignores) {
      line("ignore", list_of_lines(ignores.text));
    }
    for (const auto& [root, ignores] : settings.ignores_on) {
      line("ignore_on." + quoted(root), list_of_lines(ignores.text));
    }
  }

  std::string out_;
};

std::string written(const std::vector<NamedRule>& rules) {
  std::string text;
  for (const NamedRule& rule : rules) {
    text += RuleWriter().write(rule);
  }
  return text;
}

void check_rule(const NamedRule& rule) {
  must(app::is_rule_name(rule.name), "a rule has a name");
  must(rule.roots.size() >= 2, "and two roots");
  for (const std::string& root : rule.roots) {
    must(root.starts_with('/') && root.find('\0') == std::string::npos, "which are absolute");
  }
  must(rule.settings.check().ok(), "and settings that do not contradict each other");
  must(rule.settings.transfers.value_or(1) >= 1 && rule.settings.transfers.value_or(1) <= 256,
       "and at most 256 transfers");
}

void check(std::string_view text) {
  const auto rules = app::parse_rules(text, kOrigin, "/nowhere/home");
  must_explain(rules, Code::kInvalidArgument);
  if (!rules.ok()) {
    must(rules.error().message().starts_with("rules.toml:"), "a refusal names the line");
    return;
  }
  for (const NamedRule& rule : *rules) {
    check_rule(rule);
  }
  const std::string copy = written(*rules);
  const auto again = app::parse_rules(copy, kOrigin, "/nowhere/home");
  must(again.ok() && written(*again) == copy, "what was read can be written and read again");
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ox::fuzz::check(ox::fuzz::Input(data, size).text());
  return 0;
}
