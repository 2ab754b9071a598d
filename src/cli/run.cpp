#include "cli/run.h"

#include <algorithm>

#include "cli/output.h"
#include "cli/text.h"

namespace ox::cli {

namespace {

using app::ExitCode;

class Commander {
 public:
  Commander(const Options& options, const Wiring& wiring, Output& output,
            rt::CountingProgress& progress)
      : options_(options), wiring_(wiring), output_(output) {
    process_ = {.pool = wiring.pool,
                .clock = wiring.clock,
                .progress = &progress,
                .events = [this](const sync::Event& event) { output_.event(event); },
                .stop = wiring.stop};
  }

  Result<ExitCode> run() {
    if (options_.command == Command::kVersion) {
      output_.version();
      return ExitCode::kInSync;
    }
    TRY_ASSIGN(places_,
               app::find_places(wiring_.environment, options_.state_folder, options_.rules_file));
    settings_ = options_.settings;
    TRY(read_filters());
    switch (options_.command) {
      case Command::kSync:
        return sync(options_.dry_run ? app::Doing::kDryRun : app::Doing::kForReal);
      case Command::kCheck:
        return sync(app::Doing::kCheck);
      case Command::kWatch:
        return watch();
      case Command::kStatus:
        return status();
      case Command::kLog:
        return log();
      case Command::kConflicts:
        return conflicts();
      case Command::kWhy:
        return why();
      case Command::kUndo:
        return undo();
      case Command::kVersions:
        return versions();
      case Command::kRestore:
        return restore();
      case Command::kApprove:
        return approve();
      case Command::kRules:
        return rules();
      case Command::kVersion:
        break;
    }
    return ExitCode::kUnexpected;
  }

 private:
  rt::Clock& clock() const { return *wiring_.clock; }

  Result<void> read_filters() {
    for (const std::string& path : options_.filter_files) {
      TRY_ASSIGN(std::optional<std::string> text, app::read_file(path));
      if (!text.has_value()) {
        return app::usage_error("the file of --filter-from is not there: " + path);
      }
      settings_.ignores.push_back({.origin = path, .text = std::move(*text)});
    }
    return {};
  }

  Result<app::Rule> rule() const {
    TRY_ASSIGN(app::Rule found, app::find_rule(places_, options_.words, settings_));
    output_.set_labels(found.labels);
    return found;
  }

  Result<app::Located> located() const {
    TRY_ASSIGN(app::Located found, app::locate(places_, options_.path, options_.words, settings_));
    output_.set_labels(found.rule.labels);
    return found;
  }

  /// What on_failure does is never the reason why a sync failed.
  void on_failure(const app::Rule& rule, ExitCode exit, const std::string& message) {
    if (const Result<void> told = app::tell_failure(rule, exit, message); !told.ok()) {
      output_.error(told.error());
    }
  }

  static std::string message_of(const app::SyncResult& result) {
    for (const state::Problem& problem : result.report.problems) {
      return problem.message;
    }
    return std::string(name_of(result.report.outcome));
  }

  Result<ExitCode> sync(app::Doing doing) {
    const bool for_real = doing == app::Doing::kForReal;
    TRY_ASSIGN(const app::Rule rule, for_real || options_.words.size() > 1
                                         ? app::rule_to_sync(places_, options_.words, settings_)
                                         : app::find_rule(places_, options_.words, settings_));
    output_.set_labels(rule.labels);
    const Result<app::SyncResult> result = app::sync_rule(places_, rule, process_, doing);
    if (!result.ok()) {
      if (for_real) {
        on_failure(rule, app::exit_code_of(result.error()), result.error().to_string());
      }
      return result.error();
    }
    output_.synced(*result);
    if (for_real) {
      on_failure(rule, result->exit, message_of(*result));
    }
    return result->exit;
  }

