#include "provider/xattrs.h"
#include "sync/execute.h"

namespace ox::sync {

Result<provider::Published> set_attributes(Execution& execution, const plan::ContentTask& task,
                                           const plan::Operation& operation,
                                           std::optional<tree::Entry>& before) {
  provider::Provider& store = execution.provider(operation.replica);
  TRY_ASSIGN(before, store.look(operation.path));
  tree::Fingerprint expected = before->fingerprint;
  if (operation.expected.has_value()) {
    expected = execution.current(operation.replica, operation.path, *operation.expected);
  }
  std::optional<Timestamp> mtime;
  if (operation.value.kind == tree::Kind::kFile) {
    mtime = operation.value.content.mtime;
  }
  std::unique_ptr<provider::Source> xattrs;
  for (const plan::Supplier& supplier : task.suppliers) {
    if (supplier.replica != operation.replica && operation.value.kind == tree::Kind::kFile) {
      auto source = execution.provider(supplier.replica).open(supplier.path, nullptr);
      if (source.ok()) {
        xattrs = std::move(*source);
        break;
      }
    }
  }
  TRY_ASSIGN(tree::Entry entry,
             store.set_attributes(operation.path, expected, operation.value.attributes, mtime,
                                  xattrs.get()));
  return provider::Published{.entry = std::move(entry), .displaced = std::nullopt};
}

}  // namespace ox::sync
