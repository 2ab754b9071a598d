#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/output.h"
#include "cli/text.h"
#include "cli/text_parts.h"

/// Answers for a person: what happened, and what to do next.
namespace ox::cli {

namespace {

class TextOutput final : public Output {
 public:
  TextOutput(Terminal& terminal, const Options& options) : terminal_(terminal), options_(options) {}

  void set_labels(std::vector<std::string> labels) override { labels_ = std::move(labels); }

  void event(const sync::Event& event) override {
    if (event.kind == sync::EventKind::kDone && options_.verbosity != Verbosity::kVerbose) {
      return;  // by the hundred thousand
    }
    const std::string where = place_of(label_of(labels_, event.replica), event.path);
    switch (event.kind) {
      case sync::EventKind::kPlanned:
        say(fmt::format("would {:<10} {}{}", event.action, where, came_from(event)));
        break;
      case sync::EventKind::kDone:
        say(fmt::format("{:<10} {}{}", event.action, where, came_from(event)));
        break;
      case sync::EventKind::kFailed:
        terminal_.complain(
            fmt::format("failed: {} {}: {}", event.action, where, shown(event.message)));
        break;
      case sync::EventKind::kConflict:
        say(fmt::format("conflict: {}: {}{}", where, shown(event.message),
                        event.from.is_root() ? "" : " as " + shown(event.from.text())));
        break;
      case sync::EventKind::kProblem:
        terminal_.complain(where.empty() ? shown(event.message)
                                         : where + ": " + shown(event.message));
        break;
      case sync::EventKind::kNote:
        if (told_notes_.insert(event.message).second) {
          say("note: " + shown(event.message));
        }
        break;
    }
  }

  void synced(const app::SyncResult& result) override {
    if (result.report.rebased) {
      say("Merged as a union, so nothing was deleted: " + shown(result.report.rebase_reason));
    }
    const std::string line = verdict_of(result, options_);
    if (result.exit == app::ExitCode::kInSync || result.exit == app::ExitCode::kDifferent) {
      say(line);
    } else {
      terminal_.complain(line);
    }
  }

  void watch(const app::WatchEvent& event) override {
    switch (event.what) {
      case app::WatchEvent::What::kWatching:
        say("Watching; stop with Ctrl-C.");
        break;
      case app::WatchEvent::What::kSynced:
        synced(*event.result);
        break;
      case app::WatchEvent::What::kFailed:
        terminal_.complain("Not synced: " + shown(event.message) + "; trying again");
        break;
      case app::WatchEvent::What::kUnwatched:
        terminal_.complain(shown(event.path) + " can't be watched (" + shown(event.message) +
                           "); it is looked at every minute");
        break;
    }
  }

  void status(const app::Status& status) override {
    separate();
    say(status.name.empty() ? "Rule " + status.id.substr(0, 8) : "Rule " + status.name);
    for (const app::Status::RootStatus& root : status.roots) {
      say(fmt::format("  {}{}", shown(root.path), root.present ? "" : "  (is not there)"));
    }
    say(fmt::format("  mode {}, {} in the agreed tree", shown(status.mode),
                    counted(status.entries, "entry", "entries")));
    if (status.running) {
      say("  a run is at work now");
    }
    if (status.last_run.has_value()) {
      say("  last change: " + line_of(*status.last_run));
    }
    if (!status.held.empty()) {
      say(
          fmt::format("  {} held: look with `syncoxiders approve --list`, let them through with "
                      "`syncoxiders approve`",
                      counted(status.held.size(), "change is", "changes are")));
    }
    if (status.conflicts != 0) {
      say(fmt::format("  {} so far: `syncoxiders conflicts`",
                      counted(status.conflicts, "conflict", "conflicts")));
    }
    std::vector<std::string> labels;
    for (const app::Status::RootStatus& root : status.roots) {
      labels.push_back(root.label);
    }
    for (const state::Problem& problem : status.problems) {
      say("  " + line_of(problem, labels));
    }
  }

  void broken_rule(const app::KnownRule& rule) override {
    separate();
    terminal_.complain("Rule " + rule.id.substr(0, 8) + ": " + shown(rule.trouble) + ": " +
                       shown(rule.store_path));
  }

  void runs(const std::vector<state::RunRecord>& runs) override {
    if (runs.empty()) {
      say("No run has changed anything yet.");
    }
    for (const state::RunRecord& run : runs) {
      say(line_of(run));
    }
  }

  void run(const app::RunDetails& details) override {
    say(line_of(details.run));
    for (const state::Action& action : details.actions) {
      const std::string from = action.from.is_root() ? "" : "  from " + shown(action.from.text());
      say(fmt::format("  {:<10} {}{}", name_of(action),
                      place_of(label_of(details.labels, action.replica), action.path), from));
    }
  }

  void conflicts(const std::vector<app::ConflictStatus>& conflicts) override {
    if (conflicts.empty()) {
      say("No conflicts.");
    }
    for (const app::ConflictStatus& conflict : conflicts) {
      say(line_of(conflict));
    }
  }

