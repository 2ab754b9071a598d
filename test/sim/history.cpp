#include "sim/history.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <tuple>

#include "sim/oracle.h"

namespace ox::sim {
namespace {

constexpr int kMostFinalRuns = 6;

struct Setting {
  Weather weather = Weather::kCalm;
  WorldOptions world;
  Habits habits;
  Tolerance tolerance;
  bool empty_files = false;  ///< a failure may leave one
};

enum class Kind : std::uint8_t { kEdit, kCrash, kCutMachine, kCutReplica, kCutState };

struct Intervention {
  std::uint64_t call = 0;
  Kind kind = Kind::kEdit;
  std::size_t replica = 0;
};

class History {
 public:
  History(Setting setting, std::uint64_t seed, bool verbose)
      : setting_(std::move(setting)),
        random_(seed * 7919 + 13),
        verbose_(verbose),
        world_(setting_.world, seed, verbose),
        oracle_(world_, versions_, setting_.tolerance) {
    for (std::size_t i = 0; i < world_.size(); ++i) {
      users_.push_back(std::make_unique<User>(i, world_.ground(i), versions_, random_,
                                              world_.clock(), setting_.habits));
    }
    if (setting_.empty_files) {
      versions_.allow("");
    }
    run_options_.busy_wait = std::chrono::milliseconds(200);
    for (std::size_t i = 0; i < world_.size(); ++i) {
      run_options_.policy.order.push_back(static_cast<ReplicaIndex>(i));
    }
  }

  Verdict play() {
    const std::uint64_t rounds = 1 + random_.below(5);
    for (std::uint64_t round = 0; round < rounds && !over(); ++round) {
      edit_between();
      run_once(random_.below(3) != 0);
      if (random_.below(3) == 0) {
        world_.end_process();
      }
      if (setting_.weather == Weather::kAmnesia) {
        forget_something();
      }
    }
    edit_between();
    for (const auto& user : users_) {
      if (auto edit = user->finish_writing(); edit.has_value()) {
        tell(*edit, false);
      }
    }
    come_to_rest();
    verdict_.violation = oracle_.violation();
    if (verbose_) {
      std::printf("%s", oracle_.describe().c_str());
    }
    return verdict_;
  }

 private:
  bool over() const { return oracle_.violation().has_value(); }
  bool stormy(Weather weather) const {
    return setting_.weather == weather || setting_.weather == Weather::kAll ||
           setting_.weather == Weather::kAmnesia;
  }

  void tell(const Edit& edit, bool during_run) {
    ++verdict_.edits;
    if (verbose_) {
      std::printf("  %sr%zu: %s\n", during_run ? "    " : "", edit.replica, edit.text.c_str());
    }
    oracle_.edited(edit, during_run);
  }

