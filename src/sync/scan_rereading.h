#pragma once

#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "rt/mutex.h"
#include "state/page.h"
#include "sync/scan_unit.h"

namespace ox::sync {

/// Reads files whose time stamps show no change: those that may hide one, and in a scrub all, so
/// that damage and stores through a mapping come to light. Calls are safe from several threads.
class Rereading {
 public:
  /// All must outlive this.
  Rereading(const std::vector<EngineReplica>& replicas, const ScanOptions& options)
      : replicas_(replicas), options_(options) {}

  /// Are these still the acknowledged bytes? Read right here, so that many files cost no memory.
  /// What can't be read to its end is the planner's to ask for.
  bool is_same(const ScanUnit& unit, std::size_t replica, const state::RecordView& record,
               const state::SideView& side, const tree::Entry& entry, std::stop_token stop);

  /// Makes the planner ask for the bytes of what differs in spite of its time stamps …
  void doubt_changed(const ScanUnit& unit, std::vector<tree::NodeRecord>& records);
  /// … and, of a directory that is handed over whole in a scrub, of every file.
  void doubt_all(std::vector<tree::NodeRecord>& records) const;

  /// Adds what there is to tell and to renew. Once, at the end.
  void report(Scan& scan);

 private:
  void tell(std::size_t replica, const RelPath& path, std::string code, std::string message)
      OX_REQUIRES(mutex_);

  const std::vector<EngineReplica>& replicas_;
  const ScanOptions& options_;
  rt::Mutex mutex_;
  std::uint64_t right_ OX_GUARDED_BY(mutex_) = 0;
  std::vector<SettledVersion> settled_ OX_GUARDED_BY(mutex_);
  std::vector<plan::Report> reports_ OX_GUARDED_BY(mutex_);
  std::set<std::tuple<NodeId, std::string, std::size_t>> changed_ OX_GUARDED_BY(mutex_);
};

}  // namespace ox::sync
