#include "provider/local/local_source.h"

#include <utility>

namespace ox::provider {
namespace {

constexpr std::uint64_t kAdviseFrom = 4ULL << 20U;

bool same_bytes_so_far(const fs::Stat& before, const fs::Stat& now) {
  return before.inode == now.inode && before.size == now.size && before.mtime == now.mtime &&
         before.ctime == now.ctime;
}

}  // namespace

LocalSource::LocalSource(LocalRoot& root, std::unique_ptr<fs::File> file)
    : root_(root), file_(std::move(file)) {}

Result<std::unique_ptr<Source>> LocalSource::open(LocalRoot& root, std::unique_ptr<fs::File> file,
                                                  const tree::Fingerprint* expected) {
  // The lease comes first, or a writer could finish between the look and the lease.
  std::unique_ptr<LocalSource> source(new LocalSource(root, std::move(file)));
  source->take_lease();
  TRY_ASSIGN(source->opened_, source->file_->stat());
  const bool recent = root.is_recent(source->opened_);
  std::optional<Timestamp> now;
  if (recent) {
    // The clock must be read before the inode, or a change between the two could hide.
    now = root.file_system_now();
    TRY_ASSIGN(source->opened_, source->file_->stat());
  }
  source->fingerprint_ = root.fingerprint_of(source->opened_);
  source->fingerprint_.racy = recent && (!now.has_value() || root.is_racy(source->opened_, *now));
  if (source->opened_.device != root.facts().device) {
    return Error(Code::kUnreachable, "another file system is mounted here");
  }
  if (expected != nullptr && !source->fingerprint_.same_version(*expected)) {
    return Error(Code::kPreconditionFailed, "the file has changed");
  }
  if (source->size() >= kAdviseFrom) {
    source->file_->advise_sequential();
  }
  return std::unique_ptr<Source>(std::move(source));
}

void LocalSource::take_lease() {
  if (!root_.capabilities().leases) {
    return;
  }
  auto lease = file_->take_read_lease();
  if (lease.ok()) {
    lease_ = std::move(lease).value();
  } else {
    busy_ = !lease.failed_with(Code::kUnsupported);  // who may write to it can't be told
  }
}

void LocalSource::watch_lease() {
  if (lease_ != nullptr && lease_->broken()) {
    busy_ = true;
    lease_.reset();
  }
}

Result<std::size_t> LocalSource::read_at(std::uint64_t offset, std::span<std::uint8_t> into) {
  watch_lease();
  return file_->read_at(offset, into);
}

Result<void> LocalSource::verify_unchanged() {
  TRY_ASSIGN(const fs::Stat now, file_->stat());
  if (!same_bytes_so_far(opened_, now)) {
    return Error(Code::kPreconditionFailed, "the file changed while it was read");
  }
  watch_lease();
  if (busy_) {
    return Error(Code::kBusy, "the file is open for writing", Retry::kLater);
  }
  return {};
}

Result<std::vector<Source::Xattr>> LocalSource::xattrs() {
  if (xattrs_.has_value() || !root_.capabilities().xattrs) {
    return xattrs_.value_or(std::vector<Xattr>{});
  }
  TRY_ASSIGN(auto found, file_->extended_attributes());
  xattrs_.emplace();
  for (fs::ExtendedAttribute& attribute : found) {
    xattrs_->push_back({.name = std::move(attribute.name), .value = std::move(attribute.value)});
  }
  return *xattrs_;
}

void* LocalSource::native_handle(const std::type_info& type) {
  return type == typeid(fs::File) ? file_.get() : nullptr;
}

}  // namespace ox::provider
