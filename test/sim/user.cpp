#include "sim/user.h"

#include <algorithm>
#include <array>

namespace ox::sim {
namespace {

// Few names, for files and directories alike, so that edits meet.
constexpr std::array<std::string_view, 5> kNames{"a", "b", "c", "d.txt", "e"};
constexpr std::array<std::string_view, 10> kOddNames{"a",      "A",       "c",     "d.txt", "D.TXT",
                                                     "\u00e9", "e\u0301", "con.x", "why?",  "dot."};
constexpr std::array<std::uint32_t, 4> kModes{0644, 0600, 0755, 0700};
constexpr std::array<std::int64_t, 5> kPauses{0, 1'000, 5'000'000, 700'000'000, 3'000'000'000};
constexpr std::size_t kMostEntries = 16;
constexpr std::size_t kLeastMapped = 24;  // room for the name of a version

std::size_t depth_of(const std::string& path) {
  return path.empty() ? 0 : static_cast<std::size_t>(std::ranges::count(path, '/')) + 1;
}

}  // namespace

User::User(std::size_t replica, Ground& ground, Versions& versions, rt::SeededRandom& random,
           rt::ManualClock& clock, Habits habits)
    : replica_(replica),
      ground_(ground),
      versions_(versions),
      random_(random),
      clock_(clock),
      habits_(std::move(habits)) {}

std::optional<Edit> User::edit() {
  clock_.advance(std::chrono::nanoseconds(kPauses[random_.below(kPauses.size())]));
  if (is_writing() && random_.below(2) == 0) {
    return finish_writing();
  }
  tree_ = ground_.look();
  fresh_.clear();
  Edit edit{.replica = replica_};
  if (!carry_out(edit)) {
    if (!habits_.disk_may_be_full || edit.touched.empty()) {
      return std::nullopt;
    }
    edit.text += " (stopped half-way)";
    allow_halves(edit);
  }
  settle(edit);
  return edit;
}

/// What a full disk took of a version, and what was overwritten by that, is the user's own
/// misfortune.
void User::allow_halves(Edit& edit) {
  const Tree now = ground_.look();
  const std::set<std::string> left = all_contents();
  for (const auto& [path, node] : tree_) {
    const auto standing = now.find(path);
    const bool overwritten = standing != now.end() && standing->second.bytes != node.bytes;
    if (overwritten || !left.contains(node.bytes)) {
      versions_.replace(node.bytes);
    }
  }
  const std::size_t paths = edit.touched.size();
  for (std::size_t k = 0; k < paths; ++k) {
    const std::string beside = edit.touched[k] + ".saving";
    if (now.contains(beside)) {
      edit.touched.push_back(beside);
    }
  }
  for (const std::string& path : edit.touched) {
    if (const auto found = now.find(path); found != now.end()) {
      versions_.allow(found->second.bytes);
    }
  }
}

bool User::carry_out(Edit& edit) {
  const std::uint64_t choice = tree_.size() < 3 ? random_.below(40) : random_.below(100);
  if (choice < 24) {
    return tree_.size() < kMostEntries ? create(edit) : remove(edit);
  }
  if (choice < 36) {
    return make_directory(edit);
  }
  if (choice < 40) {
    return make_symlink(edit);
  }
  if (choice < 56) {
    return write(edit);
  }
  if (choice < 68) {
    return rename(edit);
  }
  if (choice < 72) {
    return rename_over(edit);
  }
  if (choice < 76) {
    return swap(edit);
  }
  if (choice < 88) {
    return remove(edit);
  }
  if (choice < 91) {
    return chmod(edit);
  }
  if (choice < 93) {
    return touch(edit);
  }
  if (choice < 96) {
    return copy(edit);
  }
  return change_type(edit);
}

/// Makes the edit durable, or remembers that it is not.
void User::settle(const Edit& edit) {
  if (random_.below(100) < habits_.unsynced_percent) {
    for (const std::string& path : edit.touched) {
      ground_.leave_unsynced(path);
    }
    return;
  }
  for (const std::string& path : edit.touched) {
    ground_.sync(path);
  }
  if (edit.deleted.has_value()) {
    ground_.sync(*edit.deleted);
  }
  for (const std::string& bytes : fresh_) {
    versions_.make_durable(bytes);
  }
}

std::string User::new_version() {
  return versions_.make(random_, replica_);
}

bool User::written(const std::string& bytes, bool done) {
  if (done) {
    fresh_.push_back(bytes);
  } else {
    versions_.replace(bytes);
  }
  return done;
}

void User::replace_below(const std::string& path) {
  for (const auto& [other, node] : tree_) {
    if (node.kind != NodeKind::kDirectory && is_within(other, path)) {
      versions_.replace(node.bytes);
    }
  }
}

std::string User::pick(std::initializer_list<NodeKind> kinds) {
  std::vector<const std::string*> found;
  for (const auto& [path, node] : tree_) {
    const bool left =
        habits_.leaves_empty_files && node.kind == NodeKind::kFile && node.bytes.empty();
    if (!left && std::ranges::find(kinds, node.kind) != kinds.end()) {
      found.push_back(&path);
    }
  }
  return found.empty() ? std::string() : *found[random_.below(found.size())];
}

std::string User::pick_directory() {
  std::vector<std::string> found{"", ""};
  for (const auto& [path, node] : tree_) {
    if (node.kind == NodeKind::kDirectory && depth_of(path) < 3) {
      found.push_back(path);
    }
  }
  return found[random_.below(found.size())];
}

std::string User::free_path(const std::string& directory) {
  for (int attempt = 0; attempt < 4; ++attempt) {
    std::string path = join(directory, any_name());
    if (is_free(path)) {
      return path;
    }
  }
  return {};
}

std::string User::any_name() {
  return std::string(habits_.odd_names ? kOddNames[random_.below(kOddNames.size())]
                                       : kNames[random_.below(kNames.size())]);
}

/// Of all spellings that are one name on his store.
bool User::is_free(const std::string& path) const {
  if (!habits_.odd_names) {
    return !tree_.contains(path);
  }
  const std::string directory = parent_of(path);
  const auto key_of = [&](const std::string& one) {
    return habits_.names.collision_key(
        std::string_view(one).substr(directory.empty() ? 0 : directory.size() + 1));
  };
  return std::ranges::none_of(tree_, [&](const auto& entry) {
    return parent_of(entry.first) == directory && key_of(entry.first) == key_of(path);
  });
}

bool User::create(Edit& edit) {
  const std::string path = free_path(pick_directory());
  if (path.empty()) {
    return false;
  }
  const std::string bytes = new_version();
  edit.touched.push_back(path);
  edit.text = "create " + path + " " + title_of(bytes);
  return written(bytes, ground_.create(path, bytes));
}

bool User::write(Edit& edit) {
  const std::string path = pick({NodeKind::kFile});
  if (path.empty()) {
    return false;
  }
  if (habits_.holds_files_open && !is_writing() && random_.below(3) == 0) {
    return begin_writing(edit, path);
  }
  const Node old = tree_.at(path);
  const std::string bytes = new_version();
  edit.touched.push_back(path);
  const std::uint64_t how = random_.below(5);
  // Only its ctime could tell, and nobody has seen the one that the engine's own change set.
  const bool nobody_could_tell =
      engine_since_.has_value() && old.ctime.ns + habits_.time_step.count() >= engine_since_->ns;
  const bool puts_mtime_back = how == 4 && !nobody_could_tell;
  bool done = false;
  if (how == 2 || how == 3) {
    edit.text = "write by replacing " + path + " " + title_of(bytes);
    done = ground_.write_by_replacing(path, bytes);
  } else {
    edit.text = "write in place " + path + " " + title_of(bytes) +
                (puts_mtime_back ? ", mtime put back" : "");
    if (puts_mtime_back) {
      let_ctime_differ(old.ctime);
    }
    done =
        ground_.write_in_place(path, bytes) && (!puts_mtime_back || ground_.touch(path, old.mtime));
  }
  if (done) {
    versions_.replace(old.bytes);
  }
  return written(bytes, done);
}

/// Also where the clock was set back since.
void User::let_ctime_differ(Timestamp old) {
  clock_.advance(2 * habits_.time_step);
  const std::int64_t since = clock_.now().ns - old.ns;
  if (since >= 0 && since < habits_.time_step.count()) {
    clock_.advance(2 * habits_.time_step);
  }
}

/// The first store makes its page writable, and the file shows that; the next ones show nowhere.
bool User::map(Edit& edit, const std::string& path) {
  const std::string& old = tree_.at(path).bytes;
  writing_.file = ground_.open_for_writing(path);
  if (writing_.file == nullptr) {
    return false;
  }
  const std::string first = versions_.make_of_size(old.size(), replica_);
  edit.touched.push_back(path);
  edit.text = "map " + path + " and store " + title_of(first);
  if (!written(first, writing_.file->write(first, OpenFile::Ending::kKeepRest))) {
    writing_ = {};
    return false;
  }
  versions_.replace(old);
  writing_.path = path;
  writing_.bytes = versions_.make_of_size(old.size(), replica_);
  writing_.is_mapped = true;
  return true;
}

bool User::begin_writing(Edit& edit, const std::string& path) {
  if (habits_.maps_files && !habits_.sizes_tell && ground_.shows_writers() &&
      tree_.at(path).bytes.size() >= kLeastMapped && random_.below(2) == 0) {
    return map(edit, path);
  }
  writing_.file = ground_.open_for_writing(path);
  if (writing_.file == nullptr) {
    return false;
  }
  const std::string& old = tree_.at(path).bytes;
  writing_.path = path;
  writing_.bytes = new_version();
  const std::string half = writing_.bytes.substr(0, writing_.bytes.size() / 2);
  versions_.allow(half.size() < old.size() ? half + old.substr(half.size()) : half);
  edit.touched.push_back(path);
  edit.text = "begin to write " + path + " " + title_of(writing_.bytes);
  versions_.replace(old);
  if (!writing_.file->write(half, OpenFile::Ending::kKeepRest)) {
    versions_.replace(writing_.bytes);
    writing_ = {};
    return false;
  }
  return true;
}

std::optional<Edit> User::finish_writing() {
  if (!is_writing()) {
    return std::nullopt;
  }
  const Writing writing = std::move(writing_);
  writing_ = {};
  Edit edit{.replica = replica_, .touched = {writing.path}};
  edit.text = (writing.is_mapped ? "store mapped " : "finish writing ") + writing.path + " " +
              title_of(writing.bytes);
  // The file may have been moved or put aside, and written by others: what is gone afterwards is
  // what this write replaced.
  const std::set<std::string> before = all_contents();
  const Tree stood = ground_.look();
  if (writing.is_mapped) {
    (void)writing.file->store_mapped(writing.bytes);
  } else {
    (void)writing.file->write(writing.bytes, OpenFile::Ending::kCutRest);
  }
  // A power cut may bring a name back that was taken from it.
  ground_.leave_unsynced(*writing.file);
  const std::set<std::string> after = all_contents();
  for (const std::string& bytes : before) {
    if (!after.contains(bytes)) {
      versions_.replace(bytes);
    }
  }
  forget_synced(stood);
  const bool whole = after.contains(writing.bytes);
  if (!whole) {
    versions_.replace(writing.bytes);
    if (!habits_.disk_may_be_full) {
      return edit;
    }
    edit.text += " (stopped half-way)";
    for (const std::string& bytes : after) {
      if (!before.contains(bytes)) {
        versions_.allow(bytes);
      }
    }
  } else {
    versions_.find(writing.bytes)->trash_will_do = true;
  }
  for (const auto& [path, node] : ground_.look()) {
    if (whole ? node.bytes == writing.bytes : !before.contains(node.bytes)) {
      edit.touched.push_back(path);
      ground_.leave_unsynced(path);
    }
  }
  return edit;
}

/// What was overwritten may live on in copies, and nobody has synced those.
void User::forget_synced(const Tree& stood) {
  const Tree now = ground_.look();
  for (const auto& [path, node] : stood) {
    const auto left = now.find(path);
    if (left == now.end() || left->second.bytes != node.bytes) {
      versions_.forget_synced(node.bytes);
    }
  }
}

void User::drop_open_file() {
  if (is_writing()) {
    versions_.replace(writing_.bytes);
  }
  writing_ = {};
}

std::set<std::string> User::all_contents() {
  std::set<std::string> contents;
  for (auto& [path, node] : ground_.look()) {
    contents.insert(node.bytes);
  }
  for (const auto& more : {ground_.trash(), ground_.private_contents()}) {
    contents.insert(more.begin(), more.end());
  }
  return contents;
}

bool User::copy(Edit& edit) {
  const std::string from = pick({NodeKind::kFile});
  const std::string to = free_path(pick_directory());
  if (from.empty() || to.empty()) {
    return false;
  }
  edit.touched = {to};
  edit.text = "copy " + from + " to " + to;
  return ground_.create(to, tree_.at(from).bytes);
}

bool User::rename(Edit& edit) {
  const std::string from =
      pick({NodeKind::kFile, NodeKind::kDirectory, NodeKind::kDirectory, NodeKind::kSymlink});
  const std::string to = free_path(pick_directory());
  if (from.empty() || to.empty() || is_within(to, from)) {
    return false;
  }
  edit.touched = {from, to};
  edit.text = "rename " + from + " to " + to;
  return ground_.rename(from, to);
}

bool User::rename_over(Edit& edit) {
  const std::string from = pick({NodeKind::kFile});
  const std::string to = pick({NodeKind::kFile});
  if (from.empty() || from == to) {
    return false;
  }
  edit.touched = {from, to};
  edit.text = "rename " + from + " over " + to;
  clock_.advance(2 * habits_.time_step);
  if (!ground_.rename(from, to)) {
    return false;
  }
  versions_.replace(tree_.at(to).bytes);
  return true;
}

bool User::swap(Edit& edit) {
  const std::string a = pick({NodeKind::kFile, NodeKind::kDirectory, NodeKind::kSymlink});
  const std::string b = pick({NodeKind::kFile, NodeKind::kDirectory, NodeKind::kSymlink});
  if (a.empty() || on_one_line(a, b)) {
    return false;
  }
  const std::string between = join(parent_of(a), "between");
  if (tree_.contains(between)) {
    return false;  // a swap before was broken off
  }
  edit.touched = {a, b, between};
  edit.text = "swap " + a + " and " + b;
  clock_.advance(2 * habits_.time_step);
  return ground_.rename(a, between) && ground_.rename(b, a) && ground_.rename(between, b);
}

bool User::remove(Edit& edit) {
  const std::string path = pick({NodeKind::kFile, NodeKind::kDirectory, NodeKind::kSymlink});
  if (path.empty()) {
    return false;
  }
  edit.deleted = path;
  edit.deleted_bytes = tree_.at(path).bytes;
  edit.text = "delete " + path;
  replace_below(path);
  return ground_.remove(path);
}

bool User::make_directory(Edit& edit) {
  const std::string path = free_path(pick_directory());
  edit.touched.push_back(path);
  edit.text = "make directory " + path;
  return !path.empty() && ground_.make_directory(path);
}

bool User::make_symlink(Edit& edit) {
  const std::string path = free_path(pick_directory());
  if (path.empty() || !habits_.symlinks) {
    return false;
  }
  const std::string target = versions_.make_target(replica_);
  edit.touched.push_back(path);
  edit.text = "make symlink " + path + " " + title_of(target);
  return written(target, ground_.make_symlink(path, target));
}

bool User::chmod(Edit& edit) {
  const std::string path = pick({NodeKind::kFile, NodeKind::kDirectory});
  if (path.empty()) {
    return false;
  }
  // A directory that its owner can't enter is another story.
  const std::uint64_t drawn = random_.below(kModes.size());
  const std::uint32_t mode =
      tree_.at(path).kind == NodeKind::kDirectory ? (drawn % 2 == 0 ? 0755 : 0700) : kModes[drawn];
  edit.touched.push_back(path);
  edit.text = "chmod " + path;
  return ground_.chmod(path, mode);
}

bool User::touch(Edit& edit) {
  const std::string path = pick({NodeKind::kFile});
  if (path.empty()) {
    return false;
  }
  edit.touched.push_back(path);
  edit.text = "touch " + path;
  const std::int64_t back = static_cast<std::int64_t>(random_.below(3)) * 1'000'000'000;
  if (habits_.time_step.count() > 1) {
    clock_.advance(2 * habits_.time_step);  // it may put back the mtime that a write before moved
  }
  return ground_.touch(path, {clock_.now().ns - back});
}

bool User::change_type(Edit& edit) {
  const std::string path = pick({NodeKind::kFile, NodeKind::kDirectory, NodeKind::kSymlink});
  if (path.empty()) {
    return false;
  }
  const NodeKind old = tree_.at(path).kind;
  edit.touched.push_back(path);
  replace_below(path);
  if (!ground_.remove(path)) {
    return false;
  }
  if (old == NodeKind::kDirectory) {
    const std::string bytes = new_version();
    edit.text = "make a file of directory " + path + " " + title_of(bytes);
    return written(bytes, ground_.create(path, bytes));
  }
  edit.text = "make a directory of " + path;
  if (!ground_.make_directory(path)) {
    return false;
  }
  if (random_.below(2) == 0) {
    const std::string inside = join(path, any_name());
    const std::string bytes = new_version();
    edit.touched.push_back(inside);
    edit.text += " with " + inside + " " + title_of(bytes);
    return written(bytes, ground_.create(inside, bytes));
  }
  return true;
}

}  // namespace ox::sim
