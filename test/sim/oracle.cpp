#include "sim/oracle.h"

#include <algorithm>
#include <unordered_set>

namespace ox::sim {
namespace {

using Contents = std::unordered_set<std::string>;

void add(Contents& contents, const std::vector<std::string>& more) {
  contents.insert(more.begin(), more.end());
}

Contents standing_in(const std::vector<Tree>& trees) {
  Contents standing;
  for (const Tree& tree : trees) {
    for (const auto& [path, node] : tree) {
      standing.insert(node.bytes);
    }
  }
  return standing;
}

bool is_excluded(const std::string& path, const std::optional<std::string>& name) {
  if (!name.has_value()) {
    return false;
  }
  const std::string padded = "/" + path + "/";
  return padded.find("/" + *name + "/") != std::string::npos;
}

/// A directory that is gone elsewhere stays where it holds something excluded.
void drop_excluded(std::vector<Tree>& trees, const std::optional<std::string>& name) {
  if (!name.has_value()) {
    return;
  }
  std::set<std::string> dropped;
  for (const Tree& tree : trees) {
    for (const auto& [path, node] : tree) {
      if (is_excluded(path, name)) {
        dropped.insert(path);
        for (std::string above = parent_of(path); !above.empty(); above = parent_of(above)) {
          dropped.insert(above);
        }
      }
    }
  }
  for (Tree& tree : trees) {
    for (const std::string& path : dropped) {
      const auto found = tree.find(path);
      if (found != tree.end() &&
          (is_excluded(path, name) || found->second.kind == NodeKind::kDirectory)) {
        tree.erase(found);
      }
    }
  }
}

/// A ctime moves with another name of ours for the file, which is none of the user's business.
std::string what_changed(const Tree& before, const Tree& now) {
  const std::string difference = first_difference(before, now, {});
  const auto replaced = std::ranges::find_if(now, [&](const auto& entry) {
    return difference.empty() && before.at(entry.first).id != entry.second.id;
  });
  return replaced == now.end() ? difference : replaced->first + ": is another file";
}

/// Directories above may be renamed, so that only the bytes are told.
std::multiset<std::string> excluded_bytes(const Tree& tree,
                                          const std::optional<std::string>& name) {
  std::multiset<std::string> found;
  for (const auto& [path, node] : tree) {
    if (node.kind != NodeKind::kDirectory && is_excluded(path, name)) {
      found.insert(node.bytes);
    }
  }
  return found;
}

}  // namespace

void Oracle::fail(std::string what) {
  if (!violation_.has_value()) {
    violation_ = std::move(what);
  }
}

void Oracle::edited(const Edit& edit, bool during_run) {
  others_changed_ = others_changed_ || edit.replica != 0;
  episode_.editors.insert(edit.replica);
  episode_.edited_during_run = episode_.edited_during_run || during_run;
  episode_.touched.insert(episode_.touched.end(), edit.touched.begin(), edit.touched.end());
  if (edit.deleted.has_value()) {
    // A delete during a run may meet the engine's own work on the same path.
    if (during_run) {
      episode_.touched.push_back(*edit.deleted);
    } else {
      episode_.deleted.emplace_back(*edit.deleted, edit.deleted_bytes);
    }
  }
  episode_.expected.reset();
  if (during_run && !episode_.disturbed && episode_.editors.size() == 1) {
    episode_.expected = world_.ground(edit.replica).look();
  }
}

std::vector<Tree> Oracle::look_at_all() {
  std::vector<Tree> trees;
  for (std::size_t i = 0; i < world_.size(); ++i) {
    trees.push_back(world_.ground(i).look());
  }
  return trees;
}

void Oracle::power_was_cut(const std::vector<std::size_t>& replicas) {
  episode_.disturbed = true;
  Contents standing;
  Contents hidden;
  for (std::size_t i = 0; i < world_.size(); ++i) {
    Ground& ground = world_.ground(i);
    const Tree tree = ground.look();
    if (std::ranges::find(replicas, i) != replicas.end()) {
      for (const std::string& bytes : ground.torn_by_neglect(tree)) {
        versions_.allow(bytes);
      }
    }
    for (const auto& [path, node] : tree) {
      standing.insert(node.bytes);
    }
    add(standing, ground.trash());
    add(hidden, ground.private_contents());
  }
  for (auto& [bytes, version] : versions_.all()) {
    if (version.token == 0 || version.replaced || version.excused || standing.contains(bytes)) {
      continue;
    }
    if (!version.durable) {
      version.excused = true;
    } else if (!hidden.contains(bytes)) {
      fail("a power cut took " + title_of(bytes) + ", which was durable");
    }
  }
}

void Oracle::check_contents(const std::vector<Tree>& trees) {
  for (std::size_t i = 0; i < trees.size(); ++i) {
    for (const auto& [path, node] : trees[i]) {
      if (node.kind != NodeKind::kDirectory && !versions_.known(node.bytes)) {
        fail("r" + std::to_string(i) + " " + path + " holds " + std::to_string(node.bytes.size()) +
             " bytes that no user wrote: " + title_of(node.bytes));
      }
    }
  }
}

void Oracle::check_equal(std::vector<Tree> trees) {
  drop_excluded(trees, excluded_);
  forgive_what_is_told(trees);
  for (std::size_t i = 1; i < trees.size(); ++i) {
    const std::string difference = first_difference(trees[0], trees[i], tolerance_);
    if (!difference.empty()) {
      fail("the engine says that all is in sync, but r0 and r" + std::to_string(i) +
           " differ: " + difference);
    }
  }
}

/// What some replica can't hold, where that is told: there it keeps its old place and bytes, or has
/// none.
/// Directories that are there for it alone come along.
void Oracle::forgive_what_is_told(std::vector<Tree>& trees) {
  if (!tolerance_.leaves_out() || told_.empty()) {
    return;
  }
  // One that no tree shows is known by the name of a directory that is not kept either, and what
  // was in a directory that a symlink has the place of waits wherever others moved it: then there
  // is no telling which entries are meant.
  const auto is_clear = [&](const state::Problem& problem) {
    const std::string path = problem.path.text();
    const auto has_it = [&](const Tree& tree) { return tree.contains(path); };
    return std::ranges::any_of(trees, has_it) && !symlink_has_the_place_of(problem);
  };
  if (!std::ranges::all_of(told_, is_clear)) {
    trees.assign(trees.size(), {});
    return;
  }
  Contents told;
  const auto is_told = [&](const std::string& path) {
    return std::ranges::any_of(told_, [&](const state::Problem& problem) {
      return on_one_line(path, problem.path.text());
    });
  };
  for (const Tree& tree : trees) {
    for (const auto& [path, node] : tree) {
      if (node.kind != NodeKind::kDirectory && is_told(path)) {
        told.insert(node.bytes);
      }
    }
  }
  for (Tree& tree : trees) {
    std::erase_if(tree, [&](const auto& entry) {
      const auto& [path, node] = entry;
      const Versions::Version* version = versions_.find(node.bytes);
      const bool is_old = version != nullptr && version->replaced;
      return node.kind == NodeKind::kDirectory || is_told(path) || is_old ||
             told.contains(node.bytes);
    });
  }
  forgive_old_places(trees);
}

bool Oracle::symlink_has_the_place_of(const state::Problem& problem) const {
  if (problem.code != "symlinks_unsupported") {
    return false;
  }
  const Tree there = world_.ground(problem.replica.value_or(0)).look();
  const auto standing = there.find(problem.path.text());
  return standing != there.end() && standing->second.kind == NodeKind::kSymlink;
}

/// Where one has to stay in its old place, that is told by the place it was to get.
void Oracle::forgive_old_places(std::vector<Tree>& trees) const {
  for (std::size_t i = 0; i < trees.size(); ++i) {
    std::vector<std::string> only_here;
    for (const auto& [path, node] : trees[i]) {
      const std::string spelled = with_one_spelling(path);
      const auto has_it = [&](const Tree& tree) {
        return std::ranges::any_of(
            tree, [&](const auto& entry) { return with_one_spelling(entry.first) == spelled; });
      };
      if (std::ranges::count_if(trees, has_it) == 1) {
        only_here.push_back(path);
      }
    }
    const auto told = std::ranges::count_if(
        told_, [&](const state::Problem& problem) { return problem.replica.value_or(0) == i; });
    if (only_here.size() <= static_cast<std::size_t>(told)) {
      std::erase_if(trees[i], [&](const auto& entry) {
        return std::ranges::find(only_here, entry.first) != only_here.end();
      });
    }
  }
}

void Oracle::check_deletes(const Tree& tree) {
  // Nobody deletes with a directory what his store does not show of it.
  if (episode_.disturbed || (tolerance_.leaves_out() && !told_.empty())) {
    return;
  }
  for (const auto& [path, bytes] : episode_.deleted) {
    const auto spelled = [&](const std::string& name) {
      return tolerance_.names ? with_one_spelling(name) : name;
    };
    const bool opposed = std::ranges::any_of(episode_.touched, [&](const std::string& other) {
      return on_one_line(spelled(path), spelled(other));
    });
    // The loser of a conflict may be given the very name that became free.
    const auto standing = tree.find(path);
    if (!opposed && standing != tree.end() && standing->second.bytes == bytes) {
      fail("the delete of " + path + " did not stick, though nobody opposed it");
    }
  }
}

void Oracle::check_leftovers() {
  for (std::size_t i = 0; i < world_.size(); ++i) {
    const std::vector<std::string> names = world_.ground(i).leftovers();
    if (!names.empty()) {
      fail("a clean run left " + names.front() + " staged on r" + std::to_string(i));
    }
  }
}

void Oracle::before_quiet_run() {
  if (rules_.directional || excluded_.has_value()) {
    before_ = look_at_all();
  }
  if (!episode_.disturbed && !episode_.edited_during_run && episode_.editors.size() == 1) {
    episode_.expected = world_.ground(*episode_.editors.begin()).look();
  }
}

/// What one replica alone changed comes out on all as it stands there, and conflicts with nothing.
void Oracle::check_one_sided(const Tree& tree, const RunResult& result) {
  if (episode_.disturbed || episode_.editors.size() != 1 || !episode_.expected.has_value() ||
      tolerance_.leaves_out()) {
    return;
  }
  const std::string difference = first_difference(*episode_.expected, tree, tolerance_);
  if (!difference.empty()) {
    fail("r" + std::to_string(*episode_.editors.begin()) +
         " alone was changed, but now all differ from it: " + difference);
  }
  if (!result.report->conflicts.empty() && !episode_.edited_during_run) {
    fail("one replica alone was changed, but there is a conflict at " +
         result.report->conflicts.front().path.text());
  }
}

void Oracle::after_run(const RunResult& result, bool quiet) {
  if (result.crashed || !result.report.has_value()) {
    episode_.disturbed = true;
  }
  claims_in_sync_ = result.in_sync();
  is_held_ = result.report.has_value() && result.report->outcome == state::RunOutcome::kHeld;
  told_.clear();
  if (result.report.has_value()) {
    for (const state::Problem& problem : result.report->problems) {
      if (!problem.path.is_root()) {
        told_.push_back(problem);
      }
    }
  }
  if (!quiet) {
    if (result.crashed) {
      check_contents(look_at_all());
    }
  } else {
    after_quiet_run(result);
  }
  was_settled_ = was_settled_ || (result.report.has_value() && !result.crashed &&
                                  result.report->outcome != state::RunOutcome::kFailed);
  was_broken_off_ = result.crashed || !result.report.has_value();
}

void Oracle::after_quiet_run(const RunResult& result) {
  if (rules_.directional || tolerance_.leaves_out() ? !result.in_sync() : !result.clean()) {
    if (!episode_.disturbed && !episode_.edited_during_run && !may_leave_out()) {
      std::string why = result.error.has_value() ? result.error->to_string() : "";
      if (result.report.has_value() && !result.report->problems.empty()) {
        const state::Problem& problem = result.report->problems.front();
        why += problem.path.text() + " " + problem.code + " " + problem.message;
      }
      fail("a run that nobody disturbed was not clean: " + why);
    }
    return;
  }
  const std::vector<Tree> trees = look_at_all();
  check_contents(trees);
  check_leftovers();
  rules_.directional ? judge_directional(trees, result) : judge_two_way(trees, result);
  for (const auto& [path, node] : trees[0]) {
    const bool shared = std::ranges::all_of(trees, [&](const Tree& tree) {
      const auto found = tree.find(path);
      return found != tree.end() && found->second.bytes == node.bytes;
    });
    if (node.kind != NodeKind::kDirectory && shared && !is_excluded(path, excluded_)) {
      versions_.make_shared(node.bytes);
    }
  }
  episode_ = {};
  episode_.disturbed = excluded_.has_value();
}

void Oracle::judge_two_way(const std::vector<Tree>& trees, const RunResult& result) {
  check_equal(trees);
  check_deletes(trees[0]);
  check_one_sided(trees[0], result);
  // What a run was broken off at is finished, whether it is excluded since or not.
  const bool is_let_be = excluded_.has_value() && !was_broken_off_;
  for (std::size_t i = 0; i < trees.size() && is_let_be; ++i) {
    if (excluded_bytes(trees[i], excluded_) != excluded_bytes(before_[i], excluded_)) {
      fail("something excluded was changed on r" + std::to_string(i));
    }
  }
}

void Oracle::judge_directional(const std::vector<Tree>& trees, const RunResult& result) {
  const std::string change = rules_.moves ? "" : what_changed(before_[0], trees[0]);
  if (was_settled_ && !change.empty()) {
    fail("the source was changed: " + change);
  }
  for (const auto& [path, node] : trees[0]) {
    if (rules_.moves && node.kind != NodeKind::kDirectory && !others_changed_ &&
        !is_excluded(path, excluded_) && result.report->problems.empty()) {
      fail("all is moved, but " + path + " still stands at the source");
    }
  }
  for (std::size_t i = 1; i < trees.size() && !rules_.moves; ++i) {
    check_delivered(trees[0], trees[i], i, result);
  }
}

void Oracle::check_delivered(const Tree& source, const Tree& destination, std::size_t replica,
                             const RunResult& result) {
  const auto find = [&](const std::string& path, const Node& wanted) -> const Node* {
    const auto exact = destination.find(path);
    const bool stands = exact != destination.end() && exact->second.kind == wanted.kind;
    const Node* found = stands ? &exact->second : nullptr;
    for (const auto& [other, node] : destination) {
      const bool is_it = tolerance_.names && node.kind == wanted.kind &&
                         with_one_spelling(other) == with_one_spelling(path);
      // A replica that tells the spellings apart may hold each of them.
      if (is_it && (found == nullptr || node.bytes == wanted.bytes)) {
        found = &node;
      }
    }
    return found;
  };
  const auto is_told = [&](const std::string& path) {
    return std::ranges::any_of(result.report->problems, [&](const state::Problem& problem) {
      return problem.replica == replica &&
             is_within(with_one_spelling(path), with_one_spelling(problem.path.text()));
    });
  };
  const std::string where = " on r" + std::to_string(replica) + ", though the run was clean";
  const bool source_wins = rules_.source_wins && !destination_won_;
  if (rules_.mirrors && source_wins && result.report->problems.empty()) {
    std::vector<Tree> both{source, destination};
    drop_excluded(both, excluded_);
    const std::string difference = first_difference(both[0], both[1], tolerance_);
    if (!difference.empty()) {
      fail("no mirror of the source" + where + ": " + difference);
    }
    return;
  }
  for (const auto& [path, node] : source) {
    const Node* const found = find(path, node);
    const bool stands = found != nullptr;
    const bool same = stands && found->bytes == node.bytes;
    if (node.kind == NodeKind::kDirectory || (tolerance_.symlinks && !stands) || is_told(path) ||
        is_excluded(path, excluded_)) {
      continue;
    }
    if (rules_.copies ? !others_changed_ && !same : !stands || (source_wins && !same)) {
      fail("the source's " + path + " is missing" + where);
    }
  }
}

std::set<std::string> Oracle::all_contents() {
  std::set<std::string> contents;
  for (std::size_t i = 0; i < world_.size(); ++i) {
    Ground& ground = world_.ground(i);
    for (const auto& [path, node] : ground.look()) {
      contents.insert(node.bytes);
    }
    // A staged copy is no reason to owe what a user did away with.
    for (const auto& more : {ground.trash(), ground.parked_contents()}) {
      contents.insert(more.begin(), more.end());
    }
  }
  return contents;
}

void Oracle::root_comes_back(std::size_t replica, const Tree& copy) {
  const std::set<std::string> before = all_contents();
  const Contents stood_here = standing_in({world_.ground(replica).look()});
  for (const auto& [path, node] : world_.ground(replica).look()) {
    versions_.forget_synced(node.bytes);
  }
  world_.ground(replica).put_back(copy);
  const std::set<std::string> after = all_contents();
  for (const std::string& bytes : before) {
    if (!after.contains(bytes)) {
      versions_.replace(bytes);
    }
  }
  // What stood here only, or was moved here, may be left in a trash.
  const Contents standing = standing_in(look_at_all());
  for (auto& [bytes, version] : versions_.all()) {
    version.trash_will_do = version.trash_will_do || ((ever_moved_ || stood_here.contains(bytes)) &&
                                                      !standing.contains(bytes));
  }
  for (const auto& [path, node] : copy) {
    versions_.make_durable(node.bytes);
  }
  others_changed_ = true;
  disturbed();
}

void Oracle::excludes(const std::optional<std::string>& name) {
  excluded_ = name;
  disturbed();
}

void Oracle::other_rules(Rules rules) {
  const Contents standing = standing_in(look_at_all());
  // What was moved or mirrored away until now has to be in a trash only.
  for (auto& [bytes, version] : versions_.all()) {
    version.trash_will_do =
        version.trash_will_do || ((rules_.mirrors || rules_.moves) && !standing.contains(bytes));
  }
  // What a destination won stays so until one of the two changes.
  destination_won_ = destination_won_ || (rules_.directional && !rules_.source_wins);
  rules_ = rules;
  ever_moved_ = ever_moved_ || rules.moves;
  was_settled_ = false;
  others_changed_ = true;
  disturbed();
}

void Oracle::check_survival(const std::vector<Tree>& trees) {
  const Contents standing = standing_in(trees);
  Contents trashed;
  Contents delivered;
  for (std::size_t i = 0; i < world_.size(); ++i) {
    const auto kept = world_.ground(i).trash();
    add(trashed, kept);
    if (i != 0) {
      add(delivered, kept);
    }
  }
  for (const auto& [bytes, version] : versions_.all()) {
    if (version.token == 0 || version.replaced || version.excused || standing.contains(bytes)) {
      continue;
    }
    if (!trashed.contains(bytes)) {
      fail(title_of(bytes) + " of r" + std::to_string(version.replica) +
           " is lost: no user replaced it");
    } else if (rules_.moves && !delivered.contains(bytes) && !version.trash_will_do) {
      fail(title_of(bytes) + " is only in the trash of the source, it was moved nowhere");
    } else if (!version.trash_will_do && !rules_.mirrors && !rules_.moves) {
      fail(title_of(bytes) + " of r" + std::to_string(version.replica) +
           " is only in a trash, though no user replaced it");
    }
  }
}

void Oracle::at_the_end(bool settled) {
  const std::vector<Tree> trees = look_at_all();
  check_contents(trees);
  if (!settled) {
    fail("the last quiet runs did not come to rest");
  }
  if (!rules_.directional && (claims_in_sync_ || !tolerance_.leaves_out())) {
    check_equal(trees);
  }
  check_survival(rules_.directional || tolerance_.leaves_out() ? trees
                                                               : std::vector<Tree>{trees[0]});
  if (!is_held_) {  // nothing is done to such a root
    check_leftovers();
  }
}

std::string Oracle::describe() {
  std::string text;
  for (std::size_t i = 0; i < world_.size(); ++i) {
    text += "  r" + std::to_string(i) + "\n" + to_text(world_.ground(i).look());
  }
  return text;
}

}  // namespace ox::sim
