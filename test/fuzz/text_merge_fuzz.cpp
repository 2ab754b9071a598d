#include <array>
#include <set>
#include <string>

#include "fuzz/fuzz.h"
#include "sync/text_merge.h"

/// Three-way merges of texts, which are separated by lines of "%%".
namespace ox::fuzz {
namespace {

using Merged = std::optional<Bytes>;

Merged merge(BytesView base, BytesView ours, BytesView theirs) {
  Result<Merged> merged = sync::merge_text(base, ours, theirs);
  must(merged.ok(), "a merge ends");
  const bool all_text = sync::is_text(base) && sync::is_text(ours) && sync::is_text(theirs);
  must(all_text || !merged->has_value(), "only texts are merged");
  return std::move(merged).value();
}

std::set<std::string_view> lines_of(BytesView text) {
  std::set<std::string_view> lines;
  for (Input rest(text.data(), text.size()); !rest.at_end();) {
    lines.insert(rest.line());
  }
  return lines;
}

void check_one_side(BytesView base, BytesView changed) {
  if (sync::is_text(base) && sync::is_text(changed)) {
    const auto is_changed = [&](const Merged& merged) {
      return merged.has_value() && std::ranges::equal(*merged, changed);
    };
    must(is_changed(merge(base, changed, base)), "what one side changed is taken");
    must(is_changed(merge(base, base, changed)), "on the other side, too");
    must(is_changed(merge(base, changed, changed)), "and what both changed alike");
  }
}

void check_both(BytesView base, BytesView ours, BytesView theirs) {
  const Merged merged = merge(base, ours, theirs);
  must(merge(base, theirs, ours) == merged, "sides can be exchanged");
  if (!merged.has_value()) {
    return;
  }
  must(sync::is_text(*merged), "texts make a text");
  const auto ours_lines = lines_of(ours);
  const auto theirs_lines = lines_of(theirs);
  for (const std::string_view line : lines_of(*merged)) {
    must(ours_lines.contains(line) || theirs_lines.contains(line), "no line is made up");
  }
}

void check(Input input) {
  std::array<BytesView, 3> texts;
  for (BytesView& text : texts) {
    text = as_bytes_view(input.part("\n%%\n"));
  }
  check_one_side(texts[0], texts[1]);
  check_both(texts[0], texts[1], texts[2]);
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ox::fuzz::check(ox::fuzz::Input(data, size));
  return 0;
}
