#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "plan/plan.h"
#include "provider/provider.h"

namespace ox::sync {

/// One task on its way through a batch.
struct Transfer {
  const plan::ContentTask* task = nullptr;
  std::vector<std::optional<provider::Staged>> staged;  ///< per operation
  std::vector<std::optional<provider::Published>> published;
  std::vector<std::optional<Error>> errors;        ///< per operation
  std::vector<std::optional<tree::Entry>> before;  ///< kSetAttributes: for whoever takes it back
  std::optional<Digest> digest;
  std::optional<std::uint64_t> xattrs;
  bool busy = false;      ///< somebody writes the source; try again later
  bool believed = false;  ///< it was busy, but two readings agreed
  bool ready = false;     ///< staged whole on at least one replica
  bool misread = false;   ///< something of it did not read back as it was written
};

inline bool puts_bytes(const plan::ContentTask& task) {
  return std::ranges::any_of(task.operations, [](const plan::Operation& operation) {
    return operation.kind == plan::OperationKind::kPut;
  });
}

inline bool is_ready(const Transfer& transfer) {
  return !puts_bytes(*transfer.task) ||
         std::ranges::any_of(transfer.staged, [](const auto& one) { return one.has_value(); });
}

/// What the start after a crash tells our own new version by.
inline tree::Entry meant_by(const Transfer& transfer, const plan::Operation& operation) {
  tree::Entry entry{.kind = operation.value.kind, .content = operation.value.content};
  if (transfer.digest.has_value()) {
    entry.content.digest = transfer.digest;
  }
  return entry;
}

}  // namespace ox::sync
