#include "sim/oracle.h"

#include <algorithm>
#include <unordered_set>

namespace ox::sim {
namespace {

using Contents = std::unordered_set<std::string>;

void add(Contents& contents, const std::vector<std::string>& more) {
  contents.insert(more.begin(), more.end());
}

}  // namespace

void Oracle::fail(std::string what) {
  if (!violation_.has_value()) {
    violation_ = std::move(what);
  }
}

void Oracle::edited(const Edit& edit, bool during_run) {
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

void Oracle::check_equal(const std::vector<Tree>& trees) {
  for (std::size_t i = 1; i < trees.size(); ++i) {
    const std::string difference = first_difference(trees[0], trees[i], tolerance_);
    if (!difference.empty()) {
      fail("the engine says that all is in sync, but r0 and r" + std::to_string(i) +
           " differ: " + difference);
    }
  }
}

void Oracle::check_deletes(const Tree& tree) {
  if (episode_.disturbed) {
    return;
  }
  for (const auto& [path, bytes] : episode_.deleted) {
    const bool opposed = std::ranges::any_of(
        episode_.touched, [&](const std::string& other) { return on_one_line(path, other); });
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
  if (!episode_.disturbed && !episode_.edited_during_run && episode_.editors.size() == 1) {
    episode_.expected = world_.ground(*episode_.editors.begin()).look();
  }
}

/// What one replica alone changed comes out on all as it stands there, and conflicts with nothing.
void Oracle::check_one_sided(const Tree& tree, const RunResult& result) {
  if (episode_.disturbed || episode_.editors.size() != 1 || !episode_.expected.has_value()) {
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
  if (!quiet) {
    if (result.crashed) {
      check_contents(look_at_all());
    }
    return;
  }
  if (!result.clean()) {
    if (!episode_.disturbed && !episode_.edited_during_run) {
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
  check_equal(trees);
  check_contents(trees);
  check_deletes(trees[0]);
  check_leftovers();
  check_one_sided(trees[0], result);
  for (const auto& [path, node] : trees[0]) {
    // The engine has acknowledged it, so it said that it is durable.
    if (node.kind != NodeKind::kDirectory) {
      versions_.make_durable(node.bytes);
    }
  }
  episode_ = {};
}

void Oracle::check_survival(const Tree& tree) {
  Contents standing;
  for (const auto& [path, node] : tree) {
    standing.insert(node.bytes);
  }
  Contents trashed;
  for (std::size_t i = 0; i < world_.size(); ++i) {
    add(trashed, world_.ground(i).trash());
  }
  for (const auto& [bytes, version] : versions_.all()) {
    if (version.token == 0 || version.replaced || version.excused || standing.contains(bytes)) {
      continue;
    }
    if (!trashed.contains(bytes)) {
      fail(title_of(bytes) + " of r" + std::to_string(version.replica) +
           " is lost: no user replaced it");
    } else if (!version.trash_will_do) {
      fail(title_of(bytes) + " of r" + std::to_string(version.replica) +
           " is only in a trash, though no user replaced it");
    }
  }
}

void Oracle::at_the_end(bool settled) {
  const std::vector<Tree> trees = look_at_all();
  check_contents(trees);
  if (!settled) {
    fail("six quiet runs did not come to rest");
  }
  check_equal(trees);
  check_survival(trees[0]);
  check_leftovers();
}

std::string Oracle::describe() {
  std::string text;
  for (std::size_t i = 0; i < world_.size(); ++i) {
    text += "  r" + std::to_string(i) + "\n" + to_text(world_.ground(i).look());
  }
  return text;
}

}  // namespace ox::sim
