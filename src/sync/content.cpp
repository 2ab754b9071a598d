#include "sync/content.h"

#include <algorithm>

#include "sync/new_trees.h"

/// Content: stage → durable → intent → publish → acknowledge, in batches. While one batch is made
/// durable and published the next one is staged, and the acknowledgements of a batch ride on the
/// commit of the next, whose sync made its names durable.
namespace ox::sync {

namespace {

constexpr std::uint64_t kBatchBytes = 64ULL << 20U;
/// While the last batch is made durable nothing is left to stage, so batches get smaller towards
/// the end, down to this many files.
constexpr std::size_t kLeastHalved = 1024;
constexpr std::chrono::milliseconds kBusyPoll{50};

/// What a thread takes to stage: as much as is worth the locks of handing it over, and the rest of
/// its directory, in which another thread would wait for every name this one makes.
constexpr std::size_t kStagedAtOnce = 16;
constexpr std::size_t kMostStagedAtOnce = 128;
constexpr std::uint64_t kStagedBytesAtOnce = 1U << 20U;

std::uint64_t bytes_of(const plan::ContentTask& task) {
  return task.operations.front().value.content.size * task.operations.size();
}

/// What the start after a crash tells our own new version by.
tree::Entry meant_by(const Transfer& transfer, const plan::Operation& operation) {
  tree::Entry entry{.kind = operation.value.kind, .content = operation.value.content};
  if (transfer.digest.has_value()) {
    entry.content.digest = transfer.digest;
  }
  return entry;
}

/// What is left of a batch to stage, handed out piece by piece to several threads.
class Pieces {
 public:
  explicit Pieces(std::span<Transfer> transfers) : left_(transfers) {}

  /// Empty: all is taken.
  std::span<Transfer> next() {
    const rt::Lock lock(mutex_);
    std::size_t count = 0;
    for (std::uint64_t bytes = 0; count < left_.size() && bytes < kStagedBytesAtOnce &&
                                  (count < kStagedAtOnce || continues_directory(count));
         ++count) {
      bytes += bytes_of(*left_[count].task);
    }
    const std::span<Transfer> piece = left_.first(count);
    left_ = left_.subspan(count);
    return piece;
  }

 private:
  bool continues_directory(std::size_t at) const OX_REQUIRES(mutex_) {
    const auto directory = [this](std::size_t k) OX_REQUIRES(mutex_) {
      return left_[k].task->operations.front().path.parent();
    };
    return at < kMostStagedAtOnce && directory(at) == directory(at - 1);
  }

  rt::Mutex mutex_;
  std::span<Transfer> left_ OX_GUARDED_BY(mutex_);
};

class Content {
 public:
  Content(Execution& execution, const plan::Plan& plan, NewTrees& trees)
      : run_(execution),
        plan_(plan),
        trees_(trees),
        batches_(execution.replicas.size()),
        waiting_(execution),
        stager_(execution, batches_),
        publisher_(execution, batches_, waiting_) {}

  Result<void> run() {
    std::vector<const plan::ContentTask*> waiting;
    waiting.reserve(plan_.content.size());
    for (const plan::ContentTask& task : plan_.content) {
      waiting.push_back(&task);
    }
    announce();
    // Attributes come last and one after the other: a directory may lock itself.
    const auto locks = std::ranges::find_if_not(
        waiting, [](const plan::ContentTask* task) { return puts_bytes(*task); });
    const std::vector<const plan::ContentTask*> attributes(locks, waiting.end());
    waiting.erase(locks, waiting.end());
    TRY(run_all(waiting, Patience::kDefer));
    TRY(wait_for_busy());
    width_ = 1;
    TRY(run_all(attributes, Patience::kDefer));
    return finish();
  }

 private:
  void announce() {
    rt::Amount total;
    for (const plan::ContentTask& task : plan_.content) {
      for (const plan::Operation& operation : task.operations) {
        if (operation.kind == plan::OperationKind::kPut) {
          total.files += 1;
          total.bytes += static_cast<std::int64_t>(operation.value.content.size);
        }
      }
    }
    run_.services.progress->enter(rt::Phase::kTransferring);
    run_.services.progress->add_total(total);
  }

  bool stopped() const { return run_.cancelled; }