  void edit_somewhere(std::size_t replica, bool during_run) {
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

  void run_once(bool disturb) {
    world_.faults().clear();
    failing_.clear();
    denies_ = false;
    interventions_.clear();
    next_intervention_ = 0;
    edited_in_run_ = disturbed_in_run_ = false;
    if (disturb && setting_.weather != Weather::kCalm) {
      plan_interventions();
    }
    oracle_.before_quiet_run();
    const RunResult result =
        world_.run(run_options_, [this](std::uint64_t call) { before_call(call); });
    ++verdict_.runs;
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
    oracle_.after_run(result, !edited_in_run_ && !disturbed_in_run_ && !failed && !writing);
    last_ = result;
  }

  void before_call(std::uint64_t call) {
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

  void forget_something() {
    switch (random_.below(8)) {
      case 0:
        world_.end_process();
        copied_state_ = world_.copy_state();
        break;
      case 1:
        if (copied_state_.has_value()) {
          say("the state comes back from an older copy");
          world_.put_state(*copied_state_);
          oracle_.disturbed();
        }
        break;
      case 2:
        say("the state is lost");
        world_.put_state({});
        oracle_.disturbed();
        break;
      default:
        break;
    }
  }

  void say(const char* text) const {
    if (verbose_) {
      std::printf("  %s\n", text);
    }
  }

  // The end ---------------------------------------------------------------------------------------

  void come_to_rest() {
    bool settled = false;
    for (int run = 0; run < kMostFinalRuns && !settled && !over(); ++run) {
      run_once(false);
      settled = last_.clean() && last_.did_nothing();
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

  Setting setting_;
  rt::SeededRandom random_;
  bool verbose_;
  Versions versions_;
  World world_;
  Oracle oracle_;
  std::vector<std::unique_ptr<User>> users_;
  sync::RunOptions run_options_;
  std::vector<Intervention> interventions_;
  std::size_t next_intervention_ = 0;
  std::vector<std::uint64_t> failing_;
  bool denies_ = false;  ///< one of them by saying that it is not allowed
  bool edited_in_run_ = false;
  bool disturbed_in_run_ = false;
  bool first_ = true;
  std::uint64_t last_calls_ = 600;
  RunResult last_;
  std::optional<std::vector<std::pair<std::string, Bytes>>> copied_state_;
  Verdict verdict_;
};

// Drawing a setting -------------------------------------------------------------------------------

template <typename Value, std::size_t kCount>
Value one_of(rt::SeededRandom& random, const std::array<Value, kCount>& values) {
  return values[random.below(kCount)];
}

fs::MemoryOptions draw_disk(rt::SeededRandom& random) {
  using namespace std::chrono_literals;
  fs::MemoryOptions disk;
  if (random.below(2) == 0) {
    return disk;
  }
  disk.time_step = one_of<std::chrono::nanoseconds, 5>(random, {1ns, 1ns, 4ms, 1s, 2s});
  for (fs::Support* ability : {&disk.rename_no_replace, &disk.rename_exchange, &disk.hard_links,
                               &disk.leases, &disk.birth_time, &disk.sync_whole}) {
    if (random.below(5) == 0) {
      *ability = fs::Support::kNo;
    }
  }
  if (random.below(4) == 0) {
    disk.clone = fs::Support::kYes;
  }
  return disk;
}

/// What a store without disks, journals and inodes may lack.
provider::Capabilities draw_abilities(rt::SeededRandom& random, Tolerance& tolerance) {
  provider::Capabilities can = provider::full_capabilities();
  for (bool* ability : {&can.stable_ids, &can.exchange, &can.leases}) {
    *ability = random.below(4) != 0;
  }
  const provider::Cas safety = one_of<provider::Cas, 3>(
      random, {provider::Cas::kAtomic, provider::Cas::kDetectAfter, provider::Cas::kRacy});
  can.create = can.replace = can.remove = can.move = safety;
  can.modes = random.below(4) != 0;
  tolerance.modes = tolerance.modes || !can.modes;
  return can;
}

/// Roots are probed for steps of so many powers of ten only.
std::chrono::nanoseconds step_as_probed(std::chrono::nanoseconds step) {
  using namespace std::chrono_literals;
  return step == 4ms ? 10ms : step;
}

Setting draw_setting(rt::SeededRandom& random, std::optional<Weather> weather) {
  using namespace std::chrono_literals;
  Setting setting;
  const auto drawn = static_cast<Weather>(random.below(kWeathers));
  setting.weather = weather.value_or(drawn);
  const std::size_t replicas = one_of<std::size_t, 10>(random, {2, 2, 2, 2, 2, 2, 3, 3, 3, 4});
  WorldOptions& world = setting.world;
  world.is_memory.assign(replicas, false);
  world.abilities.resize(replicas, provider::full_capabilities());
  world.layout = random.below(4) == 0 ? Layout::kOneDisk : Layout::kDiskEach;
  for (std::size_t i = 0; i < replicas; ++i) {
    world.disks.push_back(draw_disk(random));
    const fs::MemoryOptions& disk = world.disks.back();
    // Where nothing else is possible a name is first taken by an empty file.
    setting.empty_files = setting.empty_files || (disk.rename_no_replace == fs::Support::kNo &&
                                                  disk.hard_links == fs::Support::kNo);
    setting.tolerance.mtime_step =
        std::max(setting.tolerance.mtime_step, step_as_probed(disk.time_step).count());
  }
  if (random.below(4) == 0) {
    for (std::size_t i = 0; i < replicas; ++i) {
      world.is_memory[i] = random.below(2) == 0;
      if (world.is_memory[i]) {
        world.abilities[i] = draw_abilities(random, setting.tolerance);
      }
    }
  }
  world.call_takes = one_of<std::chrono::nanoseconds, 5>(random, {0ns, 1us, 50us, 10ms, 200ms});
  if (random.below(4) == 0) {
    world.resume_threshold = 4096;
    world.resume_chunk = 2048;
  }
  setting.habits.time_step = std::chrono::nanoseconds(setting.tolerance.mtime_step);
  setting.habits.symlinks = random.below(2) == 0;
  setting.habits.unsynced_percent = one_of<std::uint64_t, 3>(random, {0, 10, 40});
  setting.habits.holds_files_open = setting.weather != Weather::kCalm && random.below(3) == 0;
  return setting;
}

}  // namespace

Verdict play(std::uint64_t seed, std::optional<Weather> weather, bool verbose) {
  rt::SeededRandom random(seed);
  Setting setting = draw_setting(random, weather);
  if (verbose) {
    std::printf("seed %llu, weather %d, %zu replicas\n", static_cast<unsigned long long>(seed),
                static_cast<int>(setting.weather), setting.world.is_memory.size());
  }
  return History(std::move(setting), seed, verbose).play();
}

}  // namespace ox::sim
