#include "sync/sources.h"

#include <algorithm>
#include <cstring>

#include "crypto/digest.h"

namespace ox::sync {

namespace {
constexpr std::uint64_t kReadBytes = 1U << 20U;
}

Result<std::size_t> BytesSource::read_at(std::uint64_t offset, std::span<std::uint8_t> into) {
  if (offset >= bytes_.size() || into.empty()) {
    return std::size_t{0};
  }
  const std::size_t count = std::min<std::size_t>(into.size(), bytes_.size() - offset);
  std::memcpy(into.data(), bytes_.data() + offset, count);
  return count;
}

Result<Digest> digest_of_source(provider::Source& source, std::stop_token stop) {
  crypto::Sha256 hasher;
  Bytes buffer(static_cast<std::size_t>(std::clamp<std::uint64_t>(source.size(), 1, kReadBytes)));
  for (std::uint64_t offset = 0;;) {
    if (stop.stop_requested()) {
      return Error(Code::kCancelled, "stopped");
    }
    TRY_ASSIGN(const std::size_t count, source.read_at(offset, buffer));
    if (count == 0) {
      return hasher.finish();
    }
    hasher.update(BytesView(buffer).first(count));
    offset += count;
  }
}

Result<Reading> read_version(provider::Provider& store, const RelPath& path,
                             const tree::Fingerprint& version, std::stop_token stop) {
  TRY_ASSIGN(const std::unique_ptr<provider::Source> source, store.open(path, &version));
  TRY_ASSIGN(const Digest digest, digest_of_source(*source, std::move(stop)));
  const Result<void> unchanged = source->verify_unchanged();
  if (!unchanged.ok() && !unchanged.failed_with(Code::kBusy)) {
    return unchanged.error();
  }
  return Reading{.digest = digest, .busy = !unchanged.ok()};
}

Result<Bytes> read_small(provider::Source& source, std::uint64_t limit) {
  if (source.size() > limit) {
    return Error(Code::kInvalidArgument, "larger than is read at once");
  }
  Bytes bytes(static_cast<std::size_t>(source.size()));
  TRY_ASSIGN(const std::size_t count, source.read_at(0, bytes));
  bytes.resize(count);
  TRY(source.verify_unchanged());
  return bytes;
}

}  // namespace ox::sync