  void why(const app::Why& why) override {
    for (const std::string& line : lines_of(why)) {
      say(line);
    }
    std::vector<std::string> labels;
    for (const app::WhyRoot& root : why.roots) {
      labels.push_back(root.label);
    }
    for (const state::Problem& problem : why.problems) {
      say("Last run: " + line_of(problem, labels));
    }
    for (const app::ConflictStatus& conflict : why.conflicts) {
      const bool is_copy = conflict.record.copy_path == why.path;
      say((is_copy ? "It is the other version of a conflict: " : "Conflict: ") + line_of(conflict));
    }
    for (const std::string& name : why.held) {
      say("Held: " + shown(name) + "; let it through with `syncoxiders approve`");
    }
    if (why.next.empty()) {
      say("The next run leaves it as it is.");
      return;
    }
    say("The next run:");
    set_labels(std::move(labels));
    for (const sync::Event& next : why.next) {
      event(next);
    }
  }

  void undone(const app::UndoResult& result) override {
    for (const sync::UndoSkip& skip : result.report.skipped) {
      terminal_.complain(fmt::format("skipped: {}: {}",
                                     place_of(label_of(result.labels, skip.replica), skip.path),
                                     shown(skip.reason)));
    }
    if (result.report.id.value == 0) {
      say("There was nothing to take back.");
      return;
    }
    say(fmt::format(
        "Took back {}{}. This is run {}: `syncoxiders undo {}` brings it all back. The "
        "next sync spreads what changed.",
        counted(result.report.undone, "change", "changes"),
        result.report.skipped.empty() ? ""
                                      : fmt::format(", skipped {}", result.report.skipped.size()),
        result.report.id.value, result.report.id.value));
  }

  void versions(const RelPath& path, const app::VersionList& list) override {
    for (const sync::Version& version : list.versions) {
      std::string where;
      for (const sync::Version::Holder& holder : version.holders) {
        where += (where.empty() ? "" : ", ") + shown(label_of(list.labels, holder.replica));
      }
      say(fmt::format("@{:<3} replaced {}  {}  modified {}  run {}  in the trash of {}",
                      version.number, shown_time(version.record.when),
                      shown_size(version.record.content.size),
                      shown_time(version.record.content.mtime), version.record.run.value, where));
    }
    say(fmt::format("Bring one back with: syncoxiders restore '{}@1'", shown(path.text())));
  }

  void restored(const RelPath& path, const app::RestoreResult& result) override {
    say(fmt::format(
        "Restored {} in {} (version @{}, {}). This is run {}; the next sync spreads it.",
        shown(path.text()), shown(result.root), result.version.number,
        shown_size(result.report.entry.content.size), result.report.id.value));
  }

  void held(const app::Held& held, bool approved_now) override {
    for (const std::string& name : held.names) {
      say(shown(name));
    }
    if (held.names.empty()) {
      say("Nothing is held.");
    } else if (approved_now) {
      say(fmt::format("Approved {}; the next sync does it.",
                      counted(held.names.size(), "change", "changes")));
    } else {
      say(fmt::format("{} held; `syncoxiders approve` lets the next sync do it.",
                      counted(held.names.size(), "change is", "changes are")));
    }
  }

  void rule(const app::NamedRule& rule) override {
    separate();
    for (const std::string& line : lines_of(rule)) {
      say(line);
    }
  }

  void known_rule(const app::KnownRule& rule) override {
    if (!rule.trouble.empty()) {
      broken_rule(rule);
      return;
    }
    separate();
    say(rule.name.empty() ? "Rule " + rule.id.substr(0, 8)
                          : "Rule " + rule.name + " (no longer in the rules file)");
    for (const std::string& root : rule.roots) {
      say("  " + shown(root));
    }
  }

  void places(const app::Places& places) override {
    say("rules: " + shown(places.rules_file));
    say("state: " + shown(places.state_folder));
  }

  void version() override { say(std::string("syncoxiders ") + kProgramVersion); }

  void error(const Error& error) override {
    terminal_.complain("syncoxiders: " + shown_error(error));
  }

  void finish(app::ExitCode) override {}

 private:
  void say(const std::string& line) {
    if (options_.verbosity != Verbosity::kQuiet) {
      terminal_.say(line);
    }
    said_ = true;
  }
  void separate() {
    if (said_) {
      say("");
    }
  }

  static std::string came_from(const sync::Event& event) {
    return event.from.is_root() ? "" : "  from " + shown(event.from.text());
  }

  Terminal& terminal_;
  const Options& options_;
  std::vector<std::string> labels_;
  std::set<std::string> told_notes_;  ///< a watch has many runs
  bool said_ = false;
};

}  // namespace

std::unique_ptr<Output> make_text_output(Terminal& terminal, const Options& options) {
  return std::make_unique<TextOutput>(terminal, options);
}

}  // namespace ox::cli
