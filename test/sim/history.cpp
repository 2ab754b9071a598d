#include "sim/history.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <set>
#include <tuple>

#include "sim/disturbances.h"
#include "sim/mishaps.h"
#include "sim/oracle.h"
#include "sim/setting.h"

namespace ox::sim {
namespace {

constexpr int kMostFinalRuns = 6;
/// A store that lists late has said all after so many listings.
constexpr int kLateListings = 2;
// What makes a history whole.
constexpr std::uint64_t kLeastEdits = 30;
constexpr std::uint64_t kLeastRuns = 5;
/// From a change of the engine's to its look at what it left.
constexpr std::size_t kCallsOfOneChange = 8;

using Kind = Disturbance::Kind;

/// So that the steps of a history are drawn apart, and leaving one out changes no other.
std::uint64_t seed_of_step(std::uint64_t seed, std::uint64_t step) {
  return rt::SeededRandom(seed ^ (step * 0x9e3779b97f4a7c15)).next();
}

class History {
 public:
  History(Setting setting, std::uint64_t seed, const PlayOptions& options)
      : setting_(std::move(setting)),
        options_(options),
        seed_(seed),
        random_(seed * 7919 + 13),
        verbose_(options.verbose),
        world_(setting_.world, seed, options.verbose),
        oracle_(world_, versions_, setting_.tolerance, rules_of(setting_.policy)),
        mishaps_(setting_, world_, oracle_, users_, random_, run_options_.policy,
                 [this](const std::string& text) { say(text); }) {
    for (std::size_t i = 0; i < world_.size(); ++i) {
      Habits habits = setting_.habits;
      habits.names = setting_.world.stores[i].capabilities.names;
      users_.push_back(std::make_unique<User>(i, world_.ground(i), versions_, random_,
                                              world_.clock(), std::move(habits)));
    }
    if (setting_.habits.sizes_tell) {
      versions_.let_sizes_tell();
    }
    if (setting_.empty_files || setting_.brings(Weather::kFull)) {
      versions_.allow("");
    }
    run_options_.policy = setting_.policy;
    run_options_.busy_wait = std::chrono::milliseconds(200);
    run_options_.slice_entries = setting_.slice_entries;
    run_options_.batch_files = setting_.batch_files;
    for (std::size_t i = 0; i < world_.size(); ++i) {
      run_options_.policy.order.push_back(static_cast<ReplicaIndex>(i));
    }
  }

  Verdict play() {
    is_whole(setting_.weather) ? play_whole() : play_short();
    mishaps_.end();
    for (const auto& user : users_) {
      if (auto edit = user->finish_writing(); edit.has_value()) {
        tell(*edit, false);
      }
    }
    come_to_rest();
    verdict_.violation = oracle_.violation();
    verdict_.steps = step_;
    verdict_.disks = world_.layout() == Layout::kOneDisk ? 1 : world_.size() + 1;
    if (verbose_) {
      std::printf("%s", oracle_.describe().c_str());
    }
    return verdict_;
  }

 private:
  bool over() const { return oracle_.violation().has_value(); }

  void play_short() {
    const std::uint64_t rounds = 1 + random_.below(5);
    for (std::uint64_t round = 0; round < rounds && !over() && !was_struck_; ++round) {
      edit_between();
      run_once(random_.below(3) != 0);
      if (random_.below(3) == 0) {
        world_.end_process();
      }
      mishaps_.happen();
    }
    if (!was_struck_) {
      edit_between();
    }
  }

  // Whole histories -------------------------------------------------------------------------------

  /// False: this one is left out.
  bool next_step() {
    ++step_;
    random_ = rt::SeededRandom(seed_of_step(seed_, step_));
    return !options_.without.contains(step_);
  }

  void play_whole() {
    for (std::uint64_t round = 0; round < setting_.rounds && !over(); ++round) {
      const std::uint64_t edits = 3 + (kLeastEdits + setting_.rounds - 1) / setting_.rounds;
      for (std::uint64_t i = 0; i < edits; ++i) {
        if (next_step()) {
          edit_until_something_comes_of_it();
        }
      }
      const bool left_out = !next_step();
      run_once(random_.below(4) != 0, left_out);
      if (next_step() && random_.below(3) == 0) {
        world_.end_process();
      }
      for (const Weather kind : Mishaps::kinds()) {
        if (next_step()) {
          mishaps_.happen(kind);
        }
      }
    }
  }

