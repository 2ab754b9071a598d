#include "state/page_edit.h"

#include <algorithm>
#include <tuple>

#include "state/page.h"

namespace ox::state {
namespace {

using tree::NodeRecord;

Error misfit(const char* message, std::string_view name) {
  return Error(Code::kInvalidArgument, message).with_context(name);
}

Result<void> check_changes(std::span<const NodeChange> changes) {
  std::vector<NodeId> ids;
  ids.reserve(changes.size());
  for (const NodeChange& change : changes) {
    if (change.record) {
      TRY(check_record(*change.record));
      if (change.record->id != change.id) {
        return Error(Code::kInvalidArgument, "a change names another node than its record");
      }
    }
    ids.push_back(change.id);
  }
  std::sort(ids.begin(), ids.end());
  if (std::adjacent_find(ids.begin(), ids.end()) != ids.end()) {
    return Error(Code::kInvalidArgument, "a commit changes a node twice");
  }
  return {};
}

void add_edits(const NodeChange& change, std::vector<PageEdit>& edits) {
  const tree::NodeValue* before = change.stored ? &*change.stored : nullptr;
  const NodeRecord* record = change.record && change.record->agreed ? &*change.record : nullptr;
  const tree::NodeValue* after = record != nullptr ? &*record->agreed : nullptr;
  if (before != nullptr && after != nullptr && before->parent == after->parent &&
      before->name == after->name) {
    edits.push_back({after->parent, after->name, EditStep::kReplace, change.id, record});
    return;
  }
  if (before != nullptr) {
    edits.push_back({before->parent, before->name, EditStep::kErase, change.id, nullptr});
  }
  if (after != nullptr) {
    edits.push_back({after->parent, after->name, EditStep::kInsert, change.id, record});
  }
}

}  // namespace

Result<std::vector<PageEdit>> plan_edits(std::span<const NodeChange> changes) {
  TRY(check_changes(changes));
  std::vector<PageEdit> edits;
  edits.reserve(changes.size());
  for (const NodeChange& change : changes) {
    add_edits(change, edits);
  }
  std::sort(edits.begin(), edits.end(), [](const PageEdit& a, const PageEdit& b) {
    return std::tie(a.directory, a.name, a.step) < std::tie(b.directory, b.name, b.step);
  });
  return edits;
}

Result<void> merge_edits(std::span<const NodeRecord> records, std::span<const PageEdit> edits,
                         std::vector<const NodeRecord*>& merged) {
  const std::size_t checked = merged.empty() ? 0 : merged.size() - 1;
  auto next = records.begin();
  for (const PageEdit& edit : edits) {
    while (next != records.end() && next->agreed->name < edit.name) {
      merged.push_back(&*next++);
    }
    const bool stands = next != records.end() && next->agreed->name == edit.name;
    if (edit.step != EditStep::kInsert) {
      if (!stands || next->id != edit.node) {
        return misfit("the state has another node, or none, at a changed place", edit.name);
      }
      ++next;
    } else if (stands || (!merged.empty() && merged.back()->agreed->name == edit.name)) {
      return misfit("two nodes of one name in one directory", edit.name);
    }
    if (edit.step != EditStep::kErase) {
      merged.push_back(edit.record);
    }
  }
  while (next != records.end()) {
    merged.push_back(&*next++);
  }
  const auto start = merged.begin() + static_cast<std::ptrdiff_t>(checked);
  const bool ascends =
      std::adjacent_find(start, merged.end(), [](const NodeRecord* a, const NodeRecord* b) {
        return a->agreed->name >= b->agreed->name;
      }) == merged.end();
  if (!ascends) {
    return Error(Code::kCorrupt, "pages of the state overlap");
  }
  return {};
}

std::vector<std::span<const NodeRecord* const>> cut_into_pages(
    std::span<const NodeRecord* const> records, Filling filling) {
  std::vector<std::span<const NodeRecord* const>> pages;
  std::size_t pages_left = (records.size() + kMaxPageRecords - 1) / kMaxPageRecords;
  while (!records.empty()) {
    const std::size_t even = (records.size() + pages_left - 1) / pages_left;
    const std::size_t size =
        filling == Filling::kEven ? even : std::min(records.size(), kMaxPageRecords);
    pages.push_back(records.first(size));
    records = records.subspan(size);
    --pages_left;
  }
  return pages;
}

}  // namespace ox::state
