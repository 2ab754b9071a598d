#pragma once

#include <memory>
#include <string>

#include "fs/memory/memory_fs.h"
#include "provider/local/local_root.h"
#include "rt/clock.h"

namespace ox::fuzz {

/// A root of the local provider on a disk in memory, nothing probed and nothing in it.
class LocalDisk {
 public:
  LocalDisk() {
    const std::shared_ptr<fs::Directory> top = disk_.root();
    make(*top, kOwn);
    const std::shared_ptr<fs::Directory> own = top->open_directory(kOwn).value();
    make(*own, kStage);
    provider::LocalOptions options;
    options.rule = std::string(32, '0');
    options.clock = &clock_;
    options.resume_chunk = 16;
    provider::RootFacts facts;
    facts.renames = {.no_replace = true, .exchange = true, .hard_links = true};
    facts.writable = true;
    root_ = std::make_unique<provider::LocalRoot>(std::move(options), facts, top, own,
                                                  own->open_directory(kStage).value(), nullptr);
  }

  provider::LocalRoot& root() { return *root_; }
  /// A fresh handle of the root directory.
  std::unique_ptr<fs::Directory> top() { return disk_.root(); }

 private:
  static constexpr std::string_view kOwn = ".syncoxiders";
  static constexpr std::string_view kStage = "stage";

  static void make(fs::Directory& directory, std::string_view name) {
    expects(directory.make_directory(name, 0700).ok());
  }

  rt::ManualClock clock_{Timestamp{1}};
  fs::MemoryFileSystem disk_{clock_};
  std::unique_ptr<provider::LocalRoot> root_;
};

}  // namespace ox::fuzz
