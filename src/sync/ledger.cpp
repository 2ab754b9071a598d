#include "sync/ledger.h"

#include <algorithm>

#include "base/expects.h"

namespace ox::sync {

void Ledger::load(std::vector<tree::NodeRecord> records) {
  expects(touched_.empty());
  live_.clear();
  changed_files_.clear();
  for (tree::NodeRecord& record : records) {
    const NodeId id = record.id;
    live_.emplace(id, std::move(record));
  }
}

tree::NodeRecord& Ledger::touch(NodeId id, std::size_t sides) {
  const auto [found, fresh] = live_.try_emplace(id);
  tree::NodeRecord& record = found->second;
  if (fresh) {
    record.id = id;
    record.sides.resize(sides);
  }
  const auto [touched, first] = touched_.try_emplace(id, Touched{.record = &record});
  if (first && !fresh) {
    touched->second.stored = record.agreed;
  }
  return record;
}

void Ledger::replace(const tree::NodeRecord& record) {
  touch(record.id, record.sides.size()) = record;
}

void Ledger::apply(const plan::RecordUpdate& update) {
  tree::NodeRecord& record = touch(update.id, update.sides.size());
  if (update.forget) {
    if (record.agreed.has_value() && record.agreed->kind == tree::Kind::kDirectory) {
      forgotten_directories_.push_back(update.id);
    }
    forget(update.id);
    return;
  }
  record.agreed = update.agreed;
  for (std::size_t i = 0; i < update.sides.size(); ++i) {
    if (update.sides[i].has_value()) {
      record.sides[i] = *update.sides[i];
    }
  }
  if (record.agreed.has_value() && record.agreed->kind == tree::Kind::kFile) {
    changed_files_.push_back(update.id);
  }
}

const tree::NodeRecord* Ledger::find(NodeId id) const {
  const auto found = live_.find(id);
  return found == live_.end() ? nullptr : &found->second;
}

const tree::Acknowledged* Ledger::acknowledged(NodeId id, ReplicaIndex replica) const {
  const tree::NodeRecord* record = find(id);
  return record != nullptr && record->sides[replica].acknowledged.has_value()
             ? &*record->sides[replica].acknowledged
             : nullptr;
}

void Ledger::acknowledge_all(NodeId id, ReplicaIndex replica,
                             const tree::Fingerprint& fingerprint) {
  if (!live_.contains(id)) {
    return;
  }
  tree::NodeRecord& record = touch(id, 0);
  if (record.agreed.has_value()) {
    record.sides[replica] = {
        .acknowledged = tree::Acknowledged{.value = *record.agreed, .fingerprint = fingerprint},
        .waived = std::nullopt};
  }
}

void Ledger::acknowledge_place(NodeId id, ReplicaIndex replica, const tree::Fingerprint& before,
                               const tree::Fingerprint& after) {
  if (!live_.contains(id)) {
    return;
  }
  tree::NodeRecord& record = touch(id, 0);
  if (!record.agreed.has_value() || !record.sides[replica].acknowledged.has_value()) {
    return;
  }
  tree::Acknowledged& side = *record.sides[replica].acknowledged;
  side.value.parent = record.agreed->parent;
  side.value.name = record.agreed->name;
  if (side.value.kind == tree::Kind::kDirectory ||
      (side.fingerprint.same_version(before) && !side.fingerprint.racy)) {
    side.fingerprint = after;
  }
}

void Ledger::acknowledge_attributes(NodeId id, ReplicaIndex replica,
                                    const tree::Fingerprint& fingerprint, bool assumed_if_new) {
  if (!live_.contains(id)) {
    return;
  }
  tree::NodeRecord& record = touch(id, 0);
  if (!record.agreed.has_value()) {
    return;
  }
  if (!record.sides[replica].acknowledged.has_value()) {
    record.sides[replica].acknowledged.emplace();
    record.sides[replica].acknowledged->assumed =
        assumed_if_new && record.agreed->kind == tree::Kind::kFile;
  }
  tree::Acknowledged& side = *record.sides[replica].acknowledged;
  side.value = *record.agreed;
  if (side.assumed) {
    side.value.content.digest = std::nullopt;  // nobody has read these bytes
  }
  side.fingerprint = fingerprint;
}

void Ledger::acknowledge_removed(NodeId id, ReplicaIndex replica) {
  if (live_.contains(id)) {
    touch(id, 0).sides[replica] = {};
  }
}

void Ledger::forget(NodeId id) {
  if (!live_.contains(id)) {
    return;
  }
  tree::NodeRecord& record = touch(id, 0);
  record.agreed = std::nullopt;
  std::ranges::fill(record.sides, tree::ReplicaSide{});
}

std::uint64_t Ledger::intend(std::vector<state::Action> actions) {
  const std::uint64_t number = next_batch_++;
  batches_.emplace(number,
                   state::ActionBatch{
                       .run = run_, .number = number, .open = true, .actions = std::move(actions)});
  dirty_batches_.push_back(number);
  return number;
}

std::vector<state::Action>& Ledger::actions(std::uint64_t batch) {
  return batches_.at(batch).actions;
}

void Ledger::close(std::uint64_t batch) {
  state::ActionBatch& finished = batches_.at(batch);
  finished.open = false;
  std::erase_if(finished.actions, [](const state::Action& action) { return !action.done; });
  dirty_batches_.push_back(batch);
}

Result<void> Ledger::forget_below(NodeId directory, state::Commit& commit) {
  TRY_ASSIGN(const std::vector<tree::NodeRecord> children, store_.children(directory));
  for (const tree::NodeRecord& child : children) {
    if (child.agreed->kind == tree::Kind::kDirectory) {
      TRY(forget_below(child.id, commit));
    }
    if (!touched_.contains(child.id)) {
      commit.nodes.push_back({.id = child.id, .stored = child.agreed, .record = std::nullopt});
    }
  }
  return {};
}

Result<void> Ledger::commit(state::Commit extra) {
  // Records and batches are large, so they are lent rather than copied.
  const std::size_t lent_nodes = extra.nodes.size();
  extra.nodes.reserve(lent_nodes + touched_.size());
  for (auto& [id, touched] : touched_) {
    tree::NodeRecord& record = *touched.record;
    const bool empty = !record.agreed.has_value() &&
                       std::ranges::all_of(record.sides, [](const tree::ReplicaSide& side) {
                         return side == tree::ReplicaSide{};
                       });
    state::NodeChange& change = extra.nodes.emplace_back(
        state::NodeChange{.id = id, .stored = std::move(touched.stored), .record = std::nullopt});
    if (!empty) {
      change.record = std::move(record);
    }
  }
  for (const NodeId directory : forgotten_directories_) {
    TRY(forget_below(directory, extra));
  }
  std::ranges::sort(dirty_batches_);
  const auto repeated = std::ranges::unique(dirty_batches_);
  dirty_batches_.erase(repeated.begin(), repeated.end());
  const std::size_t lent = extra.batches.size();
  for (const std::uint64_t number : dirty_batches_) {
    extra.batches.push_back(std::move(batches_.at(number)));
  }
  const Result<void> committed = store_.commit(extra);
  for (std::size_t k = 0; k < dirty_batches_.size(); ++k) {
    batches_.at(dirty_batches_[k]) = std::move(extra.batches[lent + k]);
  }
  auto change = extra.nodes.begin() + static_cast<std::ptrdiff_t>(lent_nodes);
  for (auto& [id, touched] : touched_) {
    touched.stored = std::move(change->stored);
    if (change->record.has_value()) {
      *touched.record = std::move(*change->record);
    }
    ++change;
  }
  TRY(committed);
  touched_.clear();
  forgotten_directories_.clear();
  for (const std::uint64_t number : dirty_batches_) {
    if (!batches_.at(number).open) {
      batches_.erase(number);
    }
  }
  dirty_batches_.clear();
  return {};
}

}  // namespace ox::sync
