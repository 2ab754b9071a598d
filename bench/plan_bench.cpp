#include <benchmark/benchmark.h>

#include <string>

#include "base/expects.h"
#include "plan/plan.h"

/// The planner alone: two replicas in sync but for what a case changes on the first.
namespace ox::plan {
namespace {

constexpr std::int64_t kFilesPerDirectory = 100;
constexpr std::int64_t kLargeDirectory = 10'000;
constexpr std::uint64_t kSize = 4096;
constexpr std::uint32_t kRoot = 0;

Digest digest_of(std::uint64_t number) {
  Digest digest;
  for (std::size_t k = 0; k < sizeof number; ++k) {
    digest.bytes[k] = static_cast<std::uint8_t>(number >> (8 * k));
  }
  return digest;
}

/// A world in which everything is agreed and stands as acknowledged.
class World {
 public:
  World() {
    input_.replicas.resize(2);
    for (std::size_t i = 0; i < 2; ++i) {
      input_.replicas[i].traits.label = i == 0 ? "one" : "two";
      input_.replicas[i].traits.stable_ids = true;
    }
    input_.policy.order = {0, 1};
    input_.policy.budget = std::nullopt;
    add(kRootNode, {.parent = kNoNode, .kind = tree::Kind::kDirectory}, kRoot);
  }

