#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fs/faulty/fault_plan.h"
#include "fs/memory/memory_fs.h"
#include "provider/memory/memory_provider.h"
#include "rt/pool.h"
#include "rt/progress.h"
#include "sim/ground.h"
#include "state/store.h"
#include "sync/engine.h"

namespace ox::sim {

enum class Layout : std::uint8_t {
  kDiskEach,  ///< a disk a replica, and one for the state
  kOneDisk,   ///< all on one
};

/// What the machines of one history are like.
struct WorldOptions {
  Layout layout = Layout::kDiskEach;
  std::vector<fs::MemoryOptions> disks;         ///< a replica each; the first alone with kOneDisk
  std::vector<bool> is_memory;                  ///< this replica is a MemoryProvider
  std::vector<provider::MemoryOptions> stores;  ///< of the memory providers
  std::chrono::nanoseconds call_takes{1000};
  std::uint64_t resume_threshold = 16ULL << 20U;
  std::uint64_t resume_chunk = 8ULL << 20U;
  std::optional<std::uint64_t> shuffle;  ///< tasks end in an order drawn from this seed
};

/// What a run of the engine came to.
struct RunResult {
  bool started = false;  ///< the state could be opened
  bool crashed = false;
  std::optional<Error> error;
  std::optional<sync::RunReport> report;
  std::uint64_t calls = 0;
  std::uint64_t opening_calls = 0;             ///< of them, by a new process before the run itself
  std::map<std::string, std::uint64_t> deeds;  ///< words of what was done → how often
  std::vector<std::pair<std::size_t, std::string>> removed;  ///< files: replica and path

  bool clean() const;    ///< in sync, without any problem
  bool in_sync() const;  ///< what is left out on some replica is told
  bool did_nothing() const;
};

/// Disks, replicas and the state of one rule, and the process that syncs them.
class World {
 public:
  World(WorldOptions options, std::uint64_t seed, bool verbose);
  ~World();

  std::size_t size() const { return is_member_.size(); }
  Ground& ground(std::size_t i) { return *grounds_[i]; }
  rt::ManualClock& clock() { return clock_; }
  fs::FaultPlan& faults() { return *faults_; }
  bool has_disk(std::size_t replica) const { return !options_.is_memory[replica]; }

  /// Runs the engine once. `before_call` is called before each call of the process to the outside.
  /// `away`: a replica that can't be reached in this run.
  RunResult run(const sync::RunOptions& options, std::optional<std::size_t> away,
                const std::function<void(std::uint64_t call)>& before_call);
  /// The process ends; the next run starts a new one.
  void end_process();

  /// Power cuts. They end no process by themselves.
  void cut_machine();
  void cut_disk_of(std::size_t replica);
  void cut_disk_of_state();
  Layout layout() const { return options_.layout; }

  /// The state as a person would copy it away, and put back later.
  std::vector<std::pair<std::string, Bytes>> copy_state();
  void put_state(const std::vector<std::pair<std::string, Bytes>>& files);

  /// The disk of this replica, or that of the state (the number after the last replica), takes so
  /// many bytes more; none: all have room again.
  void fill_disk(std::size_t seat, std::uint64_t spare);
  void make_room();

  /// A rule whose roots are others begins anew, as after the loss of its state.
  void set_member(std::size_t replica, bool is_member);
  bool is_member(std::size_t replica) const { return is_member_[replica]; }
  std::size_t members() const;

  /// Everything of this name is excluded from now on, on all replicas; none: nothing is.
  void exclude(const std::optional<std::string>& name);

 private:
  struct Session;

  std::unique_ptr<fs::Directory> open_seat(std::size_t seat);
  std::unique_ptr<fs::Directory> open_faulty_seat(std::size_t seat);
  state::RuleFacts facts() const;
  std::size_t state_seat() const { return options_.is_memory.size(); }
  Result<void> begin_session();
  void provide(std::size_t replica);
  /// `seats`: of the replicas that take part.
  void trace(const sync::Event& event, const std::vector<std::size_t>& seats) const;

  WorldOptions options_;
  rt::ManualClock clock_;
  rt::SeededRandom engine_random_;
  rt::SeededRandom cut_random_;
  rt::SeededRandom epoch_random_;
  bool verbose_;
  std::shared_ptr<fs::FaultPlan> faults_;
  std::vector<std::unique_ptr<fs::MemoryFileSystem>> disks_;
  std::vector<std::unique_ptr<provider::MemoryProvider>> memories_;
  std::vector<std::unique_ptr<Ground>> grounds_;
  std::unique_ptr<rt::Pool> pool_;
  rt::NullProgress progress_;
  tree::Filter filter_;
  std::vector<bool> is_member_;
  std::unique_ptr<Session> session_;
};

}  // namespace ox::sim
