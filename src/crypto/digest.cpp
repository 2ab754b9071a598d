#include "crypto/digest.h"

#include <openssl/evp.h>

#include <utility>

#include "base/expects.h"

namespace ox::crypto {

namespace {

/// Fetching an algorithm searches OpenSSL's providers, which costs more than hashing a small file.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  expects(kAlgorithm != nullptr);
  return kAlgorithm;
}

}  // namespace

/// Starts lazily, so that an object that was finished and is not used again costs no second start.
struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  bool started = false;

  State() { expects(context != nullptr); }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void start() {
    if (!started) {
      expects(EVP_DigestInit_ex2(context, sha256_algorithm(), nullptr) == 1);
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
  expects(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  expects(state_ != nullptr);
  state_->start();
  Digest digest;
  unsigned size = 0;
  expects(EVP_DigestFinal_ex(state_->context, digest.bytes.data(), &size) == 1);
  expects(size == digest.bytes.size());
  state_->started = false;
  return digest;
}

Digest sha256(BytesView bytes) {
  // Each thread keeps one context: most inputs are shorter than the work of making one.
  static thread_local Sha256 scratch;
  scratch.update(bytes);
  return scratch.finish();
}

}  // namespace ox::crypto
