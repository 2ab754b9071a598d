#include "sync/engine.h"

#include <algorithm>
#include <set>

#include "crypto/digest.h"
#include "sync/bases.h"
#include "sync/derived_ids.h"
#include "sync/execute.h"
#include "sync/gate.h"
#include "sync/parked.h"
#include "sync/questions.h"
#include "sync/rebase.h"
#include "sync/renew.h"
#include "sync/retention.h"
#include "sync/scan.h"
#include "sync/scrubs.h"
#include "sync/settle.h"
#include "sync/slices.h"
#include "sync/telling.h"

namespace ox::sync {

namespace {

/// A plan and what had to be found out for it.
struct Decided {
  plan::Plan plan;
  std::map<Digest, Bytes> merged;
  bool unstable = false;  ///< the replicas changed under the scan: execute, then look again
};

class Run {
 public:
  Run(state::Store& store, const state::RuleFacts& facts,
      const std::vector<EngineReplica>& replicas, const RunOptions& options,
      const Services& services, std::stop_token stop)
      : store_(store),
        facts_(facts),
        replicas_(replicas),
        options_(options),
        services_(services),
        stop_(std::move(stop)) {}

  Result<RunReport> run() {
    Result<RunReport> report = run_to_its_end();
    if (!report.ok() && ledger_.has_value()) {
      // The record is for a person; what counts is that the run ended so.
      ignore(end_early(report.error()), "the next start marks it as interrupted");
    }
    return report;
  }

 private:
  Result<RunReport> run_to_its_end() {
    started_ = services_.clock->now();
    TRY(load_facts());
    TRY_ASSIGN(const std::vector<std::string> approved, store_.approved());
    TRY_ASSIGN(Gate gate,
               pass_gate(facts_, replicas_, mode_, options_.policy.compare.hash, approved, stop_));
    replicas_ = std::move(gate.replicas);
    rebase_ = gate.rebase;
    report_.rebased = gate.rebase;
    report_.rebase_reason = gate.reason;
    held_roots_ = gate.held;
    report_.held = gate.held;
    for (state::Problem& problem : gate.problems) {
      add_problem(std::move(problem));
    }
    if (online() < 2) {
      report_.outcome =
          report_.held.empty() ? state::RunOutcome::kFailed : state::RunOutcome::kHeld;
      report_.unreadable = report_.held.empty();
      return finish();
    }
    TRY(options_.dry_run ? look_ahead() : start_up());
    TRY(choose_slices());
    for (std::size_t pass = 0; pass < options_.max_passes && online() >= 2;) {
      TRY_ASSIGN(const PassEnd end, run_pass(approved, pass));
      if (end == PassEnd::kDone) {
        break;
      }
      pass += end == PassEnd::kAgain ? 1 : 0;
    }
    return finish();
  }

  Result<void> end_early(const Error& error) {
    report_.outcome = error.code() == Code::kCancelled ? state::RunOutcome::kInterrupted
                                                       : state::RunOutcome::kFailed;
    state::Commit commit;
    commit.runs.push_back(record());
    commit.runs.back().message = error.to_string();
    return store_.commit(commit);
  }

