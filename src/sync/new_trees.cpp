#include "sync/new_trees.h"

#include <algorithm>
#include <set>

namespace ox::sync {

namespace {

using plan::Operation;
using plan::OperationKind;

/// Applies `visit` to the directories above `path`, innermost first, until it says false.
template <typename Visit>
void walk_up(const RelPath& path, Visit visit) {
  for (RelPath at = path.parent(); !at.is_root() && visit(at); at = at.parent()) {
  }
}

}  // namespace

NewTrees::NewTrees(const Execution& execution, const plan::Plan& plan)
    : structure_(plan.structure_operations.size()),
      unclaimed_(plan.structure_operations.size()),
      empty_children_(plan.structure_operations.size()) {
  for (ReplicaIndex i = 0; i < structure_.size(); ++i) {
    const bool can = execution.replicas[i].provider != nullptr &&
                     execution.provider(i).capabilities().staged_trees;
    if (can) {
      choose(i, plan);
    }
    for (const Operation& operation : plan.structure_operations[i]) {
      const auto claimed = unclaimed_[i].find(operation.path);
      if (claimed == unclaimed_[i].end() || claimed->second != &operation) {
        structure_[i].push_back(operation);
      }
    }
  }
}

void NewTrees::choose(ReplicaIndex replica, const plan::Plan& plan) {
  // A path holds at its turn in the list: below what moves it is another one in the end.
  std::set<RelPath> moving;
  for (const Operation& operation : plan.structure_operations[replica]) {
    if (operation.kind != OperationKind::kMakeDirectory &&
        operation.kind != OperationKind::kRemove) {
      moving.insert(operation.path);
      moving.insert(operation.from);
    }
  }
  Makes makes;
  for (const Operation& operation : plan.structure_operations[replica]) {
    bool stays =
        operation.kind == OperationKind::kMakeDirectory && !moving.contains(operation.path);
    walk_up(operation.path, [&](const RelPath& at) {
      stays = stays && !moving.contains(at);
      return stays;
    });
    if (stays) {
      makes.emplace(operation.path, &operation);
    }
  }
  // What something is moved into, or out of, must stand while the structure is changed.
  std::set<RelPath> needed_early;
  for (const Operation& operation : plan.structure_operations[replica]) {
    if (operation.kind != OperationKind::kMakeDirectory) {
      for (const RelPath& path : {operation.path, operation.from}) {
        walk_up(path, [&](const RelPath& at) {
          needed_early.insert(at);
          return true;
        });
      }
    }
  }
  Makes& chosen = unclaimed_[replica];
  RelPath last;  // tasks come in path order: mostly the next one goes into the same directory
  for (const plan::ContentTask& task : plan.content) {
    for (const Operation& operation : task.operations) {
      if (operation.replica != replica || operation.kind != OperationKind::kPut || makes.empty() ||
          last == operation.path.parent()) {
        continue;
      }
      last = operation.path.parent();
      walk_up(operation.path, [&](const RelPath& at) {
        const auto make = makes.find(at);
        return make != makes.end() && !needed_early.contains(at) &&
               chosen.emplace(at, make->second).second;
      });
    }
  }
  // Directories that stay empty go with the one they are in. Parents come first in path order.
  for (const auto& [path, make] : makes) {
    if (chosen.contains(path.parent()) && !needed_early.contains(path) &&
        chosen.emplace(path, make).second) {
      empty_children_[replica][path.parent()].push_back(path);
    }
  }
}

void NewTrees::claim(ContentBatch& batch) {
  std::vector<Places> places(unclaimed_.size());
  for (Transfer& transfer : batch.transfers) {
    for (TransferPart& part : transfer.parts) {
      const Operation& operation = *part.operation;
      if (operation.kind != OperationKind::kPut || operation.replica >= places.size()) {
        continue;
      }
      Makes& unclaimed = unclaimed_[operation.replica];
      std::vector<RelPath> fresh;
      walk_up(operation.path, [&](const RelPath& at) {
        const bool is_new = unclaimed.contains(at);
        if (is_new) {
          fresh.push_back(at);
        }
        return is_new;
      });
      Places& known = places[operation.replica];
      for (auto path = fresh.rbegin(); path != fresh.rend(); ++path) {
        claim_directory(operation.replica, *path, known, batch);
      }
      if (const auto parent = known.find(operation.path.parent()); parent != known.end()) {
        part.place = parent->second.child(operation.path.name());
      }
    }
  }
}

void NewTrees::claim_directory(ReplicaIndex replica, const RelPath& path, Places& places,
                               ContentBatch& batch) {
  const auto make = unclaimed_[replica].find(path);
  if (make == unclaimed_[replica].end()) {
    return;
  }
  const auto parent = places.find(path.parent());
  RelPath place = parent != places.end() ? parent->second.child(path.name())
                                         : RelPath().child(std::to_string(next_number_++));
  batch.directories.push_back({.operation = make->second, .place = place});
  places.emplace(path, std::move(place));
  unclaimed_[replica].erase(make);
  if (const auto children = empty_children_[replica].find(path);
      children != empty_children_[replica].end()) {
    for (const RelPath& child : children->second) {
      claim_directory(replica, child, places, batch);
    }
  }
}

}  // namespace ox::sync
