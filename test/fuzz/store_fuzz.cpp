#include <string>

#include "fs/memory/memory_fs.h"
#include "fuzz/fuzz.h"
#include "rt/clock.h"
#include "state/store.h"

/// The state's file, damaged or something else altogether: it is told, or what is read is whole.
namespace ox::fuzz {
namespace {

using state::OpenMode;
using state::Store;

constexpr std::string_view kName = "state";

class Disk {
 public:
  Result<std::unique_ptr<Store>> open(OpenMode mode) {
    return Store::open({.os_path = {}, .directory = disk_.root(), .name = std::string(kName)},
                       mode);
  }
  Bytes read() {
    const auto file = disk_.root()->open_file(kName, fs::Access::kRead).value();
    Bytes bytes(file->stat()->size);
    expects(file->read_at(0, bytes).ok());
    return bytes;
  }
  void write(BytesView bytes) {
    expects(disk_.root()->create_file(kName, 0600).value()->write_at(0, bytes).ok());
  }

 private:
  rt::ManualClock clock_{Timestamp{1}};
  fs::MemoryFileSystem disk_{clock_};
};

tree::NodeRecord record_of(std::uint64_t id, const std::string& name, tree::Kind kind) {
  const NodeId parent = id == kRootNode.value ? kNoNode : kRootNode;
  const tree::NodeValue value{.parent = parent, .name = name, .kind = kind};
  tree::NodeRecord record{.id = NodeId{id}, .agreed = value, .sides = {{}, {}}};
  record.sides[0].acknowledged = tree::Acknowledged{.value = value};
  return record;
}

state::Commit sample() {
  state::Commit commit;
  const auto add = [&](tree::NodeRecord record) {
    commit.nodes.push_back({.id = record.id, .stored = {}, .record = std::move(record)});
  };
  add(record_of(1, "", tree::Kind::kDirectory));
  for (std::uint64_t id = 2; id < 400; ++id) {
    add(record_of(id, "file " + std::to_string(id), tree::Kind::kFile));
  }
  const RelPath path = RelPath::parse("a/b").value();
  commit.batches.push_back({.run = RunId{1}, .actions = {{.path = path}, {.path = path}}});
  commit.runs.push_back({.id = RunId{1}});
  commit.conflicts.push_back({.run = RunId{1}, .path = path});
  commit.versions.push_back({.run = RunId{1}, .path = path, .trashed = path});
  commit.facts = state::RuleFacts{.id = "rule", .replicas = {{}, {}}};
  commit.problems = {{.replica = 0, .path = path}};
  commit.merge_bases = {{Digest{}, Bytes(20'000, 'x')}};
  commit.held = {"held"};
  return commit;
}

Bytes sample_file() {
  Disk disk;
  expects(disk.open(OpenMode::kReadWrite).value()->commit(sample()).ok());
  return disk.read();
}

/// The sample with some of its bytes changed, cut off somewhere; or the input itself.
Bytes file_of(Input input) {
  static const Bytes whole = sample_file();
  const unsigned kind = input.byte();
  if (kind % 16 == 0) {
    const BytesView rest = input.bytes();
    return {rest.begin(), rest.end()};
  }
  Bytes bytes = whole;
  if (kind % 16 == 1) {
    bytes.resize(input.number() % whole.size());
  }
  while (!input.at_end() && !bytes.empty()) {
    const std::size_t at =
        (input.byte() * 65536U + input.byte() * 256U + input.byte()) % bytes.size();
    const BytesView patch = input.raw(std::min<std::size_t>(input.byte() % 16, bytes.size() - at));
    std::ranges::copy(patch, bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return bytes;
}

void check_reads(Store& store) {
  must_explain(store.facts());
  must_explain(store.root());
  must_explain(store.children(kRootNode));
  must_explain(store.pages(kRootNode));
  must_explain(store.find_child(kRootNode, "file 200"));
  must_explain(store.unsettled());
  must_explain(store.node_count());
  must_explain(store.open_batches());
  must_explain(store.batches(RunId{1}));
  must_explain(store.runs(10));
  must_explain(store.find_run(RunId{1}));
  must_explain(store.conflicts());
  must_explain(store.versions(RelPath::parse("a/b").value()));
  must_explain(store.versions_of(NodeId{2}));
  must_explain(store.versions_in_trash(0));
  must_explain(store.problems());
  must_explain(store.merge_base(Digest{}));
  must_explain(store.merge_base_digests());
  must_explain(store.held());
  must_explain(store.approved());
}

/// Records that are read have passed their checksum, so they are the sample's.
void check_children(Store& store) {
  const auto children = store.children(kRootNode);
  if (children.ok()) {
    for (const tree::NodeRecord& child : *children) {
      must(child == record_of(child.id.value, "file " + std::to_string(child.id.value),
                              tree::Kind::kFile),
           "a damaged record is not believed");
    }
  }
}

void check(Input input) {
  const bool read_only = input.byte() % 2 == 0;
  const Bytes bytes = file_of(input);
  Disk disk;
  disk.write(bytes);
  const auto store = disk.open(read_only ? OpenMode::kReadOnly : OpenMode::kReadWrite);
  must_explain(store);
  if (!store.ok()) {
    return;
  }
  check_reads(**store);
  check_children(**store);
  must_explain((*store)->commit(sample()));
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ox::fuzz::check(ox::fuzz::Input(data, size));
  return 0;
}
