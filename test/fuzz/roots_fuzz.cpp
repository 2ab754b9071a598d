#include <set>
#include <string>

#include "app/places.h"
#include "app/roots.h"
#include "base/rel_path.h"
#include "fuzz/fuzz.h"

/// Addresses of roots as they are typed, one a line: their canonical form, their labels, their
/// rule.
namespace ox::fuzz {
namespace {

using Paths = std::vector<std::string>;

void check_canonical(const std::string& typed) {
  const Result<std::string> path = app::canonical_path(typed);
  must_explain(path);
  if (!path.ok()) {
    return;
  }
  must(path->starts_with('/') && RelPath::parse(path->substr(1)).ok(),
       "a canonical path is absolute, without dots and doubled slashes");
  const Result<std::string> again = app::canonical_path(*path);
  must(again.ok() && *again == *path, "a canonical path is its own canonical path");
  must(app::is_within(*path, *path) && app::is_within(*path, "/"), "and within itself");
}

/// Distinct canonical paths, sorted as a rule keeps them.
Paths paths_in(Input& input) {
  std::set<std::string> paths;
  while (!input.at_end() && paths.size() < 16) {
    const Result<RelPath> path = RelPath::parse(input.line());
    if (path.ok()) {
      paths.insert("/" + path->text());
    }
  }
  return {paths.begin(), paths.end()};
}

void check_labels(const Paths& paths) {
  const Paths labels = app::labels_of(paths);
  must(labels.size() == paths.size(), "every root has a label");
  must(std::set(labels.begin(), labels.end()).size() == labels.size(), "no two are alike");
  for (const std::string& label : labels) {
    must(!label.empty() && label.find('/') == std::string::npos, "a label is a word");
  }
}

void check_rule_id(Paths paths) {
  const std::string id = app::rule_id_of(paths);
  must(id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string::npos,
       "a rule has 32 digits");
  std::ranges::reverse(paths);
  must(app::rule_id_of(paths) == id, "whatever the order of its roots");
  paths.emplace_back("/one more");
  must(app::rule_id_of(paths) != id, "another root makes another rule");
}

void check_nesting(const Paths& paths) {
  for (const std::string& inner : paths) {
    for (const std::string& outer : paths) {
      const RelPath below = RelPath::parse(inner.substr(1)).value();
      const RelPath above = RelPath::parse(outer.substr(1)).value();
      must(app::is_within(inner, outer) == above.contains(below), "nesting goes by whole words");
    }
  }
}

void check(Input input) {
  check_canonical(std::string(Input(input).line()));
  const Paths paths = paths_in(input);
  check_labels(paths);
  check_rule_id(paths);
  check_nesting(paths);
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ox::fuzz::check(ox::fuzz::Input(data, size));
  return 0;
}
