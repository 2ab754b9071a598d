#include "crypto/digest.h"

#include <openssl/evp.h>

#include <memory>
#include <utility>
#include <vector>

#include "base/expects.h"

namespace ox::crypto {

namespace {

/// Fetching an algorithm searches OpenSSL's providers, which costs more than hashing a small file.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  expects(kAlgorithm != nullptr);
  return kAlgorithm;
}

using Context =
    std::unique_ptr<EVP_MD_CTX, decltype([](EVP_MD_CTX* context) { EVP_MD_CTX_free(context); })>;

/// Contexts that this thread used before: making one costs as much as hashing a small file.
std::vector<Context>& spare_contexts() {
  constexpr std::size_t kMost = 4;
  static thread_local std::vector<Context> spare;
  if (spare.size() > kMost) {
    spare.resize(kMost);
  }
  return spare;
}

Context take_context() {
  std::vector<Context>& spare = spare_contexts();
  if (spare.empty()) {
    Context context(EVP_MD_CTX_new());
    expects(context != nullptr);
    return context;
  }
  Context context = std::move(spare.back());
  spare.pop_back();
  return context;
}

Digest final_digest(EVP_MD_CTX& context) {
  Digest digest;
  unsigned size = 0;
  expects(EVP_DigestFinal_ex(&context, digest.bytes.data(), &size) == 1);
  expects(size == digest.bytes.size());
  return digest;
}

}  // namespace

/// Starts lazily, so that an object that was finished and is not used again costs no second start.
struct Sha256::State {
  Context context;
  bool started = false;

  State() = default;
  ~State() {
    if (context != nullptr) {
      spare_contexts().push_back(std::move(context));
    }
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void start() {
    if (!started) {
      if (context == nullptr) {
        context = take_context();
      }
      expects(EVP_DigestInit_ex2(context.get(), sha256_algorithm(), nullptr) == 1);
      started = true;
    }
  }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(BytesView bytes) {
  expects(state_ != nullptr);
  state_->start();
  expects(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
}

Digest Sha256::so_far() const {
  expects(state_ != nullptr);
  state_->start();
  Context copy = take_context();
  expects(EVP_MD_CTX_copy_ex(copy.get(), state_->context.get()) == 1);
  const Digest digest = final_digest(*copy);
  spare_contexts().push_back(std::move(copy));
  return digest;
}

Digest Sha256::finish() {
  expects(state_ != nullptr);
  state_->start();
  state_->started = false;
  return final_digest(*state_->context);
}

Digest sha256(BytesView bytes) {
  Sha256 hasher;
  hasher.update(bytes);
  return hasher.finish();
}

}  // namespace ox::crypto
