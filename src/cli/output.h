#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/history.h"
#include "app/sync.h"
#include "app/watch.h"
#include "app/why.h"
#include "cli/options.h"
#include "cli/terminal.h"

namespace ox::cli {

/// Says answers in one format. The engine's threads call event(), one at a time; all else comes
/// from one thread.
class Output {
 public:
  virtual ~Output() = default;

  /// The names of the replicas, for events that tell them by number.
  virtual void set_labels(std::vector<std::string> labels) = 0;
  virtual void event(const sync::Event& event) = 0;
  virtual void synced(const app::SyncResult& result) = 0;
  virtual void watch(const app::WatchEvent& event) = 0;
  virtual void status(const app::Status& status) = 0;
  virtual void broken_rule(const app::KnownRule& rule) = 0;
  virtual void runs(const std::vector<state::RunRecord>& runs) = 0;
  virtual void run(const app::RunDetails& details) = 0;
  virtual void conflicts(const std::vector<app::ConflictStatus>& conflicts) = 0;
  virtual void why(const app::Why& why) = 0;
  virtual void undone(const app::UndoResult& result) = 0;
  virtual void versions(const RelPath& path, const app::VersionList& list) = 0;
  virtual void restored(const RelPath& path, const app::RestoreResult& result) = 0;
  virtual void held(const app::Held& held, bool approved_now) = 0;
  virtual void rule(const app::NamedRule& rule) = 0;
  virtual void known_rule(const app::KnownRule& rule) = 0;
  virtual void places(const app::Places& places) = 0;
  virtual void version() = 0;
  virtual void error(const Error& error) = 0;
  /// The very last call.
  virtual void finish(app::ExitCode exit) = 0;
};

std::unique_ptr<Output> make_text_output(Terminal& terminal, const Options& options);
std::unique_ptr<Output> make_json_output(Terminal& terminal, const Options& options);

/// "in_sync", "partly", …
std::string_view name_of(state::RunOutcome outcome);
/// "create", "update", "move", …
std::string_view name_of(const state::Action& action);
std::string_view name_of(tree::Kind kind);
/// Why a filter leaves a path out: "pattern", "too_small", …; "included" when it does not.
std::string_view name_of(tree::Verdict verdict);
/// The label of a replica; empty when it is none of the rule's.
std::string_view label_of(const std::vector<std::string>& labels,
                          std::optional<ReplicaIndex> replica);

}  // namespace ox::cli
