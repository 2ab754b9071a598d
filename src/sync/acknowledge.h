#pragma once

#include <memory>
#include <vector>

#include "sync/execute.h"

namespace ox::sync {

/// What was published and must not be acknowledged before it is durable.
class Acknowledgements {
 public:
  struct Done {
    NodeId node;
    ReplicaIndex replica = 0;
    tree::Fingerprint fingerprint;
    bool put = true;  ///< false: only attributes were set
  };

  explicit Acknowledgements(Execution& execution) : run_(execution) {}

  void add(Done done) { waiting_.push_back(std::move(done)); }
  void add_batch(std::uint64_t number) { journal_batches_.push_back(number); }
  bool empty() const { return waiting_.empty() && journal_batches_.empty(); }

  /// Nothing that waits of this replica can be made durable any more.
  void drop(ReplicaIndex replica) {
    std::erase_if(waiting_, [replica](const Done& done) { return done.replica == replica; });
  }

  /// Makes everything that waits durable (`batches` by replica, none where nothing was put through
  /// one) and queues it in the ledger. What can't be made durable is not acknowledged: the next
  /// scan finds out.
  void settle(const std::vector<std::unique_ptr<provider::Batch>>& batches);

 private:
  Execution& run_;
  std::vector<Done> waiting_;
  std::vector<std::uint64_t> journal_batches_;
};

}  // namespace ox::sync
