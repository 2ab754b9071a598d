#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/digest.h"
#include "provider/local/local_root.h"

namespace ox::provider {

/// A large file under way, kept across runs in stage/<rule>/: `resume-<key>.part` holds the bytes
/// and `resume-<key>.list` the fingerprint of their source and, for each whole chunk, the SHA-256
/// of all bytes up to its end: the digest of the file on its way, so that nothing is hashed twice.
/// Nothing in it is believed: a chunk counts when the bytes have that digest and the source is
/// still the version they came from. The list is one header (in ByteWriter's encoding, see
/// header_of) and 32 bytes for each chunk. Not thread-safe.
class ResumePart {
 public:
  /// Opens what an earlier run left, or begins anew. None when the part is in use by another
  /// transfer of this process. The root must outlive the part.
  static Result<std::unique_ptr<ResumePart>> open(LocalRoot& root, const std::string& key,
                                                  const tree::Fingerprint& source);
  ~ResumePart();
  ResumePart(const ResumePart&) = delete;
  ResumePart& operator=(const ResumePart&) = delete;

  fs::File& file() { return *file_; }
  /// Digests up to the end of each chunk that should stand in the part.
  const std::vector<Digest>& chunks() const { return chunks_; }
  /// Forgets the chunks from `count` on.
  Result<void> keep(std::size_t count);
  Result<void> add(const Digest& up_to_here);
  /// Moves the finished part to a name in `to` and forgets the list. The file stays open.
  Result<std::unique_ptr<fs::File>> finish(fs::Directory& to, const std::string& name);
  /// Removes both files.
  void discard();

 private:
  ResumePart(LocalRoot& root, std::string name) : root_(root), name_(std::move(name)) {}
  Result<void> load(const Bytes& header);
  Result<void> begin(const Bytes& header);
  std::string part_name() const { return name_ + ".part"; }
  std::string list_name() const { return name_ + ".list"; }

  LocalRoot& root_;
  std::string name_;
  std::unique_ptr<fs::File> file_;
  std::unique_ptr<fs::File> list_;
  std::uint64_t header_size_ = 0;
  std::vector<Digest> chunks_;
};

inline constexpr std::string_view kResumePrefix = "resume-";

}  // namespace ox::provider