  Result<ExitCode> watch() {
    TRY_ASSIGN(const app::Rule rule, app::rule_to_sync(places_, options_.words, settings_));
    output_.set_labels(rule.labels);
    const Result<void> watched =
        app::watch_rule(places_, rule, process_, [&](const app::WatchEvent& event) {
          output_.watch(event);
          if (event.what == app::WatchEvent::What::kSynced) {
            on_failure(rule, event.result->exit, message_of(*event.result));
          } else if (event.what == app::WatchEvent::What::kFailed) {
            on_failure(rule, ExitCode::kUnexpected, event.message);
          }
        });
    if (!watched.ok()) {
      on_failure(rule, app::exit_code_of(watched.error()), watched.error().to_string());
      return watched.error();
    }
    return ExitCode::kInterrupted;
  }

  Result<ExitCode> status() {
    if (!options_.words.empty()) {
      TRY_ASSIGN(app::Rule one, rule());
      TRY_ASSIGN(const app::Status status, app::status_of(places_, std::move(one), clock()));
      output_.status(status);
      return ExitCode::kInSync;
    }
    TRY_ASSIGN(const std::vector<app::KnownRule> known, app::known_rules(places_));
    if (known.empty()) {
      return Error(Code::kNotFound,
                   "nothing has been synced yet; begin with: syncoxiders sync A B");
    }
    ExitCode exit = ExitCode::kInSync;
    for (const app::KnownRule& one : known) {
      if (!one.trouble.empty()) {
        output_.broken_rule(one);
        exit = ExitCode::kState;
        continue;
      }
      const std::vector<std::string> words =
          one.name.empty() ? one.roots : std::vector<std::string>{one.name};
      Result<app::Rule> rule = app::find_rule(places_, words, settings_);
      if (!rule.ok()) {
        output_.error(rule.error());
        exit = app::exit_code_of(rule.error());
        continue;
      }
      const Result<app::Status> status = app::status_of(places_, std::move(*rule), clock());
      if (!status.ok()) {
        output_.error(status.error());
        exit = app::exit_code_of(status.error());
        continue;
      }
      output_.status(*status);
    }
    return exit;
  }

  Result<ExitCode> log() {
    TRY_ASSIGN(app::Rule one, rule());
    if (options_.run.has_value()) {
      TRY_ASSIGN(const app::RunDetails details,
                 app::run_details(places_, std::move(one), *options_.run, clock()));
      output_.run(details);
      return ExitCode::kInSync;
    }
    TRY_ASSIGN(const std::vector<state::RunRecord> runs,
               app::runs_of(places_, std::move(one), options_.limit, clock()));
    output_.runs(runs);
    return ExitCode::kInSync;
  }

  Result<ExitCode> conflicts() {
    TRY_ASSIGN(app::Rule one, rule());
    TRY_ASSIGN(const std::vector<app::ConflictStatus> found,
               app::conflicts_of(places_, std::move(one), clock()));
    output_.conflicts(found);
    return ExitCode::kInSync;
  }

  Result<ExitCode> why() {
    TRY_ASSIGN(app::Located where, located());
    TRY_ASSIGN(const app::Why answer, app::why(places_, std::move(where), process_));
    output_.why(answer);
    return answer.exit;
  }

  Result<ExitCode> undo() {
    TRY_ASSIGN(app::Rule one, rule());
    TRY_ASSIGN(const app::UndoResult result,
               app::undo(places_, std::move(one), *options_.run, without_problems()));
    output_.undone(result);
    return result.report.skipped.empty() ? ExitCode::kInSync : ExitCode::kPartly;
  }

  Result<ExitCode> versions() {
    TRY_ASSIGN(app::Located where, located());
    const RelPath path = where.path;
    TRY_ASSIGN(const app::VersionList list, app::versions_of(places_, std::move(where), clock()));
    output_.versions(path, list);
    return ExitCode::kInSync;
  }

  Result<ExitCode> restore() {
    TRY_ASSIGN(app::Located where, located());
    const RelPath path = where.path;
    TRY_ASSIGN(const app::RestoreResult result,
               app::restore(places_, std::move(where), options_.version, process_));
    output_.restored(path, result);
    return ExitCode::kInSync;
  }

