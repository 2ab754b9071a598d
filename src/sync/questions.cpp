#include "sync/questions.h"

#include <algorithm>

#include "crypto/digest.h"
#include "sync/sources.h"
#include "sync/text_merge.h"

namespace ox::sync {

namespace {

constexpr std::uint64_t kMaxMergedBytes = 4U << 20U;

}  // namespace

RelPath path_of(const plan::Replica& replica, std::uint32_t entry) {
  std::vector<std::uint32_t> chain;
  for (std::uint32_t at = entry; at != 0; at = replica.entries[at].parent) {
    chain.push_back(at);
  }
  RelPath path;
  for (auto at = chain.rbegin(); at != chain.rend(); ++at) {
    path = path.child(replica.entries[*at].entry.name);
  }
  return path;
}

void hide(plan::Replica& replica, std::uint32_t entry) {
  replica.hidden.push_back({.parent = replica.entries[entry].parent,
                            .name = replica.entries[entry].entry.name,
                            .reason = plan::HiddenReason::kUnreadable,
                            .seen = replica.entries[entry].entry.fingerprint});
  replica.entries[entry].entry.kind = tree::Kind::kOther;
  replica.entries[entry].coverage = plan::Coverage::kUnknown;
}

Result<bool> answer_digests(const plan::NeedDigests& need, plan::Input& input,
                            const std::vector<EngineReplica>& replicas, const Services& services,
                            std::size_t width, std::vector<plan::Report>& reports,
                            std::stop_token stop) {
  services.progress->enter(rt::Phase::kVerifying);
  std::vector<Result<Reading>> readings(need.items.size(), Error(Code::kCancelled, "stopped"));
  {
    rt::TaskGroup group(*services.pool, width, stop);
    for (std::size_t k = 0; k < need.items.size(); ++k) {
      group.spawn([&, k](std::stop_token token) -> Result<void> {
        const plan::NeedDigests::Item& item = need.items[k];
        const plan::Replica& replica = input.replicas[item.replica];
        const RelPath path = path_of(replica, item.entry);
        services.progress->set_current(path.text());
        readings[k] = read_version(*replicas[item.replica].provider, path,
                                   replica.entries[item.entry].entry.fingerprint, token);
        return {};
      });
    }
    TRY(group.wait());
  }
  bool changed = false;
  for (std::size_t k = 0; k < need.items.size(); ++k) {
    const plan::NeedDigests::Item& item = need.items[k];
    plan::Replica& replica = input.replicas[item.replica];
    if (readings[k].ok()) {
      tree::Entry& entry = replica.entries[item.entry].entry;
      entry.content.digest = readings[k]->digest;
      // Whoever has it open may still change it without a trace.
      entry.fingerprint.racy = entry.fingerprint.racy || readings[k]->busy;
      continue;
    }
    const Code code = readings[k].error().code();
    if (code == Code::kCancelled) {
      return readings[k].error();
    }
    if (code == Code::kPreconditionFailed || code == Code::kNotFound) {
      changed = true;
    } else {
      reports.push_back({.replica = item.replica,
                         .path = path_of(replica, item.entry),
                         .code = "unreadable",
                         .message = "could not be read: " + readings[k].error().message()});
    }
    hide(replica, item.entry);
  }
  return changed;
}

namespace {

/// Finds the bytes of a digest among what the replicas show now, else among the merge bases.
class TextFinder {
 public:
  TextFinder(const std::vector<plan::Replica>& observed, const std::vector<EngineReplica>& replicas,
             state::Store& store)
      : observed_(observed), replicas_(replicas), store_(store) {}

  Result<std::optional<Bytes>> find(const Digest& digest) {
    TRY_ASSIGN(std::optional<Bytes> base, store_.merge_base(digest));
    if (base.has_value()) {
      return base;
    }
    for (std::size_t i = 0; i < observed_.size(); ++i) {
      for (std::uint32_t e = 1; e < observed_[i].entries.size(); ++e) {
        const tree::Entry& entry = observed_[i].entries[e].entry;
        if (entry.content.digest != digest || replicas_[i].provider == nullptr) {
          continue;
        }
        auto source = replicas_[i].provider->open(path_of(observed_[i], e), &entry.fingerprint);
        if (!source.ok()) {
          continue;
        }
        Result<Bytes> bytes = read_small(**source, kMaxMergedBytes);
        if (bytes.ok() && crypto::sha256(*bytes) == digest) {
          return std::optional(std::move(*bytes));
        }
      }
    }
    return std::optional<Bytes>{};
  }

 private:
  const std::vector<plan::Replica>& observed_;
  const std::vector<EngineReplica>& replicas_;
  state::Store& store_;
};

Result<std::optional<Bytes>> fold(const plan::MergeRequest& request, TextFinder& finder) {
  TRY_ASSIGN(std::optional<Bytes> text, finder.find(request.sides.front().theirs));
  for (std::size_t k = 1; k < request.sides.size() && text.has_value(); ++k) {
    TRY_ASSIGN(const std::optional<Bytes> theirs, finder.find(request.sides[k].theirs));
    TRY_ASSIGN(const std::optional<Bytes> base, finder.find(*request.sides[k].base));
    if (!theirs.has_value() || !base.has_value()) {
      return std::optional<Bytes>{};
    }
    TRY_ASSIGN(text, merge_text(*base, *text, *theirs));
  }
  return text;
}

}  // namespace

Result<std::vector<plan::MergeAnswer>> answer_merges(const plan::NeedMerge& need,
                                                     const std::vector<plan::Replica>& observed,
                                                     const std::vector<EngineReplica>& replicas,
                                                     state::Store& store,
                                                     std::map<Digest, Bytes>& merged) {
  TextFinder finder(observed, replicas, store);
  std::vector<plan::MergeAnswer> answers;
  for (const plan::MergeRequest& request : need.requests) {
    TRY_ASSIGN(std::optional<Bytes> text, fold(request, finder));
    plan::MergeAnswer answer{.request = request};
    if (text.has_value()) {
      answer.digest = crypto::sha256(*text);
      answer.size = text->size();
      merged.emplace(*answer.digest, std::move(*text));
    }
    answers.push_back(std::move(answer));
  }
  return answers;
}

}  // namespace ox::sync
