#include "provider/local/probe.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace ox::provider {
namespace {

using namespace std::chrono_literals;

// FAT and exFAT keep no change time on disk: what memory holds is gone with the next mount.
bool forgets_ctime(std::string_view type) {
  return type == "vfat" || type == "msdos" || type == "exfat";
}

bool numbers_inodes_anew(std::string_view type) {
  return type.starts_with("fuse") || forgets_ctime(type) || type == "cifs" || type == "smb2" ||
         type == "9p";
}

/// Names made by a probe, removed at its end in whatever state they are.
class Scratch {
 public:
  Scratch(fs::Directory& directory, std::string prefix)
      : directory_(directory), prefix_(std::move(prefix)) {}
  ~Scratch() {
    for (const std::string& name : names_) {
      ignore(directory_.remove_file(name), "it may have been renamed or never made");
    }
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  fs::Directory& directory() { return directory_; }
  std::string name(std::string_view suffix) {
    return names_.emplace_back(prefix_ + std::string(suffix));
  }
  Result<std::string> file(std::string_view suffix) {
    std::string made = name(suffix);
    TRY_ASSIGN(const auto opened, directory_.create_file(made, 0600));
    return made;
  }
  /// True when a file of that name can be made.
  bool takes(std::string_view suffix) {
    const std::string tried = name(suffix);
    return directory_.create_file(tried, 0600).ok();
  }
  std::size_t prefix_size() const { return prefix_.size(); }

 private:
  fs::Directory& directory_;
  std::string prefix_;
  std::vector<std::string> names_;
};

// Kernels before 3.15 and some FUSE servers answer "unsupported"; others silently replace, which is
// why a refusal must be seen before it is believed.
Result<void> probe_renames(Scratch& scratch, const fs::FileSystemInfo& info, RootFacts& facts) {
  fs::Directory& directory = scratch.directory();
  TRY_ASSIGN(const std::string first, scratch.file("first"));
  TRY_ASSIGN(const std::string second, scratch.file("second"));
  TRY_ASSIGN(const fs::Stat first_stat, directory.stat(first));
  TRY_ASSIGN(const fs::Stat second_stat, directory.stat(second));

  const bool refuses = directory.rename(first, directory, second, fs::RenameMode::kNoReplace)
                           .failed_with(Code::kExists);
  const std::string third = scratch.name("third");
  facts.renames.no_replace =
      refuses && directory.rename(first, directory, third, fs::RenameMode::kNoReplace).ok();
  if (!facts.renames.no_replace) {
    ignore(directory.rename(first, directory, third, fs::RenameMode::kReplace),
           "the stat that follows tells");
  }
  TRY_ASSIGN(const fs::Stat moved, directory.stat(third));
  const bool keeps_inode = moved.inode == first_stat.inode && moved.birth == first_stat.birth;
  facts.inodes_are_ids = keeps_inode && moved.birth.has_value() && !numbers_inodes_anew(info.type);

  facts.renames.exchange =
      directory.rename(third, directory, second, fs::RenameMode::kExchange).ok();
  if (facts.renames.exchange) {
    TRY_ASSIGN(const fs::Stat swapped, directory.stat(third));
    facts.renames.exchange = swapped.inode == second_stat.inode;
  }
  const std::string linked = scratch.name("linked");
  facts.renames.hard_links = directory.link(third, directory, linked).ok();
  return {};
}

/// Whether a try worked. A failure that tells nothing of what the file system can do is passed on:
/// a time or mode that is not set for that reason would differ for good.
Result<bool> worked(const Result<void>& tried) {
  if (tried.failed_with(Code::kIo) || tried.failed_with(Code::kUnreachable) ||
      tried.failed_with(Code::kNoSpace)) {
    return tried.error();
  }
  return tried.ok();
}

Result<void> probe_times(Scratch& scratch, const fs::FileSystemInfo& info, Capabilities& can) {
  // An odd second, and digits that every coarser step would change.
  constexpr Timestamp kOdd{1'000'000'001'123'456'789};
  TRY_ASSIGN(const std::string name, scratch.file("times"));
  TRY_ASSIGN(const bool set, worked(scratch.directory().set_mtime(name, kOdd)));
  TRY_ASSIGN(const fs::Stat stat, scratch.directory().stat(name));
  can.has_mtime = true;
  can.mtime_step = 2s;
  bool kept = false;
  for (const Duration step : {Duration{1ns}, Duration{100ns}, Duration{1us}, Duration{1ms},
                              Duration{10ms}, Duration{1s}, Duration{2s}}) {
    if (set && stat.mtime.ns == kOdd.ns / step.count() * step.count()) {
      can.mtime_step = step;
      kept = true;
      break;
    }
  }
  can.mtime_settable = kept;
  // Where ctime follows mtime it is mtime under another name and tells nothing.
  can.ctime_reliable =
      kept && stat.ctime.ns > kOdd.ns + Duration(24h).count() && !forgets_ctime(info.type);
  return {};
}

Result<void> probe_features(Scratch& scratch, Capabilities& can) {
  fs::Directory& directory = scratch.directory();
  can.symlinks = directory.make_symlink(scratch.name("link"), "target").ok();

  TRY_ASSIGN(const std::string name, scratch.file("modes"));
  const auto keeps_mode = [&](std::uint32_t mode) -> Result<bool> {
    TRY_ASSIGN(const bool set, worked(directory.set_mode(name, mode)));
    TRY_ASSIGN(const fs::Stat stat, directory.stat(name));
    return set && stat.mode == mode;
  };
  TRY_ASSIGN(const bool keeps_wide, keeps_mode(0751));
  TRY_ASSIGN(const bool keeps_narrow, keeps_mode(0600));
  can.modes = keeps_wide && keeps_narrow;

  TRY_ASSIGN(const auto file, directory.open_file(name, fs::Access::kReadWrite));
  can.xattrs =
      file->set_extended_attribute({.name = "user.syncoxiders.probe", .value = {'x'}}).ok();
  return {};
}

Result<void> probe_lease(Scratch& scratch, Capabilities& can) {
  TRY_ASSIGN(const std::string name, scratch.file("lease"));
  TRY_ASSIGN(const auto file, scratch.directory().open_file(name, fs::Access::kRead));
  const auto taken = file->take_read_lease();
  if (taken.failed_with(Code::kPermissionDenied)) {
    return taken.error();  // of our own file: tells nothing of the file system
  }
  TRY_ASSIGN(can.leases, worked(taken.ok() ? Result<void>{} : taken.error()));
  return {};
}

Result<void> probe_names(Scratch& scratch, tree::NameRules& names) {
  fs::Directory& directory = scratch.directory();
  TRY(scratch.file("case"));
  if (directory.stat(scratch.name("CASE")).ok()) {
    names.case_rule = tree::CaseRule::kFolds;
  }
  if (scratch.takes("\xC3\xA9") && directory.stat(scratch.name("e\xCC\x81")).ok()) {
    names.normalization = tree::NormalizationRule::kComposes;
  }
  names.utf8_only = !scratch.takes("\xFF");
  constexpr std::string_view kSuspects = "\"*:<>?\\|\n\x01\x7F";
  if (!scratch.takes(kSuspects)) {
    for (const char suspect : kSuspects) {
      if (!scratch.takes(std::string("x") + suspect + "x")) {
        names.forbidden_bytes += suspect;
      }
    }
    if (names.forbidden_bytes.find('\x01') != std::string::npos) {
      for (char control = 1; control < ' '; ++control) {
        if (names.forbidden_bytes.find(control) == std::string::npos) {
          names.forbidden_bytes += control;
        }
      }
    }
  }
  // FAT drops dots and spaces at the end: the file then stands under another name.
  const std::string dotted = "dot";
  if (!scratch.takes(dotted + ".") || directory.stat(scratch.name(dotted)).ok()) {
    names.forbid_trailing_dot_space = true;
  }
  for (const std::size_t size : {255U, 143U, 127U, 100U}) {
    names.max_name_bytes = size;
    if (scratch.takes(std::string(size - scratch.prefix_size(), 'n'))) {
      break;
    }
  }
  return {};
}

void grade_operations(const RenameAbilities& renames, Capabilities& can) {
  const bool placed_safely = renames.no_replace || renames.hard_links;
  can.create = placed_safely ? Cas::kAtomic : Cas::kRacy;
  can.replace = renames.exchange ? Cas::kDetectAfter : Cas::kRacy;
  can.remove = placed_safely ? Cas::kDetectAfter : Cas::kRacy;
  can.move = renames.no_replace ? Cas::kDetectAfter : Cas::kRacy;
  can.exchange = renames.exchange;
  can.native_directory_move = true;
  can.staged_trees = true;
}

}  // namespace

Result<RootFacts> probe_file_system(fs::Directory& stage, const fs::FileSystemInfo& info,
                                    const std::string& prefix, rt::Clock& clock) {
  RootFacts facts;
  facts.file_system = info;
  facts.writable = true;
  Capabilities& can = facts.capabilities;
  Scratch scratch(stage, prefix);
  TRY(probe_renames(scratch, info, facts));
  TRY(probe_times(scratch, info, can));
  TRY(probe_features(scratch, can));
  TRY(probe_lease(scratch, can));
  TRY(probe_names(scratch, can.names));
  can.stable_ids = facts.inodes_are_ids;
  grade_operations(facts.renames, can);

  TRY_ASSIGN(const fs::Stat fresh, stage.stat());
  // Ours is read last: were theirs to seem ahead, a fresh file would seem old.
  facts.clock_offset = Duration{fresh.ctime.ns - clock.now().ns};
  return facts;
}

RootFacts guess_file_system(fs::Directory& root, const fs::FileSystemInfo& info) {
  RootFacts facts;
  facts.file_system = info;
  const bool is_fat = forgets_ctime(info.type);
  const bool is_foreign = numbers_inodes_anew(info.type);
  Capabilities& can = facts.capabilities;
  facts.renames = {.no_replace = !is_foreign, .exchange = !is_foreign, .hard_links = !is_fat};
  const auto stat = root.stat();
  facts.inodes_are_ids = !is_foreign && stat.ok() && stat->birth.has_value();
  can.stable_ids = facts.inodes_are_ids;
  can.has_mtime = true;
  can.mtime_settable = true;
  can.mtime_step = is_fat ? Duration{2s} : Duration{1ns};
  can.ctime_reliable = !is_foreign;
  can.symlinks = !is_fat;
  can.modes = !is_fat;
  can.xattrs = !is_foreign && info.type != "nfs";
  if (is_fat) {
    can.names.case_rule = tree::CaseRule::kFolds;
    can.names.utf8_only = true;
    can.names.forbidden_bytes = "\"*:<>?\\|";
    can.names.forbid_trailing_dot_space = true;
  }
  grade_operations(facts.renames, can);
  if (info.read_only) {
    make_read_only(can);
  }
  return facts;
}

void make_read_only(Capabilities& capabilities) {
  capabilities.create = Cas::kNone;
  capabilities.replace = Cas::kNone;
  capabilities.remove = Cas::kNone;
  capabilities.move = Cas::kNone;
  capabilities.exchange = false;
  capabilities.native_directory_move = false;
  capabilities.staged_trees = false;
  capabilities.mtime_settable = false;
}

}  // namespace ox::provider