  Result<ExitCode> approve() {
    TRY_ASSIGN(app::Rule one, rule());
    if (options_.list_only) {
      TRY_ASSIGN(const app::Held held, app::held_of(places_, std::move(one), clock()));
      output_.held(held, false);
      return ExitCode::kInSync;
    }
    TRY_ASSIGN(const app::Held held, app::approve(places_, one, clock()));
    output_.held(held, true);
    return ExitCode::kInSync;
  }

  Result<ExitCode> rules() {
    if (options_.rules_action == RulesAction::kPath) {
      output_.places(places_);
      return ExitCode::kInSync;
    }
    TRY_ASSIGN(const std::vector<app::NamedRule> named,
               app::read_rules(places_.rules_file, places_.home));
    TRY_ASSIGN(const std::vector<app::KnownRule> known, app::known_rules(places_));
    std::size_t shown = 0;
    const bool all = options_.rules_action == RulesAction::kList || options_.words.empty();
    for (const app::NamedRule& rule : named) {
      if (all || rule.name == options_.words.front()) {
        output_.rule(rule);
        ++shown;
      }
    }
    for (const app::KnownRule& rule : known) {
      const bool in_file =
          std::ranges::find(named, rule.name, &app::NamedRule::name) != named.end();
      const bool wanted =
          all || rule.name == options_.words.front() || rule.id.starts_with(options_.words.front());
      if (!in_file && wanted) {
        output_.known_rule(rule);
        ++shown;
      }
    }
    if (shown == 0 && all) {
      output_.places(places_);  // where the first one would go
    } else if (shown == 0) {
      return Error(Code::kNotFound, "no rule is called so").with_context(options_.words.front());
    }
    return ExitCode::kInSync;
  }

  /// An undo's skips are told once, at its end.
  app::Process without_problems() const {
    app::Process quiet = process_;
    quiet.events = [this](const sync::Event& event) {
      if (event.kind != sync::EventKind::kProblem) {
        output_.event(event);
      }
    };
    return quiet;
  }

  const Options& options_;
  const Wiring& wiring_;
  Output& output_;
  app::Places places_;
  app::Settings settings_;
  app::Process process_;
};

std::unique_ptr<Output> make_output(Terminal& terminal, const Options& options) {
  return options.format == Format::kJson ? make_json_output(terminal, options)
                                         : make_text_output(terminal, options);
}

}  // namespace

int run(const Options& options, const Wiring& wiring) {
  rt::CountingProgress progress;
  const bool for_a_person =
      options.verbosity != Verbosity::kQuiet && options.format != Format::kJson;
  Terminal terminal(for_a_person ? Terminal::Progress::kShow : Terminal::Progress::kHide, progress,
                    *wiring.clock);
  const std::unique_ptr<Output> output = make_output(terminal, options);
  const Result<ExitCode> result = Commander(options, wiring, *output, progress).run();
  ExitCode exit = result.ok() ? *result : app::exit_code_of(result.error());
  if (!result.ok()) {
    output->error(result.error());
  }
  output->finish(exit);
  if (terminal.broken()) {
    terminal.complain("syncoxiders: the answer could not be written whole");
    exit = exit == ExitCode::kInSync ? ExitCode::kUnexpected : exit;
  }
  return static_cast<int>(exit);
}

int complain(const Answered& answered, const Wiring& wiring) {
  if (answered.complaint.empty()) {
    return answered.exit_code;
  }
  rt::CountingProgress progress;
  Terminal terminal(Terminal::Progress::kHide, progress, *wiring.clock);
  Options options;
  options.format = answered.format;
  options.command = answered.command;
  const std::unique_ptr<Output> output = make_output(terminal, options);
  output->error(app::usage_error(answered.complaint + "\nSee syncoxiders --help"));
  output->finish(ExitCode::kUsage);
  return answered.exit_code;
}

}  // namespace ox::cli
