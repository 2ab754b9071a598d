#include "plan/random_edits.h"

#include <algorithm>
#include <array>
#include <functional>

namespace ox::toy {

namespace {

constexpr std::array kFileNames{"a",    "b",     "c",   "A",   "x.txt",       "y.txt",
                                "k.md", ".conf", "foo", "Foo", "caf\xC3\xA9", "cafe\xCC\x81"};
constexpr std::array kDirectoryNames{"d", "e", "D", "lib", "src", "tmp"};
constexpr std::size_t kMaxDepth = 4;

std::size_t depth_of(const std::string& path) {
  return path.empty() ? 0 : 1 + static_cast<std::size_t>(std::ranges::count(path, '/'));
}

bool inside(const std::string& path, const std::string& directory) {
  return directory.empty() || path == directory || path.starts_with(directory + "/");
}

}  // namespace

std::uint64_t Dice::next() {
  state_ += 0x9E3779B97F4A7C15ULL;
  std::uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBULL;
  return mixed ^ (mixed >> 31U);
}

void collect_tokens(const Object& object, std::vector<Token>& tokens) {
  if (object.blob != nullptr) {
    tokens.insert(tokens.end(), object.blob->lines.begin(), object.blob->lines.end());
  }
  for (const auto& [key, child] : object.children) {
    collect_tokens(*child, tokens);
  }
}

Token Editor::new_token(const Turn& turn) {
  tokens_.push_back({.creator = turn.replica, .round = turn.round});
  return static_cast<Token>(tokens_.size() - 1);
}

void Editor::withdraw_tokens(std::size_t from) {
  for (std::size_t token = from; token < tokens_.size(); ++token) {
    tokens_[token].replaced = true;
  }
}

BlobPtr Editor::new_blob(const Turn& turn) {
  std::vector<Token> lines;
  for (std::size_t count = 1 + turn.dice.below(3); count > 0; --count) {
    lines.push_back(new_token(turn));
  }
  return world_.blobs->make_lines(std::move(lines), turn.dice.chance(60));
}

BlobPtr Editor::edited_blob(const Turn& turn, const Object& object) {
  if (object.blob->lines.empty() || turn.dice.chance(30)) {
    return new_blob(turn);
  }
  std::vector<Token> lines = object.blob->lines;
  lines[turn.dice.below(lines.size())] = new_token(turn);
  return world_.blobs->make_lines(std::move(lines), object.blob->bytes.size() > 1024);
}

void Editor::replace_tokens(const Turn& turn, const Object& object, const Blob* kept) {
  std::vector<Token> gone;
  collect_tokens(object, gone);
  for (const Token token : gone) {
    if (kept != nullptr && std::ranges::find(kept->lines, token) != kept->lines.end()) {
      continue;
    }
    TokenState& state = tokens_[token];
    state.replaced = true;
    state.replaced_round = turn.round;
    state.replaced_by = turn.replica;
  }
}

std::vector<std::string> Editor::paths(const Turn& turn, tree::Kind kind) const {
  std::vector<std::string> found;
  world_.at(turn.replica).for_each([&](const std::string& path, const Object& object) {
    if (object.kind == kind && path != turn.limits.below && inside(path, turn.limits.below)) {
      found.push_back(path);
    }
  });
  return found;
}

std::string Editor::some(const Turn& turn, tree::Kind kind) const {
  const std::vector<std::string> found = paths(turn, kind);
  return found.empty() ? std::string() : found[turn.dice.below(found.size())];
}

std::string Editor::some_directory(const Turn& turn) const {
  std::vector<std::string> found = paths(turn, tree::Kind::kDirectory);
  found.push_back(turn.limits.below);
  std::erase_if(found, [](const std::string& path) { return depth_of(path) >= kMaxDepth; });
  return found.empty() ? std::string() : found[turn.dice.below(found.size())];
}

/// A path where nothing stands; empty when none was found.
std::string Editor::free_path(const Turn& turn) const {
  for (int attempt = 0; attempt < 8; ++attempt) {
    std::string path = join(some_directory(turn), kFileNames[turn.dice.below(kFileNames.size())]);
    if (!world_.at(turn.replica).has(path) && inside(path, turn.limits.below)) {
      return path;
    }
  }
  return "";
}

std::string Editor::create(ReplicaIndex replica, Dice& dice, const EditLimits& limits,
                           std::uint32_t round) {
  const Turn turn{replica, dice, limits, round};
  if (!limits.below.empty() && !world_.at(replica).has(limits.below)) {
    return "";
  }
  if (dice.chance(35)) {
    const std::string path =
        join(some_directory(turn), kDirectoryNames[dice.below(kDirectoryNames.size())]);
    return world_.at(replica).make_directory(path, world_.tick()) ? "mkdir " + path : "";
  }
  const std::string path = free_path(turn);
  if (path.empty() || !world_.at(replica).write(path, new_blob(turn), world_.tick())) {
    return "";
  }
  return "create " + path;
}

std::string Editor::write(const Turn& turn) {
  const std::string path = some(turn, tree::Kind::kFile);
  if (path.empty()) {
    return "";
  }
  ToyReplica& replica = world_.at(turn.replica);
  const Object& object = *replica.find(path);
  const BlobPtr blob = edited_blob(turn, object);
  replace_tokens(turn, object, blob.get());
  const unsigned how = static_cast<unsigned>(turn.dice.below(10));
  if (how < 3) {
    replica.save(path, blob, world_.tick());
    return "save " + path;
  }
  if (how == 3 && turn.limits.silent_writes && blob->bytes.size() == object.blob->bytes.size() &&
      replica.abilities().versions != Versions::kMtimeOnly) {
    replica.write_silently(path, blob, world_.tick());
    return "write silently " + path;
  }
  replica.write(path, blob, world_.tick());
  return "write " + path;
}

std::string Editor::remove(const Turn& turn, tree::Kind kind) {
  const std::string path = some(turn, kind);
  if (path.empty()) {
    return "";
  }
  replace_tokens(turn, *world_.at(turn.replica).find(path), nullptr);
  world_.at(turn.replica).remove(path, world_.tick());
  return "remove " + path;
}

std::string Editor::rename(const Turn& turn, tree::Kind kind) {
  const std::string from = some(turn, kind);
  const bool directory = kind == tree::Kind::kDirectory;
  const std::string name = directory ? kDirectoryNames[turn.dice.below(kDirectoryNames.size())]
                                     : kFileNames[turn.dice.below(kFileNames.size())];
  const std::string to =
      turn.dice.chance(40) ? join(split(from).first, name) : join(some_directory(turn), name);
  ToyReplica& replica = world_.at(turn.replica);
  const bool same = replica.find(to) == replica.find(from);
  if (from.empty() || (replica.has(to) && !same) || !inside(to, turn.limits.below) || from == to ||
      !replica.rename(from, to, world_.tick())) {
    return "";
  }
  return "rename " + from + " to " + to;
}

std::string Editor::rename_over(const Turn& turn) {
  const std::string from = some(turn, tree::Kind::kFile);
  const std::string to = some(turn, tree::Kind::kFile);
  if (from.empty() || from == to) {
    return "";
  }
  ToyReplica& replica = world_.at(turn.replica);
  replace_tokens(turn, *replica.find(to), replica.find(from)->blob.get());
  replica.rename(from, to, world_.tick());
  return "rename " + from + " over " + to;
}

std::string Editor::rotate(const Turn& turn, std::size_t count, tree::Kind kind) {
  std::vector<std::string> ring;
  for (std::size_t k = 0; k < count; ++k) {
    ring.push_back(some(turn, kind));
  }
  for (std::size_t k = 0; k < count; ++k) {
    for (std::size_t other = 0; other < count; ++other) {
      if (ring[k].empty() || (k != other && inside(ring[k], ring[other]))) {
        return "";
      }
    }
  }
  ToyReplica& replica = world_.at(turn.replica);
  replica.rename(ring[0], "rotating", world_.tick());
  for (std::size_t k = 1; k < count; ++k) {
    replica.rename(ring[k], ring[k - 1], world_.tick());
  }
  replica.rename("rotating", ring[count - 1], world_.tick());
  std::string text = "rotate";
  for (const std::string& path : ring) {
    text += " " + path;
  }
  return text;
}

std::string Editor::change_kind(const Turn& turn) {
  ToyReplica& replica = world_.at(turn.replica);
  if (turn.dice.chance(50)) {
    const std::string path = some(turn, tree::Kind::kFile);
    if (path.empty()) {
      return "";
    }
    replace_tokens(turn, *replica.find(path), nullptr);
    replica.remove(path, world_.tick());
    replica.make_directory(path, world_.tick());
    replica.write(join(path, "b"), new_blob(turn), world_.tick());
    return "replace file " + path + " by a directory";
  }
  const std::string path = some(turn, tree::Kind::kDirectory);
  if (path.empty()) {
    return "";
  }
  replace_tokens(turn, *replica.find(path), nullptr);
  replica.remove(path, world_.tick());
  replica.write(path, new_blob(turn), world_.tick());
  return "replace directory " + path + " by a file";
}

std::string Editor::change_attributes(const Turn& turn) {
  ToyReplica& replica = world_.at(turn.replica);
  const bool directory = turn.dice.chance(25);
  const std::string path = some(turn, directory ? tree::Kind::kDirectory : tree::Kind::kFile);
  if (path.empty()) {
    return "";
  }
  if (turn.dice.chance(40)) {
    const Timestamp now = world_.tick();
    return replica.touch(path, now, now) ? "touch " + path : "";
  }
  if (turn.dice.chance(30)) {
    return replica.set_xattrs(path, 1 + turn.dice.below(3), world_.tick()) ? "tag " + path : "";
  }
  constexpr std::array<std::uint32_t, 4> kModes{0700, 0750, 0755, 0711};
  return replica.set_mode(path, kModes[turn.dice.below(kModes.size())], world_.tick())
             ? "chmod " + path
             : "";
}

std::string Editor::link(const Turn& turn) {
  ToyReplica& replica = world_.at(turn.replica);
  std::string path = turn.dice.chance(50) ? some(turn, tree::Kind::kSymlink) : free_path(turn);
  const std::string target = "target" + std::to_string(turn.dice.below(4));
  if (path.empty() || !replica.make_symlink(path, target, world_.tick())) {
    return "";
  }
  return "symlink " + path + " to " + target;
}

std::string Editor::copy(const Turn& turn) {
  const std::string from = some(turn, tree::Kind::kFile);
  const std::string to = free_path(turn);
  if (from.empty() || to.empty() || !world_.at(turn.replica).copy(from, to, world_.tick())) {
    return "";
  }
  return "copy " + from + " to " + to;
}

std::string Editor::edit(ReplicaIndex replica, Dice& dice, const EditLimits& limits,
                         std::uint32_t round) {
  const Turn turn{replica, dice, limits, round};
  const std::size_t what = dice.below(100);
  if (what < 20) {
    return create(replica, dice, limits, round);
  }
  if (what < 45) {
    return write(turn);
  }
  if (what < 54) {
    return remove(turn, tree::Kind::kFile);
  }
  if (what < 58) {
    return remove(turn, tree::Kind::kDirectory);
  }
  if (what < 70) {
    return rename(turn, tree::Kind::kFile);
  }
  if (what < 79) {
    return rename(turn, tree::Kind::kDirectory);
  }
  if (what < 82) {
    return rename_over(turn);
  }
  if (what < 86) {
    return rotate(turn, 2 + dice.below(2),
                  dice.chance(60) ? tree::Kind::kFile : tree::Kind::kDirectory);
  }
  if (what < 89) {
    return change_kind(turn);
  }
  if (what < 95) {
    return change_attributes(turn);
  }
  return what < 97 ? link(turn) : copy(turn);
}

}  // namespace ox::toy