  void edit_until_something_comes_of_it() {
    const std::uint64_t before = verdict_.edits;
    for (int attempt = 0; attempt < 6 && verdict_.edits == before; ++attempt) {
      edit_somewhere(random_.below(world_.size()), false);
    }
    if (setting_.stormy(Weather::kPowerCuts) && random_.below(50) == 0) {
      world_.end_process();
      cut(Kind::kCutMachine, 0);
      ++verdict_.crashes;
    }
  }

  void tell(const Edit& edit, bool during_run) {
    ++verdict_.edits;
    if (verbose_) {
      std::printf("  %sr%zu: %s\n", during_run ? "    " : "", edit.replica, edit.text.c_str());
    }
    oracle_.edited(edit, during_run);
  }

  void edit_somewhere(std::size_t replica, bool during_run) {
    users_[replica]->set_engine_at_work_since(during_run ? std::optional(recent_calls_.front())
                                                         : std::nullopt);
    if (auto edit = users_[replica]->edit(); edit.has_value()) {
      tell(*edit, during_run);
    }
  }

  void edit_between() {
    // One replica alone, now and then: then more is known of what must come of it.
    const bool alone = random_.below(3) == 0;
    const std::size_t chosen = random_.below(world_.size());
    const std::uint64_t count = random_.below(6) + (first_ ? 2 : 0);
    first_ = false;
    for (std::uint64_t i = 0; i < count; ++i) {
      edit_somewhere(alone ? chosen : random_.below(world_.size()), false);
    }
    if (setting_.stormy(Weather::kPowerCuts) && random_.below(6) == 0) {
      world_.end_process();
      cut(Kind::kCutMachine, 0);
    }
  }

  // Runs ------------------------------------------------------------------------------------------

  /// What befalls the next run; each of it is a step of a whole history.
  void plan_disturbances(bool disturb) {
    planned_ = {};
    next_happening_ = 0;
    if (disturb && setting_.storm != Weather::kCalm) {
      planned_ = draw_disturbances(random_, setting_, last_calls_);
    }
    if (is_whole(setting_.weather) && !resting_) {
      number_and_thin_out();
    }
    if (options_.strike.has_value() && options_.strike->run == verdict_.runs + 1) {
      was_struck_ = true;
      planned_ = struck_by(*options_.strike, world_.size());
    }
    for (const Failure& failure : planned_.failures) {
      world_.faults().fail_call(failure.call, Error(failure.code, "made to fail"), failure.effect);
      say("  call " + std::to_string(failure.call) + " is to fail with " +
          std::string(name_of(failure.code)) + ", effect " +
          std::to_string(static_cast<int>(failure.effect)));
    }
  }

  void number_and_thin_out() {
    for (Disturbance& happening : planned_.happenings) {
      happening.step = ++step_;
    }
    std::erase_if(planned_.happenings, [this](const Disturbance& happening) {
      return options_.without.contains(happening.step);
    });
    std::erase_if(planned_.failures,
                  [this](const Failure&) { return options_.without.contains(++step_); });
    // At least one crash a history: from the second run on, until there was one.
    const std::uint64_t call = 1 + random_.below(std::max<std::uint64_t>(last_calls_ / 2, 20));
    if (!options_.without.contains(++step_) && verdict_.runs > 0 && verdict_.crashes == 0) {
      planned_.happenings.push_back({call, Kind::kCrash, 0, step_});
      planned_.sort();
    }
  }

