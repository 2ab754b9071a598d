#include "provider/local/placing.h"

#include <algorithm>

namespace ox::provider {
namespace {

// An error may hide that the call did its work (a lost answer of a network file system): a name is
// given back only while our own placeholder stands there.

Result<void> move_directory_over_own(fs::Directory& from, const std::string& from_name,
                                     fs::Directory& to, const std::string& to_name) {
  TRY(to.make_directory(to_name, 0700));
  TRY_ASSIGN(const fs::Stat holder, to.stat(to_name));
  auto moved = from.rename(from_name, to, to_name, fs::RenameMode::kReplace);
  if (!moved.ok() && is_same_inode(to, to_name, holder)) {
    ignore(to.remove_directory(to_name), "somebody else may have put something into it");
  }
  if (moved.failed_with(Code::kNotEmpty)) {
    return Error(Code::kExists, "somebody took the name").with_context(to_name);
  }
  return moved;
}

/// Takes the name `name` away from the file that `linked`, another name of it, was taken of. What
/// somebody saves under it meanwhile is another file, and stands there afterwards: no name goes for
/// good before it is seen what it stands for.
Result<void> take_name_away(LocalRoot& root, fs::Directory& from, const std::string& name,
                            const fs::Stat& linked) {
  if (!is_same_inode(from, name, linked)) {
    return {};
  }
  fs::Directory& stage = *root.stage();
  TRY(root.note_own("stage", root.stage()));  // else a power cut may bring `aside` back
  const std::string aside = root.random_name(kAsidePrefix);
  const auto taken = from.rename(name, stage, aside, fs::RenameMode::kReplace);
  if (is_same_inode(stage, aside, linked)) {
    return stage.remove_file(aside);
  }
  const auto back = stage.link(aside, from, name);
  if (back.ok()) {
    ignore(stage.remove_file(aside), "it has its own name again; swept later");
  }
  // Else somebody saved once more: the one between stays parked, and the next start brings it home.
  return taken.failed_with(Code::kNotFound) ? Result<void>{} : taken;
}

Result<void> move_by_link(LocalRoot& root, Whose whose, fs::Directory& from,
                          const std::string& from_name, fs::Directory& to,
                          const std::string& to_name) {
  TRY(from.link(from_name, to, to_name));
  TRY_ASSIGN(const fs::Stat linked, to.stat(to_name));
  auto removed = whose == Whose::kOurs ? from.remove_file(from_name)
                                       : take_name_away(root, from, from_name, linked);
  if (!removed.ok() && is_same_inode(from, from_name, linked)) {
    ignore(to.remove_file(to_name), "the first error is the one to tell");
  }
  return removed;
}

Result<void> move_over_own_file(fs::Directory& from, const std::string& from_name,
                                fs::Directory& to, const std::string& to_name) {
  TRY_ASSIGN(auto file, to.create_file(to_name, 0600));
  TRY_ASSIGN(const fs::Stat holder, file->stat());
  file.reset();
  auto moved = from.rename(from_name, to, to_name, fs::RenameMode::kReplace);
  if (!moved.ok() && is_same_inode(to, to_name, holder)) {
    ignore(to.remove_file(to_name), "the first error is the one to tell");
  }
  return moved;
}

}  // namespace

bool is_same_inode(fs::Directory& directory, const std::string& name, const fs::Stat& stat) {
  const auto standing = directory.stat(name);
  return standing.ok() && standing->inode == stat.inode && standing->device == stat.device;
}

Result<void> move_to_free_name(LocalRoot& root, Whose whose, fs::NodeType type, fs::Directory& from,
                               const std::string& from_name, fs::Directory& to,
                               const std::string& to_name) {
  if (root.facts().renames.no_replace) {
    return from.rename(from_name, to, to_name, fs::RenameMode::kNoReplace);
  }
  if (type == fs::NodeType::kDirectory) {
    return move_directory_over_own(from, from_name, to, to_name);
  }
  if (root.facts().renames.hard_links) {
    return move_by_link(root, whose, from, from_name, to, to_name);
  }
  return move_over_own_file(from, from_name, to, to_name);
}

Result<void> move_to_private_name(LocalRoot& root, fs::Directory& from,
                                  const std::string& from_name, fs::Directory& to,
                                  const std::string& to_name) {
  if (root.facts().renames.no_replace) {
    return from.rename(from_name, to, to_name, fs::RenameMode::kNoReplace);
  }
  const auto standing = to.stat(to_name);
  if (standing.ok()) {
    return Error(Code::kExists, "something is there already").with_context(to_name);
  }
  return standing.failed_with(Code::kNotFound)
             ? from.rename(from_name, to, to_name, fs::RenameMode::kReplace)
             : standing.error();
}

std::string numbered_name(const std::string& name, unsigned number, std::size_t max_bytes) {
  if (number <= 1) {
    return name;
  }
  const std::string suffix = "~" + std::to_string(number);
  std::size_t keep = std::min(name.size(), max_bytes - std::min(max_bytes, suffix.size()));
  const auto continues = [&](std::size_t at) {
    return at < name.size() && (static_cast<unsigned char>(name[at]) & 0xC0U) == 0x80U;
  };
  // At most three bytes back: what is not UTF-8 is cut where it falls.
  for (int back = 0; back < 3 && keep > 1 && continues(keep); ++back) {
    --keep;
  }
  return name.substr(0, keep) + suffix;
}

}  // namespace ox::provider
