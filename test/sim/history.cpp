#include "sim/history.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <set>
#include <tuple>

#include "sim/oracle.h"
#include "sim/setting.h"

namespace ox::sim {
namespace {

constexpr int kMostFinalRuns = 6;
/// From a change of the engine's to its look at what it left.
constexpr std::size_t kCallsOfOneChange = 8;

enum class Kind : std::uint8_t { kEdit, kCrash, kCutMachine, kCutReplica, kCutState };

struct Intervention {
  std::uint64_t call = 0;
  Kind kind = Kind::kEdit;
  std::size_t replica = 0;
};

class History {
 public:
  History(Setting setting, std::uint64_t seed, const PlayOptions& options)
      : setting_(std::move(setting)),
        options_(options),
        random_(seed * 7919 + 13),
        verbose_(options.verbose),
        world_(setting_.world, seed, options.verbose),
        oracle_(world_, versions_, setting_.tolerance, rules_of(setting_)) {
    for (std::size_t i = 0; i < world_.size(); ++i) {
      users_.push_back(std::make_unique<User>(i, world_.ground(i), versions_, random_,
                                              world_.clock(), setting_.habits));
    }
    if (setting_.empty_files || setting_.weather == Weather::kFull) {
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
    const std::uint64_t rounds = 1 + random_.below(5);
    for (std::uint64_t round = 0; round < rounds && !over() && !was_struck_; ++round) {
      edit_between();
      run_once(random_.below(3) != 0);
      if (random_.below(3) == 0) {
        world_.end_process();
      }
      if (setting_.storm == Weather::kAmnesia) {
        forget_something();
      }
      if (setting_.weather == Weather::kRestored) {
        restore_something();
      }
      if (setting_.weather == Weather::kFilters) {
        change_filter();
      }
      if (setting_.weather == Weather::kFull) {
        fill_something();
      }
    }
    if (!was_struck_) {
      edit_between();
    }
    exclude(std::nullopt);
    make_room();
    for (const auto& user : users_) {
      if (auto edit = user->finish_writing(); edit.has_value()) {
        tell(*edit, false);
      }
    }
    come_to_rest();
    verdict_.violation = oracle_.violation();
    verdict_.disks = world_.layout() == Layout::kOneDisk ? 1 : world_.size() + 1;
    if (verbose_) {
      std::printf("%s", oracle_.describe().c_str());
    }
    return verdict_;
  }

 private:
  bool over() const { return oracle_.violation().has_value(); }
  bool stormy(Weather weather) const {
    return setting_.storm == weather || setting_.storm == Weather::kAll ||
           setting_.storm == Weather::kAmnesia;
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
    if (stormy(Weather::kPowerCuts) && random_.below(6) == 0) {
      world_.end_process();
      cut(Kind::kCutMachine, 0);
    }
  }

  // Runs ------------------------------------------------------------------------------------------

  std::uint64_t some_call() {
    // Half of them late, where the writing is done.
    const std::uint64_t most = std::max<std::uint64_t>(last_calls_, 50);
    return 1 + (random_.below(2) == 0 ? random_.below(most + most / 8)
                                      : most / 3 + random_.below(most));
  }

  void plan_interventions() {
    interventions_.clear();
    if (stormy(Weather::kEdits) && random_.below(4) != 0) {
      const std::uint64_t count = 1 + random_.below(4);
      const std::uint64_t start = some_call();
      const bool at_once = random_.below(2) == 0;
      for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t call = at_once ? start + random_.below(8) : some_call();
        interventions_.push_back({call, Kind::kEdit, random_.below(world_.size())});
      }
    }
    if (stormy(Weather::kFailures) && random_.below(2) == 0) {
      plan_failures();
    }
    if (stormy(Weather::kCrashes) && random_.below(2) == 0) {
      interventions_.push_back({some_call(), Kind::kCrash, 0});
    }
    if (stormy(Weather::kPowerCuts) && random_.below(2) == 0) {
      constexpr std::array<Kind, 6> kCuts{Kind::kCutMachine, Kind::kCutMachine, Kind::kCutMachine,
                                          Kind::kCutMachine, Kind::kCutReplica, Kind::kCutState};
      const Kind kind = world_.layout() == Layout::kOneDisk ? Kind::kCutMachine
                                                            : kCuts[random_.below(kCuts.size())];
      interventions_.push_back({some_call(), kind, random_.below(world_.size())});
    }
    std::ranges::sort(interventions_, [](const Intervention& a, const Intervention& b) {
      return std::tuple(a.call, a.kind, a.replica) < std::tuple(b.call, b.kind, b.replica);
    });
  }

