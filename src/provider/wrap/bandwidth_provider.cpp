#include "provider/wrap/bandwidth_provider.h"

#include <utility>

#include "provider/wrap/forwarding.h"

namespace ox::provider {
namespace {

class LimitedSource final : public ForwardingSource {
 public:
  LimitedSource(std::unique_ptr<Source> inner, rt::RateLimit& limit)
      : ForwardingSource(std::move(inner)), limit_(limit) {}
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    // Paid after the reading: what lies beyond the end costs nothing.
    TRY_ASSIGN(const std::size_t got, inner().read_at(offset, into));
    TRY(limit_.acquire(got, {}));
    return got;
  }

 private:
  rt::RateLimit& limit_;
};

class LimitedBatch final : public ForwardingBatch {
 public:
  LimitedBatch(std::unique_ptr<Batch> inner, rt::RateLimit& limit)
      : ForwardingBatch(std::move(inner)), limit_(limit) {}
  Result<Staged> stage(const StageRequest& request, std::stop_token stop) override {
    StageRequest limited = request;
    limited.on_bytes = [this, &request, stop](std::uint64_t bytes) -> Result<void> {
      TRY(limit_.acquire(bytes, stop));
      return request.on_bytes ? request.on_bytes(bytes) : Result<void>{};
    };
    return inner().stage(limited, stop);
  }

 private:
  rt::RateLimit& limit_;
};

class BandwidthProvider final : public ForwardingProvider {
 public:
  BandwidthProvider(std::unique_ptr<Provider> inner, rt::RateLimit* reading, rt::RateLimit* writing)
      : ForwardingProvider(std::move(inner)), reading_(reading), writing_(writing) {}

  Result<std::unique_ptr<Source>> open(const RelPath& path,
                                       const tree::Fingerprint* expected) override {
    return limited(inner().open(path, expected));
  }
  Result<std::unique_ptr<Source>> open_trashed(const RelPath& trash_path) override {
    return limited(inner().open_trashed(trash_path));
  }
  Result<std::unique_ptr<Batch>> begin_batch() override {
    TRY_ASSIGN(auto batch, inner().begin_batch());
    if (writing_ == nullptr) {
      return batch;
    }
    return std::unique_ptr<Batch>(std::make_unique<LimitedBatch>(std::move(batch), *writing_));
  }

 private:
  Result<std::unique_ptr<Source>> limited(Result<std::unique_ptr<Source>> source) {
    if (!source.ok() || reading_ == nullptr) {
      return source;
    }
    return std::unique_ptr<Source>(
        std::make_unique<LimitedSource>(std::move(source).value(), *reading_));
  }

  rt::RateLimit* const reading_;
  rt::RateLimit* const writing_;
};

}  // namespace

std::unique_ptr<Provider> make_bandwidth_limited(std::unique_ptr<Provider> inner,
                                                 rt::RateLimit* reading, rt::RateLimit* writing) {
  return std::make_unique<BandwidthProvider>(std::move(inner), reading, writing);
}

}  // namespace ox::provider
