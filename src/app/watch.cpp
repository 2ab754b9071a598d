#include "app/watch.h"

#include <algorithm>
#include <chrono>

#include "app/exit_code.h"
#include "rt/mutex.h"

namespace ox::app {

namespace {

using namespace std::chrono_literals;
using Time = std::chrono::nanoseconds;

constexpr auto kQuiet = 100ms;
constexpr auto kLongestBurst = 500ms;
constexpr auto kFirstPause = 1s;
constexpr auto kLongestPause = 30s;
/// Folders without a watcher, and files whose age becomes right, are found by looking.
constexpr auto kLookAgain = 60s;
/// What could not be done now (a file somebody writes) is tried again after this, then more rarely.
constexpr auto kFirstRetry = 5s;
/// Long enough to cost nothing; a stop interrupts it.
constexpr auto kFeedWait = 1000ms;

/// What the feeds' threads tell the thread that runs.
class Mailbox {
 public:
  void changed(bool root_gone) {
    rt::Lock lock(mutex_);
    ++changes_;
    root_gone_ = root_gone_ || root_gone;
    wake_.notify_all();
  }
  void lost(std::string message) {
    rt::Lock lock(mutex_);
    lost_.push_back(std::move(message));
    wake_.notify_all();
  }
  void wake() {
    rt::Lock lock(mutex_);
    wake_.notify_all();
  }

  struct Seen {
    std::uint64_t changes = 0;
    bool root_gone = false;
    std::vector<std::string> lost;  ///< folders whose feed broke
  };
  /// Waits until something is told or the time is up.
  Seen wait(Time timeout, const std::stop_token& stop) {
    rt::Lock lock(mutex_);
    if (changes_ == 0 && !root_gone_ && lost_.empty() && !stop.stop_requested()) {
      wake_.wait_for(mutex_, timeout);
    }
    Seen seen{.changes = changes_, .root_gone = root_gone_, .lost = std::move(lost_)};
    changes_ = 0;
    root_gone_ = false;
    lost_.clear();
    return seen;
  }

 private:
  rt::Mutex mutex_;
  rt::Condition wake_;
  std::uint64_t changes_ OX_GUARDED_BY(mutex_) = 0;
  bool root_gone_ OX_GUARDED_BY(mutex_) = false;
  std::vector<std::string> lost_ OX_GUARDED_BY(mutex_);
};

/// One feed a folder, each on a thread of its own. Threads end before the feeds go.
class Feeds {
 public:
  Feeds(const std::vector<sync::EngineReplica>& replicas, const Rule& rule, Mailbox& mailbox)
      : pool_(std::max<std::size_t>(replicas.size(), 1)), group_(pool_, replicas.size() + 1) {
    for (std::size_t i = 0; i < replicas.size(); ++i) {
      if (replicas[i].provider == nullptr) {
        continue;
      }
      Result<std::unique_ptr<provider::ChangeFeed>> feed = replicas[i].provider->watch();
      if (!feed.ok()) {
        unwatched_.push_back({.what = WatchEvent::What::kUnwatched,
                              .message = feed.error().message(),
                              .path = rule.roots[i].path});
        continue;
      }
      feeds_.push_back(std::move(*feed));
    }
    for (const auto& feed : feeds_) {
      group_.spawn([&mailbox, &feed](std::stop_token stop) -> Result<void> {
        listen(*feed, mailbox, stop);
        return {};
      });
    }
  }
  ~Feeds() {
    group_.stop();
    for (const auto& feed : feeds_) {
      feed->interrupt();
    }
    ignore(group_.wait(), "its tasks return no errors");
  }
  Feeds(const Feeds&) = delete;
  Feeds& operator=(const Feeds&) = delete;

  const std::vector<WatchEvent>& unwatched() const { return unwatched_; }

 private:
  static void listen(provider::ChangeFeed& feed, Mailbox& mailbox, const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const Result<std::vector<provider::Change>> changes = feed.wait(kFeedWait);
      if (!changes.ok()) {
        mailbox.lost(changes.error().message());
        return;
      }
      if (!changes->empty()) {
        mailbox.changed(std::ranges::any_of(*changes, [](const provider::Change& change) {
          return change.what == provider::Change::What::kRootGone;
        }));
      }
    }
  }

  std::vector<std::unique_ptr<provider::ChangeFeed>> feeds_;
  std::vector<WatchEvent> unwatched_;
  rt::ThreadPool pool_;
  rt::TaskGroup group_;
};

class Watch {
 public:
  Watch(Session& session, const Process& process,
        const std::function<void(const WatchEvent&)>& tell)
      : session_(session), process_(process), tell_(tell) {}

