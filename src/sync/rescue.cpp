#include "sync/execute.h"
#include "sync/sources.h"
#include "tree/names.h"

namespace ox::sync {

void rescue(Execution& execution, const plan::Operation& operation,
            const provider::Trashed& version) {
  execution.dirty = true;
  provider::Provider& store = execution.provider(operation.replica);
  const std::string& label = execution.replicas[operation.replica].label;
  std::optional<Digest> digest;
  if (auto source = store.open_trashed(version.path); source.ok()) {
    if (const Result<Digest> read = digest_of_source(**source, execution.stop); read.ok()) {
      digest = *read;
    }
  }
  for (const bool with_digest : {false, true}) {
    const std::string name = tree::conflict_name(
        operation.path.name(), label, version.fingerprint.mtime, digest.value_or(Digest{}),
        with_digest, store.capabilities().names.max_name_bytes);
    const RelPath path = operation.path.parent().child(name);
    if (store.restore_trashed(version.path, path).ok()) {
      execution.problem(operation.replica, path, "changed_meanwhile",
                        "was changed while it was being replaced; both versions are kept");
      return;
    }
  }
  execution.displaced_unexpectedly(operation, version, digest);
  execution.problem(operation.replica, operation.path, "changed_meanwhile",
                    "was changed while it was being replaced; that version is in the trash");
}

}  // namespace ox::sync