  Result<void> run_all(const std::vector<const plan::ContentTask*>& tasks, Patience patience) {
    std::span<const plan::ContentTask* const> rest(tasks);
    std::optional<ContentBatch> staged;
    while (staged.has_value() || !rest.empty()) {
      if (run_.stop.stop_requested()) {
        run_.cancelled = true;
      }
      if (stopped()) {
        return {};
      }
      std::optional<ContentBatch> next;
      if (!rest.empty()) {
        next = form_batch(rest);
        open_batches(*next);
      }
      TRY(advance(staged, next, patience));
      staged = std::move(next);
    }
    return {};
  }

  /// Takes the next tasks off `rest`. Large files keep each other company, so that all transfers
  /// have something to do.
  ContentBatch form_batch(std::span<const plan::ContentTask* const>& rest) {
    ContentBatch batch;
    std::uint64_t bytes = 0;
    const std::size_t most =
        std::min(run_.options.batch_files, std::max(rest.size() / 2, kLeastHalved));
    while (!rest.empty() && batch.transfers.size() < most &&
           (bytes < kBatchBytes || batch.transfers.size() < run_.options.transfers)) {
      const plan::ContentTask& task = *rest.front();
      rest = rest.subspan(1);
      Transfer& transfer = batch.transfers.emplace_back(Transfer{.task = &task});
      for (const plan::Operation& operation : task.operations) {
        transfer.parts.push_back({.operation = &operation});
      }
      bytes += bytes_of(task);
    }
    trees_.claim(batch);
    return batch;
  }

  void open_batches(const ContentBatch& content) {
    for (const Transfer& transfer : content.transfers) {
      for (const plan::Operation& operation : transfer.task->operations) {
        if (operation.kind == plan::OperationKind::kPut && batches_[operation.replica] == nullptr &&
            !run_.is_closed(operation.replica)) {
          open_batch(operation.replica);
        }
      }
    }
  }

  void open_batch(ReplicaIndex replica) {
    auto begun = run_.provider(replica).begin_batch();
    if (begun.failed_with(Code::kNoSpace) && run_.has_room_again(replica)) {
      begun = run_.provider(replica).begin_batch();
    }
    if (begun.ok()) {
      batches_[replica] = std::move(*begun);
    } else {
      run_.close(replica, begun.error());
    }
  }

  /// Stages `next` while `staged` is made durable and published.
  Result<void> advance(std::optional<ContentBatch>& staged, std::optional<ContentBatch>& next,
                       Patience patience) {
    ++run_.attempt;
    rt::TaskGroup group(*run_.services.pool, run_.options.transfers, run_.stop);
    if (next.has_value()) {
      stage_all(*next, patience, group);
    }
    if (staged.has_value()) {
      TRY(complete(staged, next, patience, group));
    }
    wait_for(group);
    return {};
  }

  void wait_for(rt::TaskGroup& group) {
    if (!group.wait().ok()) {
      run_.cancelled = true;
    }
  }

  /// `group` stages `next`. It has to end before anything changes that it may look at.
  Result<void> complete(std::optional<ContentBatch>& staged, std::optional<ContentBatch>& next,
                        Patience patience, rt::TaskGroup& group) {
    Durability durability;
    if (staged->has_anything_ready()) {
      make_durable(durability);
    }
    if (!durability.failed.empty() || run_.options.read_back) {
      wait_for(group);
      drop_undurable(durability, staged, next);
    }
    if (run_.options.read_back) {
      read_back(staged, next, patience, durability);
    }
    if (run_.cancelled) {
      return {};
    }
    if (!staged->has_anything_ready()) {
      put_off(publisher_.collect_unready(*staged));
      return {};
    }
    return let_be_seen(*staged, durability);
  }

  /// Tasks that go on as long as there is something to take, so that this thread need not hand out
  /// the work and can see to the batch before.
  void stage_all(ContentBatch& batch, Patience patience, rt::TaskGroup& group) {
    stager_.begin();
    for (NewDirectory& directory : batch.directories) {
      stager_.stage(directory, run_.stop);
    }
    auto pieces = std::make_shared<Pieces>(batch.transfers);
    for (std::size_t k = 0; k < run_.options.transfers; ++k) {
      group.spawn([this, pieces, patience](std::stop_token stop) -> Result<void> {
        for (auto piece = pieces->next(); !piece.empty(); piece = pieces->next()) {
          for (Transfer& transfer : piece) {
            if (stop.stop_requested()) {
              return Error(Code::kCancelled, "stopped");
            }
            stager_.stage(transfer, patience, stop);
          }
        }
        return {};
      });
    }
  }

  struct Durability {
    std::set<std::uint64_t> domains;  ///< durable as a whole
    std::map<ReplicaIndex, Error> failed;
  };