  std::size_t online() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        replicas_, [](const EngineReplica& replica) { return replica.provider != nullptr; }));
  }

  Result<void> start_up() {
    TRY_ASSIGN(Settled settled, settle(store_, replicas_, services_, rebase_));
    for (state::Problem& problem : settled.problems) {
      add_problem(std::move(problem));
    }
    for (const auto& [i, error] : settled.unusable) {
      leave_alone(i, error);
    }
    return {};
  }

  /// A dry run must not settle what a crash left, yet has to say what a run that did would do.
  Result<void> look_ahead() {
    for (ReplicaIndex i = 0; i < replicas_.size(); ++i) {
      if (replicas_[i].provider == nullptr) {
        continue;
      }
      const auto places = show_parked_home(store_, *replicas_[i].provider, i);
      if (!places.ok()) {
        leave_alone(i, places.error());
        continue;
      }
      for (const RelPath& path : *places) {
        add_problem(problem_of_parked(i, path));
      }
    }
    return {};
  }

  /// The replica takes no further part in this run; the others go on.
  void leave_alone(ReplicaIndex i, const Error& error) {
    replicas_[i].provider = nullptr;
    replicas_[i].away_reason = error.message();
    add_problem(problem_of_left_alone(i, error));
  }

  /// Not where destinations are to lose something, which a budget weighs as a whole, and not where
  /// only the bytes of a whole tree tell what was moved.
  Result<void> choose_slices() {
    if (options_.dry_run || rebase_ || options_.policy.mirror ||
        options_.policy.mode == plan::Mode::kMove) {
      return {};
    }
    TRY_ASSIGN(const std::uint64_t nodes, store_.node_count());
    const bool ids_tell = std::ranges::all_of(replicas_, [](const EngineReplica& replica) {
      return replica.provider == nullptr || replica.provider->capabilities().stable_ids;
    });
    if (nodes == 0) {
      slices_.begin_first(options_.slice_entries);
    } else if (ids_tell) {
      slices_.begin_later(options_.slice_entries);
    }
    return {};
  }

  Result<void> load_facts() {
    TRY_ASSIGN(std::optional<state::RuleFacts> stored, store_.facts());
    if (stored.has_value()) {
      if (stored->replicas.size() != facts_.replicas.size()) {
        return Error(Code::kInvalidArgument, "the rule has another number of replicas");
      }
      for (std::size_t i = 0; i < stored->replicas.size(); ++i) {
        stored->replicas[i].label = facts_.replicas[i].label;
      }
      stored->name = facts_.name;
      facts_ = std::move(*stored);
    }
    mode_ = mode_key(options_.policy, facts_);
    return {};
  }

  std::vector<bool> due_scrubs() const {
    return sync::due_scrubs(options_, replicas_, facts_.replicas, started_);
  }

  void add_problem(state::Problem problem) {
    if (services_.events) {
      services_.events({.kind = EventKind::kProblem,
                        .action = {},
                        .replica = problem.replica,
                        .path = problem.path,
                        .code = problem.code,
                        .message = problem.message});
    }
    report_.problems.push_back(std::move(problem));
  }

  // One pass --------------------------------------------------------------------------------------

  enum class PassEnd : std::uint8_t {
    kDone,
    kAgain,  ///< something was not as it had been scanned
    kSlice,  ///< there is more to do than was looked at
  };

  ScanOptions scan_scope() const {
    // After a crash between delivery and removal all is as acknowledged, yet the sources must go.
    const bool moving = options_.policy.mode == plan::Mode::kMove;
    return {.whole = rebase_ || moving,
            .looks_closely = rebase_,
            .moves = whose_moves_count(options_.policy, replicas_.size()),
            .compare_bytes = options_.policy.compare.hash,
            .scrubs = rebase_ ? std::vector<bool>() : due_scrubs()};
  }

  Result<PassEnd> run_pass(const std::vector<std::string>& approved, std::size_t pass) {
    ScanOptions scope = scan_scope();
    slices_.shape(scope);
    TRY_ASSIGN(Scan scanned, scan(store_, replicas_, scope, services_, stop_));
    report_.counts.scanned = slices_.is_first() ? report_.counts.scanned + scanned.entries
                                                : std::max(report_.counts.scanned, scanned.entries);
    report_.counts.read_again += scanned.read_again;
    count_hard_linked(scanned);
    if (std::ranges::count(scanned.unreadable, true) != 0) {
      add_reports(scanned.reports);
      slices_.take_back();
      return goes_on_without(scanned.unreadable) ? PassEnd::kAgain : PassEnd::kDone;
    }
    if (!options_.dry_run) {
      TRY(renew_fingerprints(store_, replicas_, scanned.settled));
    }
    plan::Input input{.nodes = std::move(scanned.nodes),
                      .replicas = std::move(scanned.replicas),
                      .policy = options_.policy,
                      .next_node = NodeId{facts_.next_node},
                      .agreed_count = 0,
                      .merges = {},
                      .approved = approved,
                      .excluded = exclusion(),
                      .known = {},
                      .unseen_newcomers = scanned.sliced};
    DerivedIds derived(store_);
    input.known = [&derived](NodeId id) { return derived.known(id); };
    TRY_ASSIGN(input.agreed_count, store_.node_count());
    std::optional<std::vector<tree::NodeRecord>> before_rebase;
    if (rebase_) {
      before_rebase = input.nodes;
      plan::rebase(input);
      rebase_ = false;
    }
    TRY_ASSIGN(Decided decided, decide(input, scanned.reports));
    TRY(derived.result());
    decided.unstable = decided.unstable || scanned.unstable;
    report_.held = held_roots_;
    report_.held.insert(report_.held.end(), decided.plan.held.begin(), decided.plan.held.end());
    tell_plan(decided.plan);
    if (options_.dry_run) {
      add_reports(scanned.reports);
      add_reports(decided.plan.reports);
      tell_planned(decided.plan, services_, report_.counts);
      return PassEnd::kDone;
    }
    input.replicas.clear();  // the plan says it all, and this is large
    TRY_ASSIGN(const bool dirty, carry_out(decided, std::move(input.nodes), before_rebase));
    const bool unstable = dirty || decided.unstable;
    if (!unstable) {
      note_scrubs(scope.scrubs, facts_.replicas, started_);
    }
    const bool scrub_follows =
        !unstable && before_rebase.has_value() && std::ranges::count(due_scrubs(), true) != 0;
    if (slices_.another(scanned, decided.plan, unstable, input.agreed_count) || scrub_follows) {
      return PassEnd::kSlice;
    }
    if (unstable && pass + 1 < options_.max_passes && !stop_.stop_requested()) {
      return PassEnd::kAgain;
    }
    add_reports(slices_.take_reports());
    if (unstable) {
      add_problem({.replica = std::nullopt,
                   .path = {},
                   .code = "unstable",
                   .message = "files kept changing while they were being synced; run again"});
    }
    return PassEnd::kDone;
  }

  /// Roots that can't be listed are away; false: too few are left.
  bool goes_on_without(const std::vector<bool>& unreadable) {
    const auto gone = static_cast<std::size_t>(std::ranges::count(unreadable, true));
    if (online() < gone + 2) {
      report_.unreadable = true;
      report_.outcome = state::RunOutcome::kFailed;
      return false;
    }
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      if (unreadable[i]) {
        replicas_[i].provider = nullptr;
        replicas_[i].away_reason = "can't be read";
      }
    }
    return true;
  }

  void count_hard_linked(const Scan& scanned) {
    hard_linked_.resize(replicas_.size());
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      hard_linked_[i] = std::max(hard_linked_[i], scanned.hard_linked[i]);
    }
  }

  std::function<bool(ReplicaIndex, const RelPath&, bool)> exclusion() const {
    const bool any = std::ranges::any_of(
        replicas_, [](const EngineReplica& replica) { return !replica.filter->empty(); });
    if (!any) {
      return {};
    }
    return [this](ReplicaIndex i, const RelPath& path, bool directory) {
      return replicas_[i].filter->excluded(path, directory);
    };
  }

  Result<Decided> decide(plan::Input& input, std::vector<plan::Report>& reports) {
    services_.progress->enter(rt::Phase::kPlanning);
    Decided decided;
    while (true) {
      plan::Outcome outcome = plan::make_plan(input);
      if (auto* plan = std::get_if<plan::Plan>(&outcome)) {
        decided.plan = std::move(*plan);
        return decided;
      }
      if (const auto* need = std::get_if<plan::NeedDigests>(&outcome)) {
        TRY_ASSIGN(const bool changed, answer_digests(*need, input, replicas_, services_,
                                                      options_.transfers, reports, stop_));
        decided.unstable = decided.unstable || changed;
        continue;
      }
      TRY_ASSIGN(std::vector<plan::MergeAnswer> answers,
                 answer_merges(std::get<plan::NeedMerge>(outcome), input.replicas, replicas_,
                               store_, decided.merged));
      for (plan::MergeAnswer& answer : answers) {
        input.merges.push_back(std::move(answer));
      }
    }
  }

  void add_reports(const std::vector<plan::Report>& reports) {
    for (const plan::Report& report : reports) {
      add_problem({.replica = report.replica,
                   .path = report.path,
                   .code = report.code,
                   .message = report.message});
    }
  }

  // Telling ---------------------------------------------------------------------------------------

  void tell_plan(const plan::Plan& plan) {
    for (const plan::Conflict& conflict : plan.conflicts) {
      report_.conflicts.push_back(conflict);
      tell_conflict(conflict, services_);
    }
    if (!plan.held.empty()) {
      add_problem({.replica = std::nullopt,
                   .path = {},
                   .code = "held",
                   .message = std::to_string(plan.held.size()) +
                              " deletes and overwrites are held, because they are unusually many; "
                              "look at them and approve them"});
    }
  }

  // Executing -------------------------------------------------------------------------------------

  Result<bool> carry_out(const Decided& decided, std::vector<tree::NodeRecord> nodes,
                         const std::optional<std::vector<tree::NodeRecord>>& before_rebase) {
    if (decided.plan.empty() && !before_rebase.has_value()) {
      return false;
    }
    TRY(begin(decided.plan));
    Ledger& ledger = *ledger_;
    if (before_rebase.has_value()) {
      TRY(commit_rebase(store_, ledger,
                        {.before = *before_rebase,
                         .after = nodes,
                         .replicas = replicas_,
                         .mode = options_.policy.mode}));
    } else {
      ledger.load(std::move(nodes));
    }
    if (!epoch_advanced_) {
      raise_epochs(facts_, replicas_, started_, *services_.random);
      TRY_ASSIGN(const bool all_took_it, announce_epoch());
      if (!all_took_it) {
        return true;  // another plan, without those that did not
      }
    }
    if (!slices_.is_first()) {
      for (auto& [i, root] : closed_) {
        root.waiting = 0;  // all of it is planned again
      }
    }
    facts_.next_node = decided.plan.next_node.value;
    {
      state::Commit commit;
      commit.facts = facts_;
      commit.durable = false;
      TRY(store_.commit(commit));
    }
    Execution execution{.replicas = replicas_,
                        .options = options_,
                        .services = services_,
                        .ledger = ledger,
                        .merged = decided.merged,
                        .trash = {.name = trash_name()},
                        .stop = stop_,
                        .closed = closed_,
                        .make_room = [this](ReplicaIndex i) { return make_room(i); }};
    const Result<void> executed = execute(execution, decided.plan);
    add_counts(report_.counts, execution.counts);
    for (const auto& [i, unkept] : execution.unkept) {
      unkept_[i].modes += unkept.modes;
      unkept_[i].xattrs += unkept.xattrs;
    }
    for (state::Problem& problem : execution.problems) {
      report_.problems.push_back(std::move(problem));
    }
    TRY(executed);
    TRY(keep_bases(store_, ledger, replicas_, decided.merged, options_.policy.auto_merge));
    if (execution.cancelled) {
      return Error(Code::kCancelled, "stopped; the next run goes on from here");
    }
    for (const auto& [i, root] : closed_) {
      if (root.lost && replicas_[i].provider != nullptr) {
        leave_alone(i, root.why);
      }
    }
    return execution.dirty || decided.plan.look_again;
  }

  /// False: some root did not take its new mark and is left alone.
  Result<bool> announce_epoch() {
    epoch_advanced_ = true;
    facts_.mode = mode_;
    facts_.bytes_compared = options_.policy.compare.hash;
    TRY_ASSIGN(const auto refused, advance_epoch(store_, facts_, replicas_, {},
                                                 [this](ReplicaIndex i) { return make_room(i); }));
    for (const auto& [i, error] : refused) {
      leave_alone(i, error);
    }
    return refused.empty();
  }

  /// Purges what is expired, once in a run for each full root, and on all of them: they may share a
  /// disk. What this run put aside stays.
  bool make_room(ReplicaIndex i) {
    if (!roomed_.insert(i).second) {
      return false;
    }
    Result<RetentionReport> purged =
        purge_trash(store_, replicas_, options_.retention, report_.id, services_, stop_);
    if (!purged.ok()) {
      return false;
    }
    for (state::Problem& problem : purged->rescued) {
      add_problem(std::move(problem));
    }
    return purged->purged != 0;
  }

  std::string trash_name() const {
    return to_basic_iso8601(started_) + "-" + std::to_string(report_.id.value);
  }

  Result<void> begin(const plan::Plan& plan) {
    if (ledger_.has_value()) {
      return {};
    }
    TRY_ASSIGN(const std::vector<state::RunRecord> last, store_.runs(1));
    report_.id = RunId{last.empty() ? 1 : last.front().id.value + 1};
    ledger_.emplace(store_, report_.id);
    state::Commit commit;
    commit.runs.push_back({.id = report_.id, .started = started_, .command = options_.command});
    commit.durable = plan.has_operations();
    return store_.commit(commit);
  }

  // The end ---------------------------------------------------------------------------------------

  /// Versions that were still being written when they were displaced come back; old ones go.
  Result<void> tidy_trash() {
    TRY_ASSIGN(RetentionReport rechecked,
               recheck_displaced(store_, replicas_, report_.id, services_));
    TRY_ASSIGN(RetentionReport purged,
               purge_trash(store_, replicas_, options_.retention, report_.id, services_, stop_));
    for (RetentionReport* found : {&rechecked, &purged}) {
      for (state::Problem& problem : found->rescued) {
        add_problem(std::move(problem));
      }
    }
    return {};
  }

  /// Once something is done, or would be; a run that finds all in sync has nothing to remark.
  void add_notes() {
    if (changes_in(report_.counts) == 0) {
      return;
    }
    report_.notes = notes_of(replicas_, hard_linked_, unkept_);
    tell_notes(report_.notes, services_);
  }

  void tell_closed() {
    for (const auto& [i, root] : closed_) {
      if (!root.lost) {
        add_problem(problem_of(i, root));
      }
    }
  }

  Result<RunReport> finish() {
    tell_closed();
    add_notes();
    if (ledger_.has_value()) {
      TRY(tidy_trash());
      TRY(prune_bases(store_, report_.id));
    }
    report_.outcome = outcome_of(report_);
    services_.progress->enter(rt::Phase::kFinished);
    if (options_.dry_run) {
      return report_;
    }
    state::Commit commit;
    TRY_ASSIGN(const std::vector<state::Problem> before, store_.problems());
    TRY_ASSIGN(const std::vector<std::string> held_before, store_.held());
    if (before != report_.problems) {
      commit.problems = report_.problems;
    }
    if (held_before != report_.held) {
      commit.held = report_.held;
    }
    if (ledger_.has_value() || has_scrubbed(facts_.replicas, started_)) {
      commit.facts = facts_;
    }
    if (ledger_.has_value()) {
      commit.runs.push_back(record());
      for (const plan::Conflict& conflict : report_.conflicts) {
        commit.conflicts.push_back(record_of(conflict, report_.id, started_));
      }
      if (report_.outcome == state::RunOutcome::kInSync) {
        commit.approved = std::vector<std::string>{};
      }
    }
    commit.durable = ledger_.has_value();
    if (commit.facts.has_value() || commit.problems.has_value() || commit.held.has_value()) {
      TRY(store_.commit(commit));
    }
    return report_;
  }

  state::RunRecord record() const {
    state::RunRecord record{.id = report_.id,
                            .started = started_,
                            .finished = services_.clock->now(),
                            .command = options_.command,
                            .outcome = report_.outcome,
                            .bytes = report_.counts.bytes,
                            .conflicts = report_.conflicts.size(),
                            .problems = report_.problems.size()};
    record.actions = changes_in(report_.counts);
    if (report_.rebased) {
      record.message = "merged as a union: " + report_.rebase_reason;
    }
    return record;
  }

  state::Store& store_;
  state::RuleFacts facts_;
  std::vector<EngineReplica> replicas_;
  const RunOptions& options_;
  const Services& services_;
  std::stop_token stop_;
  Timestamp started_;
  std::string mode_;
  bool rebase_ = false;
  bool epoch_advanced_ = false;
  std::vector<std::string> held_roots_;
  Slices slices_;
  RunReport report_;
  std::optional<Ledger> ledger_;
  ClosedRoots closed_;
  std::vector<std::uint64_t> hard_linked_;  ///< files, by replica
  std::map<ReplicaIndex, Unkept> unkept_;
  std::set<ReplicaIndex> roomed_;  ///< for which room was to be made
};

}  // namespace

Result<RunReport> run_rule(state::Store& store, const state::RuleFacts& facts,
                           const std::vector<EngineReplica>& replicas, const RunOptions& options,
                           const Services& services, std::stop_token stop) {
  return Run(store, facts, replicas, options, services, std::move(stop)).run();
}

}  // namespace ox::sync
