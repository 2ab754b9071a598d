#include <benchmark/benchmark.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/expects.h"
#include "fs/fs.h"
#include "provider/local/local_provider.h"
#include "rt/clock.h"
#include "rt/pool.h"
#include "rt/progress.h"
#include "state/store.h"
#include "sync/scan.h"

/// Walking two real trees in step with the packed pages of the state, in which nothing changed.
namespace ox::sync {
namespace {

constexpr std::int64_t kFilesPerDirectory = 100;

/// Two folders in /dev/shm that are in sync, and the state that knows it.
class Ground {
 public:
  explicit Ground(std::int64_t files) {
    for (const char* side : {"/a", "/b"}) {
      std::filesystem::create_directories(place_ + side);
    }
    for (std::int64_t made = 0; made < files; ++made) {
      const std::string directory = place_ + "/a/" + std::to_string(made / kFilesPerDirectory);
      if (made % kFilesPerDirectory == 0) {
        std::filesystem::create_directory(directory);
      }
      std::ofstream(directory + "/file-" + std::to_string(made));
    }
    auto store =
        state::Store::open({.os_path = place_ + "/state.db", .directory = nullptr, .name = {}},
                           state::OpenMode::kReadWrite);
    expects(store.ok());
    store_ = std::move(*store);
    state::RuleFacts facts{.id = std::string(32, '1')};
    for (const char* side : {"a", "b"}) {
      facts.replicas.push_back({.address = place_ + "/" + side, .label = side});
      providers_.push_back(open(facts.replicas.back().address, facts.id));
      replicas_.push_back({.provider = providers_.back().get(), .label = side, .filter = &filter_});
    }
    const auto report =
        run_rule(*store_, facts, replicas_, {.policy = {.order = {0, 1}}}, services(), {});
    expects(report.ok() && report->outcome == state::RunOutcome::kInSync);
  }
  ~Ground() { std::filesystem::remove_all(place_); }
  Ground(const Ground&) = delete;
  Ground& operator=(const Ground&) = delete;

  Scan look() {
    Result<Scan> seen = scan(*store_, replicas_, {}, services(), {});
    expects(seen.ok());
    return std::move(*seen);
  }

 private:
  Services services() {
    return {.pool = &pool_, .clock = &rt::system_clock(), .progress = &progress_, .events = {}};
  }

  static std::unique_ptr<provider::Provider> open(const std::string& path,
                                                  const std::string& rule) {
    auto directory = fs::open_os_directory(path);
    expects(directory.ok());
    auto provider = provider::make_local_provider({.root = std::move(*directory),
                                                   .rule = rule,
                                                   .clock = &rt::system_clock(),
                                                   .os_path = path});
    expects(provider.ok());
    return std::move(*provider);
  }

  std::string place_ = "/dev/shm/syncoxiders-walk-bench";
  tree::Filter filter_;
  rt::CountingProgress progress_;
  rt::ThreadPool pool_{2};
  std::unique_ptr<state::Store> store_;
  std::vector<std::unique_ptr<provider::Provider>> providers_;
  std::vector<EngineReplica> replicas_;
};

void scan_without_changes(benchmark::State& state) {
  Ground ground(state.range(0));
  std::int64_t entries = 0;
  for (auto round : state) {
    const Scan seen = ground.look();
    entries += static_cast<std::int64_t>(seen.entries);
    benchmark::DoNotOptimize(seen.nodes.size());
  }
  state.SetItemsProcessed(entries);
}

BENCHMARK(scan_without_changes)
    ->Arg(10'000)
    ->Arg(100'000)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace ox::sync