  /// A run that is left out has as many steps as one that is not.
  void run_once(bool disturb, bool left_out = false) {
    world_.faults().clear();
    edited_in_run_ = disturbed_in_run_ = false;
    plan_disturbances(disturb);
    if (left_out) {
      world_.faults().clear();
      return;
    }
    std::optional<std::size_t> away;
    if (disturb && setting_.brings(Weather::kAway) && random_.below(2) == 0) {
      away = random_.below(world_.size());
      say("one is away");
    }
    if (options_.note_deeds) {
      look_for_own();
    }
    oracle_.before_quiet_run();
    const RunResult result =
        world_.run(run_options_, away, [this](std::uint64_t call) { before_call(call); });
    ++verdict_.runs;
    if (options_.note_deeds) {
      note(result);
    }
    const bool failed = planned_.fails_by(result.calls);
    if (failed) {
      ++verdict_.faults;
      oracle_.disturbed();
    }
    tell(result);
    // What a root can do is found out while it is opened. A process that was told wrong there keeps
    // believing it; that is not what is judged here.
    const bool misled = planned_.fails_by(result.opening_calls);
    if (disturbed_in_run_ || misled) {
      world_.end_process();
    }
    if (misled && planned_.denies()) {
      oracle_.let_times_and_modes_differ();
    }
    last_calls_ = result.calls;
    world_.faults().clear();
    const bool writing = std::ranges::any_of(
        users_, [](const std::unique_ptr<User>& user) { return user->is_writing(); });
    const bool quiet = !edited_in_run_ && !disturbed_in_run_ && !failed && !writing &&
                       !mishaps_.some_disk_is_full() && !setting_.lags;
    if (mishaps_.some_disk_is_full()) {
      oracle_.disturbed();
    }
    oracle_.after_run(result, quiet && !away.has_value() && world_.members() == world_.size());
    last_ = result;
  }

  void note(const RunResult& result) {
    verdict_.notes.push_back({.calls = result.calls, .deeds = result.deeds});
    auto& deeds = verdict_.notes.back().deeds;
    if (parked_) {
      deeds["park"] = 1;
    }
    parked_ = false;
    for (const auto& [replica, path] : result.removed) {
      if (setting_.policy.mode == plan::Mode::kMove && replica == 0) {
        ++deeds["remove at the source"];
      }
      if (setting_.policy.mirror && replica != 0 && was_own_.contains({replica, path})) {
        ++deeds["mirror"];
      }
    }
    if (setting_.policy.auto_merge && result.deeds.contains("conflict")) {
      deeds["try to merge"] = 1;
    }
  }

  /// Which files the others have that the first never had.
  void look_for_own() {
    was_own_.clear();
    for (std::size_t i = 1; i < world_.size(); ++i) {
      for (const auto& [path, node] : world_.ground(i).look()) {
        const Versions::Version* version = versions_.find(node.bytes);
        if (version != nullptr && version->replica == i && !version->shared) {
          was_own_.emplace(i, path);
        }
      }
    }
  }

  bool something_is_parked() {
    for (std::size_t i = 0; i < world_.size(); ++i) {
      const std::vector<std::string> names = world_.ground(i).leftovers();
      if (std::ranges::any_of(
              names, [](const std::string& name) { return name.starts_with("parked-"); })) {
        return true;
      }
    }
    return false;
  }

  void before_call(std::uint64_t call) {
    recent_calls_.push_back(world_.clock().now());
    if (recent_calls_.size() > kCallsOfOneChange) {
      recent_calls_.pop_front();
    }
    parked_ = parked_ || (options_.note_deeds && something_is_parked());
    while (next_happening_ < planned_.happenings.size() &&
           planned_.happenings[next_happening_].call <= call) {
      const Disturbance now = planned_.happenings[next_happening_++];
      if (now.kind == Kind::kEdit) {
        edited_in_run_ = true;
        if (now.step != 0) {
          random_ = rt::SeededRandom(seed_of_step(seed_, now.step));
        }
        edit_somewhere(now.replica, true);
        continue;
      }
      ++verdict_.faults;
      disturbed_in_run_ = true;
      oracle_.disturbed();
      if (now.kind == Kind::kCrash || now.kind == Kind::kCutMachine) {
        world_.faults().crash_at(call);
        ++verdict_.crashes;
      }
      if (verbose_) {
        std::printf("    %s at call %llu\n", now.kind == Kind::kCrash ? "crash" : "power cut",
                    static_cast<unsigned long long>(call));
      }
      if (now.kind != Kind::kCrash) {
        cut(now.kind, now.replica);
      }
    }
  }

  void cut(Kind kind, std::size_t replica) {
    std::vector<std::size_t> struck;
    for (std::size_t i = 0; i < world_.size(); ++i) {
      if (world_.has_disk(i) &&
          (kind == Kind::kCutMachine || (kind == Kind::kCutReplica && i == replica))) {
        struck.push_back(i);
        users_[i]->drop_open_file();
      }
    }
    if (kind == Kind::kCutMachine) {
      world_.cut_machine();
    } else if (kind == Kind::kCutState) {
      world_.cut_disk_of_state();
    } else if (!struck.empty()) {
      world_.cut_disk_of(replica);
    }
    oracle_.power_was_cut(struck);
    if (verbose_) {
      std::printf("    power cut (%zu replicas)\n%s", struck.size(), oracle_.describe().c_str());
    }
  }

