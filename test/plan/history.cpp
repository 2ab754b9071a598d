#include "plan/history.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <numeric>
#include <utility>

#include "plan/history_setup.h"
#include "plan/oracle.h"
#include "plan/toy_describe.h"

namespace ox::toy {

namespace {

/// Edits of a first population: at least this many on the first replica.
constexpr std::size_t kFirstCreates = 24;

bool is_in(const std::vector<std::size_t>& numbers, std::size_t number) {
  return std::ranges::find(numbers, number) != numbers.end();
}

enum class RoundKind : std::uint8_t { kFree, kOneSided, kApart };

class History {
 public:
  History(const HistoryOptions& options, const HistorySetup& setup,
          const std::vector<ReplicaIndex>& seats)
      : options_(options),
        setup_(setup),
        seats_(seats),
        world_(make_world(setup, seats)),
        editor_(world_) {
    Dice dice(options.seed ^ 0x5EEDULL);
    world_.shortcuts = dice.chance(50) ? Shortcuts::kSkipUnchanged : Shortcuts::kListAll;
    world_.listing = dice.chance(50) ? ListingOrder::kReversed : ListingOrder::kByName;
    world_.late = dice.chance(50) ? Late::kYes : Late::kNo;
  }

  HistoryResult run() {
    populate();
    check(sync_and_judge(RoundKind::kFree));
    for (std::uint32_t round = 1; round <= setup_.rounds && !result_.failure; ++round) {
      round_ = round;
      play_round();
    }
    return std::move(result_);
  }

  const std::vector<std::string>& outlines() const { return outlines_; }

 private:
  static World make_world(const HistorySetup& setup, const std::vector<ReplicaIndex>& seats) {
    std::vector<Abilities> abilities(seats.size());
    for (std::size_t r = 0; r < seats.size(); ++r) {
      abilities[seats[r]] = setup.replicas[r];
    }
    plan::Policy policy = setup.policy;
    for (ReplicaIndex& replica : policy.order) {
      replica = seats[replica];
    }
    return {std::move(abilities), std::move(policy)};
  }

  std::size_t count() const { return seats_.size(); }
  bool two_way() const { return setup_.policy.mode == plan::Mode::kTwoWay; }

  void note(const std::string& line) {
    if (options_.keep_log) {
      result_.log.push_back(line);
    }
    if (options_.print_log) {
      std::puts(line.c_str());
    }
  }

  void check(const Result<void>& verdict) {
    if (!verdict.ok() && !result_.failure.has_value()) {
      result_.failure = "round " + std::to_string(round_) + ": " + verdict.error().to_string();
    }
  }

  bool is_left_out(std::size_t number) const { return is_in(options_.left_out, number); }

