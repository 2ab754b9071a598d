#include "sync/acknowledge.h"

#include <set>

namespace ox::sync {

void Acknowledgements::settle(const std::vector<std::unique_ptr<provider::Batch>>& batches) {
  std::set<ReplicaIndex> puts;
  std::set<ReplicaIndex> others;
  for (const Done& done : waiting_) {
    const bool batched = done.put && batches[done.replica] != nullptr;
    (batched ? puts : others).insert(done.replica);
  }
  std::set<ReplicaIndex> failed;
  for (const ReplicaIndex i : puts) {
    if (!batches[i]->settle().ok()) {
      failed.insert(i);
    }
  }
  for (const ReplicaIndex i : others) {
    if (!run_.provider(i).make_durable().ok()) {
      failed.insert(i);
    }
  }
  run_.dirty = run_.dirty || !failed.empty();
  for (const Done& done : waiting_) {
    if (failed.contains(done.replica)) {
      continue;
    }
    if (done.put) {
      run_.ledger.acknowledge_all(done.node, done.replica, done.fingerprint);
    } else {
      run_.ledger.acknowledge_attributes(done.node, done.replica, done.fingerprint,
                                         !run_.options.policy.compare.hash);
    }
  }
  waiting_.clear();
  for (const std::uint64_t number : journal_batches_) {
    run_.ledger.close(number);
  }
  journal_batches_.clear();
}

}  // namespace ox::sync
