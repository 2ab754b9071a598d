#pragma once

#include <stop_token>

#include "crypto/digest.h"
#include "fs/fs.h"
#include "provider/local/resume_part.h"
#include "provider/provider.h"

namespace ox::provider {

/// Copies one source into one file, digesting in the same pass. Holes of a local source stay holes.
/// Ranges must be taken in order, each byte once. Not thread-safe.
class Copier {
 public:
  /// All arguments must outlive the copier.
  Copier(const StageRequest& request, fs::File& into, std::stop_token stop);

  /// Copies [from, to). kPreconditionFailed when the source is shorter than it said.
  Result<void> copy(std::uint64_t from, std::uint64_t to);
  /// Sets the size of the file, for a hole at its end is never written.
  Result<void> end(std::uint64_t size);
  /// Digests the chunks that stand in `part` (which must be the file) as far as they are what its
  /// list says, makes it forget the others, and returns where to go on. Reads no source.
  Result<std::uint64_t> take_over_chunks(ResumePart& part, std::uint64_t chunk_bytes);
  /// Of everything so far; more may follow.
  Digest so_far() const { return digest_.so_far(); }
  /// Of everything.
  Digest finish() { return digest_.finish(); }

 private:
  Result<void> take_over(std::uint64_t from, std::uint64_t to);
  Result<void> copy_data(std::uint64_t from, std::uint64_t to);
  void digest_zeros(std::uint64_t size);
  Result<void> go_on(std::uint64_t bytes);

  const StageRequest& request_;
  fs::File& into_;
  std::stop_token stop_;
  fs::File* native_ = nullptr;  ///< the source's file when it is sparse
  crypto::Sha256 digest_;
};

/// Copies without hashing, for a digest that is known: shares extents, or lets the kernel copy.
/// False when neither is possible and nothing was written.
Result<bool> copy_natively(const StageRequest& request, fs::File& into, std::stop_token stop);

}  // namespace ox::provider