  /// Each edit has dice of its own, so that leaving one out leaves the others as they are.
  template <typename Make>
  void make_edit(std::size_t who, const Make& make) {
    const std::size_t number = result_.edits++;
    if (is_left_out(number)) {
      world_.tick();
      return;
    }
    Dice dice(options_.seed * 0x1000193ULL + number);
    const Timestamp before = world_.clock;
    const std::size_t tokens = editor_.tokens().size();
    const std::string what = make(seats_[who], dice);
    if (what.empty()) {
      editor_.withdraw_tokens(tokens);
    } else if (seats_[who] != world_.policy.order.front()) {
      destination_edited_ = true;
    }
    // The clock runs alike whatever was possible.
    world_.clock.ns = std::max(before.ns + 100'000'000'000, world_.clock.ns);
    if (!what.empty()) {
      note("  #" + std::to_string(number) + " replica " + std::to_string(seats_[who]) + ": " +
           what);
    }
  }

  void populate() {
    Dice dice(options_.seed ^ 0xF111ULL);
    const EditLimits limits;
    for (std::size_t k = 0; k < kFirstCreates; ++k) {
      make_edit(0, [&](ReplicaIndex i, Dice& own) { return editor_.create(i, own, limits, 0); });
    }
    for (std::size_t who = 0; who < count(); ++who) {
      // Each replica gets a directory of its own for rounds that keep apart.
      make_edit(who, [&](ReplicaIndex i, Dice&) {
        world_.at(i).make_directory(own_directory(who), world_.tick());
        return "mkdir " + own_directory(who);
      });
      const EditLimits own_limits{.below = own_directory(who), .silent_writes = false};
      for (int k = 0; k < 3; ++k) {
        make_edit(who,
                  [&](ReplicaIndex i, Dice& own) { return editor_.create(i, own, own_limits, 0); });
      }
    }
    if (dice.chance(30)) {
      for (std::size_t who = 1; who < count(); ++who) {
        for (std::size_t k = dice.below(8); k > 0; --k) {
          make_edit(who,
                    [&](ReplicaIndex i, Dice& own) { return editor_.create(i, own, limits, 0); });
        }
      }
    }
  }

  static std::string own_directory(std::size_t who) { return "own" + std::to_string(who); }

  void play_round() {
    Dice dice(options_.seed * 0x2003ULL + round_);
    const std::size_t draw = dice.below(100);
    RoundKind kind =
        draw < 60 ? RoundKind::kFree : (draw < 80 ? RoundKind::kOneSided : RoundKind::kApart);
    if (two_way() || dice.chance(50)) {
      change_presence(dice);
    }
    const std::size_t edits = 5 + dice.below(7);
    destination_edited_ = false;
    only_editor_ = dice.below(count());
    note("round " + std::to_string(round_));
    for (std::size_t k = 0; k < edits; ++k) {
      const std::size_t who = kind == RoundKind::kOneSided ? only_editor_ : dice.below(count());
      const EditLimits limits{
          .below = kind == RoundKind::kApart ? own_directory(who) : std::string(),
          .silent_writes = !setup_.ordered && setup_.policy.compare.hash};
      make_edit(who,
                [&](ReplicaIndex i, Dice& own) { return editor_.edit(i, own, limits, round_); });
    }
    if (!setup_.ordered && dice.chance(25)) {
      check(crash_and_repair(dice, kind));
    } else {
      check(sync_and_judge(kind));
    }
  }

  void change_presence(Dice& dice) {
    for (std::size_t who = 0; who < count(); ++who) {
      const bool was = world_.at(seats_[who]).traits().online;
      const bool online = was ? !dice.chance(10) : dice.chance(60);
      if (was != online) {
        world_.set_online(seats_[who], online);
        note(std::string("  replica ") + std::to_string(seats_[who]) +
             (online ? " comes back" : " goes away"));
      }
    }
    if (world_.online_count() == 0) {
      world_.set_online(seats_[0], true);
    }
  }

  Result<void> sync_and_judge(RoundKind kind) {
    const World before = world_;
    auto run = world_.sync();
    ++result_.syncs;
    if (!run.ok()) {
      note_plan(before);
      return run.error();
    }
    note("  sync: " + std::to_string(run->steps) + " steps");
    if (options_.keep_log) {
      note(describe(run->plan));
    }
    const Result<void> settled = judge_settled(world_);
    if (!settled.ok()) {
      note_world("before:", before);
      note_world("now:", world_);
      return settled;
    }
    if (kind == RoundKind::kOneSided) {
      TRY(oracle_.judge_unopposed(before, world_, run->plan, {}, seats_[only_editor_]));
    } else if (kind == RoundKind::kApart) {
      std::map<std::string, ReplicaIndex> owners;
      for (std::size_t who = 0; who < count(); ++who) {
        owners[own_directory(who)] = seats_[who];
      }
      TRY(oracle_.judge_unopposed(before, world_, run->plan, owners, seats_[0]));
    }
    TRY(oracle_.judge(before, world_, run->plan, editor_.tokens(), round_, Deletes::kStick));
    remember();
    return {};
  }

  /// What could not be executed.
  void note_plan(const World& before) {
    if (!options_.keep_log) {
      return;
    }
    const auto plan = before.plan();
    note(plan.ok() ? describe(*plan) : plan.error().to_string());
    note_world("before:", before);
  }

  void note_world(const std::string& when, const World& world) {
    if (!options_.keep_log) {
      return;
    }
    note(when + "\n" + describe(world.store));
    for (ReplicaIndex i = 0; i < world.replicas.size(); ++i) {
      const bool online = world.replicas[i].traits().online;
      note("replica " + std::to_string(i) + (online ? ":\n" : " (away):\n") + world.picture(i));
    }
  }

  Result<void> judge_settled(World& world) {
    return two_way() ? world.check_settled() : settle_directional(world);
  }

  /// Where a destination has a directory of its own, or one that is no longer ours, on the path of
  /// another, the directional modes may need two runs more.
  Result<void> settle_directional(World& world) {
    for (int more = 2;; --more) {
      TRY(world.store.check());
      TRY_ASSIGN(const plan::Plan again, world.plan());
      if (again.empty() && (again.conflicts.empty() || !again.reports.empty())) {
        return {};
      }
      if (more == 0) {
        return Error(Code::kCorrupt, "planning again gives something:\n" + describe(again));
      }
      TRY_ASSIGN(const Run run, world.sync());
      result_.syncs += run.crashed ? 0U : 1U;
    }
  }

  Result<void> crash_and_repair(Dice& dice, RoundKind kind) {
    World smooth = world_;
    auto whole = smooth.sync();
    ++result_.syncs;
    if (!whole.ok()) {
      note_plan(world_);
      return whole.error();
    }
    if (whole->steps == 0) {
      return sync_and_judge(kind);
    }
    if (!two_way()) {
      TRY(settle_directional(smooth));
    }
    const World before = world_;
    if (options_.keep_log) {
      note(describe(whole->plan));
    }
    if (options_.everywhere) {
      for (std::size_t after = 0; after < whole->steps; ++after) {
        World torn = before;
        TRY(crash_at(after, torn, smooth));
      }
    }
    TRY_ASSIGN(const Deletes deletes, crash_at(dice.below(whole->steps), world_, smooth));
    return oracle_.judge(before, world_, whole->plan, editor_.tokens(), round_, deletes);
  }

  /// A run of `world` breaks off after so many steps; the next one must come to what stands in
  /// `smooth`, where nothing broke off.
  Result<Deletes> crash_at(std::size_t after, World& world, const World& smooth) {
    const World before = world;
    TRY_ASSIGN(const Run torn, world.sync(after));
    const World broken_off = world;
    const auto run = world.sync();
    result_.syncs += 2;
    const auto failed = [&](const std::string& what) {
      note("  crash after " + std::to_string(after) + " steps");
      note_world("before:", before);
      note_world("broken off:", broken_off);
      if (run.ok() && options_.keep_log) {
        note(describe(run->plan));
      }
      return Error(Code::kCorrupt, "after a crash: " + what);
    };
    if (!run.ok()) {
      note_plan(broken_off);
      return failed(run.error().to_string());
    }
    if (const Result<void> settled = judge_settled(world); !settled.ok()) {
      return failed(settled.error().to_string());
    }
    // Which drift of a destination is known as what may depend on where the run was broken off.
    const bool told = (two_way() || !destination_edited_) && !torn.untold;
    const std::size_t compared = told ? world.replicas.size() : 0;
    for (ReplicaIndex i = 0; i < compared; ++i) {
      if (world.outline(i) != smooth.outline(i)) {
        return failed("another tree on replica " + std::to_string(i) + ":\n" + world.outline(i) +
                      "without it:\n" + smooth.outline(i));
      }
    }
    return torn.untold ? Deletes::kMayReturn : Deletes::kStick;
  }

  void remember() {
    if (!setup_.ordered) {
      return;
    }
    for (const ReplicaIndex seat : seats_) {
      outlines_.push_back(world_.outline(seat));
    }
  }

  const HistoryOptions& options_;
  const HistorySetup& setup_;
  std::vector<ReplicaIndex> seats_;
  World world_;
  Editor editor_;
  Oracle oracle_;
  HistoryResult result_;
  std::uint32_t round_ = 0;
  std::size_t only_editor_ = 0;
  bool destination_edited_ = false;
  std::vector<std::string> outlines_;
};

/// The same history with the replicas in other seats and the policy in another order.
void compare_orders(const HistoryOptions& options, HistorySetup setup,
                    const std::vector<std::string>& expected, HistoryResult& result) {
  std::vector<ReplicaIndex> seats(setup.replicas.size());
  std::iota(seats.begin(), seats.end(), 0);
  std::ranges::reverse(seats);
  std::ranges::rotate(setup.policy.order, setup.policy.order.begin() + 1);
  History other(options, setup, seats);
  HistoryResult again = other.run();
  result.syncs += again.syncs;
  if (again.failure.has_value()) {
    result.failure = "in another order: " + *again.failure;
    result.log = std::move(again.log);
    return;
  }
  for (std::size_t k = 0; k < expected.size() && k < other.outlines().size(); ++k) {
    if (expected[k] != other.outlines()[k]) {
      result.failure = "another order of replicas gives another tree, sync " +
                       std::to_string(k / seats.size()) + ":\n" + expected[k] + "against\n" +
                       other.outlines()[k];
      result.log.insert(result.log.end(), again.log.begin(), again.log.end());
      return;
    }
  }
}

}  // namespace

HistoryResult run_history(const HistoryOptions& options) {
  Dice dice(options.seed);
  const HistorySetup setup = draw_setup(dice);
  std::vector<ReplicaIndex> seats(setup.replicas.size());
  std::iota(seats.begin(), seats.end(), 0);
  History history(options, setup, seats);
  HistoryResult result = history.run();
  if (setup.ordered && !result.failure.has_value()) {
    compare_orders(options, setup, history.outlines(), result);
  }
  return result;
}

std::vector<std::size_t> minimise(HistoryOptions options,
                                  const std::function<bool(const HistoryOptions&)>& fails) {
  // A history may end the program, so that its edits can't be counted; none has more.
  constexpr std::size_t kMaxEdits = 256;
  // Halves, then quarters, down to single edits; the last ones twice.
  for (std::size_t size = kMaxEdits / 2;; size /= 2) {
    const std::size_t chunk = std::max<std::size_t>(size, 1);
    for (std::size_t end = kMaxEdits; end > 0; end -= std::min(end, chunk)) {
      const std::vector<std::size_t> kept = options.left_out;
      for (std::size_t number = end - std::min(end, chunk); number < end; ++number) {
        if (!is_in(options.left_out, number)) {
          options.left_out.push_back(number);
        }
      }
      if (options.left_out.size() != kept.size() && !fails(options)) {
        options.left_out = kept;
      }
    }
    if (size == 0) {
      return options.left_out;
    }
  }
}

}  // namespace ox::toy
