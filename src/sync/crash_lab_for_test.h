#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fs/faulty/faulty_fs.h"
#include "fs/memory/memory_fs.h"
#include "provider/local/local_provider.h"
#include "rt/pool.h"
#include "sync/engine.h"

namespace ox::sync {

/// The real engine between folders on a disk that dies at any call; the process that follows finds
/// what is left. The state is on the same disk.
class CrashLab {
 public:
  explicit CrashLab(const fs::MemoryOptions& disk = {},
                    const std::vector<std::string>& labels = {"a", "b"})
      : disk_(clock_, disk) {
    facts_.id = std::string(31, '0') + "7";
    EXPECT_TRUE(disk_.root()->make_directory("state", 0755).ok());
    for (const std::string& label : labels) {
      EXPECT_TRUE(disk_.root()->make_directory(label, 0755).ok());
      options_.policy.order.push_back(static_cast<ReplicaIndex>(facts_.replicas.size()));
      facts_.replicas.push_back({.address = "/" + label, .label = label});
    }
    EXPECT_TRUE(disk_.root()->sync().ok());
    start();
  }

  /// A new process.
  void start() {
    providers_.clear();
    store_.reset();
    replicas_.clear();
    plan_->clear();
    for (const state::ReplicaFacts& facts : facts_.replicas) {
      const std::string& label = facts.label;
      providers_.push_back(
          provider::make_local_provider({.root = fs::make_faulty(folder(label), plan_),
                                         .rule = facts_.id,
                                         .clock = &clock_,
                                         .random = &random_})
              .value());
      replicas_.push_back(
          {.provider = providers_.back().get(), .label = label, .filter = &filter_});
    }
    state::StoreLocation location;
    location.directory = fs::make_faulty(folder("state"), plan_);
    location.name = "state";
    store_ = state::Store::open(location, state::OpenMode::kReadWrite).value();
  }

  /// Calls `work`, whose process dies at call `crash`, and starts the next one. False: it came to
  /// its end before.
  template <typename Work>
  bool dies_in(std::uint64_t crash, const Work& work) {
    plan_->clear();
    plan_->crash_at(crash);
    work();
    const bool died = plan_->crashed();
    plan_->clear();
    start();
    return died;
  }

  /// The machine loses what is not durable; a new process follows.
  void power_cut(std::uint64_t seed) {
    rt::SeededRandom random(seed);
    disk_.power_cut(random);
    start();
  }

  std::unique_ptr<fs::Directory> folder(std::string_view name) {
    return disk_.root()->open_directory(name).value();
  }

  /// As editors save: another file comes in the place of the old one.
  void save(std::string_view root, std::string_view path, std::string_view bytes) {
    clock_.advance(std::chrono::seconds(10));
    const auto directory = parent(root, path);
    auto file = directory->create_file("saving", 0644).value();
    EXPECT_TRUE(file->write_at(0, as_bytes_view(bytes)).ok());
    file.reset();
    EXPECT_TRUE(directory->rename("saving", *directory, name(path), fs::RenameMode::kReplace).ok());
  }

  /// In place: it stays the same file.
  void write(std::string_view root, std::string_view path, std::string_view bytes) {
    clock_.advance(std::chrono::seconds(10));
    const auto file = parent(root, path)->open_file(name(path), fs::Access::kReadWrite).value();
    EXPECT_TRUE(file->write_at(0, as_bytes_view(bytes)).ok());
    EXPECT_TRUE(file->truncate(bytes.size()).ok());
  }

  void rename(std::string_view root, std::string_view from, std::string_view to) {
    const auto target = parent(root, to);
    EXPECT_TRUE(
        parent(root, from)->rename(name(from), *target, name(to), fs::RenameMode::kReplace).ok());
  }

  std::string read(std::string_view root, std::string_view path) {
    const auto file = parent(root, path)->open_file(name(path), fs::Access::kRead);
    return file.ok() ? read(**file) : "nothing";
  }

  /// Path → what stands there, as text: mode, and of a file its time and bytes.
  std::map<std::string, std::string> tree(std::string_view root) {
    std::map<std::string, std::string> found;
    walk(*folder(root), "", found);
    return found;
  }

