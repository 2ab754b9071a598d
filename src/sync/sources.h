#pragma once

#include <stop_token>

#include "base/bytes.h"
#include "provider/provider.h"

namespace ox::sync {

/// Bytes that we hold ourselves, such as a merged text. They must outlive the source.
class BytesSource final : public provider::Source {
 public:
  explicit BytesSource(const Bytes& bytes) : bytes_(bytes) {}
  std::uint64_t size() const override { return bytes_.size(); }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override;
  Result<void> verify_unchanged() override { return {}; }
  const tree::Fingerprint& fingerprint() const override { return fingerprint_; }

 private:
  const Bytes& bytes_;
  tree::Fingerprint fingerprint_;
};

/// Reads a source to its end. Says nothing about whether it stood still meanwhile.
Result<Digest> digest_of_source(provider::Source& source, std::stop_token stop);

/// The bytes of one version, as far as they can be told.
struct Reading {
  Digest digest;
  bool busy = false;  ///< somebody had it open for writing meanwhile
};

/// Reads what stands at `path`. kPreconditionFailed when it is not, or no longer, `version`.
Result<Reading> read_version(provider::Provider& store, const RelPath& path,
                             const tree::Fingerprint& version, std::stop_token stop);

/// The whole content of a small file; kInvalidArgument when it is larger than `limit`.
Result<Bytes> read_small(provider::Source& source, std::uint64_t limit);

}  // namespace ox::sync
