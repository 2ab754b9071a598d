#include "provider/local/resume_part.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "provider/local/placing.h"

namespace ox::provider {
namespace {

constexpr std::uint64_t kMostListBytes = 64ULL << 20U;

Bytes header_of(std::string_view key, std::uint64_t chunk, const tree::Fingerprint& source) {
  ByteWriter writer;
  writer.put_string("syncoxiders-resume 2");
  writer.put_string(key);
  writer.put_varint(chunk);
  writer.put_varint(source.id);
  writer.put_signed(source.birth_ns);
  writer.put_varint(source.size);
  writer.put_signed(source.mtime.ns);
  writer.put_signed(source.ctime.ns);
  writer.put_u8(source.racy ? 1 : 0);
  writer.put_string(source.revision);
  return writer.take();
}

Result<std::unique_ptr<fs::File>> open_or_create(fs::Directory& directory,
                                                 const std::string& name) {
  auto opened = directory.open_file(name, fs::Access::kReadWrite);
  if (opened.failed_with(Code::kNotFound)) {
    return directory.create_file(name, 0600);
  }
  return opened;
}

}  // namespace

Result<std::unique_ptr<ResumePart>> ResumePart::open(LocalRoot& root, const std::string& key,
                                                     const tree::Fingerprint& source) {
  std::string name(kResumePrefix);
  name += crypto::sha256(as_bytes_view(key)).to_hex().substr(0, 32);
  if (!root.claim_part(name)) {
    return std::unique_ptr<ResumePart>{};
  }
  std::unique_ptr<ResumePart> part(new ResumePart(root, std::move(name)));
  TRY_ASSIGN(part->file_, open_or_create(*root.stage(), part->part_name()));
  TRY_ASSIGN(part->list_, open_or_create(*root.stage(), part->list_name()));
  const Bytes header = header_of(key, root.options().resume_chunk, source);
  // A source that may have changed without a trace can't be told from its successor.
  if (source.racy || !part->load(header).ok()) {
    TRY(part->begin(header));
  }
  return part;
}

ResumePart::~ResumePart() {
  root_.release_part(name_);
}

Result<void> ResumePart::load(const Bytes& header) {
  TRY_ASSIGN(const fs::Stat stat, list_->stat());
  if (stat.size < header.size() || stat.size > kMostListBytes) {
    return Error(Code::kCorrupt, "not a list of this source");
  }
  Bytes all(static_cast<std::size_t>(stat.size));
  TRY_ASSIGN(const std::size_t got, list_->read_at(0, all));
  if (got != all.size() || !std::equal(header.begin(), header.end(), all.begin())) {
    return Error(Code::kCorrupt, "not a list of this source");
  }
  header_size_ = header.size();
  // A torn digest at the end is a chunk that was not finished.
  for (std::size_t at = header.size(); at + sizeof(Digest::bytes) <= all.size();
       at += sizeof(Digest::bytes)) {
    Digest digest;
    std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(at), digest.bytes.size(),
                digest.bytes.begin());
    chunks_.push_back(digest);
  }
  return {};
}

Result<void> ResumePart::begin(const Bytes& header) {
  chunks_.clear();
  header_size_ = header.size();
  TRY(file_->truncate(0));
  TRY(list_->truncate(0));
  return list_->write_at(0, header);
}

Result<void> ResumePart::keep(std::size_t count) {
  chunks_.resize(std::min(count, chunks_.size()));
  const std::uint64_t chunk_bytes = chunks_.size() * root_.options().resume_chunk;
  TRY(list_->truncate(header_size_ + chunks_.size() * sizeof(Digest::bytes)));
  // What stands behind may be torn, and holes of the source must find holes here.
  return file_->truncate(chunk_bytes);
}

Result<void> ResumePart::add(const Digest& up_to_here) {
  TRY(list_->write_at(header_size_ + chunks_.size() * sizeof(Digest::bytes), up_to_here.bytes));
  chunks_.push_back(up_to_here);
  return {};
}

Result<std::unique_ptr<fs::File>> ResumePart::finish(fs::Directory& to, const std::string& name) {
  TRY(move_to_free_name(root_, Whose::kOurs, fs::NodeType::kFile, *root_.stage(), part_name(), to,
                        name));
  ignore(root_.stage()->remove_file(list_name()), "a list without its part is swept later");
  return std::move(file_);
}

void ResumePart::discard() {
  ignore(root_.stage()->remove_file(part_name()), "swept later");
  ignore(root_.stage()->remove_file(list_name()), "swept later");
}

}  // namespace ox::provider
