#include "sync/text_merge.h"

#include <git2.h>

#include <algorithm>

namespace ox::sync {

namespace {

git_merge_file_input input_of(BytesView bytes) {
  git_merge_file_input input = {};
  git_merge_file_input_init(&input, GIT_MERGE_FILE_INPUT_VERSION);
  input.ptr = reinterpret_cast<const char*>(bytes.data());
  input.size = bytes.size();
  return input;
}

}  // namespace

bool is_text(BytesView bytes) {
  return std::ranges::find(bytes, std::uint8_t{0}) == bytes.end();
}

Result<std::optional<Bytes>> merge_text(BytesView base, BytesView ours, BytesView theirs) {
  if (!is_text(base) || !is_text(ours) || !is_text(theirs)) {
    return std::optional<Bytes>{};
  }
  static const int initialised = git_libgit2_init();
  if (initialised < 0) {
    return Error(Code::kIo, "libgit2 could not be started");
  }
  const git_merge_file_input ancestor = input_of(base);
  const git_merge_file_input first = input_of(ours);
  const git_merge_file_input second = input_of(theirs);
  git_merge_file_result merged = {};
  if (git_merge_file(&merged, &ancestor, &first, &second, nullptr) != 0) {
    const git_error* error = git_error_last();
    return Error(Code::kIo, error != nullptr ? error->message : "texts could not be merged");
  }
  std::optional<Bytes> result;
  if (merged.automergeable != 0) {
    const auto* begin = reinterpret_cast<const std::uint8_t*>(merged.ptr);
    result.emplace(begin, begin + merged.len);
  }
  git_merge_file_result_free(&merged);
  return result;
}

}  // namespace ox::sync
