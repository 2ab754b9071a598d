#include "app/session.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "app/exit_code.h"
#include "fs/memory/memory_fs.h"
#include "provider/local/local_provider.h"

namespace ox::app {

namespace {

constexpr std::string_view kNotThere = "is not there";

std::optional<std::pair<std::uint64_t, std::uint64_t>> identity_of(const std::string& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return std::nullopt;
  }
  return std::pair<std::uint64_t, std::uint64_t>(status.st_dev, status.st_ino);
}

bool stands(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

std::vector<std::string> addresses_of(const state::RuleFacts& facts) {
  std::vector<std::string> addresses;
  for (const state::ReplicaFacts& replica : facts.replicas) {
    addresses.push_back(replica.address);
  }
  return addresses;
}

/// A state that nobody keeps, for looking at a rule that never ran.
Result<std::unique_ptr<state::Store>> empty_store(rt::Clock& clock) {
  fs::MemoryFileSystem memory(clock);
  return state::Store::open({.os_path = {}, .directory = memory.root(), .name = "state"},
                            state::OpenMode::kReadWrite);
}

}  // namespace

Session::Session(const Places& places, Rule rule, Purpose purpose, rt::Clock& clock)
    : rule_(std::move(rule)),
      purpose_(purpose),
      clock_(clock),
      ignore_index_(purpose == Purpose::kChange ? places.state_folder + "/" + rule_.id + ".ignores"
                                                : std::string()),
      rate_limit_(clock, rule_.settings.bytes_per_second.value_or(0)) {}

Result<std::unique_ptr<Session>> Session::open(const Places& places, Rule rule, Purpose purpose,
                                               rt::Clock& clock) {
  for (const Root& root : rule.roots) {
    if (is_within(places.state_folder, root.path)) {
      return usage_error("the state folder " + places.state_folder + " is inside " + root.path +
                         ", which is to be synced; move it out with --state");
    }
  }
  std::unique_ptr<Session> session(new Session(places, std::move(rule), purpose, clock));
  if (purpose == Purpose::kChange) {
    TRY(session->prepare_roots());
  }
  TRY(session->open_store(places));
  TRY(session->load_facts());
  TRY(session->open_roots());
  TRY(session->refresh());
  return session;
}

/// Roots of a rule that never ran must stand; nothing of ours is made before that is sure.
Result<void> Session::prepare_roots() {
  if (rule_.settings.create.value_or(false)) {
    return create_missing(rule_.roots);
  }
  if (stands(rule_.store_path)) {
    return {};
  }
  for (const Root& root : rule_.roots) {
    if (root.standing == Standing::kMissing) {
      return root_error("is not there; make it, or let --create make it", root.path);
    }
  }
  return {};
}

Result<void> Session::open_store(const Places& places) {
  const state::StoreLocation location{
      .os_path = rule_.store_path, .directory = nullptr, .name = {}};
  if (purpose_ == Purpose::kChange) {
    TRY(make_state_folder(places));
    Result<std::unique_ptr<state::RunLock>> lock =
        state::RunLock::take(rule_.store_path, clock_.now());
    if (!lock.ok()) {
      return state_error(lock.error(), places.state_folder);
    }
    lock_ = std::move(*lock);
    TRY(set_aside_other_roots());
    Result<std::unique_ptr<state::Store>> store =
        state::Store::open(location, state::OpenMode::kReadWrite);
    if (!store.ok()) {
      return state_error(store.error(), rule_.store_path);
    }
    store_ = std::move(*store);
    return {};
  }
  if (stands(rule_.store_path)) {
    Result<std::unique_ptr<state::Store>> store =
        state::Store::open(location, state::OpenMode::kReadOnly);
    if (store.ok()) {
      TRY_ASSIGN(const std::optional<state::RuleFacts> facts, (*store)->facts());
      if (!facts.has_value() || addresses_of(*facts) == rule_.paths()) {
        store_ = std::move(*store);
        return {};
      }
    } else if (!store.failed_with(Code::kNotFound)) {
      return state_error(store.error(), rule_.store_path);
    }
  }
  if (purpose_ == Purpose::kRecall) {
    return Error(Code::kNotFound, "these folders have not been synced yet")
        .with_context(rule_.name.empty() ? rule_.roots.front().path : rule_.name);
  }
  TRY_ASSIGN(store_, empty_store(clock_));
  return {};
}

/// A named rule whose folders are others now begins anew, as a union. What was remembered of the
/// old ones is kept beside it.
Result<void> Session::set_aside_other_roots() {
  if (rule_.name.empty() || !stands(rule_.store_path)) {
    return {};
  }
  {
    const auto store =
        state::Store::open({.os_path = rule_.store_path, .directory = nullptr, .name = {}},
                           state::OpenMode::kReadOnly);
    if (!store.ok()) {
      return {};
    }
    const Result<std::optional<state::RuleFacts>> facts = (*store)->facts();
    if (!facts.ok() || !facts->has_value() || addresses_of(**facts) == rule_.paths()) {
      return {};
    }
  }
  const std::string aside = rule_.store_path + "." + to_basic_iso8601(clock_.now()) + ".old";
  for (const char* suffix : {"-wal", "-shm", ""}) {
    const std::string from = rule_.store_path + suffix;
    if (stands(from) && std::rename(from.c_str(), (aside + suffix).c_str()) != 0) {
      return state_error(Error(Code::kIo, "the old state could not be set aside"), from);
    }
  }
  return {};
}

Result<void> Session::load_facts() {
  TRY_ASSIGN(std::optional<state::RuleFacts> stored, store_->facts());
  ran_before_ = stored.has_value();
  facts_ = stored.value_or(state::RuleFacts{});
  facts_.id = rule_.id;
  facts_.name = rule_.name;
  facts_.replicas.resize(rule_.roots.size());
  for (std::size_t i = 0; i < rule_.roots.size(); ++i) {
    facts_.replicas[i].address = rule_.roots[i].path;
    facts_.replicas[i].label = rule_.labels[i];
  }
  return {};
}

/// An empty folder in the place of one that was synced looks like a disk that is not mounted:
/// nothing of ours may be laid into it, unless a person has said that it is meant.
Result<bool> Session::looks_unmounted(ReplicaIndex i, fs::Directory& root) {
  TRY_ASSIGN(const std::optional<state::RuleFacts> facts, store_->facts());
  if (!facts.has_value() || !facts->replicas[i].known || root.stat(provider::kOwnFolder).ok()) {
    return false;
  }
  TRY_ASSIGN(const std::vector<fs::DirectoryItem> items, root.list());
  TRY_ASSIGN(const std::vector<std::string> approved, store_->approved());
  return items.empty() && std::ranges::find(approved, "root " + rule_.labels[i]) == approved.end();
}

Result<std::unique_ptr<provider::Provider>> Session::open_root(ReplicaIndex i) {
  const std::string& path = rule_.roots[i].path;
  const auto identity = identity_of(path);
  TRY_ASSIGN(std::unique_ptr<fs::Directory> directory, fs::open_os_directory(path));
  if (!identity.has_value()) {
    return Error(Code::kNotADirectory, "is no folder").with_context(path);
  }
  if (facts_.replicas[i].file_system.empty()) {
    TRY_ASSIGN(const fs::FileSystemInfo info, directory->info());
    facts_.replicas[i].file_system = info.uuid;
  }
  TRY_ASSIGN(wary_[i], looks_unmounted(i, *directory));
  const bool may_write = purpose_ == Purpose::kChange && !wary_[i];
  TRY_ASSIGN(auto provider, provider::make_local_provider(
                                {.root = std::move(directory),
                                 .rule = rule_.id,
                                 .clock = &clock_,
                                 .os_path = path,
                                 .opening = may_write ? provider::LocalOpening::kProbe
                                                      : provider::LocalOpening::kLookOnly}));
  identities_[i] = *identity;
  return provider;
}

Result<void> Session::open_roots() {
  const std::size_t count = rule_.roots.size();
  providers_.resize(count);
  identities_.resize(count);
  wary_.resize(count);
  filters_.resize(count);
  std::vector<Error> errors;
  bool missing_first = false;
  for (ReplicaIndex i = 0; i < count; ++i) {
    replicas_.push_back({.provider = nullptr, .label = rule_.labels[i], .filter = &filters_[i]});
    Result<std::unique_ptr<provider::Provider>> opened = open_root(i);
    if (opened.ok()) {
      providers_[i] = std::move(*opened);
      replicas_[i].provider = providers_[i].get();
      continue;
    }
    const bool missing = opened.failed_with(Code::kNotFound);
    missing_first = errors.empty() ? missing : missing_first;
    replicas_[i].away_reason =
        missing ? std::string(kNotThere) : "can't be read: " + opened.error().message();
    errors.push_back(root_error(replicas_[i].away_reason, rule_.roots[i].path));
  }
  const bool enough = ran_before_ && count - errors.size() >= 2;
  if (!errors.empty() && !enough && purpose_ != Purpose::kRecall) {
    const bool unmounted = missing_first && ran_before_ && count == 2;
    return root_error(
        errors.front().message() +
            (unmounted ? "; is its disk mounted? Nothing was changed" : "; nothing was changed"),
        errors.front().context());
  }
  return {};
}

Result<std::vector<state::Problem>> Session::refresh() {
  for (ReplicaIndex i = 0; i < replicas_.size(); ++i) {
    const bool same = identity_of(rule_.roots[i].path) == identities_[i];
    if (providers_[i] != nullptr && same && wary_[i] == 0) {
      continue;
    }
    replicas_[i].provider = nullptr;
    providers_[i].reset();
    Result<std::unique_ptr<provider::Provider>> opened = open_root(i);
    if (opened.ok()) {
      providers_[i] = std::move(*opened);
      replicas_[i].provider = providers_[i].get();
      replicas_[i].away_reason.clear();
    } else {
      replicas_[i].away_reason = opened.failed_with(Code::kNotFound)
                                     ? std::string(kNotThere)
                                     : "can't be read: " + opened.error().message();
    }
  }
  std::vector<state::Problem> problems;
  TRY_ASSIGN(ignores_, find_ignores(*store_, rule_, replicas_, ignore_index_, problems));
  TRY_ASSIGN(std::vector<tree::Filter> filters,
             make_filters(rule_, ignores_, clock_.now(), problems));
  // The replicas point at the elements, which stay where they are.
  std::ranges::move(filters, filters_.begin());
  return problems;
}

sync::Services Session::services(const Process& process) {
  return {.pool = process.pool,
          .clock = process.clock,
          .progress = process.progress,
          .rate_limit = rate_limit_.rate() == 0 ? nullptr : &rate_limit_,
          .events = process.events};
}

}  // namespace ox::app
