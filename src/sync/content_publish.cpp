#include <algorithm>

#include "sync/content.h"
#include "sync/fingerprints.h"
#include "sync/renamed.h"

namespace ox::sync {

namespace {

/// A task of the pool takes this many files: less would cost more in locks than in work.
constexpr std::size_t kPublishedAtOnce = 32;

tree::Fingerprint acknowledged_fingerprint(const tree::Entry& entry, bool believed) {
  tree::Fingerprint fingerprint = kept_fingerprint(entry);
  if (entry.kind != tree::Kind::kDirectory) {
    fingerprint.racy = may_hide_a_change(fingerprint) || believed;
  }
  return fingerprint;
}

}  // namespace

/// A staged tree and all that learns from its publishing what became of it.
struct Publisher::Tree {
  NewDirectory* top = nullptr;
  std::vector<NewDirectory*> directories;
  std::vector<TransferPart*> parts;
};

std::vector<Publisher::Tree> Publisher::trees_of(ContentBatch& batch) {
  std::vector<Tree> trees;
  std::map<std::pair<ReplicaIndex, std::string_view>, std::size_t> by_top;
  for (NewDirectory& directory : batch.directories) {
    const std::pair key(directory.operation->replica, directory.place.first());
    const auto [found, fresh] = by_top.try_emplace(key, trees.size());
    if (fresh) {
      trees.push_back({.top = &directory, .directories = {}, .parts = {}});
    } else {
      trees[found->second].directories.push_back(&directory);
    }
  }
  for (Transfer& transfer : batch.transfers) {
    for (TransferPart& part : transfer.parts) {
      if (!part.place.is_root() && part.staged.has_value()) {
        const std::pair key(part.operation->replica, part.place.first());
        trees[by_top.at(key)].parts.push_back(&part);
      }
    }
  }
  return trees;
}

void Publisher::publish(ContentBatch& batch, std::size_t width) {
  const std::vector<Tree> trees = trees_of(batch);
  rt::TaskGroup group(*run_.services.pool, width, {});
  for (const Tree& tree : trees) {
    group.spawn([this, &tree](std::stop_token) -> Result<void> {
      publish_tree(tree);
      return {};
    });
  }
  for (std::size_t begin = 0; begin < batch.transfers.size(); begin += kPublishedAtOnce) {
    group.spawn([this, &batch, begin](std::stop_token) -> Result<void> {
      const std::size_t end = std::min(begin + kPublishedAtOnce, batch.transfers.size());
      for (std::size_t k = begin; k < end; ++k) {
        if (batch.transfers[k].ready) {
          publish(batch.transfers[k]);
        }
      }
      return {};
    });
  }
  ignore(group.wait(), "its tasks return no errors");
}

void Publisher::publish_tree(const Tree& tree) {
  NewDirectory& top = *tree.top;
  std::unordered_map<RelPath, tree::Entry> inside;
  if (top.staged.has_value() && !top.error.has_value()) {
    auto published = batches_[top.operation->replica]->publish(
        *top.staged, top.operation->path, provider::Precondition::absent(), run_.trash);
    if (published.ok()) {
      top.entry = std::move(published->entry);
      inside = std::move(published->inside);
      top.displaced = std::move(published->displaced);
    } else {
      top.error = published.error();
    }
  }
  for (NewDirectory* directory : tree.directories) {
    if (const auto found = inside.find(directory->place); found != inside.end()) {
      directory->entry = std::move(found->second);
    } else if (!directory->error.has_value()) {
      directory->error = top.error;
    }
  }
  for (TransferPart* part : tree.parts) {
    if (const auto found = inside.find(part->place); found != inside.end()) {
      part->published = provider::Published{.entry = std::move(found->second)};
    } else {
      part->error = top.error;
    }
  }
}

void Publisher::publish(Transfer& transfer) {
  for (TransferPart& part : transfer.parts) {
    const bool puts = part.operation->kind == plan::OperationKind::kPut;
    if (!part.place.is_root() || (puts && !part.staged.has_value())) {
      continue;
    }
    Result<provider::Published> result =
        puts ? put(part) : set_attributes(run_, *transfer.task, *part.operation, part.before);
    if (result.ok()) {
      part.published = std::move(*result);
    } else {
      part.error = result.error();
    }
  }
}

Result<provider::Published> Publisher::put(const TransferPart& part) {
  const plan::Operation& operation = *part.operation;
  provider::Precondition precondition;
  if (operation.expected.has_value()) {
    precondition = provider::Precondition::matches(
        run_.current(operation.replica, operation.path, *operation.expected));
  }
  TRY_ASSIGN(
      provider::Published published,
      batches_[operation.replica]->publish(*part.staged, operation.path, precondition, run_.trash));
  judge_displaced(precondition, published);
  return published;
}

std::vector<const plan::ContentTask*> Publisher::collect(ContentBatch& batch,
                                                         std::uint64_t journal_batch) {
  std::vector<state::Action>& actions = run_.ledger.actions(journal_batch);
  std::vector<const plan::ContentTask*> busy;
  std::size_t index = 0;
  for (NewDirectory& directory : batch.directories) {
    collect(directory, actions[index++]);
  }
  for (Transfer& transfer : batch.transfers) {
    for (TransferPart& part : transfer.parts) {
      if (part.published.has_value()) {
        collect(transfer, part, actions[index]);
      }
      index += transfer.ready ? 1 : 0;
    }
    if (fail_or_wait(transfer)) {
      busy.push_back(transfer.task);
    }
  }
  waiting_.add_batch(journal_batch);
  return busy;
}

std::vector<const plan::ContentTask*> Publisher::collect_unready(const ContentBatch& batch) {
  std::vector<const plan::ContentTask*> busy;
  for (const NewDirectory& directory : batch.directories) {
    if (directory.error.has_value()) {
      run_.fail(*directory.operation, *directory.error);
    }
  }
  for (const Transfer& transfer : batch.transfers) {
    if (fail_or_wait(transfer)) {
      busy.push_back(transfer.task);
    }
  }
  return busy;
}

/// Tells what failed. True: somebody writes the file, so that it is worth another try.
bool Publisher::fail_or_wait(const Transfer& transfer) {
  bool busy = false;
  for (const TransferPart& part : transfer.parts) {
    if (part.published.has_value() || !part.error.has_value()) {
      continue;
    }
    if (part.error->code() == Code::kBusy) {
      busy = true;
    } else {
      run_.fail(*part.operation, *part.error);
    }
  }
  return busy;
}

void Publisher::collect(NewDirectory& directory, state::Action& action) {
  const plan::Operation& operation = *directory.operation;
  if (!directory.entry.has_value()) {
    run_.fail(operation, directory.error.value_or(Error(Code::kNotFound, "was not staged")));
    return;
  }
  action.done = true;
  run_.note_done(operation);
  if (directory.displaced.has_value() && !rescue(run_, operation, *directory.displaced)) {
    action.trashed = directory.displaced->path;
  }
  waiting_.add({.node = operation.node,
                .replica = operation.replica,
                .fingerprint = kept_fingerprint(*directory.entry)});
  action.after = std::move(directory.entry);
}

bool Publisher::is_doubted(const plan::Operation& operation) const {
  const tree::Acknowledged* known = run_.ledger.acknowledged(operation.node, operation.replica);
  return (operation.expected.has_value() && operation.expected->racy) ||
         (known != nullptr && known->fingerprint.racy);
}

void Publisher::collect(const Transfer& transfer, TransferPart& part, state::Action& action) {
  const plan::Operation& operation = *part.operation;
  const provider::Published& published = *part.published;
  action.done = true;
  action.after = published.entry;
  if (part.before.has_value()) {
    action.before = std::move(part.before);
  }
  if (published.displaced.has_value()) {
    if (published.displaced_as_expected && !hides_an_edit(run_, operation, *published.displaced)) {
      run_.displaced(operation, *published.displaced);
      action.trashed = published.displaced->path;
    } else if (!rescue(run_, operation, *published.displaced)) {
      action.trashed = published.displaced->path;
    }
  }
  const bool put = operation.kind == plan::OperationKind::kPut;
  run_.note_unkept(operation, published.entry,
                   put ? transfer.xattrs.value_or(0) : operation.value.attributes.xattrs);
  if (put) {
    run_.services.progress->add_done({.files = 1, .bytes = 0});
  }
  run_.note_done(operation);
  // A time that we set hides a change that was made just before it, and whoever had the file open
  // still has: the bytes are read once more.
  const bool sets_time = action.before.has_value() &&
                         action.before->fingerprint.mtime != published.entry.fingerprint.mtime;
  const bool sets_mode =
      action.before.has_value() && action.before->attributes != published.entry.attributes;
  if (!put && published.entry.kind == tree::Kind::kFile &&
      published.entry.fingerprint.link_count > 1 && (sets_time || sets_mode)) {
    run_.dirty = true;  // the file's other names show that, too
  }
  const bool hides = !put && (sets_time || is_doubted(operation));
  waiting_.add(
      {.node = operation.node,
       .replica = operation.replica,
       .fingerprint = acknowledged_fingerprint(published.entry, transfer.believed || hides),
       .put = put});
}

}  // namespace ox::sync
