#include "provider/local/local_feed.h"

#include <utility>

#include "fs/fs.h"

namespace ox::provider {
namespace {

bool is_own_path(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return (slash == std::string_view::npos ? path : path.substr(slash + 1)) == kOwnFolder;
}

class LocalFeed final : public ChangeFeed {
 public:
  explicit LocalFeed(std::unique_ptr<fs::Watcher> watcher) : watcher_(std::move(watcher)) {}

  Result<std::vector<Change>> wait(std::chrono::milliseconds timeout) override {
    TRY_ASSIGN(const auto events, watcher_->wait(timeout));
    std::vector<Change> changes;
    changes.reserve(events.size());
    for (const fs::WatchEvent& event : events) {
      changes.push_back(to_change(event));
    }
    return changes;
  }
  void interrupt() override { watcher_->interrupt(); }

 private:
  static Change to_change(const fs::WatchEvent& event) {
    switch (event.what) {
      case fs::WatchEvent::What::kGone:
        return {.what = Change::What::kRootGone, .directory = {}};
      case fs::WatchEvent::What::kOverflow:
        break;
      case fs::WatchEvent::What::kChanged:
        if (auto path = RelPath::parse(event.path); path.ok()) {
          return {.what = Change::What::kDirectory, .directory = std::move(path).value()};
        }
        break;
    }
    return {.what = Change::What::kEverything, .directory = {}};
  }

  std::unique_ptr<fs::Watcher> watcher_;
};

}  // namespace

Result<std::unique_ptr<ChangeFeed>> watch_local(const std::string& os_path) {
  if (os_path.empty()) {
    return Error(Code::kUnsupported, "this folder can't be watched");
  }
  TRY_ASSIGN(auto watcher, fs::watch_os_directory(os_path, is_own_path));
  return std::unique_ptr<ChangeFeed>(std::make_unique<LocalFeed>(std::move(watcher)));
}

}  // namespace ox::provider