  /// The bytes of every file in all trees and trashes.
  std::set<std::string> all_bytes() {
    std::set<std::string> found = trashed_bytes();
    for (const EngineReplica& replica : replicas_) {
      collect(*folder(replica.label), found);
    }
    return found;
  }

  std::set<std::string> trashed_bytes() {
    std::set<std::string> found;
    for (const auto& provider : providers_) {
      for (const provider::Provider::TrashItem& item : provider->list_trash().value()) {
        if (item.entry.kind == tree::Kind::kFile) {
          found.insert(bytes_of(*provider, item.path));
        }
      }
    }
    return found;
  }

  /// What stands in the stage of a root and is not there for good.
  std::set<std::string> leftovers(std::string_view root) {
    std::set<std::string> found;
    const auto stage =
        folder(root)->open_below(RelPath::parse(".syncoxiders/stage/" + facts_.id).value());
    for (const fs::DirectoryItem& item : stage.value()->list().value()) {
      if (item.name != "clock" && !item.name.starts_with("resume-")) {
        found.insert(item.name);
      }
    }
    return found;
  }

  Services services() { return {.pool = &pool_, .clock = &clock_, .progress = &progress_}; }
  Result<RunReport> run() {
    clock_.advance(std::chrono::seconds(10));
    return run_rule(*store_, facts_, replicas_, options_, services(), {});
  }

  static std::string bytes_of(provider::Provider& provider, const RelPath& trashed) {
    const auto source = provider.open_trashed(trashed);
    if (!source.ok()) {
      return "nothing";
    }
    std::string bytes((*source)->size(), '\0');
    EXPECT_TRUE(
        (*source)->read_at(0, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()}).ok());
    return bytes;
  }

  rt::ManualClock clock_{Timestamp{1'700'000'000'000'000'000}};
  rt::SeededRandom random_{7};
  std::shared_ptr<fs::FaultPlan> plan_ = std::make_shared<fs::FaultPlan>();
  fs::MemoryFileSystem disk_;
  std::vector<std::unique_ptr<provider::Provider>> providers_;
  tree::Filter filter_;
  std::unique_ptr<state::Store> store_;
  state::RuleFacts facts_;
  std::vector<EngineReplica> replicas_;
  RunOptions options_;
  rt::InlinePool pool_;
  rt::NullProgress progress_;

 protected:
  static std::string_view name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

  std::unique_ptr<fs::Directory> parent(std::string_view root, std::string_view path) {
    const std::size_t slash = path.rfind('/');
    auto directory = folder(root);
    return slash == std::string_view::npos
               ? std::move(directory)
               : directory->open_below(RelPath::parse(path.substr(0, slash)).value()).value();
  }

 private:
  static std::string read(fs::File& file) {
    std::string bytes(file.stat()->size, '\0');
    EXPECT_TRUE(
        file.read_at(0, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()}).ok());
    return bytes;
  }

  static void walk(fs::Directory& directory, const std::string& prefix,
                   std::map<std::string, std::string>& found) {
    for (const fs::DirectoryItem& item : directory.list().value()) {
      if (item.name == ".syncoxiders") {
        continue;
      }
      std::string& text = found[prefix + item.name];
      text = std::to_string(item.stat.mode);
      if (item.stat.type == fs::NodeType::kDirectory) {
        walk(*directory.open_directory(item.name).value(), prefix + item.name + "/", found);
      } else {
        text += " " + std::to_string(item.stat.mtime.ns) + " " +
                read(*directory.open_file(item.name, fs::Access::kRead).value());
      }
    }
  }

  static void collect(fs::Directory& directory, std::set<std::string>& found) {
    for (const fs::DirectoryItem& item : directory.list().value()) {
      if (item.name == ".syncoxiders") {
        continue;
      }
      if (item.stat.type == fs::NodeType::kDirectory) {
        collect(*directory.open_directory(item.name).value(), found);
      } else {
        found.insert(read(*directory.open_file(item.name, fs::Access::kRead).value()));
      }
    }
  }
};

}  // namespace ox::sync
