#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/text.h"
#include "tree/names.h"

/// One JSON object a line; docs/json.md describes every field.
namespace ox::cli {

namespace {

using Json = nlohmann::ordered_json;

/// Foreign bytes: what is no UTF-8 comes with its bytes in base64 under "<key>_bytes".
void put_bytes(Json& line, const std::string& key, std::string_view bytes) {
  line[key] = bytes;
  if (!tree::is_valid_utf8(bytes)) {
    line[key + "_bytes"] = base64(bytes);
  }
}

void put_path(Json& line, const std::string& key, const RelPath& path) {
  put_bytes(line, key, path.text());
}

Json problem_of(const state::Problem& problem, const std::vector<std::string>& labels) {
  Json line{{"code", problem.code}, {"message", problem.message}};
  if (problem.replica.has_value()) {
    line["replica"] = label_of(labels, problem.replica);
  }
  put_path(line, "path", problem.path);
  return line;
}

Json run_of(const state::RunRecord& run) {
  Json line{{"run", run.id.value},
            {"started", to_iso8601(run.started)},
            {"outcome", name_of(run.outcome)},
            {"actions", run.actions},
            {"bytes", run.bytes},
            {"conflicts", run.conflicts},
            {"problems", run.problems}};
  put_bytes(line, "command", run.command);
  if (run.finished.has_value()) {
    line["finished"] = to_iso8601(*run.finished);
  }
  if (!run.message.empty()) {
    put_bytes(line, "message", run.message);
  }
  return line;
}

Json names_of(const std::vector<std::string>& names) {
  Json list = Json::array();
  for (const std::string& name : names) {
    list.push_back(name);
  }
  return list;
}

class JsonOutput final : public Output {
 public:
  JsonOutput(Terminal& terminal, const Options& options) : terminal_(terminal), options_(options) {}

  void set_labels(std::vector<std::string> labels) override { labels_ = std::move(labels); }

  void event(const sync::Event& event) override {
    if (event.kind == sync::EventKind::kDone && options_.verbosity == Verbosity::kQuiet) {
      return;
    }
    say(json_of(event));
  }

  void synced(const app::SyncResult& result) override {
    const sync::RunReport& report = result.report;
    const sync::RunCounts& counts = report.counts;
    summary_.update({{"run", report.id.value},
                     {"outcome", name_of(report.outcome)},
                     {"dry_run", is_dry()},
                     {"first_run", result.first_run},
                     {"scanned", counts.scanned},
                     {"read_again", counts.read_again},
                     {"created", counts.created},
                     {"updated", counts.updated},
                     {"moved", counts.moved},
                     {"removed", counts.removed},
                     {"directories", counts.directories},
                     {"attributes", counts.attributes},
                     {"bytes", counts.bytes},
                     {"failed", counts.failed},
                     {"conflicts", report.conflicts.size()},
                     {"problems", report.problems.size() + result.problems.size()}});
    summary_["held"] = names_of(report.held);
    if (report.rebased) {
      summary_["union"] = report.rebase_reason;
    }
  }

  void watch(const app::WatchEvent& event) override {
    switch (event.what) {
      case app::WatchEvent::What::kWatching:
        say({{"type", "watching"}});
        break;
      case app::WatchEvent::What::kSynced: {
        summary_ = Json::object();
        synced(*event.result);
        Json line{{"type", "synced"}, {"exit_code", static_cast<int>(event.result->exit)}};
        line.update(summary_);
        say(line);
        break;
      }
      case app::WatchEvent::What::kFailed:
      case app::WatchEvent::What::kUnwatched: {
        const bool failed = event.what == app::WatchEvent::What::kFailed;
        Json line{{"type", failed ? "failed" : "unwatched"}, {"message", event.message}};
        if (!failed) {
          put_bytes(line, "path", event.path);
        }
        say(line);
        break;
      }
    }
  }

  void status(const app::Status& status) override {
    Json line{{"type", "rule"},
              {"id", status.id},
              {"name", status.name},
              {"running", status.running},
              {"entries", status.entries},
              {"conflicts", status.conflicts}};
    put_bytes(line, "mode", status.mode);
    line["held"] = names_of(status.held);
    std::vector<std::string> labels;
    line["roots"] = Json::array();
    for (const app::Status::RootStatus& root : status.roots) {
      Json entry{{"label", root.label}, {"present", root.present}};
      put_bytes(entry, "path", root.path);
      line["roots"].push_back(entry);
      labels.push_back(root.label);
    }
    line["problems"] = Json::array();
    for (const state::Problem& problem : status.problems) {
      line["problems"].push_back(problem_of(problem, labels));
    }
    if (status.last_run.has_value()) {
      line["last_run"] = run_of(*status.last_run);
    }
    say(line);
    count("rules");
  }

  void broken_rule(const app::KnownRule& rule) override {
    Json line{{"type", "rule"}, {"id", rule.id}, {"error", rule.trouble}};
    put_bytes(line, "state", rule.store_path);
    say(line);
    count("rules");
  }

