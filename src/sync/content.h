#pragma once

#include <optional>
#include <set>
#include <vector>

#include "sync/acknowledge.h"
#include "sync/execute.h"

/// Content on its way to the replicas: what the parts of execute_content share.
namespace ox::sync {

/// One operation of a task.
struct TransferPart {
  const plan::Operation* operation = nullptr;
  RelPath place;  ///< in a staged tree; the root: staged by itself
  std::optional<provider::Staged> staged;
  std::optional<provider::Published> published;
  std::optional<tree::Entry> before;  ///< kSetAttributes: for whoever takes it back
  std::optional<Error> error;
};

/// One task on its way through a batch.
struct Transfer {
  const plan::ContentTask* task = nullptr;
  std::vector<TransferPart> parts;  ///< as the task's operations
  std::optional<Digest> digest;
  std::optional<std::uint64_t> xattrs;
  bool believed = false;  ///< somebody writes the source, but two readings agreed
  bool ready = false;     ///< staged whole on at least one replica
  bool misread = false;   ///< something of it did not read back as it was written

  void judge_readiness();
};

/// A directory that is new on its replica: staged with what goes into it, published by one rename
/// of the topmost such directory.
struct NewDirectory {
  const plan::Operation* operation = nullptr;
  RelPath place;
  std::optional<provider::Staged> staged;
  std::optional<tree::Entry> entry;            ///< as it stands, once it is published
  std::optional<provider::Trashed> displaced;  ///< what came to stand there meanwhile
  std::optional<Error> error;

  bool is_top() const { return place.parent().is_root(); }
};

/// What is staged, made durable, intended and published together.
struct ContentBatch {
  std::vector<NewDirectory> directories;  ///< parents before what is in them
  std::vector<Transfer> transfers;

  bool has_anything_ready() const;
  /// What was staged on this replica is gone.
  void drop(ReplicaIndex replica, const Error& why);
};

enum class Patience : std::uint8_t {
  kDefer,        ///< a file that somebody writes is left for later
  kTwoReadings,  ///< it is copied when two readings agree
};

/// Open batches by replica; none where nothing was put yet.
using OpenBatches = std::vector<std::unique_ptr<provider::Batch>>;

bool puts_bytes(const plan::ContentTask& task);

/// Brings bytes to the targets' private places and checks them. Safe for concurrent calls, each
/// with transfers of its own, while others publish.
class Stager {
 public:
  Stager(Execution& execution, OpenBatches& batches)
      : run_(execution), batches_(batches), closed_(batches.size()) {}

  /// Before the first of a batch: which replicas take nothing.
  void begin();
  /// Before the transfers of its batch.
  void stage(NewDirectory& directory, std::stop_token stop);
  /// What is staged already is left as it is.
  void stage(Transfer& transfer, Patience patience, std::stop_token stop);
  /// Compares what the medium gives with what was written; what differs is no longer staged.
  void read_back(Transfer& transfer, std::stop_token stop);

 private:
  Result<provider::Staged> stage_part(Transfer& transfer, const TransferPart& part,
                                      Patience patience, std::stop_token stop);
  Result<provider::Staged> stage_from(Transfer& transfer, const TransferPart& part,
                                      const provider::StageRequest& request, Patience patience,
                                      std::stop_token stop);
  Result<void> verify(Transfer& transfer, const TransferPart& part,
                      const provider::StageRequest& request, const provider::Staged& staged,
                      Patience patience, std::stop_token stop);
  provider::StageRequest request_for(const plan::Operation& operation, const RelPath& place,
                                     std::stop_token stop) const;

  const Execution& run_;
  OpenBatches& batches_;
  std::vector<std::optional<Error>> closed_;  ///< why a replica has no open batch
};

/// Makes staged content visible, and tells what came of it.
class Publisher {
 public:
  Publisher(Execution& execution, OpenBatches& batches, Acknowledgements& acknowledgements)
      : run_(execution), batches_(batches), waiting_(acknowledgements) {}

  void publish(ContentBatch& batch, std::size_t width);
  /// Turns what happened into acknowledgements, which wait for the next sync. Returns the tasks
  /// that are to be tried again, because somebody writes their files.
  std::vector<const plan::ContentTask*> collect(ContentBatch& batch, std::uint64_t journal_batch);
  /// The same for a batch of which nothing could be staged.
  std::vector<const plan::ContentTask*> collect_unready(const ContentBatch& batch);

 private:
  struct Tree;
  static std::vector<Tree> trees_of(ContentBatch& batch);
  void publish_tree(const Tree& tree);
  void publish(Transfer& transfer);
  bool fail_or_wait(const Transfer& transfer);
  /// The version whose attributes were set may be another one by now, and nothing shows it.
  bool is_doubted(const plan::Operation& operation) const;
  Result<provider::Published> put(const TransferPart& part);
  void collect(NewDirectory& directory, state::Action& action);
  void collect(const Transfer& transfer, TransferPart& part, state::Action& action);

  Execution& run_;
  OpenBatches& batches_;
  Acknowledgements& waiting_;
};

}  // namespace ox::sync
