#pragma once

#include <optional>

#include "base/bytes.h"

namespace ox::sync {

/// No NUL byte: what line-by-line merging is for.
bool is_text(BytesView bytes);

/// Three-way merge of lines, as git does it (libgit2). None when both sides changed the same lines
/// or one of the three is not text.
Result<std::optional<Bytes>> merge_text(BytesView base, BytesView ours, BytesView theirs);

}  // namespace ox::sync
