#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fs/memory/memory_fs.h"
#include "provider/memory/memory_provider.h"
#include "rt/pool.h"
#include "sync/engine.h"

namespace ox::sync {

inline RelPath at(std::string_view text) {
  return RelPath::parse(text).value();
}

/// One of so many replicas, which a test makes another than the rest.
struct OneOf {
  std::size_t replicas = 2;
  std::size_t which = 0;
};

inline std::vector<OneOf> each_of_two_to_five() {
  std::vector<OneOf> all;
  for (std::size_t replicas = 2; replicas <= 5; ++replicas) {
    for (std::size_t which = 0; which < replicas; ++which) {
      all.push_back({.replicas = replicas, .which = which});
    }
  }
  return all;
}

inline std::string name_of_one(const ::testing::TestParamInfo<OneOf>& one) {
  return std::to_string(one.param.which + 1) + "Of" + std::to_string(one.param.replicas);
}

/// The real engine between memory replicas, whose every call a test can watch, fail or follow with
/// a user's hand.
class EngineLab : public ::testing::Test {
 protected:
  EngineLab() {
    facts_.id = std::string(31, '0') + "7";
    open_store();
  }

  provider::MemoryProvider& add_replica(
      provider::Capabilities abilities = provider::full_capabilities()) {
    const auto i = static_cast<ReplicaIndex>(stores_.size());
    stores_.push_back(std::make_unique<provider::MemoryProvider>(
        provider::MemoryOptions{.capabilities = std::move(abilities), .clock = &clock_}));
    const std::string label(1, static_cast<char>('a' + i));
    replicas_.push_back({.provider = stores_.back().get(), .label = label, .filter = &filter_});
    facts_.replicas.push_back({.address = "/" + label, .label = label});
    options_.policy.order.push_back(i);
    return *stores_.back();
  }

  void open_store() {
    store_.reset();
    store_ = state::Store::open({.os_path = {}, .directory = disk_.root(), .name = "state"},
                                state::OpenMode::kReadWrite)
                 .value();
  }

  Bytes copy_state() {
    store_.reset();
    const auto file = disk_.root()->open_file("state", fs::Access::kRead).value();
    Bytes bytes(file->stat()->size);
    EXPECT_TRUE(file->read_at(0, bytes).ok());
    open_store();
    return bytes;
  }

  void restore_state(const Bytes& bytes) {
    store_.reset();
    const auto file = disk_.root()->open_file("state", fs::Access::kReadWrite).value();
    EXPECT_TRUE(file->truncate(bytes.size()).ok());
    EXPECT_TRUE(file->write_at(0, bytes).ok());
    open_store();
  }

  Result<RunReport> run(std::stop_token stop = {}) {
    clock_.advance(std::chrono::seconds(10));
    const Services services{.pool = threads_ != nullptr ? threads_.get() : &pool_,
                            .clock = &clock_,
                            .progress = &progress_,
                            .events = [this](const Event& event) { events_.push_back(event); }};
    events_.clear();
    return run_rule(*store_, facts_, replicas_, options_, services, std::move(stop));
  }

  /// A run that comes out in sync and has nothing to complain of.
  RunReport run_clean() {
    Result<RunReport> report = run();
    EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().to_string());
    if (!report.ok()) {
      return {};
    }
    EXPECT_EQ(report->outcome, state::RunOutcome::kInSync);
    for (const state::Problem& problem : report->problems) {
      ADD_FAILURE() << problem.path.text() << " " << problem.code << ": " << problem.message;
    }
    return std::move(*report);
  }

  void write(std::size_t replica, std::string_view path, std::string bytes) {
    clock_.advance(std::chrono::seconds(10));
    ASSERT_TRUE(stores_[replica]->user_write(at(path), std::move(bytes)).ok());
  }

  /// Path → bytes of the files of a replica.
  std::map<std::string, std::string> files(std::size_t replica) const {
    std::map<std::string, std::string> found;
    for (const auto& [path, entry] : stores_[replica]->entries()) {
      if (entry.kind == tree::Kind::kFile) {
        found[path.text()] = *stores_[replica]->content(path);
      }
    }
    return found;
  }

  /// Every call `call` of `replica` fails with `code` before it does anything, the first `times`
  /// times.
  void fail_calls(std::size_t replica, std::string call, Code code, std::size_t times = SIZE_MAX,
                  std::string path = {}) {
    auto left = std::make_shared<std::size_t>(times);
    stores_[replica]->set_hook([call = std::move(call), code, left, path = std::move(path)](
                                   const provider::MemoryEvent& event) -> Result<void> {
      if (event.when != provider::MemoryEvent::When::kBeforeEffect || event.call != call ||
          (!path.empty() && event.path.text() != path) || *left == 0) {
        return {};
      }
      --*left;
      return Error(code, "made to fail");
    });
  }

  void heal(std::size_t replica) { stores_[replica]->set_hook({}); }

  static bool has_problem(const RunReport& report, std::string_view code) {
    return std::ranges::any_of(report.problems,
                               [&](const state::Problem& problem) { return problem.code == code; });
  }

  rt::ManualClock clock_{Timestamp{1'700'000'000'000'000'000}};
  fs::MemoryFileSystem disk_{clock_};
  std::vector<std::unique_ptr<provider::MemoryProvider>> stores_;
  tree::Filter filter_;
  std::unique_ptr<state::Store> store_;
  state::RuleFacts facts_;
  std::vector<EngineReplica> replicas_;
  RunOptions options_;
  rt::InlinePool pool_;
  std::unique_ptr<rt::Pool> threads_;  ///< none: all is done on this thread
  rt::NullProgress progress_;
  std::vector<Event> events_;
};

}  // namespace ox::sync
