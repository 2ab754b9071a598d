#include <vector>

#include "base/rel_path.h"
#include "fuzz/fuzz.h"

/// Paths below a root: one spelling each, and none leaves its root.
namespace ox::fuzz {
namespace {

void check_refused(std::string_view text) {
  bool has_bad_name = false;
  for (std::string_view rest = text;;) {
    const std::size_t slash = rest.find('/');
    has_bad_name = has_bad_name || !is_valid_name(rest.substr(0, slash));
    if (slash == std::string_view::npos) {
      break;
    }
    rest.remove_prefix(slash + 1);
  }
  must(has_bad_name, "only a bad name is refused");
}

/// Walks down and up again.
void check_names(const RelPath& path) {
  std::vector<std::string> names;
  for (RelPath rest = path; !rest.is_root(); rest = rest.after_first()) {
    names.emplace_back(rest.first());
    must(is_valid_name(names.back()) && names.back() != "..", "every name is one");
  }
  RelPath down;
  for (const std::string& name : names) {
    must(down.contains(path), "what stands above a path contains it");
    const RelPath below = down.child(name);
    must(below.parent() == down && below.name() == name, "a child knows its parent and name");
    must(!below.contains(down), "what stands below a path does not contain it");
    down = below;
  }
  must(down == path, "the names of a path make the path");
  std::vector<std::string_view> last_first(names.rbegin(), names.rend());
  must(RelPath::of_names(last_first) == path, "in the other order, too");
  must(path.parent().join(RelPath().join(path.is_root() ? path : RelPath().child(path.name()))) ==
           path,
       "joined parts make the whole");
}

void check(std::string_view text) {
  const Result<RelPath> path = RelPath::parse(text);
  must_explain(path, Code::kInvalidArgument);
  if (!path.ok()) {
    check_refused(text);
    return;
  }
  must(path->text() == text, "a path has one spelling");
  check_names(*path);
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ox::fuzz::check(ox::fuzz::Input(data, size).text());
  return 0;
}