  void runs(const std::vector<state::RunRecord>& runs) override {
    for (const state::RunRecord& run : runs) {
      Json line{{"type", "run"}};
      line.update(run_of(run));
      say(line);
    }
    summary_["runs"] = runs.size();
  }

  void run(const app::RunDetails& details) override {
    runs({details.run});
    for (const state::Action& action : details.actions) {
      Json line{{"type", "action"},
                {"action", name_of(action)},
                {"replica", label_of(details.labels, action.replica)}};
      put_path(line, "path", action.path);
      if (!action.from.is_root()) {
        put_path(line, "from", action.from);
      }
      if (action.trashed.has_value()) {
        put_path(line, "trashed", *action.trashed);
      }
      say(line);
    }
    summary_["actions"] = details.actions.size();
  }

  void conflicts(const std::vector<app::ConflictStatus>& conflicts) override {
    say_all(conflicts);
    summary_["conflicts"] = conflicts.size();
  }

  void say_all(const std::vector<app::ConflictStatus>& conflicts) {
    for (const app::ConflictStatus& conflict : conflicts) {
      const state::ConflictRecord& record = conflict.record;
      Json line{{"type", "conflict"},
                {"run", record.run.value},
                {"kind", record.kind},
                {"winner", record.winner},
                {"loser", record.loser},
                {"when", to_iso8601(record.when)},
                {"copy_stands", conflict.copy_stands}};
      put_path(line, "path", record.path);
      put_path(line, "copy", record.copy_path);
      say(line);
    }
  }

  void why(const app::Why& why) override {
    for (const app::WhyRoot& root : why.roots) {
      say(json_of(root));
    }
    Json line{{"type", "agreed"}, {"present", why.agreed.has_value()}};
    put_path(line, "path", why.path);
    if (why.agreed.has_value()) {
      put_content(line, why.agreed->kind, why.agreed->content, why.agreed->attributes);
    }
    say(line);
    std::vector<std::string> labels;
    for (const app::WhyRoot& root : why.roots) {
      labels.push_back(root.label);
    }
    for (const state::Problem& problem : why.problems) {
      Json entry{{"type", "problem"}};
      entry.update(problem_of(problem, labels));
      say(entry);
    }
    say_all(why.conflicts);
    labels_ = labels;
    for (const sync::Event& next : why.next) {
      say(json_of(next));
    }
    summary_["held"] = names_of(why.held);
    summary_["next"] = why.next.size();
  }

  void undone(const app::UndoResult& result) override {
    for (const sync::UndoSkip& skip : result.report.skipped) {
      Json line{{"type", "skipped"},
                {"replica", label_of(result.labels, skip.replica)},
                {"reason", skip.reason}};
      put_path(line, "path", skip.path);
      say(line);
    }
    summary_["run"] = result.report.id.value;
    summary_["undone"] = result.report.undone;
    summary_["skipped"] = result.report.skipped.size();
  }

  void versions(const RelPath& path, const app::VersionList& list) override {
    for (const sync::Version& version : list.versions) {
      Json line{{"type", "version"},
                {"number", version.number},
                {"displaced", to_iso8601(version.record.when)},
                {"run", version.record.run.value},
                {"size", version.record.content.size},
                {"mtime", to_iso8601(version.record.content.mtime)}};
      if (version.record.content.digest.has_value()) {
        line["sha256"] = version.record.content.digest->to_hex();
      }
      put_path(line, "path", path);
      line["replicas"] = Json::array();
      for (const sync::Version::Holder& holder : version.holders) {
        line["replicas"].push_back(label_of(list.labels, holder.replica));
      }
      say(line);
    }
    summary_["versions"] = list.versions.size();
  }

  void restored(const RelPath& path, const app::RestoreResult& result) override {
    put_path(summary_, "path", path);
    put_bytes(summary_, "root", result.root);
    summary_["run"] = result.report.id.value;
    summary_["number"] = result.version.number;
    summary_["size"] = result.report.entry.content.size;
    summary_["displaced"] = result.report.displaced.has_value();
  }

  void held(const app::Held& held, bool approved_now) override {
    for (const std::string& name : held.names) {
      Json line{{"type", "held"}};
      put_bytes(line, "name", name);
      say(line);
    }
    summary_["held"] = held.names.size();
    summary_["approved"] = approved_now ? held.names.size() : 0;
  }

  void rule(const app::NamedRule& rule) override {
    Json line{{"type", "named_rule"}, {"name", rule.name}};
    put_roots(line, rule.roots);
    const app::Settings& settings = rule.settings;
    line["mode"] = plan::name_of(settings.mode.value_or(plan::Mode::kTwoWay));
    if (settings.keep_mode.has_value()) {
      line["keep_mode"] = plan::name_of(*settings.keep_mode);
    }
    line["auto_merge"] = settings.auto_merge.value_or(false);
    line["ignore"] = Json::array();
    for (const app::IgnoreText& text : settings.ignores) {
      line["ignore"].push_back(text.text);
    }
    line["ignore_on"] = Json::object();
    for (const auto& [path, text] : settings.ignores_on) {
      line["ignore_on"][path] = text.text;
    }
    line["on_failure"] = settings.on_failure;
    say(line);
    count("rules");
  }