  void tell(const RunResult& result) const {
    if (!verbose_) {
      return;
    }
    std::printf("  run %llu: %s, %llu calls", static_cast<unsigned long long>(verdict_.runs),
                result.crashed              ? "crashed"
                : result.report.has_value() ? "ended"
                                            : "failed",
                static_cast<unsigned long long>(result.calls));
    if (result.error.has_value()) {
      std::printf(", %s", result.error->to_string().c_str());
    }
    if (result.report.has_value()) {
      std::printf(", outcome %d, %zu problems%s%s", static_cast<int>(result.report->outcome),
                  result.report->problems.size(), result.report->rebased ? ", rebased: " : "",
                  result.report->rebase_reason.c_str());
    }
    std::printf("\n");
  }

  void say(const std::string& text) const {
    if (verbose_) {
      std::printf("  %s\n", text.c_str());
    }
  }

  // The end ---------------------------------------------------------------------------------------

  bool is_settled() const {
    const bool directional = run_options_.policy.mode != plan::Mode::kTwoWay;
    const bool in_sync =
        directional || setting_.tolerance.leaves_out() ? last_.in_sync() : last_.clean();
    return (in_sync || (oracle_.may_leave_out() && last_.report.has_value())) &&
           last_.did_nothing();
  }

  int most_final_runs() const {
    return setting_.lags ? kLateListings * kMostFinalRuns : kMostFinalRuns;
  }

  void come_to_rest() {
    bool settled = false;
    resting_ = true;
    int at_rest = 0;
    for (int run = 0; run < most_final_runs() && !settled && !over(); ++run) {
      run_once(false);
      at_rest = is_settled() ? at_rest + 1 : 0;
      settled = at_rest >= (setting_.lags ? kLateListings : 1);
    }
    if (!over()) {
      if (!settled && last_.error.has_value()) {
        oracle_.fail("the last quiet runs did not come to rest: " + last_.error->to_string());
      }
      if (!settled && last_.report.has_value()) {
        for (const state::Problem& problem : last_.report->problems) {
          oracle_.fail("the last quiet runs did not come to rest: " + problem.path.text() + " " +
                       problem.code + " " + problem.message);
        }
      }
      oracle_.at_the_end(settled);
    }
  }

  const Setting setting_;
  const PlayOptions options_;
  const std::uint64_t seed_;
  std::uint64_t step_ = 0;  ///< of a whole history
  rt::SeededRandom random_;
  const bool verbose_;
  Versions versions_;
  World world_;
  Oracle oracle_;
  std::vector<std::unique_ptr<User>> users_;
  sync::RunOptions run_options_;
  Mishaps mishaps_;
  Disturbances planned_;  ///< for this run
  std::size_t next_happening_ = 0;
  std::deque<Timestamp> recent_calls_;  ///< when the latest calls of the run were made
  bool edited_in_run_ = false;
  bool disturbed_in_run_ = false;
  bool first_ = true;
  bool resting_ = false;  ///< nothing happens any more but runs
  bool was_struck_ = false;
  std::set<std::pair<std::size_t, std::string>> was_own_;  ///< for the notes
  bool parked_ = false;  ///< in this run something was, for the notes
  std::uint64_t last_calls_ = 600;
  RunResult last_;
  Verdict verdict_;
};

}  // namespace

bool is_whole(const Verdict& verdict) {
  return verdict.edits >= kLeastEdits && verdict.runs >= kLeastRuns && verdict.crashes > 0;
}

Verdict play(std::uint64_t seed, const PlayOptions& options) {
  Setting setting = draw_setting(seed, options.weather, options.portions);
  if (options.strike.has_value() || options.note_deeds) {
    calm_down(setting);
  }
  set_disks(setting, options.disks);
  if (options.verbose) {
    std::printf("seed %llu, weather %d, %zu replicas\n", static_cast<unsigned long long>(seed),
                static_cast<int>(setting.weather), setting.world.is_memory.size());
  }
  return History(std::move(setting), seed, options).play();
}

}  // namespace ox::sim
