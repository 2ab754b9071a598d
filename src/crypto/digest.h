#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/digest.h"

namespace ox::crypto {

/// Computes a SHA-256 in pieces (OpenSSL, with the CPU's SHA instructions). Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(BytesView bytes);
  /// The digest of all bytes so far; more may follow.
  Digest so_far() const;
  /// The digest of all bytes so far; afterwards the object is as new.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest sha256(BytesView bytes);

}  // namespace ox::crypto
