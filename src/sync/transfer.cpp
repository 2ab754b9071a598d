#include <algorithm>

#include "base/expects.h"
#include "provider/xattrs.h"
#include "sync/acknowledge.h"
#include "sync/execute.h"
#include "sync/sources.h"

/// Content: stage → durable → intent → publish → acknowledge, in batches. The acknowledgements of
/// one batch ride on the commit of the next, whose sync made its renames durable.
namespace ox::sync {

namespace {

constexpr std::size_t kBatchFiles = 8000;
constexpr std::uint64_t kBatchBytes = 64ULL << 20U;
constexpr std::chrono::milliseconds kBusyPoll{50};

/// One task on its way through a batch.
struct Transfer {
  const plan::ContentTask* task = nullptr;
  std::vector<std::optional<provider::Staged>> staged;  ///< per operation
  std::vector<std::optional<provider::Published>> published;
  std::vector<std::optional<Error>> errors;        ///< per operation
  std::vector<std::optional<tree::Entry>> before;  ///< kSetAttributes: for whoever takes it back
  std::optional<Digest> digest;
  std::optional<std::uint64_t> xattrs;
  bool busy = false;      ///< somebody writes the source; try again later
  bool believed = false;  ///< it was busy, but two readings agreed
  bool ready = false;     ///< staged whole on at least one replica
};

bool puts_bytes(const plan::ContentTask& task) {
  return std::ranges::any_of(task.operations, [](const plan::Operation& operation) {
    return operation.kind == plan::OperationKind::kPut;
  });
}

enum class Patience : std::uint8_t { kDefer, kTwoReadings };

class Transfers {
 public:
  Transfers(Execution& execution, const plan::Plan& plan)
      : run_(execution), plan_(plan), waiting_(execution) {
    batches_.resize(execution.replicas.size());
  }

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

  bool stopped() const { return run_.cancelled || run_.fatal.has_value(); }

  Result<void> run_all(const std::vector<const plan::ContentTask*>& tasks, Patience patience) {
    std::size_t next = 0;
    while (next < tasks.size() && !stopped()) {
      if (run_.stop.stop_requested()) {
        run_.cancelled = true;
        break;
      }
      std::vector<Transfer> batch;
      std::uint64_t bytes = 0;
      while (next < tasks.size() && batch.size() < kBatchFiles && bytes < kBatchBytes) {
        const plan::ContentTask& task = *tasks[next++];
        batch.push_back(transfer_of(task));
        bytes += task.operations.front().value.content.size * task.operations.size();
      }
      TRY(run_batch(batch, patience));
    }
    return {};
  }

  static Transfer transfer_of(const plan::ContentTask& task) {
    Transfer transfer{.task = &task};
    transfer.staged.resize(task.operations.size());
    transfer.published.resize(task.operations.size());
    transfer.errors.resize(task.operations.size());
    transfer.before.resize(task.operations.size());
    return transfer;
  }

  // Staging ---------------------------------------------------------------------------------------

  Result<void> open_batches(const std::vector<Transfer>& transfers) {
    for (const Transfer& transfer : transfers) {
      for (const plan::Operation& operation : transfer.task->operations) {
        auto& batch = batches_[operation.replica];
        if (batch == nullptr && operation.kind == plan::OperationKind::kPut) {
          auto begun = run_.provider(operation.replica).begin_batch();
          if (!begun.ok()) {
            give_up(operation.replica, begun.error());
            return begun.error();
          }
          batch = std::move(*begun);
        }
      }
    }
    return {};
  }

  Result<void> run_batch(std::vector<Transfer>& transfers, Patience patience) {
    if (!open_batches(transfers).ok()) {
      return {};
    }
    {
      rt::TaskGroup group(*run_.services.pool, run_.options.transfers, run_.stop);
      for (Transfer& transfer : transfers) {
        group.spawn([this, &transfer, patience](std::stop_token stop) -> Result<void> {
          stage(transfer, patience, stop);
          return {};
        });
      }
      if (!group.wait().ok()) {
        run_.cancelled = true;
        return drop_staged();
      }
    }
    if (std::ranges::none_of(transfers, &Transfer::ready)) {
      std::ranges::for_each(transfers, [this](Transfer& t) { collect_unready(t); });
      return {};
    }
    for (ReplicaIndex i = 0; i < batches_.size(); ++i) {
      if (batches_[i] != nullptr) {
        if (const Result<void> durable = batches_[i]->make_durable(); !durable.ok()) {
          give_up(i, durable.error());
          return drop_staged();
        }
      }
    }
    TRY(make_sources_durable(transfers));
    waiting_.settle(batches_);
    const std::uint64_t number = intend(transfers);
    TRY(run_.commit());
    publish_all(transfers);
    collect(transfers, number);
    return {};
  }