  void plan_failures() {
    struct Choice {
      Code code;
      fs::Effect effect;
    };
    constexpr std::array<Choice, 8> kChoices{{{Code::kIo, fs::Effect::kNone},
                                              {Code::kIo, fs::Effect::kComplete},
                                              {Code::kIo, fs::Effect::kHalf},
                                              {Code::kNoSpace, fs::Effect::kNone},
                                              {Code::kNoSpace, fs::Effect::kHalf},
                                              {Code::kPermissionDenied, fs::Effect::kNone},
                                              {Code::kUnreachable, fs::Effect::kNone},
                                              {Code::kUnreachable, fs::Effect::kComplete}}};
    const std::uint64_t count = 1 + random_.below(3);
    for (std::uint64_t i = 0; i < count; ++i) {
      const Choice choice = kChoices[random_.below(kChoices.size())];
      const std::uint64_t call = some_call();
      failing_.push_back(call);
      denies_ = denies_ || choice.code == Code::kPermissionDenied;
      world_.faults().fail_call(call, Error(choice.code, "made to fail"), choice.effect);
      if (verbose_) {
        std::printf("    call %llu is to fail with %s, effect %d\n",
                    static_cast<unsigned long long>(call),
                    std::string(name_of(choice.code)).c_str(), static_cast<int>(choice.effect));
      }
    }
  }

  /// The blow of a sweep, if it is this run that it hits.
  void plan_strike() {
    const std::optional<Strike>& strike = options_.strike;
    if (!strike.has_value() || strike->run != verdict_.runs + 1) {
      return;
    }
    was_struck_ = true;
    if (strike->blow == Blow::kCrash || strike->blow == Blow::kPowerCut) {
      const Kind kind = strike->blow == Blow::kCrash ? Kind::kCrash : Kind::kCutMachine;
      interventions_.push_back({strike->call, kind, 0});
      return;
    }
    if (strike->blow == Blow::kCutDisk) {
      const Kind kind = strike->disk < world_.size() ? Kind::kCutReplica : Kind::kCutState;
      interventions_.push_back({strike->call, kind, strike->disk});
      return;
    }
    const fs::Effect effect = strike->blow == Blow::kError        ? fs::Effect::kNone
                              : strike->blow == Blow::kLostAnswer ? fs::Effect::kComplete
                                                                  : fs::Effect::kHalf;
    failing_.push_back(strike->call);
    world_.faults().fail_call(strike->call, Error(Code::kIo, "made to fail"), effect);
  }

