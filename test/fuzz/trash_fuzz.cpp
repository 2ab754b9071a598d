#include <set>

#include "fuzz/fuzz.h"
#include "fuzz/local_disk.h"
#include "provider/local/local_trash.h"
#include "provider/local/placing.h"
#include "tree/names.h"

/// Names in the trash, for whatever stood under whatever name.
namespace ox::fuzz {
namespace {

using provider::LocalTrash;
using provider::TrashSlot;

void check_numbered(const std::string& name, unsigned number, std::size_t max_bytes) {
  const std::string numbered = provider::numbered_name(name, number, max_bytes);
  if (number <= 1) {
    must(numbered == name, "the first version has its own name");
    return;
  }
  const std::string suffix = "~" + std::to_string(number);
  must(numbered.ends_with(suffix) && is_valid_name(numbered), "a later one has a number");
  must(numbered.size() <= std::max(max_bytes, suffix.size()), "it fits");
  must(name.starts_with(std::string_view(numbered).substr(0, numbered.size() - suffix.size())),
       "it begins as the name does");
  must(max_bytes < 16 || !tree::is_valid_utf8(name) || tree::is_valid_utf8(numbered),
       "it stays UTF-8");
}

void make_file(fs::Directory& directory, const std::string& name) {
  expects(directory.create_file(name, 0600).ok());
}

/// Puts an empty file into the slot, or says that the disk can't hold the name.
std::optional<RelPath> put(LocalDisk& disk, LocalTrash& trash, const TrashSlot& slot) {
  const auto top = disk.top();
  const std::string from = "displaced";
  make_file(*top, from);
  const Result<std::string> name =
      trash.put(slot, provider::Whose::kUsers, fs::NodeType::kFile, *top, from);
  must_explain(name);
  if (!name.ok()) {
    expects(top->remove_file(from).ok());
    return std::nullopt;
  }
  must(!top->stat(from).ok(), "it has left its place");
  const auto trashed = trash.describe(slot, *name);
  must(trashed.ok(), "it can be looked at");
  must(trash.find(trashed->path).ok(), "and found by its path");
  return trashed->path;
}

std::set<RelPath> listed(LocalTrash& trash) {
  std::set<RelPath> paths;
  const auto items = trash.list();
  must(items.ok(), "a trash can be listed");
  for (const auto& item : *items) {
    paths.insert(item.path);
  }
  return paths;
}

void check_trash(const std::string& folder, const RelPath& path) {
  LocalDisk disk;
  LocalTrash trash(disk.root());
  std::set<RelPath> standing;
  for (int version = 0; version < 3; ++version) {
    const Result<TrashSlot> slot = trash.make_slot({.name = folder}, path);
    must_explain(slot);
    must(slot.ok() || !slot.failed_with(Code::kInvalidArgument) || !is_valid_name(folder) ||
             path.is_root(),
         "only a bad folder or no path is wrong");
    const auto put_there = slot.ok() ? put(disk, trash, *slot) : std::nullopt;
    if (!put_there.has_value()) {
      return;
    }
    must(put_there->first() == folder, "it is in its folder");
    must(standing.insert(*put_there).second, "every version has its own place");
  }
  must(listed(trash) == standing, "all are listed, and nothing else");
  for (const RelPath& version : standing) {
    must(trash.purge(version).ok(), "a version can be purged");
  }
  must(listed(trash).empty(), "then nothing is left");
}

void check(Input input) {
  const std::string folder(input.line());
  const Result<RelPath> path = RelPath::parse(input.line());
  if (!path.ok()) {
    return;
  }
  check_trash(folder, *path);
  if (!path->is_root()) {
    check_numbered(std::string(path->name()), 1 + static_cast<unsigned>(input.number() % 200'000),
                   1 + input.number() % 300);
  }
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ox::fuzz::check(ox::fuzz::Input(data, size));
  return 0;
}
