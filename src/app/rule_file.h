#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/settings.h"
#include "base/result.h"

namespace ox::app {

/// One [rules.NAME] of the rules file.
struct NamedRule {
  std::string name;
  std::vector<std::string> roots;  ///< as written; "~/" stands for the home folder
  Settings settings;
};

/// Reads a rules file (docs/rules.md). Strict: unknown keys and values of another type are
/// kInvalidArgument with the line. `origin` is the file's path, `home` replaces "~".
Result<std::vector<NamedRule>> parse_rules(std::string_view text, const std::string& origin,
                                           const std::string& home);

/// The rules of a file; none when it does not stand.
Result<std::vector<NamedRule>> read_rules(const std::string& path, const std::string& home);

/// A word that can be a rule's name: letters, digits, '.', '_' and '-', not beginning with '.' or
/// '-', and not digits alone.
bool is_rule_name(std::string_view word);

}  // namespace ox::app
