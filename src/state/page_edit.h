#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "state/store.h"

/// The pure part of changing pages: which edits a commit means, and what a page is after them.
namespace ox::state {

enum class EditStep : std::uint8_t {
  kErase,  ///< first, so that another node may take the name in the same commit
  kReplace,
  kInsert,
};

/// One change of one directory.
struct PageEdit {
  NodeId directory;
  std::string_view name;
  EditStep step = EditStep::kInsert;
  NodeId node;
  const tree::NodeRecord* record = nullptr;  ///< none for kErase
};

/// All edits that the changes mean, by directory, name and step. Views point into `changes`.
Result<std::vector<PageEdit>> plan_edits(std::span<const NodeChange> changes);

/// Appends to `merged` what becomes of `records` (in order of names) by `edits` (likewise).
/// kInvalidArgument when they don't fit, kCorrupt when `records` don't come after `merged`.
Result<void> merge_edits(std::span<const tree::NodeRecord> records, std::span<const PageEdit> edits,
                         std::vector<const tree::NodeRecord*>& merged);

enum class Filling : std::uint8_t {
  kEven,  ///< pages of about the same size, so that each can grow
  kFull,  ///< what comes in order fills pages; only the last has room
};

/// Cuts records into runs of at most kMaxPageRecords.
std::vector<std::span<const tree::NodeRecord* const>> cut_into_pages(
    std::span<const tree::NodeRecord* const> records, Filling filling);

}  // namespace ox::state
