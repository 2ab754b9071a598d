#include "fs/memory/name_selection.h"

#include <algorithm>

namespace ox::fs {
namespace {

bool is_directory(const InodePtr& inode) {
  return inode != nullptr && inode->type == NodeType::kDirectory;
}

bool arrives(const NameOperation& operation, const InodePtr& inode) {
  return std::ranges::any_of(operation.changes,
                             [&](const NameChange& change) { return change.after == inode; });
}

class Selection {
 public:
  Selection(const std::deque<NameOperation>& log, const Inode& synced)
      : log_(log), selected_(log.size()) {
    whole_directories_.insert(&synced);
  }

  std::vector<bool> run() && {
    do {
      for (std::size_t i = log_.size(); i-- > 0;) {
        if (!selected_[i] && is_needed(log_[i])) {
          selected_[i] = true;
          need_what_it_needs(log_[i]);
        }
      }
    } while (a_holder_is_unsettled());
    return std::move(selected_);
  }

 private:
  bool is_needed(const NameOperation& operation) const {
    return std::ranges::any_of(operation.changes, [&](const NameChange& change) {
      return whole_directories_.contains(change.directory.get()) || settles(change, numbers_) ||
             entries_.contains({change.directory.get(), change.name});
    });
  }

  void need_what_it_needs(const NameOperation& operation) {
    for (const NameChange& change : operation.changes) {
      entries_.insert({change.directory.get(), change.name});
      for (const InodePtr& inode : {change.before, change.after}) {
        if (inode != nullptr) {
          // By number: its next owner can't be durable while the former one still has it.
          numbers_.insert(inode->number);
        }
      }
      if (is_directory(change.before) && !arrives(operation, change.before)) {
        whole_directories_.insert(change.before.get());  // It was emptied before it went.
      }
      if (change.after != nullptr && operation.kind != NameOperation::Kind::kCreate) {
        // What stood elsewhere stands here now, so here and all above must be found.
        for (const Inode* holder = change.directory.get(); holder != nullptr;
             holder = holder->parent) {
          numbers_.insert(holder->number);
          holders_.insert(holder->number);
        }
      }
    }
  }

  // A holder's own moves may be younger than the operation that needs it; then another pass runs.
  bool a_holder_is_unsettled() const {
    for (std::size_t i = 0; i < log_.size(); ++i) {
      if (!selected_[i] && std::ranges::any_of(log_[i].changes, [&](const NameChange& change) {
            return settles(change, holders_);
          })) {
        return true;
      }
    }
    return false;
  }

  static bool settles(const NameChange& change, const std::unordered_set<std::uint64_t>& numbers) {
    return (change.before != nullptr && numbers.contains(change.before->number)) ||
           (change.after != nullptr && numbers.contains(change.after->number));
  }

  const std::deque<NameOperation>& log_;
  std::vector<bool> selected_;
  std::set<std::pair<const Inode*, std::string_view>> entries_;
  std::unordered_set<std::uint64_t> numbers_;
  std::unordered_set<std::uint64_t> holders_;
  std::unordered_set<const Inode*> whole_directories_;
};

}  // namespace

std::vector<bool> select_for_sync(const std::deque<NameOperation>& log, const Inode& directory) {
  return Selection(log, directory).run();
}

}  // namespace ox::fs
