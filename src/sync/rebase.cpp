#include "sync/rebase.h"

#include "plan/plan.h"

namespace ox::sync {

namespace {

class Doubter {
 public:
  Doubter(state::Store& store, const Ledger& ledger, const Rebased& rebased)
      : store_(store), ledger_(ledger), mode_(rebased.mode) {
    for (const EngineReplica& replica : rebased.replicas) {
      online_.push_back(replica.provider != nullptr);
    }
  }

  /// All below `directory` that the ledger does not have.
  Result<void> doubt_below(NodeId directory, state::Commit& commit) const {
    TRY_ASSIGN(const std::vector<tree::NodeRecord> children, store_.children(directory));
    for (const tree::NodeRecord& child : children) {
      if (ledger_.find(child.id) != nullptr) {
        continue;
      }
      tree::NodeRecord doubted = child;
      plan::doubt(doubted, online_, mode_);
      if (doubted != child) {
        commit.nodes.push_back(
            {.id = child.id, .stored = child.agreed, .record = std::move(doubted)});
      }
      if (child.agreed->kind == tree::Kind::kDirectory) {
        TRY(doubt_below(child.id, commit));
      }
    }
    return {};
  }

 private:
  state::Store& store_;
  const Ledger& ledger_;
  plan::Mode mode_;
  std::vector<bool> online_;
};

}  // namespace

Result<void> commit_rebase(state::Store& store, Ledger& ledger, const Rebased& rebased) {
  ledger.load(rebased.before);
  const Doubter doubter(store, ledger, rebased);
  state::Commit unseen;
  for (std::size_t n = 0; n < rebased.before.size(); ++n) {
    const tree::NodeRecord& record = rebased.before[n];
    if (record.agreed.has_value() && record.agreed->kind == tree::Kind::kDirectory) {
      TRY(doubter.doubt_below(record.id, unseen));
    }
    if (rebased.after[n] != record) {
      ledger.replace(rebased.after[n]);
    }
  }
  return ledger.commit(std::move(unseen));
}

}  // namespace ox::sync
