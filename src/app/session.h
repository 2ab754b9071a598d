#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "app/ignores.h"
#include "app/rule.h"
#include "provider/provider.h"
#include "rt/clock.h"
#include "rt/pool.h"
#include "rt/progress.h"
#include "rt/rate_limit.h"
#include "state/lock.h"
#include "state/store.h"
#include "sync/engine.h"

namespace ox::app {

/// What the process lends to use cases.
struct Process {
  rt::Pool* pool = nullptr;
  rt::Clock* clock = nullptr;
  rt::Progress* progress = nullptr;
  sync::EventSink events;  ///< may be empty
  std::stop_token stop;
};

enum class Purpose : std::uint8_t {
  kChange,  ///< takes the rule's lock; roots and state may be written
  kLook,    ///< neither is ever written, and no lock is taken; a rule that never ran has an empty
            ///< state
  kRecall,  ///< as kLook, but kNotFound when the rule never ran
};

/// A rule with its lock, memory and roots opened, for as many runs as it lives. One thread.
class Session {
 public:
  /// Errors as exit_code_of() reads them. Roots that a known rule misses are away, as long as two
  /// others are there.
  static Result<std::unique_ptr<Session>> open(const Places& places, Rule rule, Purpose purpose,
                                               rt::Clock& clock);

  const Rule& rule() const { return rule_; }
  state::Store& store() { return *store_; }
  /// For the engine: from the state, else of a rule that never ran.
  const state::RuleFacts& facts() const { return facts_; }
  bool ran_before() const { return ran_before_; }
  void note_run() { ran_before_ = true; }
  const std::vector<sync::EngineReplica>& replicas() const { return replicas_; }
  const std::vector<tree::Filter>& filters() const { return filters_; }
  const std::vector<IgnoreSource>& ignores() const { return ignores_; }

  /// Opens what was away, closes what has gone, reads the patterns again. Before every run.
  Result<std::vector<state::Problem>> refresh();

  sync::Services services(const Process& process);

 private:
  Session(const Places& places, Rule rule, Purpose purpose, rt::Clock& clock);

  Result<void> prepare_roots();
  Result<void> open_store(const Places& places);
  Result<void> set_aside_other_roots();
  Result<void> load_facts();
  Result<void> open_roots();
  Result<std::unique_ptr<provider::Provider>> open_root(ReplicaIndex i);
  Result<bool> looks_unmounted(ReplicaIndex i, fs::Directory& root);

  Rule rule_;
  Purpose purpose_;
  rt::Clock& clock_;
  std::unique_ptr<state::RunLock> lock_;
  std::unique_ptr<state::Store> store_;
  state::RuleFacts facts_;
  bool ran_before_ = false;
  IgnoreIndex ignore_index_;
  rt::RateLimit rate_limit_;
  std::vector<std::unique_ptr<provider::Provider>> providers_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> identities_;  ///< device and inode
  std::vector<char> wary_;  ///< opened to look only, because it looks unmounted
  std::vector<tree::Filter> filters_;
  std::vector<IgnoreSource> ignores_;
  std::vector<sync::EngineReplica> replicas_;
};

}  // namespace ox::app
