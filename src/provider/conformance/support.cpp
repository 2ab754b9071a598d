#include "provider/conformance/support.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "crypto/digest.h"

namespace ox::provider::conformance {

StringSource::StringSource(std::string bytes, std::vector<Xattr> xattrs)
    : bytes_(std::move(bytes)), xattrs_(std::move(xattrs)) {
  fingerprint_.size = bytes_.size();
  fingerprint_.mtime = kMtime;
}

Result<std::size_t> StringSource::read_at(std::uint64_t offset, std::span<std::uint8_t> into) {
  if (offset >= bytes_.size()) {
    return 0;
  }
  const std::size_t size = std::min<std::size_t>(into.size(), bytes_.size() - offset);
  std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), size, into.begin());
  return size;
}

RelPath at(std::string_view path) {
  return RelPath::parse(path).value();
}

std::string code_of(const Error& error) {
  return std::string(name_of(error.code()));
}

Staged stage_bytes(Batch& batch, const std::string& bytes, const RelPath& place) {
  StringSource source(bytes);
  StageRequest request;
  request.source = &source;
  request.mtime = kMtime;
  request.place = place;
  auto staged = batch.stage(request, {});
  EXPECT_OK(staged);
  if (!staged.ok()) {
    return {};
  }
  EXPECT_EQ(bytes.size(), staged->size);
  EXPECT_EQ(crypto::sha256(as_bytes_view(bytes)), staged->digest);
  return std::move(staged).value();
}

Staged stage_link(Batch& batch, const std::string& target) {
  StageRequest request;
  request.kind = tree::Kind::kSymlink;
  request.mtime = kMtime;
  request.link_target = target;
  auto staged = batch.stage(request, {});
  EXPECT_OK(staged);
  return staged.ok() ? std::move(staged).value() : Staged{};
}

std::string read_all(Source& source) {
  std::string bytes(source.size() + 1, '\0');
  auto got =
      source.read_at(0, std::span(reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()));
  EXPECT_OK(got);
  bytes.resize(got.ok() ? *got : 0);
  return bytes;
}

tree::Entry look(Root& root, std::string_view path) {
  auto found = root.provider().look(at(path));
  EXPECT_OK(found);
  return found.ok() ? std::move(found).value() : tree::Entry{};
}

tree::Fingerprint print_of(Root& root, std::string_view path) {
  return look(root, path).fingerprint;
}

std::vector<std::string> names_in(Root& root, std::string_view directory) {
  const auto entries = root.provider().list(at(directory), nullptr, {});
  EXPECT_OK(entries);
  std::vector<std::string> names;
  if (entries.ok()) {
    for (const tree::Entry& entry : *entries) {
      names.push_back(entry.name);
    }
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace ox::provider::conformance
