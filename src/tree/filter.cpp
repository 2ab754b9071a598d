#include "tree/filter.h"

#include <algorithm>
#include <utility>

namespace ox::tree {

namespace {

constexpr std::size_t kMaxPatternBytes = 4096;
constexpr std::size_t kMaxPatterns = 100'000;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

Error bad_line(std::size_t line, std::string_view what, const RelPath& base) {
  return Error(Code::kInvalidArgument, "line " + std::to_string(line) + " " + std::string(what))
      .with_context(base.text());
}

std::string_view name_in(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view below(std::string_view base, std::string_view path) {
  return base.empty() ? path : path.substr(base.size() + 1);
}

/// The last dot and what follows; the same as "ends with" for a suffix whose only dot comes first.
std::string_view extension_of(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot);
}

RelPath known_path(std::string_view text) {
  return RelPath::parse(text).value();
}

}  // namespace

Result<void> Filter::add(const RelPath& base, std::string_view text) {
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  std::vector<Rule> rules;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find('\0') != std::string_view::npos) {
      return bad_line(number, "holds a NUL byte; the file must be UTF-8 or plain bytes", base);
    }
    std::optional<FilterPattern> pattern = FilterPattern::parse(line);
    if (!pattern) {
      continue;
    }
    if (line.size() > kMaxPatternBytes) {
      return bad_line(number, "is longer than 4096 bytes", base);
    }
    if (pattern_count_ + rules.size() == kMaxPatterns) {
      return bad_line(number, "is one pattern more than the 100000 that a filter can hold", base);
    }
    const std::string_view shown = line.substr(0, line.size() - (line.ends_with('\r') ? 1 : 0));
    rules.push_back({*std::move(pattern), number, std::string(shown)});
  }
  pattern_count_ += rules.size();
  has_patterns_ = pattern_count_ > 0;
  if (!rules.empty()) {
    RuleSet& set = sets_[base.text()];
    for (Rule& rule : rules) {
      set.append(std::move(rule));
    }
  }
  return {};
}

void Filter::RuleSet::append(Rule rule) {
  using Shape = FilterPattern::Shape;
  const std::size_t number = rules.size();
  const std::string& literal = rule.pattern.literal();
  const Shape shape = rule.pattern.shape();
  if (shape == Shape::kName) {
    names[literal].push_back(number);
  } else if (shape == Shape::kPath) {
    paths[literal].push_back(number);
  } else if (shape == Shape::kNameSuffix && literal.starts_with('.') &&
             literal.find('.', 1) == std::string::npos) {
    extensions[literal].push_back(number);
  } else if (shape != Shape::kNever) {
    others.push_back(number);
  }
  rules.push_back(std::move(rule));
}

bool Filter::RuleSet::applies(std::size_t rule, bool is_directory) const {
  return is_directory || !rules[rule].pattern.directories_only();
}

/// One more than the last rule under `key` that applies; 0 when there is none.
std::size_t Filter::RuleSet::last_in(const RuleIndex& index, std::string_view key,
                                     bool is_directory) const {
  if (index.empty()) {
    return 0;
  }
  const auto found = index.find(key);
  if (found == index.end()) {
    return 0;
  }
  for (std::size_t i = found->second.size(); i > 0; --i) {
    if (applies(found->second[i - 1], is_directory)) {
      return found->second[i - 1] + 1;
    }
  }
  return 0;
}

const Filter::Rule* Filter::RuleSet::last_match(std::string_view path, std::string_view name,
                                                bool is_directory) const {
  std::size_t last = std::max({last_in(names, name, is_directory),
                               last_in(extensions, extension_of(name), is_directory),
                               last_in(paths, path, is_directory)});
  for (std::size_t i = others.size(); i > 0 && others[i - 1] >= last; --i) {
    const std::size_t rule = others[i - 1];
    if (applies(rule, is_directory) && rules[rule].pattern.matches(path, name)) {
      last = rule + 1;
      break;
    }
  }
  return last == 0 ? nullptr : &rules[last - 1];
}

Filter::Found Filter::find(std::string_view path, bool is_directory) const {
  if (path.empty()) {
    return {};
  }
  const std::string_view name = name_in(path);
  // Usually one file at the root holds all rules: then the other parents need no look-up.
  const bool only_root = sets_.size() == 1 && sets_.begin()->first.empty();
  std::string_view base = only_root ? std::string_view() : parent_of(path);
  while (true) {
    if (const auto set = sets_.find(base); set != sets_.end()) {
      const Rule* rule = set->second.last_match(below(base, path), name, is_directory);
      if (rule != nullptr) {
        return {base, path, rule};
      }
    }
    if (base.empty()) {
      return {};
    }
    base = parent_of(base);
  }
}

Filter::Found Filter::find_deciding_rule(std::string_view path, bool is_directory) const {
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    const Found found = find(path.substr(0, slash), true);
    if (excludes(found.rule)) {
      return found;
    }
  }
  return find(path, is_directory);
}

void Filter::set_limits(const Limits& limits) {
  limits_ = limits;
  has_limits_ = limits != Limits{};
}

Verdict Filter::check_limits(bool is_directory, const FileFacts* facts) const {
  if (!has_limits_ || is_directory || facts == nullptr) {
    return Verdict::kIncluded;
  }
  if (limits_.min_size && facts->size < *limits_.min_size) {
    return Verdict::kTooSmall;
  }
  if (limits_.max_size && facts->size > *limits_.max_size) {
    return Verdict::kTooLarge;
  }
  if (limits_.min_mtime && facts->mtime && *facts->mtime < *limits_.min_mtime) {
    return Verdict::kTooOld;
  }
  if (limits_.max_mtime && facts->mtime && *facts->mtime > *limits_.max_mtime) {
    return Verdict::kTooNew;
  }
  return Verdict::kIncluded;
}

Verdict Filter::check(const RelPath& path, bool is_directory, const FileFacts* facts) const {
  return excluded(path, is_directory) ? Verdict::kExcludedByPattern
                                      : check_limits(is_directory, facts);
}

Verdict Filter::check_here(const RelPath& path, bool is_directory, const FileFacts* facts) const {
  return excluded_here(path, is_directory) ? Verdict::kExcludedByPattern
                                           : check_limits(is_directory, facts);
}

std::optional<Filter::Decision> Filter::decision(const RelPath& path, bool is_directory) const {
  const Found found = find_deciding_rule(path.text(), is_directory);
  if (found.rule == nullptr) {
    return std::nullopt;
  }
  return Decision{.base = known_path(found.base),
                  .path = known_path(found.path),
                  .line = found.rule->line,
                  .pattern = found.rule->text,
                  .excludes = excludes(found.rule)};
}

}  // namespace ox::tree
