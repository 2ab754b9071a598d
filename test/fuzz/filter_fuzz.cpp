#include <string>
#include <vector>

#include "fuzz/fuzz.h"
#include "tree/filter.h"

/// Ignore patterns: every judgement is held against one that tries line after line, without the
/// filter's indexes. That a line means what it means to git is the business of filter_git_test.
namespace ox::fuzz {
namespace {

using tree::Filter;
using tree::FilterPattern;

/// All lines that apply below one directory.
struct PlainSet {
  RelPath base;
  std::vector<std::string> lines;
};

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (Input rest(as_bytes_view(text).data(), text.size()); !rest.at_end();) {
    lines.emplace_back(rest.line());
  }
  return lines;
}

std::string below(const RelPath& base, const RelPath& path) {
  return base.is_root() ? path.text() : path.text().substr(base.text().size() + 1);
}

bool line_matches(const PlainSet& set, const std::string& line, const RelPath& path,
                  bool is_directory) {
  const auto pattern = FilterPattern::parse(line);
  return pattern.has_value() && (is_directory || !pattern->directories_only()) &&
         pattern->matches(below(set.base, path), path.name());
}

/// The last matching line of the deepest set that has one.
std::optional<Filter::Decision> judge_one(const std::vector<PlainSet>& deepest_first,
                                          const RelPath& path, bool is_directory) {
  for (const PlainSet& set : deepest_first) {
    if (set.base == path || !set.base.contains(path)) {
      continue;
    }
    for (std::size_t k = set.lines.size(); k > 0; --k) {
      const std::string& line = set.lines[k - 1];
      if (line_matches(set, line, path, is_directory)) {
        return Filter::Decision{.base = set.base,
                                .path = path,
                                .line = k,
                                .pattern = line.substr(0, line.size() - line.ends_with('\r')),
                                .excludes = !FilterPattern::parse(line)->negated()};
      }
    }
  }
  return std::nullopt;
}

/// From the root down: an excluded directory decides for all that is in it.
std::optional<Filter::Decision> judge(const std::vector<PlainSet>& deepest_first,
                                      const RelPath& path, bool is_directory) {
  RelPath above;
  for (RelPath rest = path; !rest.is_root(); rest = rest.after_first()) {
    above = above.child(rest.first());
    const auto decision = judge_one(deepest_first, above, above != path || is_directory);
    if (above == path || (decision.has_value() && decision->excludes)) {
      return decision;
    }
  }
  return std::nullopt;
}

bool same(const std::optional<Filter::Decision>& a, const std::optional<Filter::Decision>& b) {
  return a.has_value() == b.has_value() &&
         (!a.has_value() || (a->base == b->base && a->path == b->path && a->line == b->line &&
                             a->pattern == b->pattern && a->excludes == b->excludes));
}

void check_path(const Filter& filter, const std::vector<PlainSet>& sets, const RelPath& path,
                bool is_directory) {
  const auto decision = filter.decision(path, is_directory);
  must(same(decision, judge(sets, path, is_directory)), "indexes change no judgement");
  const bool excluded = decision.has_value() && decision->excludes;
  must(filter.excluded(path, is_directory) == excluded, "the line that decides, decides");
  const auto verdict = filter.check(path, is_directory, nullptr);
  must((verdict == tree::Verdict::kExcludedByPattern) == excluded, "and so does the verdict");
  if (!filter.excluded(path.parent(), true)) {
    must(filter.excluded_here(path, is_directory) == excluded, "a walker judges the same");
  }
}

bool has_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

/// None: the filter refused the text.
std::optional<Filter> make_filter(const std::vector<std::pair<RelPath, std::string>>& texts) {
  Filter filter;
  for (const auto& [base, text] : texts) {
    const Result<void> added = filter.add(base, text);
    must_explain(added, Code::kInvalidArgument);
    if (!added.ok()) {
      must(added.error().message().starts_with("line "), "a refusal names the line");
      must(has_nul(text) || text.size() > 4096, "only NUL bytes and long lines are refused");
      return std::nullopt;
    }
    must(!has_nul(text), "a NUL byte is refused");
  }
  return filter;
}

std::string with_crlf(std::string_view text) {
  std::string other;
  for (const char letter : text) {
    other += letter == '\n' ? "\r\n" : std::string(1, letter);
  }
  return other;
}

/// A byte order mark and line ends of DOS mean nothing.
void check_as_dos_text(const Filter& filter, const RelPath& base, const std::string& text,
                       const RelPath& path) {
  if (text.find('\r') != std::string::npos || text.starts_with("\xef\xbb\xbf")) {
    return;
  }
  const auto dos = make_filter({{base, "\xef\xbb\xbf" + with_crlf(text)}});
  must(dos.has_value() || text.size() > 2048, "a text of DOS can be read");
  for (const bool is_directory : {false, true}) {
    must(!dos.has_value() ||
             same(dos->decision(path, is_directory), filter.decision(path, is_directory)),
         "a text of DOS means the same");
  }
}

void check(Input input) {
  const Result<RelPath> base = RelPath::parse(input.line());
  const Result<RelPath> path = RelPath::parse(input.line());
  if (!base.ok() || !path.ok()) {
    return;
  }
  const std::string own(input.part("\n%%\n"));
  const std::string of_root(base->is_root() ? "" : input.text());
  const auto filter = make_filter({{*base, own}, {RelPath(), of_root}});
  if (!filter.has_value()) {
    return;
  }
  const auto text_behind_mark = [](std::string_view text) {
    return text.starts_with("\xef\xbb\xbf") ? text.substr(3) : text;
  };
  const std::vector<PlainSet> sets{{*base, lines_of(text_behind_mark(own))},
                                   {RelPath(), lines_of(text_behind_mark(of_root))}};
  for (RelPath at = *path; !at.is_root(); at = at.parent()) {
    check_path(*filter, sets, at, true);
    check_path(*filter, sets, at, false);
  }
  must(!filter->excluded(RelPath(), true), "the root is never excluded");
  if (const auto alone = make_filter({{*base, own}}); alone.has_value()) {
    check_as_dos_text(*alone, *base, own, *path);
  }
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ox::fuzz::check(ox::fuzz::Input(data, size));
  return 0;
}
