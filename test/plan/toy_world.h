#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "plan/toy_content.h"
#include "plan/toy_replica.h"
#include "plan/toy_scan.h"
#include "plan/toy_store.h"

/// N replicas, the records of their rule, and runs of the planner over them. Every operation of a
/// plan is executed strictly; as long as nobody works beside it, a violated precondition is a
/// mistake of the planner and an Error here.
namespace ox::toy {

/// What a run did.
struct Run {
  plan::Plan plan;
  std::size_t steps = 0;  ///< commits and operations, each a place to crash
  bool crashed = false;
  /// It broke off when a store without ids had moved directories, edited files or a ring of files
  /// that nobody had acknowledged, or when what was parked found its places taken: then contents
  /// may have changed places, or stand under a name that start-up gave them.
  bool untold = false;
};

/// Somebody works while a run does. From then on what is not as it was planned is left alone, for
/// the next run.
struct Beside {
  std::size_t before_step = 0;  ///< 0: between planning and executing
  std::function<void()> act;
};

/// When the executor acknowledges content.
enum class Late : std::uint8_t {
  kNo,   ///< each file by itself
  kYes,  ///< all in the end, as a batch
};

class World {
 public:
  World(std::vector<Abilities> abilities, plan::Policy policy);
  World(const World&) = default;
  World& operator=(const World&) = delete;

  std::vector<ToyReplica> replicas;
  ToyStore store;
  plan::Policy policy;
  std::shared_ptr<BlobStore> blobs;
  Filter filter;
  std::vector<std::string> approved;
  Timestamp clock{1'700'000'000'123'456'789};
  Shortcuts shortcuts = Shortcuts::kListAll;
  ListingOrder listing = ListingOrder::kByName;
  Late late = Late::kNo;

  ToyReplica& at(ReplicaIndex i) { return replicas[i]; }
  void set_online(ReplicaIndex i, bool online) { replicas[i].abilities().traits.online = online; }
  std::size_t online_count() const;
  /// The time of the next edit: far enough from the last one for any replica's clock.
  Timestamp tick();

  /// Plans, answering what the planner asks for.
  Result<plan::Plan> plan() const;
  /// Plans and executes. `crash_after`: stop after so many steps; what stands then is what the next
  /// run starts from.
  Result<Run> sync(std::optional<std::size_t> crash_after = std::nullopt);
  Result<Run> sync_beside(const Beside& beside);
  /// Each side forgets what is not seen to be agreed on every replica.
  void rebase();
  /// One more replica, which nobody knows yet.
  void join(Abilities abilities);

  /// All is as it should be after a run in mode two-way: planning again gives nothing, and every
  /// online replica shows the agreed tree, apart from what it rightly leaves out.
  Result<void> check_settled() const;

  /// The tree of one replica as text, a line an object: for comparing and for people.
  std::string picture(ReplicaIndex i) const;
  /// As picture, but without what replicas may differ in (times, modes).
  std::string outline(ReplicaIndex i) const;

 private:
  Result<void> check_fixpoint() const;
};

/// Executes one plan. `beside`: null when nobody else is at work.
Result<Run> execute(World& world, plan::Plan plan, std::optional<std::size_t> crash_after,
                    const Beside* beside);

/// Does every online replica show the agreed tree? `reports`: what the planner says it leaves out,
/// each of which must be true.
Result<void> check_converged(const World& world, const std::vector<plan::Report>& reports);

}  // namespace ox::toy