  Result<void> run() {
    const std::stop_callback wake(process_.stop, [this] { mailbox_.wake(); });
    while (!stopped()) {
      Feeds feeds(session_.replicas(), session_.rule(), mailbox_);
      for (const WatchEvent& event : feeds.unwatched()) {
        tell_(event);
      }
      TRY(serve(feeds));
      if (!stopped()) {
        mailbox_.wait(pause_, process_.stop);
        pause_ = std::min<Time>(pause_ * 2, kLongestPause);
      }
    }
    return {};
  }

 private:
  bool stopped() const { return process_.stop.stop_requested(); }

  /// Runs and waits by turns until a folder has come, gone or lost its feed.
  Result<void> serve(const Feeds& feeds) {
    while (!stopped()) {
      const std::vector<bool> before = online();
      TRY_ASSIGN(const bool good, run_once());
      if (online() != before || !good) {
        return {};
      }
      pause_ = kFirstPause;
      if (!all_online()) {
        // Whoever is away is looked for every few seconds.
        if (!wait_for_change(kLongestPause / 6)) {
          return {};
        }
        continue;
      }
      if (!wait_for_change(must_look_again(feeds) ? Time(kLookAgain) : Time(kLookAgain * 10))) {
        return {};
      }
    }
    return {};
  }

  /// Files come into and go out of limits of age without any change.
  bool must_look_again(const Feeds& feeds) const {
    const Settings& settings = session_.rule().settings;
    return !feeds.unwatched().empty() || settings.min_age.has_value() ||
           settings.max_age.has_value();
  }

  std::vector<bool> online() const {
    std::vector<bool> there;
    for (const sync::EngineReplica& replica : session_.replicas()) {
      there.push_back(replica.provider != nullptr);
    }
    return there;
  }
  bool all_online() const { return std::ranges::count(online(), false) == 0; }

  /// True when the run could be made. Only a state that can't be used ends the watch.
  Result<bool> run_once() {
    const Result<SyncResult> result = sync_once(session_, process_, Doing::kForReal);
    if (result.ok()) {
      const bool news = !told_ || result->report.id.value != 0 || result->exit != last_exit_;
      last_exit_ = result->exit;
      if (news) {
        tell_({.what = WatchEvent::What::kSynced, .result = &*result, .message = {}, .path = {}});
      }
      if (!told_) {
        told_ = true;
        tell_({.what = WatchEvent::What::kWatching, .message = {}, .path = {}});
      }
      const bool partly = result->exit == ExitCode::kPartly;
      retry_ = !partly ? Time(0) : std::clamp<Time>(retry_ * 2, kFirstRetry, kLookAgain);
      return result->exit != ExitCode::kRoot;
    }
    if (result.failed_with(Code::kCancelled) && stopped()) {
      return true;
    }
    if (result.failed_with(Code::kCorrupt)) {
      return result.error();
    }
    tell_({.what = WatchEvent::What::kFailed, .message = result.error().to_string(), .path = {}});
    return false;
  }

  /// False when the feeds must be made anew.
  bool wait_for_change(Time longest) {
    const Time patience = retry_ != Time(0) ? std::min<Time>(longest, retry_) : longest;
    Mailbox::Seen seen = mailbox_.wait(patience, process_.stop);
    if (seen.root_gone || !seen.lost.empty()) {
      return false;
    }
    if (seen.changes == 0) {
      return true;
    }
    const Time start = process_.clock->monotonic();
    while (!stopped() && process_.clock->monotonic() - start < Time(kLongestBurst)) {
      seen = mailbox_.wait(kQuiet, process_.stop);
      if (seen.root_gone || !seen.lost.empty()) {
        return false;
      }
      if (seen.changes == 0) {
        break;
      }
    }
    return true;
  }

  Session& session_;
  const Process& process_;
  const std::function<void(const WatchEvent&)>& tell_;
  Mailbox mailbox_;
  Time pause_ = kFirstPause;
  bool told_ = false;
  Time retry_{0};  ///< after a run that was partly done
  ExitCode last_exit_ = ExitCode::kInSync;
};

}  // namespace

Result<void> watch_rule(const Places& places, Rule rule, const Process& process,
                        const std::function<void(const WatchEvent&)>& tell) {
  TRY_ASSIGN(const auto session,
             Session::open(places, std::move(rule), Purpose::kChange, *process.clock));
  return Watch(*session, process, tell).run();
}

}  // namespace ox::app