  /// What the intent says of the suppliers must be durable before it; here, because only now have
  /// their files been opened, and file systems without syncfs sync no more than that.
  Result<void> make_sources_durable(const std::vector<Transfer>& transfers) {
    std::set<ReplicaIndex> sources;
    for (const Transfer& transfer : transfers) {
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
    return run_.make_durable(sources);
  }

  /// Without this replica the run can't go on.
  void give_up(ReplicaIndex replica, const Error& error) { run_.stop_at(replica, error); }

  Result<void> drop_staged() {
    batches_.clear();
    batches_.resize(run_.replicas.size());
    return {};
  }

  void stage(Transfer& transfer, Patience patience, std::stop_token stop) {
    const plan::ContentTask& task = *transfer.task;
    for (std::size_t o = 0; o < task.operations.size(); ++o) {
      const plan::Operation& operation = task.operations[o];
      if (operation.kind != plan::OperationKind::kPut) {
        continue;
      }
      run_.services.progress->set_current(operation.path.text());
      Result<provider::Staged> staged = stage_one(transfer, operation, patience, stop);
      if (staged.ok()) {
        transfer.staged[o] = std::move(*staged);
        transfer.ready = true;
      } else {
        transfer.errors[o] = staged.error();
      }
    }
    transfer.ready = transfer.ready || !puts_bytes(task);
  }

  Result<provider::Staged> stage_one(Transfer& transfer, const plan::Operation& operation,
                                     Patience patience, std::stop_token stop) {
    provider::StageRequest request{.kind = operation.value.kind,
                                   .mtime = operation.value.content.mtime,
                                   .link_target = operation.value.content.link_target};
    if (operation.value.attributes.mode != tree::kModeUnknown) {
      request.attributes = operation.value.attributes;
    }
    request.on_bytes = [this, stop](std::uint64_t bytes) -> Result<void> {
      run_.services.progress->add_done({.files = 0, .bytes = static_cast<std::int64_t>(bytes)});
      if (run_.services.rate_limit != nullptr) {
        return run_.services.rate_limit->acquire(bytes, stop);
      }
      return {};
    };
    if (operation.value.kind == tree::Kind::kSymlink) {
      return batches_[operation.replica]->stage(request, stop);
    }
    // By place: a node that a crash kept from being recorded gets another id in the next run.
    request.resume_key = operation.path.text() + '\n' + std::to_string(request.mtime.ns);
    if (transfer.task->suppliers.empty()) {
      const auto text = run_.merged.find(*operation.value.content.digest);
      expects(text != run_.merged.end());
      BytesSource source(text->second);
      request.source = &source;
      return stage_from(transfer, operation, request, patience, stop);
    }
    Error last(Code::kNotFound, "no source");
    for (const plan::Supplier& supplier : transfer.task->suppliers) {
      const tree::Fingerprint& wanted =
          run_.current(supplier.replica, supplier.path, supplier.fingerprint);
      auto source = run_.provider(supplier.replica).open(supplier.path, &wanted);
      if (!source.ok()) {
        last = source.error();
        continue;
      }
      if (patience == Patience::kDefer && (*source)->verify_unchanged().failed_with(Code::kBusy)) {
        transfer.busy = true;
        return Error(Code::kBusy, "is being written", Retry::kLater);
      }
      request.source = source->get();
      Result<provider::Staged> staged = stage_from(transfer, operation, request, patience, stop);
      if (staged.ok() || staged.failed_with(Code::kNoSpace)) {
        return staged;
      }
      last = staged.error();
    }
    return last;
  }

  Result<provider::Staged> stage_from(Transfer& transfer, const plan::Operation& operation,
                                      const provider::StageRequest& request, Patience patience,
                                      std::stop_token stop) {
    TRY_ASSIGN(provider::Staged staged, batches_[operation.replica]->stage(request, stop));
    if (const Result<void> unchanged = request.source->verify_unchanged(); !unchanged.ok()) {
      if (!unchanged.failed_with(Code::kBusy) || patience == Patience::kDefer) {
        transfer.busy = transfer.busy || unchanged.failed_with(Code::kBusy);
        return unchanged.error();
      }
      TRY_ASSIGN(const Digest again, digest_of_source(*request.source, stop));
      if (again != staged.digest) {
        return Error(Code::kBusy, "is being written", Retry::kLater);
      }
      transfer.believed = true;
    }
    const std::optional<Digest>& planned = operation.value.content.digest;
    if ((planned.has_value() && staged.digest != planned) ||
        (transfer.digest.has_value() && staged.digest != transfer.digest)) {
      return Error(Code::kPreconditionFailed, "the bytes read are not the bytes planned");
    }
    transfer.digest = staged.digest;
    if (!transfer.xattrs.has_value()) {
      if (const auto xattrs = request.source->xattrs(); xattrs.ok()) {
        transfer.xattrs = provider::digest_of_xattrs(*xattrs);
      }
    }
    return staged;
  }

  // Intent ----------------------------------------------------------------------------------------

  std::uint64_t intend(std::vector<Transfer>& transfers) {
    std::vector<state::Action> actions;
    for (Transfer& transfer : transfers) {
      if (!transfer.ready) {
        continue;
      }
      run_.ledger.apply(completed(transfer));
      for (std::size_t o = 0; o < transfer.task->operations.size(); ++o) {
        const plan::Operation& operation = transfer.task->operations[o];
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
        actions.push_back(std::move(action));
      }
    }
    return run_.ledger.intend(std::move(actions));
  }

  /// The planned record with the digest and attributes that the copy found.
  plan::RecordUpdate completed(const Transfer& transfer) const {
    plan::RecordUpdate update = run_.after_moves(transfer.task->update);
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

  // Publishing ------------------------------------------------------------------------------------

  void publish_all(std::vector<Transfer>& transfers) {
    rt::TaskGroup group(*run_.services.pool, width_ != 0 ? width_ : run_.options.transfers, {});
    for (Transfer& transfer : transfers) {
      if (!transfer.ready) {
        continue;
      }
      group.spawn([this, &transfer](std::stop_token) -> Result<void> {
        publish(transfer);
        return {};
      });
    }
    ignore(group.wait(), "its tasks return no errors");
  }

  void publish(Transfer& transfer) {
    for (std::size_t o = 0; o < transfer.task->operations.size(); ++o) {
      const plan::Operation& operation = transfer.task->operations[o];
      Result<provider::Published> result =
          operation.kind == plan::OperationKind::kPut
              ? (transfer.staged[o].has_value() ? publish_one(operation, *transfer.staged[o])
                                                : Result<provider::Published>(*transfer.errors[o]))
              : set_attributes(*transfer.task, operation, transfer.before[o]);
      if (result.ok()) {
        transfer.published[o] = std::move(*result);
      } else {
        transfer.errors[o] = result.error();
      }
    }
  }

  Result<provider::Published> publish_one(const plan::Operation& operation,
                                          const provider::Staged& staged) {
    provider::Precondition precondition;
    if (operation.expected.has_value()) {
      precondition = provider::Precondition::matches(
          run_.current(operation.replica, operation.path, *operation.expected));
    }
    TRY_ASSIGN(
        provider::Published published,
        batches_[operation.replica]->publish(staged, operation.path, precondition, run_.trash));
    if (run_.options.read_back && operation.value.kind == tree::Kind::kFile) {
      TRY_ASSIGN(const auto source, run_.provider(operation.replica).open(operation.path, nullptr));
      TRY_ASSIGN(const Digest read, digest_of_source(*source, run_.stop));
      if (read != staged.digest) {
        return Error(Code::kCorrupt, "reads back differently from what was written")
            .with_context(operation.path.text());
      }
    }
    return published;
  }

  Result<provider::Published> set_attributes(const plan::ContentTask& task,
                                             const plan::Operation& operation,
                                             std::optional<tree::Entry>& before) {
    provider::Provider& store = run_.provider(operation.replica);
    TRY_ASSIGN(before, store.look(operation.path));
    tree::Fingerprint expected = before->fingerprint;
    if (operation.expected.has_value()) {
      expected = run_.current(operation.replica, operation.path, *operation.expected);
    }
    std::optional<Timestamp> mtime;
    if (operation.value.kind == tree::Kind::kFile) {
      mtime = operation.value.content.mtime;
    }
    std::unique_ptr<provider::Source> xattrs;
    for (const plan::Supplier& supplier : task.suppliers) {
      if (supplier.replica != operation.replica && operation.value.kind == tree::Kind::kFile) {
        auto source = run_.provider(supplier.replica).open(supplier.path, nullptr);
        if (source.ok()) {
          xattrs = std::move(*source);
          break;
        }
      }
    }
    TRY_ASSIGN(tree::Entry entry,
               store.set_attributes(operation.path, expected, operation.value.attributes, mtime,
                                    xattrs.get()));
    return provider::Published{.entry = std::move(entry), .displaced = std::nullopt};
  }

  /// Turns what happened into acknowledgements, which wait for the next sync.
  void collect(std::vector<Transfer>& transfers, std::uint64_t number) {
    std::vector<state::Action>& actions = run_.ledger.actions(number);
    std::size_t index = 0;
    for (Transfer& transfer : transfers) {
      if (!transfer.ready) {
        collect_unready(transfer);
        continue;
      }
      for (std::size_t o = 0; o < transfer.task->operations.size(); ++o) {
        const plan::Operation& operation = transfer.task->operations[o];
        state::Action& action = actions[index++];
        if (transfer.published[o].has_value()) {
          if (transfer.before[o].has_value()) {
            action.before = std::move(transfer.before[o]);
          }
          collect_done(transfer, operation, *transfer.published[o], action);
        } else if (transfer.errors[o]->code() == Code::kBusy) {
          defer(transfer);
        } else {
          run_.fail(operation, *transfer.errors[o]);
        }
      }
    }
    waiting_.add_batch(number);
  }

  void collect_unready(Transfer& transfer) {
    for (std::size_t o = 0; o < transfer.errors.size(); ++o) {
      if (!transfer.errors[o].has_value()) {
        continue;
      }
      if (transfer.errors[o]->code() == Code::kBusy) {
        defer(transfer);
        return;
      }
      run_.fail(transfer.task->operations[o], *transfer.errors[o]);
    }
  }

  void defer(const Transfer& transfer) {
    if (std::ranges::find(busy_, transfer.task) == busy_.end()) {
      busy_.push_back(transfer.task);
    }
  }

  void collect_done(const Transfer& transfer, const plan::Operation& operation,
                    const provider::Published& published, state::Action& action) {
    action.done = true;
    action.after = published.entry;
    if (published.displaced.has_value()) {
      action.trashed = published.displaced->path;
      if (published.displaced_as_expected) {
        run_.displaced(operation, *published.displaced);
      } else {
        rescue(operation, *published.displaced);
      }
    }
    const bool put = operation.kind == plan::OperationKind::kPut;
    const std::uint64_t bytes = put ? operation.value.content.size : 0;
    if (put) {
      ++(operation.expected.has_value() ? run_.counts.updated : run_.counts.created);
      run_.counts.bytes += bytes;
      run_.services.progress->add_done({.files = 1, .bytes = 0});
    } else {
      ++run_.counts.attributes;
    }
    run_.tell({.kind = EventKind::kDone,
               .action = std::string(action_word(operation)),
               .replica = operation.replica,
               .path = operation.path,
               .bytes = bytes});
    tree::Fingerprint fingerprint = published.entry.fingerprint;
    const std::int64_t age = fingerprint.ctime.ns - fingerprint.mtime.ns;
    fingerprint.racy = (fingerprint.racy && age < 2'000'000'000) || transfer.believed;
    if (published.entry.kind == tree::Kind::kDirectory) {
      fingerprint = {.id = fingerprint.id, .birth_ns = fingerprint.birth_ns};
    }
    waiting_.add({.node = operation.node,
                  .replica = operation.replica,
                  .fingerprint = std::move(fingerprint),
                  .put = put});
  }

  /// Somebody changed the target in the gap between looking and swapping. That version was put
  /// aside whole; it goes back beside the new one, and the next pass spreads it.
  void rescue(const plan::Operation& operation, const provider::Trashed& version) {
    run_.dirty = true;
    provider::Provider& store = run_.provider(operation.replica);
    const std::string& label = run_.replicas[operation.replica].label;
    Digest digest;
    if (auto source = store.open_trashed(version.path); source.ok()) {
      if (const Result<Digest> read = digest_of_source(**source, run_.stop); read.ok()) {
        digest = *read;
      }
    }
    for (const bool with_digest : {false, true}) {
      const std::string name =
          tree::conflict_name(operation.path.name(), label, version.fingerprint.mtime, digest,
                              with_digest, store.capabilities().names.max_name_bytes);
      const RelPath path = operation.path.parent().child(name);
      if (store.restore_trashed(version.path, path).ok()) {
        run_.problem(operation.replica, path, "changed_meanwhile",
                     "was changed while it was being replaced; both versions are kept");
        return;
      }
    }
    run_.displaced(operation, version);
    run_.problem(operation.replica, operation.path, "changed_meanwhile",
                 "was changed while it was being replaced; that version is in the trash");
  }

  // Acknowledging ---------------------------------------------------------------------------------

  Result<void> finish() {
    if (waiting_.empty()) {
      return {};
    }
    waiting_.settle(batches_);
    return run_.commit();
  }

  // Files that somebody writes --------------------------------------------------------------------

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
  std::vector<std::unique_ptr<provider::Batch>> batches_;  ///< per replica, opened when needed
  std::vector<const plan::ContentTask*> busy_;
  Acknowledgements waiting_;
  std::size_t width_ = 0;  ///< of publishing; 0: as the run's
};

}  // namespace

Result<void> execute_content(Execution& execution, const plan::Plan& plan) {
  if (plan.content.empty()) {
    return {};
  }
  return Transfers(execution, plan).run();
}

}  // namespace ox::sync