  void run_once(bool disturb) {
    world_.faults().clear();
    failing_.clear();
    denies_ = false;
    interventions_.clear();
    next_intervention_ = 0;
    edited_in_run_ = disturbed_in_run_ = false;
    if (disturb && setting_.storm != Weather::kCalm) {
      plan_interventions();
    }
    std::optional<std::size_t> away;
    if (disturb && setting_.weather == Weather::kAway && random_.below(2) == 0) {
      away = random_.below(world_.size());
      say("one is away");
    }
    plan_strike();
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
    const bool failed =
        std::ranges::any_of(failing_, [&](std::uint64_t call) { return call <= result.calls; });
    if (failed) {
      ++verdict_.faults;
      oracle_.disturbed();
    }
    tell(result);
    // What a root can do is found out while it is opened. A process that was told wrong there keeps
    // believing it; that is not what is judged here.
    const bool misled = std::ranges::any_of(
        failing_, [&](std::uint64_t call) { return call <= result.opening_calls; });
    if (disturbed_in_run_ || misled) {
      world_.end_process();
    }
    if (misled && denies_) {
      oracle_.let_times_and_modes_differ();
    }
    last_calls_ = result.calls;
    world_.faults().clear();
    const bool writing = std::ranges::any_of(
        users_, [](const std::unique_ptr<User>& user) { return user->is_writing(); });
    const bool quiet = !edited_in_run_ && !disturbed_in_run_ && !failed && !writing && !full_;
    if (full_) {
      oracle_.disturbed();
    }
    oracle_.after_run(result, quiet && !away.has_value());
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
    while (next_intervention_ < interventions_.size() &&
           interventions_[next_intervention_].call <= call) {
      const Intervention now = interventions_[next_intervention_++];
      if (now.kind == Kind::kEdit) {
        edited_in_run_ = true;
        edit_somewhere(now.replica, true);
        continue;
      }
      ++verdict_.faults;
      disturbed_in_run_ = true;
      oracle_.disturbed();
      if (now.kind == Kind::kCrash || now.kind == Kind::kCutMachine) {
        world_.faults().crash_at(call);
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

  // The state lost or old -------------------------------------------------------------------------

  void put_state(const std::vector<std::pair<std::string, Bytes>>& files) {
    make_room();
    world_.put_state(files);
  }

  void make_room() {
    world_.make_room();
    full_ = false;
  }

  void forget_something() {
    switch (random_.below(8)) {
      case 0:
        world_.end_process();
        copied_state_ = world_.copy_state();
        break;
      case 1:
        if (copied_state_.has_value()) {
          say("the state comes back from an older copy");
          put_state(*copied_state_);
          oracle_.disturbed();
        }
        break;
      case 2:
        say("the state is lost");
        put_state({});
        oracle_.disturbed();
        break;
      default:
        break;
    }
  }

  // A root that comes back, names that are excluded
  // -------------------------------------------------

  void restore_something() {
    const std::size_t replica = random_.below(world_.size());
    const std::uint64_t choice = random_.below(6);
    if (choice < 2) {
      world_.end_process();
      copied_roots_[replica] = world_.ground(replica).copy_out();
    } else if (choice == 2 && shows_what_it_is(copied_roots_[replica])) {
      say("a root comes back from an older copy");
      world_.end_process();
      // Files get their old times back: as with any such change, ctime at least has to move.
      world_.clock().advance(2 * setting_.habits.time_step);
      users_[replica]->drop_open_file();
      oracle_.root_comes_back(replica, *copied_roots_[replica]);
      say(oracle_.describe().c_str());
    }
  }

  /// An empty folder without our mark is held until somebody approves it.
  static bool shows_what_it_is(const std::optional<Tree>& copy) {
    return copy.has_value() && std::ranges::any_of(*copy, [](const auto& entry) {
             return !is_within(entry.first, ".syncoxiders") ||
                    is_within(entry.first, ".syncoxiders/id");
           });
  }

  void fill_something() {
    if (random_.below(2) == 0) {
      make_room();
      return;
    }
    const std::size_t seat = random_.below(world_.size() + 1);
    say(seat < world_.size() ? "a replica's disk is nearly full"
                             : "the state's disk is nearly full");
    world_.fill_disk(seat, random_.below(3) * 3000);
    full_ = true;
  }

  void change_filter() {
    constexpr std::array<const char*, 3> kExcluded{"a", "c", "d.txt"};
    const std::uint64_t choice = random_.below(8);
    if (choice < kExcluded.size()) {
      exclude(kExcluded[choice]);
    } else if (choice == kExcluded.size()) {
      exclude(std::nullopt);
    }
  }

  void exclude(const std::optional<std::string>& name) {
    if (name == excluded_) {
      return;
    }
    excluded_ = name;
    say(name.has_value() ? ("excluded: " + *name).c_str() : "nothing is excluded any more");
    world_.exclude(name);
    oracle_.excludes(name);
  }

  static Rules rules_of(const Setting& setting) {
    const plan::Policy& policy = setting.policy;
    return {.directional = policy.mode != plan::Mode::kTwoWay,
            .moves = policy.mode == plan::Mode::kMove,
            .copies = policy.mode == plan::Mode::kCopy,
            .mirrors = policy.mirror,
            .source_wins = policy.keep_mode == plan::KeepMode::kPath1};
  }

  void say(const char* text) const {
    if (verbose_) {
      std::printf("  %s\n", text);
    }
  }

  // The end ---------------------------------------------------------------------------------------

  bool is_settled() const {
    const bool directional = setting_.policy.mode != plan::Mode::kTwoWay;
    const bool in_sync = directional ? last_.in_sync() : last_.clean();
    return (in_sync || (oracle_.may_leave_out() && last_.report.has_value())) &&
           last_.did_nothing();
  }

  void come_to_rest() {
    bool settled = false;
    for (int run = 0; run < kMostFinalRuns && !settled && !over(); ++run) {
      run_once(false);
      settled = is_settled();
    }
    if (!over()) {
      if (!settled && last_.error.has_value()) {
        oracle_.fail("six quiet runs did not come to rest: " + last_.error->to_string());
      }
      if (!settled && last_.report.has_value()) {
        for (const state::Problem& problem : last_.report->problems) {
          oracle_.fail("six quiet runs did not come to rest: " + problem.path.text() + " " +
                       problem.code + " " + problem.message);
        }
      }
      oracle_.at_the_end(settled);
    }
  }

  const Setting setting_;
  const PlayOptions options_;
  rt::SeededRandom random_;
  const bool verbose_;
  Versions versions_;
  World world_;
  Oracle oracle_;
  std::vector<std::unique_ptr<User>> users_;
  sync::RunOptions run_options_;
  std::vector<Intervention> interventions_;
  std::size_t next_intervention_ = 0;
  std::deque<Timestamp> recent_calls_;  ///< when the latest calls of the run were made
  std::vector<std::uint64_t> failing_;
  bool denies_ = false;  ///< one of them by saying that it is not allowed
  bool edited_in_run_ = false;
  bool disturbed_in_run_ = false;
  bool first_ = true;
  bool was_struck_ = false;
  std::set<std::pair<std::size_t, std::string>> was_own_;  ///< for the notes
  bool parked_ = false;  ///< in this run something was, for the notes
  std::uint64_t last_calls_ = 600;
  RunResult last_;
  std::optional<std::vector<std::pair<std::string, Bytes>>> copied_state_;
  std::map<std::size_t, std::optional<Tree>> copied_roots_;
  std::optional<std::string> excluded_;
  bool full_ = false;  ///< some disk is
  Verdict verdict_;
};

}  // namespace

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
