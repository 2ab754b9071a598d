#include "app/why.h"

#include <algorithm>

#include "sync/parked.h"

namespace ox::app {

namespace {

/// The record that is agreed to stand at `path`.
Result<std::optional<tree::NodeRecord>> find_record(state::Store& store, const RelPath& path) {
  TRY_ASSIGN(std::optional<tree::NodeRecord> record, store.root());
  for (RelPath rest = path; record.has_value() && !rest.is_root(); rest = rest.after_first()) {
    TRY_ASSIGN(record, store.find_child(record->id, rest.first()));
  }
  return record;
}

/// Of several texts with one base the one whose numbered line reads so.
std::string origin_of(const std::vector<IgnoreSource>& ignores, ReplicaIndex replica,
                      const tree::Filter::Decision& decision) {
  for (const IgnoreSource& source : ignores) {
    if (source.base != decision.base || (source.only.has_value() && source.only != replica)) {
      continue;
    }
    std::string_view text = source.text;
    for (std::size_t line = 1; line < decision.line && !text.empty(); ++line) {
      const std::size_t end = text.find('\n');
      text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    }
    if (text.substr(0, text.find('\n')).starts_with(decision.pattern)) {
      return source.origin;
    }
  }
  return {};
}

void apply_filter(const Session& session, ReplicaIndex i, const RelPath& path, WhyRoot& root) {
  if (path.is_root()) {
    return;
  }
  const tree::Filter& filter = session.filters()[i];
  const bool directory = root.entry.has_value() && root.entry->kind == tree::Kind::kDirectory;
  tree::FileFacts facts;
  if (root.entry.has_value()) {
    facts = {.size = root.entry->content.size, .mtime = root.entry->content.mtime};
  }
  root.verdict = filter.check(path, directory, root.entry.has_value() ? &facts : nullptr);
  root.decision = filter.decision(path, directory);
  if (root.decision.has_value()) {
    root.decided_by = origin_of(session.ignores(), i, *root.decision);
  }
}

bool is_in_sync(const tree::NodeRecord& record, ReplicaIndex i, const WhyRoot& root) {
  const auto& side = record.sides[i].acknowledged;
  if (!root.entry.has_value()) {
    return !record.agreed.has_value() && !side.has_value();
  }
  if (!record.agreed.has_value() || !side.has_value() || side->value != *record.agreed) {
    return false;
  }
  return root.entry->kind == tree::Kind::kDirectory
             ? record.agreed->kind == tree::Kind::kDirectory
             : side->fingerprint.same_version(root.entry->fingerprint);
}

WhyRoot look_at(const Session& session, ReplicaIndex i, const RelPath& path,
                const std::optional<tree::NodeRecord>& record) {
  const sync::EngineReplica& replica = session.replicas()[i];
  WhyRoot root{.path = session.rule().roots[i].path,
               .label = replica.label,
               .online = replica.provider != nullptr,
               .trouble = replica.away_reason,
               .entry = std::nullopt,
               .decision = std::nullopt,
               .decided_by = {}};
  if (root.online) {
    Result<tree::Entry> entry = replica.provider->look(path);
    if (entry.ok()) {
      root.entry = std::move(*entry);
    } else if (!entry.failed_with(Code::kNotFound)) {
      root.trouble = entry.error().message();
    }
  }
  apply_filter(session, i, path, root);
  root.in_sync = root.online && record.has_value() && is_in_sync(*record, i, root);
  return root;
}

bool concerns(const RelPath& about, const RelPath& path) {
  return about == path || (!about.is_root() && about.contains(path));
}

/// Is this what a budget holds of `path`, everywhere or (with `--mirror`) on one folder?
bool is_about(const std::string& held, const RelPath& path, const std::vector<WhyRoot>& roots) {
  const std::string removal = "delete " + path.text();
  return held == removal || held == "overwrite " + path.text() ||
         std::ranges::any_of(
             roots, [&](const WhyRoot& root) { return held == removal + " on " + root.label; });
}

}  // namespace

Result<Why> why(const Places& places, Located located, const Process& process) {
  TRY_ASSIGN(const auto session,
             Session::open(places, std::move(located.rule), Purpose::kLook, *process.clock));
  const RelPath path = std::move(located.path);
  Why answer{.path = path, .agreed = std::nullopt};
  state::Store& store = session->store();
  TRY_ASSIGN(const std::optional<tree::NodeRecord> record, find_record(store, path));
  if (record.has_value()) {
    answer.agreed = record->agreed;
  }
  for (ReplicaIndex i = 0; i < session->replicas().size(); ++i) {
    if (provider::Provider* const provider = session->replicas()[i].provider; provider != nullptr) {
      ignore(sync::show_parked_home(store, *provider, i), "the dry run below says what is wrong");
    }
    answer.roots.push_back(look_at(*session, i, path, record));
  }
  TRY_ASSIGN(const std::vector<state::Problem> problems, store.problems());
  std::ranges::copy_if(problems, std::back_inserter(answer.problems),
                       [&](const state::Problem& problem) { return concerns(problem.path, path); });
  TRY_ASSIGN(answer.conflicts, conflicts_about(*session, path));
  TRY_ASSIGN(const std::vector<std::string> held, store.held());
  std::ranges::copy_if(held, std::back_inserter(answer.held),
                       [&](const std::string& name) { return is_about(name, path, answer.roots); });
  Process quiet = process;
  quiet.events = [&](const sync::Event& event) {
    const bool about = concerns(event.path, path) || event.from == path ||
                       (path.is_root() && event.kind == sync::EventKind::kPlanned);
    if (about && (event.kind != sync::EventKind::kProblem || event.path == path)) {
      answer.next.push_back(event);
    }
  };
  TRY_ASSIGN(const SyncResult dry, sync_once(*session, quiet, Doing::kDryRun));
  answer.exit = dry.exit == ExitCode::kRoot ? ExitCode::kRoot : ExitCode::kInSync;
  const bool nowhere =
      !record.has_value() && std::ranges::none_of(answer.roots, [](const WhyRoot& root) {
        return root.entry.has_value() || !root.trouble.empty();
      });
  if (nowhere && answer.next.empty()) {
    return Error(Code::kNotFound, "nothing stands there in any folder, and nothing did")
        .with_context(path.text());
  }
  return answer;
}

}  // namespace ox::app
