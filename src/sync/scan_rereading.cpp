#include "sync/scan_rereading.h"

#include <algorithm>
#include <utility>

#include "sync/fingerprints.h"
#include "sync/sources.h"

namespace ox::sync {

namespace {

/// Larger files are read where a person sees how it gets on.
constexpr std::uint64_t kReadAgainBytes = 4U << 20U;

bool has_bytes_of(const Reading& reading, const state::RecordView& record) {
  return std::ranges::equal(reading.digest.bytes, BytesView(record.agreed.content.digest, 32));
}

bool is_gone_or_changed(const Error& error) {
  return error.code() == Code::kNotFound || error.code() == Code::kPreconditionFailed ||
         error.code() == Code::kCancelled;
}

}  // namespace

bool Rereading::is_same(const ScanUnit& unit, std::size_t replica, const state::RecordView& record,
                        const state::SideView& side, const tree::Entry& entry,
                        std::stop_token stop) {
  const bool may_hide = side.fingerprint.racy;
  if (entry.kind != tree::Kind::kFile || side.assumed || record.agreed.content.digest == nullptr) {
    return !may_hide;
  }
  if (may_hide && (!options_.compare_bytes || entry.content.size > kReadAgainBytes)) {
    return false;
  }
  const RelPath path = unit.views[replica]->path.child(entry.name);
  const Result<Reading> reading =
      read_version(*replicas_[replica].provider, path, entry.fingerprint, std::move(stop));
  const rt::Lock lock(mutex_);
  if (!reading.ok() || reading->busy) {
    if (!may_hide && !reading.ok() && !is_gone_or_changed(reading.error())) {
      tell(replica, path, "unreadable", "could not be read again: " + reading.error().message());
    }
    return !may_hide;
  }
  if (has_bytes_of(*reading, record)) {
    ++right_;
    if (may_hide && !may_hide_a_change(entry.fingerprint)) {
      settled_.push_back({.directory = unit.record->id,
                          .name = entry.name,
                          .replica = static_cast<ReplicaIndex>(replica),
                          .fingerprint = entry.fingerprint});
      settled_.back().fingerprint.racy = false;
    }
    return true;
  }
  if (!may_hide && changed_.emplace(unit.record->id, entry.name, replica).second) {
    tell(replica, path, "changed_unseen",
         "its bytes changed and its time stamps did not; it is taken for an edit. If it is damage, "
         "undo this run: what it replaced is in the trash");
  }
  return false;
}

void Rereading::tell(std::size_t replica, const RelPath& path, std::string code,
                     std::string message) {
  reports_.push_back({.replica = static_cast<ReplicaIndex>(replica),
                      .path = path,
                      .code = std::move(code),
                      .message = std::move(message)});
}

void Rereading::doubt_changed(const ScanUnit& unit, std::vector<tree::NodeRecord>& records) {
  const rt::Lock lock(mutex_);
  if (changed_.empty()) {
    return;
  }
  for (tree::NodeRecord& record : records) {
    for (std::size_t i = 0; i < record.sides.size(); ++i) {
      if (record.sides[i].acknowledged.has_value() &&
          changed_.contains({unit.record->id, record.agreed->name, i})) {
        record.sides[i].acknowledged->fingerprint.racy = true;
      }
    }
  }
}

void Rereading::doubt_all(std::vector<tree::NodeRecord>& records) const {
  for (tree::NodeRecord& record : records) {
    for (std::size_t i = 0; i < options_.scrubs.size(); ++i) {
      tree::ReplicaSide& side = record.sides[i];
      if (options_.scrubs[i] && side.acknowledged.has_value() &&
          side.acknowledged->value.kind == tree::Kind::kFile &&
          side.acknowledged->value.content.digest.has_value()) {
        side.acknowledged->fingerprint.racy = true;
      }
    }
  }
}

void Rereading::report(Scan& scan) {
  const rt::Lock lock(mutex_);
  scan.read_again = right_;
  scan.settled = std::exchange(settled_, {});
  std::ranges::move(std::exchange(reports_, {}), std::back_inserter(scan.reports));
}

}  // namespace ox::sync
