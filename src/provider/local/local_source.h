#pragma once

#include <memory>

#include "provider/local/local_root.h"

namespace ox::provider {

/// An open file of a local root. While a lease is held, a program that opens the file for writing
/// waits for us: so it is given back as soon as somebody asks.
class LocalSource final : public Source {
 public:
  /// `file` is open for reading. kUnreachable when it lies on another file system,
  /// kPreconditionFailed when it is not what `expected` names.
  static Result<std::unique_ptr<Source>> open(LocalRoot& root, std::unique_ptr<fs::File> file,
                                              const tree::Fingerprint* expected);

  std::uint64_t size() const override { return opened_.size; }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override;
  Result<void> verify_unchanged() override;
  const tree::Fingerprint& fingerprint() const override { return fingerprint_; }
  Result<std::vector<Xattr>> xattrs() override;
  /// For typeid(fs::File): the open fs::File*.
  void* native_handle(const std::type_info& type) override;

 private:
  LocalSource(LocalRoot& root, std::unique_ptr<fs::File> file);
  void take_lease();
  void watch_lease();

  LocalRoot& root_;
  std::unique_ptr<fs::ReadLease> lease_;  // before file_, so that closing ends both at once
  std::unique_ptr<fs::File> file_;
  fs::Stat opened_;
  tree::Fingerprint fingerprint_;
  std::optional<std::vector<Xattr>> xattrs_;  ///< read once: what is written is what is told
  bool busy_ = false;
};

}  // namespace ox::provider