  /// The index of the directory's entry, which is the same on both replicas.
  std::uint32_t add_directory(const std::string& name) {
    return add(next(), {.parent = kRootNode, .name = name, .kind = tree::Kind::kDirectory}, kRoot);
  }
  void add_files(std::uint32_t directory, std::int64_t count) {
    const NodeId parent = input_.nodes[directory].id;
    for (std::int64_t k = 0; k < count; ++k) {
      const NodeId id = next();
      tree::NodeValue value{.parent = parent, .name = "file-" + std::to_string(k)};
      value.content = {
          .size = kSize, .mtime = {1'000}, .digest = digest_of(id.value), .link_target = {}};
      add(id, std::move(value), directory);
    }
  }

  Input& input() { return input_; }
  std::vector<Observed>& entries() { return input_.replicas[0].entries; }

 private:
  NodeId next() { return NodeId{kRootNode.value + input_.nodes.size()}; }

  std::uint32_t add(NodeId id, tree::NodeValue value, std::uint32_t parent) {
    // A directory is acknowledged by what its children don't change.
    const bool is_directory = value.kind == tree::Kind::kDirectory;
    if (id != kRootNode) {
      value.attributes.mode = is_directory ? 0755U : 0644U;
    }
    tree::NodeRecord record{.id = id, .agreed = value, .sides = {}};
    tree::Fingerprint print{.id = id.value + 1'000, .birth_ns = 1};
    if (!is_directory) {
      print.size = value.content.size;
      print.mtime = value.content.mtime;
      print.ctime = {1'000};
    }
    const auto index = static_cast<std::uint32_t>(input_.nodes.size());
    for (Replica& replica : input_.replicas) {
      tree::Entry entry{.name = value.name,
                        .kind = value.kind,
                        .content = value.content,
                        .attributes = value.attributes};
      entry.fingerprint = print;
      replica.entries.push_back({.parent = parent, .entry = std::move(entry)});
      record.sides.push_back(
          {.acknowledged = tree::Acknowledged{.value = value, .fingerprint = print}});
    }
    input_.nodes.push_back(std::move(record));
    input_.agreed_count = input_.nodes.size();
    input_.next_node = NodeId{id.value + 1};
    return index;
  }

  Input input_;
};

World world_of(std::int64_t files) {
  World world;
  for (std::int64_t made = 0; made < files; made += kFilesPerDirectory) {
    world.add_files(world.add_directory("directory-" + std::to_string(made)), kFilesPerDirectory);
  }
  return world;
}

/// Plans once and hands the plan to `check`, which sees whether the case is what it says it is.
template <typename Check>
void measure(benchmark::State& state, const Input& input, const Check& check) {
  for (auto round : state) {
    Outcome outcome = make_plan(input);
    const auto* plan = std::get_if<Plan>(&outcome);
    expects(plan != nullptr && check(*plan));
    benchmark::DoNotOptimize(outcome);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(input.nodes.size()));
}

void no_change(benchmark::State& state) {
  World world = world_of(state.range(0));
  measure(state, world.input(), [](const Plan& plan) { return plan.empty(); });
}

void one_percent_edited(benchmark::State& state) {
  World world = world_of(state.range(0));
  std::size_t edited = 0;
  for (std::size_t e = 50; e < world.entries().size(); e += 100) {
    tree::Entry& entry = world.entries()[e].entry;
    if (entry.kind == tree::Kind::kFile) {
      entry.content.mtime = entry.fingerprint.mtime = entry.fingerprint.ctime = {2'000'000'000'000};
      entry.content.digest = digest_of(1'000'000'000 + e);
      ++edited;
    }
  }
  measure(state, world.input(), [&](const Plan& plan) { return plan.content.size() == edited; });
}

void directory_renamed(benchmark::State& state) {
  World world = world_of(state.range(0));
  const std::uint32_t large = world.add_directory("large");
  world.add_files(large, kLargeDirectory);
  world.entries()[large].entry.name = "renamed";
  measure(state, world.input(), [](const Plan& plan) {
    return plan.content.empty() && plan.structure_operations[1].size() == 1 &&
           plan.structure_operations[1].front().kind == OperationKind::kMove;
  });
}

/// A first copy: one replica has everything, in directories of twenty, the other is empty and
/// nothing is agreed yet.
void first_copy(benchmark::State& state) {
  constexpr std::int64_t kFilesPerNewDirectory = 20;
  Input input;
  input.replicas.resize(2);
  input.policy.order = {0, 1};
  input.policy.budget = std::nullopt;
  input.next_node = NodeId{kRootNode.value + 1};
  std::uint64_t id = 1'000;
  const auto add = [&](ReplicaIndex i, std::uint32_t parent, std::string name, tree::Kind kind) {
    tree::Entry entry{.name = std::move(name), .kind = kind};
    entry.attributes.mode = kind == tree::Kind::kDirectory ? 0755U : 0644U;
    entry.fingerprint = {.id = ++id, .birth_ns = 1};
    if (kind == tree::Kind::kFile) {
      entry.content = {.size = kSize, .mtime = {1'000}, .digest = {}, .link_target = {}};
      entry.fingerprint.size = kSize;
      entry.fingerprint.mtime = entry.fingerprint.ctime = {1'000};
    }
    std::vector<Observed>& entries = input.replicas[i].entries;
    entries.push_back({.parent = parent, .entry = std::move(entry)});
    return static_cast<std::uint32_t>(entries.size() - 1);
  };
  for (ReplicaIndex i = 0; i < 2; ++i) {
    input.replicas[i].traits.label = i == 0 ? "one" : "two";
    input.replicas[i].traits.stable_ids = true;
    add(i, kRoot, "", tree::Kind::kDirectory);
  }
  std::uint32_t directory = kRoot;
  for (std::int64_t k = 0; k < state.range(0); ++k) {
    if (k % kFilesPerNewDirectory == 0) {
      directory = add(0, kRoot, "directory-" + std::to_string(k), tree::Kind::kDirectory);
    }
    add(0, directory, "a-small-file-" + std::to_string(k) + ".txt", tree::Kind::kFile);
  }
  for (auto round : state) {
    Outcome outcome = make_plan(input);
    const auto* plan = std::get_if<Plan>(&outcome);
    expects(plan != nullptr && plan->content.size() == static_cast<std::size_t>(state.range(0)));
    benchmark::DoNotOptimize(outcome);
  }
  state.SetItemsProcessed(state.iterations() *
                          static_cast<std::int64_t>(input.replicas[0].entries.size()));
}

BENCHMARK(first_copy)->Arg(30'000)->Unit(benchmark::kMillisecond);
BENCHMARK(no_change)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond);
BENCHMARK(one_percent_edited)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond);
BENCHMARK(directory_renamed)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ox::plan
