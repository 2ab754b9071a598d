#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/rel_path.h"
#include "base/result.h"
#include "base/time.h"
#include "tree/filter_pattern.h"

namespace ox::tree {

/// What is known of a file, for limits.
struct FileFacts {
  std::uint64_t size = 0;
  std::optional<Timestamp> mtime;
};

/// Files (not directories) outside these are excluded. Both ends are inclusive. A file without an
/// mtime is never too old or too new.
struct Limits {
  std::optional<std::uint64_t> min_size = {};
  std::optional<std::uint64_t> max_size = {};
  std::optional<Timestamp> min_mtime = {};
  std::optional<Timestamp> max_mtime = {};

  friend bool operator==(const Limits&, const Limits&) = default;
};

enum class Verdict : std::uint8_t {
  kIncluded,
  kExcludedByPattern,
  kTooSmall,
  kTooLarge,
  kTooOld,
  kTooNew,
};

/// Which paths take part: gitignore(5) patterns, each set bound to the directory it was found in,
/// and limits. As in git, patterns of a deeper base win over those of a shallower one, later ones
/// over earlier ones, and what stands below an excluded directory is excluded whatever follows.
/// The root itself is never excluded. A value; const calls are safe from several threads.
class Filter {
 public:
  /// Adds the lines of an ignore file that applies to what stands below `base`. All or nothing:
  /// kInvalidArgument names the line, for a NUL byte (most often a file in UTF-16), a pattern of
  /// more than 4,096 bytes, or more than 100,000 patterns in one filter.
  Result<void> add(const RelPath& base, std::string_view text);
  void set_limits(const Limits& limits);

  bool empty() const { return !has_patterns_ && !has_limits_; }

  /// For a walker that comes from the root and has not entered excluded directories.
  bool excluded_here(const RelPath& path, bool is_directory) const {
    return has_patterns_ && excludes(find_rule(path.text(), is_directory));
  }
  /// The same question with no knowledge of the parents.
  bool excluded(const RelPath& path, bool is_directory) const {
    return has_patterns_ && excludes(find_deciding_rule(path.text(), is_directory).rule);
  }

  /// excluded() and the limits. Without `facts` the limits are not applied.
  Verdict check(const RelPath& path, bool is_directory, const FileFacts* facts) const;
  /// excluded_here() and the limits.
  Verdict check_here(const RelPath& path, bool is_directory, const FileFacts* facts) const;

  /// The line that decides about a path, also when it includes it; none when no line matches.
  struct Decision {
    RelPath base;      ///< of the set that holds the line
    RelPath path;      ///< the path, or the excluded directory above it
    std::size_t line;  ///< from 1, in the text that was added
    std::string pattern;
    bool excludes;
  };
  std::optional<Decision> decision(const RelPath& path, bool is_directory) const;

 private:
  struct Rule {
    FilterPattern pattern;
    std::size_t line;
    std::string text;
  };
  /// Transparent, so that looking up a part of a path makes no string.
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  template <typename Value>
  using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;
  /// Rules by the literal they compare with, each list in ascending order.
  using RuleIndex = TextMap<std::vector<std::size_t>>;

  /// All sets of one base, in the order in which they were added.
  struct RuleSet {
    std::vector<Rule> rules;
    RuleIndex names;
    RuleIndex extensions;  ///< "*.o", by ".o"
    RuleIndex paths;
    std::vector<std::size_t> others;  ///< what only its matcher can decide

    void append(Rule rule);
    const Rule* last_match(std::string_view path, std::string_view name, bool is_directory) const;

   private:
    std::size_t last_in(const RuleIndex& index, std::string_view key, bool is_directory) const;
    bool applies(std::size_t rule, bool is_directory) const;
  };
  struct Found {
    std::string_view base;
    std::string_view path;
    const Rule* rule = nullptr;
  };

  static bool excludes(const Rule* rule) { return rule != nullptr && !rule->pattern.negated(); }
  Found find(std::string_view path, bool is_directory) const;
  const Rule* find_rule(std::string_view path, bool is_directory) const {
    return find(path, is_directory).rule;
  }
  Found find_deciding_rule(std::string_view path, bool is_directory) const;
  Verdict check_limits(bool is_directory, const FileFacts* facts) const;

  bool has_patterns_ = false;
  bool has_limits_ = false;
  std::size_t pattern_count_ = 0;
  Limits limits_;
  TextMap<RuleSet> sets_;  ///< by base
};

}  // namespace ox::tree
