#include "sync/derived_ids.h"

#include <vector>

#include "state/page.h"

namespace ox::sync {

namespace {

/// plan::derived_id sets it, and numbers never come that far.
constexpr std::uint64_t kDerivedBit = std::uint64_t{1} << 63U;

}  // namespace

bool DerivedIds::known(NodeId id) {
  if (!read_) {
    read_ = true;
    if (Result<void> done = read(); !done.ok()) {
      failure_ = done.error();
    }
  }
  return ids_.contains(id);
}

Result<void> DerivedIds::read() {
  std::vector<NodeId> directories{kRootNode};
  while (!directories.empty()) {
    const NodeId directory = directories.back();
    directories.pop_back();
    TRY_ASSIGN(const std::vector<Bytes> pages, store_.pages(directory));
    for (const Bytes& page : pages) {
      state::PageCursor cursor(page, directory);
      while (cursor.next()) {
        const state::RecordView& record = cursor.record();
        if ((record.id.value & kDerivedBit) != 0) {
          ids_.insert(record.id);
        }
        if (record.agreed.kind == tree::Kind::kDirectory) {
          directories.push_back(record.id);
        }
      }
      if (!cursor.ok()) {
        return Error(Code::kCorrupt, "a page of the state is damaged");
      }
    }
  }
  return {};
}

}  // namespace ox::sync
