#include "sync/rescue.h"

#include "sync/execute.h"
#include "sync/sources.h"
#include "tree/names.h"

namespace ox::sync {

Result<tree::Entry> Rescuer::put_back(const RelPath& trashed, const RelPath& path) const {
  if (may_leave_placeholder(provider.capabilities()) &&
      provider.look(path).failed_with(Code::kNotFound)) {
    TRY_ASSIGN(const tree::Entry version, provider.look_trashed(trashed));
    TRY(announce(announced_return(replica, path, version)));
  }
  return provider.restore_trashed(trashed, path);
}

Result<RelPath> Rescuer::put_beside(const RelPath& trashed, const RelPath& path, Timestamp mtime,
                                    const Digest& digest) const {
  Error last(Code::kNotFound, "no name was tried");
  for (const bool with_digest : {false, true}) {
    const std::string name = tree::conflict_name(path.name(), label, mtime, digest, with_digest,
                                                 provider.capabilities().names.max_name_bytes);
    RelPath beside = path.parent().child(name);
    const Result<tree::Entry> back = put_back(trashed, beside);
    if (back.ok()) {
      return beside;
    }
    last = back.error();
  }
  return last;
}

Digest digest_of_trashed(provider::Provider& provider, const RelPath& trashed,
                         std::stop_token stop) {
  const auto source = provider.open_trashed(trashed);
  if (!source.ok()) {
    return {};
  }
  const Result<Digest> digest = digest_of_source(**source, std::move(stop));
  return digest.ok() ? *digest : Digest{};
}

Rescuer Execution::rescuer(ReplicaIndex replica, std::vector<std::uint64_t>& announced) {
  return {.provider = provider(replica),
          .replica = replica,
          .label = replicas[replica].label,
          .announce = [this, &announced](const state::Action& action) {
            announced.push_back(ledger.intend({action}));
            return commit();
          }};
}

bool hides_an_edit(const Execution& execution, const plan::Operation& operation,
                   const provider::Trashed& version) {
  if (!operation.expected.has_value() || !operation.expected->racy) {
    return false;
  }
  std::optional<Digest> expected;
  if (operation.expected_bytes.has_value()) {
    expected = *operation.expected_bytes;
  } else if (const tree::Acknowledged* known =
                 execution.ledger.acknowledged(operation.node, operation.replica);
             known != nullptr && known->fingerprint.same_version(*operation.expected)) {
    expected = known->value.content.digest;  // found in this run, when it was copied
  }
  if (!expected.has_value()) {
    return false;
  }
  const Digest found =
      digest_of_trashed(execution.provider(operation.replica), version.path, execution.stop);
  return found != Digest{} && found != *expected;
}

bool rescue(Execution& execution, const plan::Operation& operation,
            const provider::Trashed& version) {
  execution.dirty = true;
  std::vector<std::uint64_t> announced;
  const Rescuer rescuer = execution.rescuer(operation.replica, announced);
  const Digest digest = digest_of_trashed(rescuer.provider, version.path, execution.stop);
  const Result<RelPath> beside =
      rescuer.put_beside(version.path, operation.path, version.fingerprint.mtime, digest);
  for (const std::uint64_t batch : announced) {
    execution.ledger.close(batch);
  }
  if (beside.ok()) {
    execution.problem(operation.replica, *beside, "changed_meanwhile",
                      "was changed while it was being replaced; both versions are kept");
    return true;
  }
  execution.displaced_unexpectedly(operation, version,
                                   digest == Digest{} ? std::nullopt : std::optional(digest));
  execution.problem(operation.replica, operation.path, "changed_meanwhile",
                    "was changed while it was being replaced; that version is in the trash");
  return false;
}

}  // namespace ox::sync
