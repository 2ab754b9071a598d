#include "sim/world.h"

#include <algorithm>
#include <cstdio>

#include "fs/faulty/faulty_fs.h"
#include "provider/local/local_provider.h"
#include "sim/shuffled_pool.h"

namespace ox::sim {
namespace {

constexpr Timestamp kStart{1'700'000'000'000'000'000};
constexpr std::string_view kStateFile = "rule.db";

std::string rule_id() {
  return std::string(31, '0') + "7";
}

std::string seat_name(std::size_t seat) {
  return "r" + std::to_string(seat);
}

/// A memory provider meets the same faults as the disks.
provider::MemoryProvider::Hook hook_for(std::shared_ptr<fs::FaultPlan> faults) {
  return [faults = std::move(faults)](const provider::MemoryEvent& event) -> Result<void> {
    const auto fault = faults->next(fs::CallClass::kNameChange, event.call);
    return fault.has_value() ? Result<void>(fault->error) : Result<void>();
  };
}

}  // namespace

struct World::Session {
  std::vector<std::unique_ptr<provider::Provider>> owned;
  std::vector<provider::Provider*> providers;
  std::vector<std::string> reasons;
  std::unique_ptr<state::Store> store;
};

bool RunResult::in_sync() const {
  return report.has_value() && report->outcome == state::RunOutcome::kInSync &&
         report->held.empty();
}

bool RunResult::clean() const {
  return in_sync() && report->problems.empty();
}

bool RunResult::did_nothing() const {
  const auto& counts = report->counts;
  return counts.created + counts.updated + counts.moved + counts.removed + counts.directories +
             counts.attributes + counts.failed ==
         0;
}

World::World(WorldOptions options, std::uint64_t seed, bool verbose)
    : options_(std::move(options)),
      clock_(kStart),
      engine_random_(seed ^ 0x5bd1e995),
      cut_random_(seed ^ 0x27d4eb2f),
      epoch_random_(seed ^ 0x165667b1),
      verbose_(verbose),
      faults_(std::make_shared<fs::FaultPlan>()) {
  if (options_.shuffle.has_value()) {
    pool_ = std::make_unique<ShuffledPool>(*options_.shuffle);
  } else {
    pool_ = std::make_unique<rt::InlinePool>();
  }
  const std::size_t replicas = options_.is_memory.size();
  const std::size_t disks = options_.layout == Layout::kOneDisk ? 1 : replicas + 1;
  for (std::size_t i = 0; i < disks; ++i) {
    fs::MemoryOptions disk = i < options_.disks.size() ? options_.disks[i] : fs::MemoryOptions{};
    disk.device = i + 1;
    disks_.push_back(std::make_unique<fs::MemoryFileSystem>(clock_, disk));
  }
  for (std::size_t seat = 0; seat <= replicas; ++seat) {
    const auto root = disks_[std::min(seat, disks - 1)]->root();
    expects(root->make_directory(seat_name(seat), 0755).ok() && root->sync().ok());
  }
  is_member_.assign(replicas, true);
  memories_.resize(replicas);
  for (std::size_t i = 0; i < replicas; ++i) {
    if (options_.is_memory[i]) {
      options_.stores[i].clock = &clock_;
      memories_[i] = std::make_unique<provider::MemoryProvider>(options_.stores[i]);
      memories_[i]->set_hook(hook_for(faults_));
      grounds_.push_back(make_memory_ground(*memories_[i]));
    } else {
      const fs::MemoryOptions& disk = options_.disks[std::min(i, disks - 1)];
      grounds_.push_back(make_disk_ground([this, i] { return open_seat(i); }, rule_id(),
                                          disk.leases == fs::Support::kYes));
    }
  }
}

World::~World() = default;

std::unique_ptr<fs::Directory> World::open_seat(std::size_t seat) {
  const auto root = disks_[std::min(seat, disks_.size() - 1)]->root();
  return root->open_directory(seat_name(seat)).value();
}

std::unique_ptr<fs::Directory> World::open_faulty_seat(std::size_t seat) {
  return fs::make_faulty(open_seat(seat), faults_);
}

void World::provide(std::size_t replica) {
  Session& session = *session_;
  if (options_.is_memory[replica]) {
    session.providers[replica] = memories_[replica].get();
    return;
  }
  provider::LocalOptions options;
  options.root = open_faulty_seat(replica);
  options.rule = rule_id();
  options.clock = &clock_;
  options.random = &engine_random_;
  options.resume_threshold = options_.resume_threshold;
  options.resume_chunk = options_.resume_chunk;
  auto made = provider::make_local_provider(std::move(options));
  if (!made.ok()) {
    session.reasons[replica] = made.error().to_string();
    return;
  }
  session.providers[replica] = made->get();
  session.owned.push_back(std::move(made).value());
}

Result<void> World::begin_session() {
  session_ = std::make_unique<Session>();
  session_->providers.resize(size());
  session_->reasons.resize(size());
  for (std::size_t i = 0; i < size(); ++i) {
    if (is_member_[i]) {
      provide(i);
    }
  }
  state::StoreLocation location;
  location.directory = open_faulty_seat(state_seat());
  location.name = kStateFile;
  TRY_ASSIGN(session_->store, state::Store::open(location, state::OpenMode::kReadWrite));
  return {};
}

void World::trace(const sync::Event& event, const std::vector<std::size_t>& seats) const {
  constexpr std::string_view kKinds[] = {"planned",  "done",    "failed",
                                         "conflict", "problem", "note"};
  std::string line(kKinds[static_cast<std::size_t>(event.kind)]);
  for (const std::string& word :
       {event.action, event.replica.has_value() ? seat_name(seats[*event.replica]) : std::string(),
        event.path.text(), event.from.text(), event.code, event.message}) {
    if (!word.empty()) {
      line += " " + word;
    }
  }
  std::printf("      %s [call %llu]\n", line.c_str(),
              static_cast<unsigned long long>(faults_->calls()));
}

RunResult World::run(const sync::RunOptions& options, std::optional<std::size_t> away,
                     const std::function<void(std::uint64_t call)>& before_call) {
  RunResult result;
  faults_->set_hook([&](std::uint64_t call) {
    clock_.advance(options_.call_takes);
    before_call(call);
  });
  Result<void> begun;
  if (session_ == nullptr) {
    begun = begin_session();
    result.opening_calls = faults_->calls();
  }
  if (begun.ok()) {
    result.started = true;
    std::vector<sync::EngineReplica> replicas;
    std::vector<std::size_t> seats;
    for (std::size_t i = 0; i < size(); ++i) {
      if (is_member_[i]) {
        seats.push_back(i);
        replicas.push_back({.provider = i == away ? nullptr : session_->providers[i],
                            .label = seat_name(i),
                            .filter = &filter_,
                            .away_reason = session_->reasons[i]});
      }
    }
    sync::RunOptions of_members = options;
    of_members.policy.order.resize(replicas.size());
    sync::Services services{.pool = pool_.get(), .clock = &clock_, .progress = &progress_};
    services.random = &epoch_random_;
    services.events = [&](const sync::Event& event) {
      if (event.kind == sync::EventKind::kDone) {
        ++result.deeds[event.action];
        if (event.action == "delete") {
          result.removed.emplace_back(seats[event.replica.value()], event.path.text());
        }
      } else if (event.kind == sync::EventKind::kConflict) {
        ++result.deeds["conflict"];
      }
      if (verbose_) {
        trace(event, seats);
      }
    };
    auto report = sync::run_rule(*session_->store, facts(), replicas, of_members, services, {});
    if (report.ok()) {
      result.report = std::move(*report);
    } else {
      result.error = report.error();
    }
  } else {
    result.error = begun.error();
  }
  result.crashed = faults_->crashed();
  result.calls = faults_->calls();
  const auto provided = std::ranges::count_if(
      session_->providers, [](const provider::Provider* one) { return one != nullptr; });
  const bool some_away = static_cast<std::size_t>(provided) < members();
  if (!result.report.has_value() || result.crashed || some_away) {
    session_.reset();
  }
  faults_->set_hook({});
  return result;
}

void World::fill_disk(std::size_t seat, std::uint64_t spare) {
  fs::MemoryFileSystem& disk = *disks_[std::min(seat, disks_.size() - 1)];
  const fs::FileSystemInfo info = disk.root()->info().value();
  disk.set_capacity(info.total_bytes - info.free_bytes + spare);
}

void World::make_room() {
  for (const auto& disk : disks_) {
    disk->set_capacity(fs::MemoryOptions{}.capacity_bytes);
  }
}

state::RuleFacts World::facts() const {
  state::RuleFacts facts{.id = rule_id(), .name = {}, .mode = {}, .replicas = {}};
  for (std::size_t i = 0; i < size(); ++i) {
    if (is_member_[i]) {
      facts.replicas.push_back({.address = "/" + seat_name(i), .label = seat_name(i)});
    }
  }
  return facts;
}

std::size_t World::members() const {
  return static_cast<std::size_t>(std::ranges::count(is_member_, true));
}

void World::set_member(std::size_t replica, bool is_member) {
  is_member_[replica] = is_member;
  put_state({});
}

void World::exclude(const std::optional<std::string>& name) {
  filter_ = {};
  if (name.has_value()) {
    expects(filter_.add({}, *name + "\n").ok());
  }
}

void World::end_process() {
  session_.reset();
}

void World::cut_machine() {
  for (const auto& disk : disks_) {
    disk->power_cut(cut_random_);
  }
}

void World::cut_disk_of(std::size_t replica) {
  disks_[std::min(replica, disks_.size() - 1)]->power_cut(cut_random_);
}

void World::cut_disk_of_state() {
  disks_.back()->power_cut(cut_random_);
}

std::vector<std::pair<std::string, Bytes>> World::copy_state() {
  std::vector<std::pair<std::string, Bytes>> files;
  const auto directory = open_seat(state_seat());
  for (const fs::DirectoryItem& item : directory->list().value()) {
    Bytes bytes(item.stat.size);
    const auto file = directory->open_file(item.name, fs::Access::kRead).value();
    expects(file->read_at(0, bytes).ok());
    files.emplace_back(item.name, std::move(bytes));
  }
  return files;
}

void World::put_state(const std::vector<std::pair<std::string, Bytes>>& files) {
  session_.reset();
  const auto directory = open_seat(state_seat());
  for (const fs::DirectoryItem& item : directory->list().value()) {
    expects(directory->remove_file(item.name).ok());
  }
  for (const auto& [name, bytes] : files) {
    const auto file = directory->create_file(name, 0600).value();
    expects(file->write_at(0, bytes).ok() && file->sync().ok());
  }
  expects(directory->sync().ok());
}

}  // namespace ox::sim
