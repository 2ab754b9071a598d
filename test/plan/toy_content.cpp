#include "plan/toy_content.h"

#include <algorithm>
#include <utility>

#include "base/expects.h"
#include "crypto/digest.h"

namespace ox::toy {

namespace {

constexpr std::size_t kPaddedBytes = 1100;

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

std::optional<std::vector<std::string>> merge_three(const std::vector<std::string>& base,
                                                    const std::vector<std::string>& ours,
                                                    const std::vector<std::string>& theirs) {
  if (base.size() != ours.size() || base.size() != theirs.size()) {
    return std::nullopt;
  }
  std::vector<std::string> merged;
  for (std::size_t k = 0; k < base.size(); ++k) {
    if (ours[k] == base[k] || ours[k] == theirs[k]) {
      merged.push_back(theirs[k]);
    } else if (theirs[k] == base[k]) {
      merged.push_back(ours[k]);
    } else {
      return std::nullopt;
    }
  }
  return merged;
}

/// The tokens of a text that make_lines wrote, or a merge of such texts.
std::vector<Token> tokens_in(const std::vector<std::string>& lines) {
  std::vector<Token> tokens;
  for (const std::string& line : lines) {
    if (line.starts_with("token ")) {
      tokens.push_back(static_cast<Token>(std::stoul(line.substr(6))));
    }
  }
  return tokens;
}

}  // namespace

BlobPtr BlobStore::keep(Blob blob) {
  blob.digest = crypto::sha256(as_bytes_view(blob.bytes));
  BlobPtr& kept = blobs_[blob.digest];
  if (kept == nullptr) {
    kept = std::make_shared<const Blob>(std::move(blob));
  }
  return kept;
}

BlobPtr BlobStore::make_text(std::string bytes) {
  return keep({.bytes = std::move(bytes), .lines = {}, .digest = {}});
}

BlobPtr BlobStore::make_lines(std::vector<Token> lines, bool padded) {
  std::string bytes;
  for (const Token token : lines) {
    bytes += "token " + std::to_string(token) + "\n";
  }
  if (padded && bytes.size() < kPaddedBytes) {
    bytes.append(kPaddedBytes - bytes.size(), '.');
    bytes += "\n";
  }
  return keep({.bytes = std::move(bytes), .lines = std::move(lines), .digest = {}});
}

BlobPtr BlobStore::find(const Digest& digest) const {
  const auto found = blobs_.find(digest);
  return found == blobs_.end() ? nullptr : found->second;
}

plan::MergeAnswer BlobStore::merge(const plan::MergeRequest& request) {
  plan::MergeAnswer answer{.request = request, .digest = std::nullopt, .size = 0};
  expects(request.sides.size() > 1);
  const auto lines_of = [&](const Digest& digest) {
    const BlobPtr blob = find(digest);
    expects(blob != nullptr);
    return split_lines(blob->bytes);
  };
  std::vector<std::string> merged = lines_of(request.sides.front().theirs);
  for (std::size_t k = 1; k < request.sides.size(); ++k) {
    const plan::MergeSide& side = request.sides[k];
    if (!side.base.has_value()) {
      return answer;
    }
    auto folded = merge_three(lines_of(*side.base), merged, lines_of(side.theirs));
    if (!folded.has_value()) {
      return answer;
    }
    merged = std::move(*folded);
  }
  std::string bytes;
  for (const std::string& line : merged) {
    bytes += line + "\n";
  }
  const BlobPtr blob = keep({.bytes = std::move(bytes), .lines = tokens_in(merged), .digest = {}});
  answer.digest = blob->digest;
  answer.size = blob->bytes.size();
  return answer;
}

}  // namespace ox::toy
