#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/digest.h"
#include "plan/plan.h"

/// Contents of the toy world's files. Every line of a text carries the token of the edit that wrote
/// it, so that the judge can ask what became of each edit.
namespace ox::toy {

using Token = std::uint32_t;

struct Blob {
  std::string bytes;
  std::vector<Token> lines;  ///< one token a line; empty for a text that a test spelled out
  Digest digest;
};

using BlobPtr = std::shared_ptr<const Blob>;

/// All contents that ever were, by digest: merge bases and merge results are looked up here.
class BlobStore {
 public:
  BlobPtr make_text(std::string bytes);
  /// A text of one line a token. `padded`: longer than 1 KiB, so that equal bytes mean a move.
  BlobPtr make_lines(std::vector<Token> lines, bool padded);
  BlobPtr find(const Digest& digest) const;

  /// The answer to a merge request: line by line, only between texts of equally many lines.
  plan::MergeAnswer merge(const plan::MergeRequest& request);

 private:
  BlobPtr keep(Blob blob);

  std::unordered_map<Digest, BlobPtr> blobs_;
};

}  // namespace ox::toy