  void make_durable(Durability& durability) {
    for (ReplicaIndex i = 0; i < batches_.size(); ++i) {
      if (batches_[i] == nullptr) {
        continue;
      }
      const Result<provider::Reach> durable = batches_[i]->make_durable();
      if (!durable.ok()) {
        durability.failed.emplace(i, durable.error());
      } else if (*durable == provider::Reach::kDomain) {
        durability.domains.insert(run_.provider(i).capabilities().durability_domain);
      }
    }
  }

  /// What an unsynced root holds of ours is worth nothing, what it had taken before included.
  void drop_undurable(const Durability& durability, std::optional<ContentBatch>& staged,
                      std::optional<ContentBatch>& next) {
    for (const auto& [replica, error] : durability.failed) {
      run_.close(replica, error);
      batches_[replica].reset();
      waiting_.drop(replica);
      for (std::optional<ContentBatch>* batch : {&staged, &next}) {
        if (batch->has_value()) {
          (*batch)->drop(replica, error);
        }
      }
    }
  }

  /// Nothing is published whose bytes do not come back from the medium as they were written; they
  /// are written once more before that is an error.
  void read_back(std::optional<ContentBatch>& staged, std::optional<ContentBatch>& next,
                 Patience patience, Durability& durability) {
    const auto read = [this](Transfer& transfer, std::stop_token stop) {
      stager_.read_back(transfer, std::move(stop));
    };
    on_all(*staged, read);
    if (run_.cancelled || std::ranges::none_of(staged->transfers, &Transfer::misread)) {
      return;
    }
    on_all(*staged, [this, patience](Transfer& transfer, std::stop_token stop) {
      if (transfer.misread) {
        stager_.stage(transfer, patience, std::move(stop));
      }
    });
    durability.failed.clear();
    make_durable(durability);
    drop_undurable(durability, staged, next);
    on_all(*staged, read);
  }

  template <typename Step>
  void on_all(ContentBatch& batch, const Step& step) {
    rt::TaskGroup group(*run_.services.pool, run_.options.transfers, run_.stop);
    for (Transfer& transfer : batch.transfers) {
      group.spawn([&step, &transfer](std::stop_token stop) -> Result<void> {
        step(transfer, std::move(stop));
        return {};
      });
    }
    if (!group.wait().ok()) {
      run_.cancelled = true;
    }
  }

  Result<void> let_be_seen(ContentBatch& batch, const Durability& durability) {
    make_sources_durable(batch, durability);
    waiting_.settle(batches_);
    const std::uint64_t number = intend(batch);
    TRY(run_.commit());
    publisher_.publish(batch, width_ != 0 ? width_ : run_.options.transfers);
    put_off(publisher_.collect(batch, number));
    return {};
  }

  /// What the intent says of the suppliers must be durable before it; here, because only now have
  /// their files been opened, and file systems without syncfs sync no more than that.
  void make_sources_durable(const ContentBatch& batch, const Durability& durability) {
    std::set<ReplicaIndex> sources;
    for (const Transfer& transfer : batch.transfers) {
      if (!transfer.ready) {
        continue;
      }
      for (const plan::Supplier& supplier : transfer.task->suppliers) {
        sources.insert(supplier.replica);
      }
      const auto& sides = transfer.task->update.sides;
      for (ReplicaIndex i = 0; i < sides.size(); ++i) {
        if (sides[i].has_value() && sides[i]->acknowledged.has_value()) {
          sources.insert(i);
        }
      }
    }
    run_.make_durable(sources, durability.domains);
    std::erase_if(sources, [&](ReplicaIndex i) {
      return run_.replicas[i].provider == nullptr ||
             !run_.provider(i).capabilities().durable_by_path;
    });
    for (const Transfer& transfer : batch.transfers) {
      if (transfer.ready) {
        forget_gone_suppliers(*transfer.task, sources);
      }
    }
  }

  /// What somebody has moved away on one of `replicas` may not be durable: a power cut may show the
  /// old place again, with less in it.
  void forget_gone_suppliers(const plan::ContentTask& task,
                             const std::set<ReplicaIndex>& replicas) {
    for (const plan::Supplier& supplier : task.suppliers) {
      if (!replicas.contains(supplier.replica)) {
        continue;
      }
      const auto stands = run_.provider(supplier.replica).look(supplier.path);
      const bool gone = stands.failed_with(Code::kNotFound) ||
                        (stands.ok() && stands->fingerprint.id != supplier.fingerprint.id);
      if (gone) {
        run_.failed_moves.insert({supplier.replica, task.update.id});
        run_.dirty = true;
      }
    }
  }