  void known_rule(const app::KnownRule& rule) override {
    Json line{{"type", "known_rule"}, {"id", rule.id}, {"name", rule.name}};
    put_bytes(line, "mode", rule.mode);
    put_roots(line, rule.roots);
    put_bytes(line, "state", rule.store_path);
    if (!rule.trouble.empty()) {
      line["error"] = rule.trouble;
    }
    say(line);
    count("rules");
  }

  void places(const app::Places& places) override {
    put_bytes(summary_, "rules_file", places.rules_file);
    put_bytes(summary_, "state_folder", places.state_folder);
  }

  void version() override { summary_["version"] = kProgramVersion; }

  void error(const Error& error) override {
    Json line{{"type", "error"}, {"code", ox::name_of(error.code())}};
    put_bytes(line, "message", error.message());
    if (!error.context().empty()) {
      put_bytes(line, "context", error.context());
    }
    say(line);
  }

  void finish(app::ExitCode exit) override {
    Json line{{"type", "summary"},
              {"command", name_of(options_.command)},
              {"exit_code", static_cast<int>(exit)}};
    line.update(summary_);
    say(line);
  }

 private:
  bool is_dry() const { return options_.dry_run || options_.command == Command::kCheck; }

  void say(const Json& line) {
    terminal_.say(line.dump(-1, ' ', false, Json::error_handler_t::replace));
  }

  void count(const std::string& key) { summary_[key] = summary_.value(key, std::uint64_t{0}) + 1; }

  static void put_roots(Json& line, const std::vector<std::string>& roots) {
    line["roots"] = Json::array();
    for (const std::string& root : roots) {
      Json entry = Json::object();
      put_bytes(entry, "path", root);
      line["roots"].push_back(entry);
    }
  }

  static void put_content(Json& line, tree::Kind kind, const tree::Content& content,
                          const tree::Attributes& attributes) {
    line["kind"] = name_of(kind);
    if (kind == tree::Kind::kFile) {
      line["size"] = content.size;
      line["mtime"] = to_iso8601(content.mtime);
      if (content.digest.has_value()) {
        line["sha256"] = content.digest->to_hex();
      }
    }
    if (kind == tree::Kind::kSymlink) {
      put_bytes(line, "target", content.link_target);
    }
    if (attributes.mode != tree::kModeUnknown) {
      line["mode"] = attributes.mode;
    }
  }

  Json json_of(const sync::Event& event) const {
    static constexpr std::array<std::string_view, 6> kKinds{"planned",  "done",    "failed",
                                                            "conflict", "problem", "note"};
    Json line{{"type", "event"}, {"kind", kKinds[static_cast<std::size_t>(event.kind)]}};
    if (!event.action.empty()) {
      line["action"] = event.action;
    }
    if (event.replica.has_value()) {
      line["replica"] = label_of(labels_, event.replica);
    }
    put_path(line, "path", event.path);
    if (event.kind == sync::EventKind::kConflict) {
      put_path(line, "copy", event.from);
    } else if (!event.from.is_root()) {
      put_path(line, "from", event.from);
    }
    if (event.bytes != 0) {
      line["bytes"] = event.bytes;
    }
    if (!event.code.empty()) {
      line["code"] = event.code;
    }
    if (!event.message.empty()) {
      put_bytes(line, "message", event.message);
    }
    return line;
  }

  static Json json_of(const app::WhyRoot& root) {
    Json line{{"type", "root"},          {"label", root.label},
              {"online", root.online},   {"present", root.entry.has_value()},
              {"in_sync", root.in_sync}, {"filter", name_of(root.verdict)}};
    put_bytes(line, "root", root.path);
    if (!root.trouble.empty()) {
      line["trouble"] = root.trouble;
    }
    if (root.entry.has_value()) {
      put_content(line, root.entry->kind, root.entry->content, root.entry->attributes);
    }
    if (root.decision.has_value()) {
      Json pattern{{"line", root.decision->line}, {"excludes", root.decision->excludes}};
      put_bytes(pattern, "pattern", root.decision->pattern);
      put_bytes(pattern, "origin", root.decided_by);
      put_path(pattern, "decided_at", root.decision->path);
      line["pattern"] = pattern;
    }
    return line;
  }

  Terminal& terminal_;
  const Options& options_;
  std::vector<std::string> labels_;
  Json summary_ = Json::object();
};

}  // namespace

std::unique_ptr<Output> make_json_output(Terminal& terminal, const Options& options) {
  return std::make_unique<JsonOutput>(terminal, options);
}

}  // namespace ox::cli
