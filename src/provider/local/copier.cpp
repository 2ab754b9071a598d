#include "provider/local/copier.h"

#include <algorithm>
#include <array>
#include <memory>

namespace ox::provider {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20U;
constexpr std::size_t kPageSize = 4096;
constexpr std::uint64_t kMayHaveHoles = 512ULL << 10U;  // holes in less are not worth a question
constexpr std::uint64_t kPastTheCache = 16ULL << 20U;   // less is better gathered by the kernel
constexpr std::uint64_t kNativePiece = 64ULL << 20U;

// One buffer a thread: a run stages hundreds of thousands of small files. Aligned, as writing past
// the page cache needs it.
std::span<std::uint8_t> piece_buffer(std::uint64_t wanted) {
  struct alignas(kPageSize) Buffer {
    std::array<std::uint8_t, kPiece> bytes;
  };
  thread_local const auto buffer = std::make_unique_for_overwrite<Buffer>();
  return std::span(buffer->bytes)
      .first(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, wanted)));
}

fs::File* native_file(const StageRequest& request) {
  return static_cast<fs::File*>(request.source->native_handle(typeid(fs::File)));
}

Error shrank() {
  return Error(Code::kPreconditionFailed, "the source became shorter while it was read");
}

Result<void> check_stop(const std::stop_token& stop) {
  if (stop.stop_requested()) {
    return Error(Code::kCancelled, "stopped");
  }
  return {};
}

}  // namespace

Copier::Copier(const StageRequest& request, fs::File& into, std::stop_token stop)
    : request_(request), into_(into), stop_(std::move(stop)) {
  const std::uint64_t size = request.source->size();
  if (fs::File* const file = native_file(request); file != nullptr && size > kMayHaveHoles) {
    if (const auto stat = file->stat(); stat.ok() && stat->allocated_bytes < stat->size) {
      native_ = file;
      return;
    }
  }
  if (size >= kPastTheCache) {
    into_.advise_written_once(size);
  }
}

Result<void> Copier::go_on(std::uint64_t bytes) {
  TRY(check_stop(stop_));
  if (request_.on_bytes) {
    TRY(request_.on_bytes(bytes));
  }
  return {};
}

void Copier::digest_zeros(std::uint64_t size) {
  static constexpr std::array<std::uint8_t, std::size_t{64} << 10U> kZeros{};
  while (size > 0) {
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(size, kZeros.size()));
    digest_.update(BytesView(kZeros).first(piece));
    size -= piece;
  }
}

Result<void> Copier::copy(std::uint64_t from, std::uint64_t to) {
  while (native_ != nullptr && from < to) {
    TRY(check_stop(stop_));
    TRY_ASSIGN(const std::uint64_t found, native_->next_data(from));
    const std::uint64_t data = std::min(found, to);
    digest_zeros(data - from);
    TRY_ASSIGN(const std::uint64_t hole, native_->next_hole(data));
    // A file that shrinks under our hands has no data left and no hole either: go on plainly.
    from = std::clamp(hole, data, to);
    TRY(copy_data(data, from));
    if (from == data && from < to) {
      return copy_data(from, to);
    }
  }
  return copy_data(from, to);
}

Result<void> Copier::copy_data(std::uint64_t from, std::uint64_t to) {
  while (from < to) {
    const std::span<std::uint8_t> buffer = piece_buffer(to - from);
    TRY(go_on(buffer.size()));
    TRY_ASSIGN(const std::size_t got, request_.source->read_at(from, buffer));
    if (got != buffer.size()) {
      return shrank();
    }
    digest_.update(buffer);
    TRY(into_.write_at(from, buffer));
    from += got;
  }
  return {};
}

Result<void> Copier::end(std::uint64_t size) {
  if (native_ == nullptr) {
    return {};
  }
  return into_.truncate(size);
}

Result<std::uint64_t> Copier::take_over_chunks(ResumePart& part, std::uint64_t chunk_bytes) {
  for (std::size_t index = 0; index < part.chunks().size();) {
    TRY(take_over(index * chunk_bytes, (index + 1) * chunk_bytes));
    if (digest_.so_far() == part.chunks()[index]) {
      ++index;
      continue;
    }
    // The digest has swallowed bad bytes: begin again with what is known to be good.
    TRY(part.keep(index));
    digest_ = crypto::Sha256();
    index = 0;
  }
  return part.chunks().size() * chunk_bytes;
}

Result<void> Copier::take_over(std::uint64_t from, std::uint64_t to) {
  while (from < to) {
    TRY(check_stop(stop_));
    const std::span<std::uint8_t> buffer = piece_buffer(to - from);
    TRY_ASSIGN(const std::size_t got, into_.read_at(from, buffer));
    if (got != buffer.size()) {
      return Error(Code::kCorrupt, "the part is shorter than its checkpoint says");
    }
    digest_.update(buffer);
    from += got;
  }
  return {};
}

Result<bool> copy_natively(const StageRequest& request, fs::File& into, std::stop_token stop) {
  fs::File* const file = native_file(request);
  const std::uint64_t size = request.source->size();
  if (file == nullptr || size == 0) {
    return false;
  }
  if (into.clone_from(*file).ok()) {
    TRY_ASSIGN(const fs::Stat cloned, into.stat());
    if (cloned.size != size) {
      return Error(Code::kPreconditionFailed, "the source changed its size while it was cloned");
    }
    if (request.on_bytes) {
      TRY(request.on_bytes(size));
    }
    return true;
  }
  TRY_ASSIGN(const fs::Stat stat, file->stat());
  if (stat.allocated_bytes < stat.size) {
    return false;  // the kernel would fill the holes
  }
  for (std::uint64_t done = 0; done < size;) {
    TRY(check_stop(stop));
    const std::uint64_t piece = std::min(kNativePiece, size - done);
    if (request.on_bytes) {
      TRY(request.on_bytes(piece));
    }
    std::uint64_t copied = 0;
    auto result = into.copy_range_from(*file, done, done, piece);
    if (result.ok()) {
      copied = *result;
    } else if (done == 0 && result.failed_with(Code::kUnsupported)) {
      return false;
    } else {
      return std::move(result).error();
    }
    if (copied == 0) {
      return shrank();
    }
    done += copied;
  }
  return true;
}

}  // namespace ox::provider