  // Intent ----------------------------------------------------------------------------------------

  std::uint64_t intend(const ContentBatch& batch) {
    std::vector<state::Action> actions;
    actions.reserve(batch.directories.size() + batch.transfers.size());
    for (const NewDirectory& directory : batch.directories) {
      actions.push_back({.kind = state::ActionKind::kMakeDirectory,
                         .replica = directory.operation->replica,
                         .node = directory.operation->node,
                         .path = directory.operation->path});
    }
    for (const Transfer& transfer : batch.transfers) {
      if (!transfer.ready) {
        continue;
      }
      run_.ledger.apply(completed(transfer));
      for (const plan::Operation& operation : transfer.task->operations) {
        state::Action action{.kind = operation.kind == plan::OperationKind::kPut
                                         ? state::ActionKind::kPut
                                         : state::ActionKind::kSetAttributes,
                             .replica = operation.replica,
                             .node = operation.node,
                             .path = operation.path};
        if (operation.expected.has_value()) {
          action.before =
              tree::Entry{.kind = operation.value.kind, .fingerprint = *operation.expected};
        }
        if (action.kind == state::ActionKind::kPut) {
          action.after = meant_by(transfer, operation);
        }
        actions.push_back(std::move(action));
      }
    }
    return run_.ledger.intend(std::move(actions));
  }

  /// The planned record with the digest and attributes that the copy found.
  plan::RecordUpdate completed(const Transfer& transfer) const {
    plan::RecordUpdate update = run_.acknowledgeable(transfer.task->update);
    if (!update.agreed.has_value() || update.agreed->kind != tree::Kind::kFile) {
      return update;
    }
    const bool had_digest = update.agreed->content.digest.has_value();
    const bool supplied_alone = transfer.task->suppliers.size() == 1;
    const auto complete = [&](tree::NodeValue& value) {
      if (!value.content.digest.has_value()) {
        value.content.digest = transfer.digest;
      }
      if (!had_digest && supplied_alone && transfer.xattrs.has_value() &&
          value.attributes.xattrs == 0) {
        value.attributes.xattrs = *transfer.xattrs;
      }
    };
    complete(*update.agreed);
    for (auto& side : update.sides) {
      if (side.has_value() && side->acknowledged.has_value()) {
        if (side->acknowledged->value.content == transfer.task->update.agreed->content) {
          complete(side->acknowledged->value);
        }
        side->acknowledged->fingerprint.racy =
            side->acknowledged->fingerprint.racy || transfer.believed;
      }
    }
    return update;
  }

  // The end ---------------------------------------------------------------------------------------

  Result<void> finish() {
    if (waiting_.empty()) {
      return {};
    }
    waiting_.settle(batches_);
    return run_.commit();
  }

  // Files that somebody writes --------------------------------------------------------------------

  void put_off(const std::vector<const plan::ContentTask*>& tasks) {
    busy_.insert(busy_.end(), tasks.begin(), tasks.end());
  }

  Result<void> wait_for_busy() {
    const auto deadline = run_.services.clock->monotonic() + run_.options.busy_wait;
    while (!busy_.empty() && !stopped() && run_.services.clock->monotonic() < deadline) {
      run_.services.clock->sleep_for(kBusyPoll);
      std::vector<const plan::ContentTask*> again = std::move(busy_);
      busy_.clear();
      TRY(run_all(again, Patience::kDefer));
    }
    if (busy_.empty() || stopped()) {
      return {};
    }
    std::vector<const plan::ContentTask*> again = std::move(busy_);
    busy_.clear();
    TRY(run_all(again, Patience::kTwoReadings));
    for (const plan::ContentTask* task : busy_) {
      run_.problem(task->operations.front().replica, task->operations.front().path, "busy",
                   "is being written by another program; it will be synced by a later run");
    }
    return {};
  }

  Execution& run_;
  const plan::Plan& plan_;
  NewTrees& trees_;
  OpenBatches batches_;
  std::vector<const plan::ContentTask*> busy_;
  Acknowledgements waiting_;
  Stager stager_;
  Publisher publisher_;
  std::size_t width_ = 0;  ///< of publishing; 0: as the run's
};

}  // namespace

Result<void> execute_content(Execution& execution, const plan::Plan& plan, NewTrees& trees) {
  if (plan.content.empty()) {
    return {};
  }
  return Content(execution, plan, trees).run();
}

}  // namespace ox::sync
