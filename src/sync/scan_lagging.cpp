#include "sync/scan_lagging.h"

#include <algorithm>
#include <set>
#include <utility>

namespace ox::sync {

namespace {

/// Attributes may change without a trace in the fingerprint.
bool is_as_acknowledged(const tree::Entry& entry, const tree::Acknowledged& known) {
  return known.value.kind == entry.kind && known.fingerprint.same_version(entry.fingerprint) &&
         (entry.attributes.mode == tree::kModeUnknown ||
          entry.attributes.mode == known.value.attributes.mode) &&
         (entry.kind != tree::Kind::kSymlink ||
          entry.content.link_target == known.value.content.link_target);
}

}  // namespace

LaggingListings::LaggingListings(const std::vector<EngineReplica>& replicas, bool looks_closely)
    : replicas_(replicas), looks_closely_(looks_closely) {
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    any_ = any_ || lags(i);
  }
}

bool LaggingListings::lags(std::size_t i) const {
  return replicas_[i].provider != nullptr && !replicas_[i].provider->capabilities().consistent;
}

void LaggingListings::add_unsettled(const tree::NodeRecord& record) {
  unsettled_.push_back(record);
}

LaggingListings::Expected LaggingListings::expected(
    NodeId directory, std::size_t i, const std::vector<tree::NodeRecord>& records) const {
  Expected found;
  for (const auto* part : {&records, &unsettled_}) {
    for (const tree::NodeRecord& record : *part) {
      const std::optional<tree::Acknowledged>& known = record.sides[i].acknowledged;
      if (known.has_value() && known->value.parent == directory) {
        found[known->value.name] = &*known;
      }
    }
  }
  return found;
}

std::optional<NodeId> LaggingListings::known_at(
    NodeId directory, const std::string& name, std::size_t i,
    const std::vector<tree::NodeRecord>& records) const {
  for (const auto* part : {&records, &unsettled_}) {
    for (const tree::NodeRecord& record : *part) {
      const std::optional<tree::Acknowledged>& known = record.sides[i].acknowledged;
      if (known.has_value() && known->value.parent == directory && known->value.name == name) {
        return record.id;
      }
    }
  }
  return std::nullopt;
}

std::vector<tree::Entry> LaggingListings::confirm(NodeId directory, const RelPath& path,
                                                  std::size_t i,
                                                  const std::vector<tree::NodeRecord>& records,
                                                  ScanListing& listing) const {
  const Expected known = expected(directory, i, records);
  std::set<std::string> doubtful;
  for (const auto& [name, acknowledged] : known) {
    doubtful.insert(name);
  }
  for (const plan::Hidden& hidden : listing.hidden) {
    doubtful.erase(hidden.name);
  }
  std::erase_if(listing.entries, [&](const tree::Entry& entry) {
    const auto found = known.find(entry.name);
    const bool as_known =
        !looks_closely_ && found != known.end() && is_as_acknowledged(entry, *found->second);
    if (as_known) {
      doubtful.erase(entry.name);
    } else {
      doubtful.insert(entry.name);
    }
    return !as_known;
  });
  std::vector<tree::Entry> standing;
  const auto is_met = [&](const std::string& name) {
    return std::ranges::find(standing, name, &tree::Entry::name) != standing.end() ||
           std::ranges::find(listing.entries, name, &tree::Entry::name) != listing.entries.end();
  };
  for (const std::string& name : doubtful) {
    Result<tree::Entry> seen = replicas_[i].provider->look(path.child(name));
    if (seen.ok()) {
      // A store that knows several spellings of one name finds the entry by each of them.
      if (!is_met(seen->name)) {
        standing.push_back(std::move(*seen));
      }
    } else if (!seen.failed_with(Code::kNotFound)) {
      const auto found = known.find(name);
      listing.hidden.push_back({.name = name,
                                .reason = plan::HiddenReason::kUnreadable,
                                .seen = found == known.end()
                                            ? std::optional<tree::Fingerprint>{}
                                            : std::optional(found->second->fingerprint)});
    }
  }
  return standing;
}

}  // namespace ox::sync
