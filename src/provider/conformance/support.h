#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "provider/conformance/conformance.h"

namespace ox::provider::conformance {

struct Case {
  const char* name;
  void (*run)(Root& root);
};

// By topic; the registry knows them all.
std::vector<Case> reading_cases();
std::vector<Case> creating_cases();
std::vector<Case> replacing_cases();
std::vector<Case> moving_cases();
std::vector<Case> trash_cases();
std::vector<Case> naming_cases();

/// Bytes in memory as a source.
class StringSource final : public Source {
 public:
  explicit StringSource(std::string bytes, std::vector<Xattr> xattrs = {});
  std::uint64_t size() const override { return bytes_.size(); }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override;
  Result<void> verify_unchanged() override { return {}; }
  const tree::Fingerprint& fingerprint() const override { return fingerprint_; }
  Result<std::vector<Xattr>> xattrs() override { return xattrs_; }

 private:
  std::string bytes_;
  std::vector<Xattr> xattrs_;
  tree::Fingerprint fingerprint_;
};

RelPath at(std::string_view path);
inline const TrashFolder kTrash{.name = "run-1"};
/// A whole even second: every store can keep it.
inline constexpr Timestamp kMtime{1'600'000'000'000'000'000};

/// The error's code, or none; prints as a name.
std::string code_of(const Error& error);
template <typename T>
std::string code_of(const Result<T>& result) {
  return result.ok() ? "ok" : code_of(result.error());
}
inline std::string name(Code code) {
  return std::string(name_of(code));
}

/// Stages a file of these bytes in the batch; fails the test when it can't.
Staged stage_bytes(Batch& batch, const std::string& bytes, const RelPath& place = {});
Staged stage_link(Batch& batch, const std::string& target);
/// Reads a source to its end; fails the test on an error.
std::string read_all(Source& source);
/// What the provider shows at `path` right now; fails the test when nothing stands there.
tree::Entry look(Root& root, std::string_view path);
tree::Fingerprint print_of(Root& root, std::string_view path);
std::vector<std::string> names_in(Root& root, std::string_view directory);

}  // namespace ox::provider::conformance

/// EXPECTs a code: the text of an error is nobody's business.
#define EXPECT_CODE(code, result) \
  EXPECT_EQ(::ox::provider::conformance::name(code), ::ox::provider::conformance::code_of(result))
#define EXPECT_OK(result) EXPECT_EQ("ok", ::ox::provider::conformance::code_of(result))
#define ASSERT_OK(result) ASSERT_EQ("ok", ::ox::provider::conformance::code_of(result))
