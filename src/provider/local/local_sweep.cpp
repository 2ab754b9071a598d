#include "provider/local/local_sweep.h"

#include <algorithm>
#include <chrono>

#include "provider/local/local_trash.h"
#include "provider/local/placing.h"
#include "provider/local/resume_part.h"

namespace ox::provider {
namespace {

constexpr std::string_view kParkedPrefix = "parked-";
constexpr Duration kPartLife = std::chrono::hours(24 * 7);

bool is_young_part(LocalRoot& root, const fs::DirectoryItem& item) {
  if (!item.name.starts_with(kResumePrefix)) {
    return false;
  }
  const std::int64_t now = root.options().clock->now().ns + root.facts().clock_offset.count();
  const std::int64_t changed = std::max(item.stat.mtime, item.stat.ctime).ns;
  return now - changed < kPartLife.count();
}

/// A crash may leave a user's own file under a name for changing case, or one for taking a name
/// away; what has another name besides was about to go.
bool is_parked(const fs::DirectoryItem& item) {
  return item.name.starts_with(kParkedPrefix) &&
         (!item.name.starts_with(kAsidePrefix) || item.stat.link_count == 1);
}

bool is_kept(LocalRoot& root, const fs::DirectoryItem& item) {
  if (item.name == kClockName || is_parked(item)) {
    return true;
  }
  const std::string without_suffix = item.name.substr(0, item.name.find('.'));
  return root.is_live(without_suffix) || is_young_part(root, item);
}

}  // namespace

Result<std::string> name_of_parked(std::string_view name) {
  std::string parked = std::string(kParkedPrefix) + std::string(name);
  if (!is_valid_name(parked) || name.empty()) {
    return Error(Code::kInvalidArgument, "not a name to park under").with_context(name);
  }
  return parked;
}

Result<std::vector<std::string>> list_parked(LocalRoot& root) {
  // Also where nothing may be written (any more): what is parked there is not deleted.
  std::vector<std::string> names;
  const auto stage = root.find_stage();
  if (stage.failed_with(Code::kNotFound)) {
    return names;
  }
  TRY(stage);
  TRY_ASSIGN(const auto items, (*stage)->list());
  for (const fs::DirectoryItem& item : items) {
    if (is_parked(item)) {
      names.push_back(item.name.substr(kParkedPrefix.size()));
    }
  }
  std::ranges::sort(names);
  return names;
}

Result<std::uint64_t> sweep_stage(LocalRoot& root) {
  TRY(root.check_writable());
  TRY_ASSIGN(const auto items, root.stage()->list());
  std::uint64_t swept = 0;
  for (const fs::DirectoryItem& item : items) {
    if (is_kept(root, item)) {
      continue;
    }
    if (item.stat.type == fs::NodeType::kDirectory) {
      TRY_ASSIGN([[maybe_unused]] const std::uint64_t removed,
                 remove_tree(*root.stage(), item.name));
    } else {
      TRY(root.stage()->remove_file(item.name));
    }
    ++swept;
  }
  const RenameAbilities& renames = root.facts().renames;
  if (!renames.no_replace && renames.hard_links) {
    // A name taken away before a crash is not to come back with the next power cut.
    TRY(root.stage()->sync());
  }
  return swept;
}

}  // namespace ox::provider
