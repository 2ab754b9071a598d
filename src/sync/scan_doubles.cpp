#include "sync/scan_doubles.h"

#include <algorithm>
#include <tuple>

#include "sync/questions.h"

namespace ox::sync {
namespace {

/// Entries that show one file, whose link count says that it has one name only.
std::vector<std::uint32_t> doubles(const plan::Replica& replica) {
  const auto print = [&](std::uint32_t e) -> const tree::Fingerprint& {
    return replica.entries[e].entry.fingerprint;
  };
  std::vector<std::uint32_t> files;
  for (std::uint32_t e = 1; e < replica.entries.size(); ++e) {
    const tree::Entry& entry = replica.entries[e].entry;
    if (entry.kind == tree::Kind::kFile && entry.fingerprint.id != 0 &&
        entry.fingerprint.link_count == 1) {
      files.push_back(e);
    }
  }
  std::ranges::sort(files, [&](std::uint32_t a, std::uint32_t b) {
    return std::tuple(print(a).id, print(a).birth_ns, a) <
           std::tuple(print(b).id, print(b).birth_ns, b);
  });
  std::vector<std::uint32_t> found;
  for (std::size_t k = 0; k < files.size(); ++k) {
    const bool as_before = k > 0 && print(files[k - 1]).same_object(print(files[k]));
    const bool as_next = k + 1 < files.size() && print(files[k]).same_object(print(files[k + 1]));
    if (as_before || as_next) {
      found.push_back(files[k]);
    }
  }
  return found;
}

}  // namespace

void look_again_at_doubles(Scan& scan, const std::vector<EngineReplica>& replicas) {
  // Only what is known can be taken for deleted, or for moved.
  if (std::ranges::none_of(scan.nodes, [](const tree::NodeRecord& record) {
        return !record.agreed.has_value() || record.agreed->kind == tree::Kind::kFile;
      })) {
    return;
  }
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    if (replicas[i].provider == nullptr || !replicas[i].provider->capabilities().stable_ids) {
      continue;
    }
    for (const std::uint32_t e : doubles(scan.replicas[i])) {
      const Result<tree::Entry> now = replicas[i].provider->look(path_of(scan.replicas[i], e));
      if (!now.ok() ||
          !now->fingerprint.same_object(scan.replicas[i].entries[e].entry.fingerprint)) {
        hide(scan.replicas[i], e);
        scan.unstable = true;
      }
    }
  }
}

}  // namespace ox::sync
