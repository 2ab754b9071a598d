#include "plan/toy_world.h"

#include <algorithm>

#include "plan/toy_describe.h"

namespace ox::toy {

namespace {

/// More questions than this and the planner turns in circles.
constexpr int kMaxQuestions = 40;

Error broken(std::string what) {
  return {Code::kCorrupt, std::move(what)};
}

Result<void> answer_digests(const plan::NeedDigests& need, Scan& scanned) {
  if (need.items.empty()) {
    return broken("the planner asks for digests, but for none");
  }
  for (const plan::NeedDigests::Item& item : need.items) {
    if (item.replica >= scanned.objects.size() ||
        item.entry >= scanned.objects[item.replica].size()) {
      return broken("the planner asks for the digest of an entry that is not there");
    }
    const Object& object = *scanned.objects[item.replica][item.entry];
    tree::Entry& entry = scanned.input.replicas[item.replica].entries[item.entry].entry;
    if (object.blob == nullptr || entry.content.digest.has_value()) {
      return broken("the planner asks for a needless digest of '" + object.name + "'");
    }
    entry.content.digest = object.blob->digest;
  }
  return {};
}

Result<void> answer_merges(const plan::NeedMerge& need, BlobStore& blobs, plan::Input& input) {
  if (need.requests.empty()) {
    return broken("the planner asks for merges, but for none");
  }
  for (const plan::MergeRequest& request : need.requests) {
    for (const plan::MergeAnswer& answer : input.merges) {
      if (answer.request == request) {
        return broken("the planner asks for the same merge twice");
      }
    }
    input.merges.push_back(blobs.merge(request));
  }
  return {};
}

}  // namespace

World::World(std::vector<Abilities> abilities, plan::Policy rules)
    : store(abilities.size()), policy(std::move(rules)), blobs(std::make_shared<BlobStore>()) {
  for (Abilities& each : abilities) {
    replicas.emplace_back(std::move(each));
  }
  if (policy.order.empty()) {
    for (ReplicaIndex i = 0; i < replicas.size(); ++i) {
      policy.order.push_back(i);
    }
  }
}

std::size_t World::online_count() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      replicas, [](const ToyReplica& replica) { return replica.traits().online; }));
}

Timestamp World::tick() {
  clock.ns += 10'000'000'000 + 1'234'567;
  return clock;
}

Result<plan::Plan> World::plan() const {
  const Timestamp now{clock.ns + 5'000'000'000};
  Scan scanned = scan(replicas, store, policy, filter, now, shortcuts, listing);
  scanned.input.approved = approved;
  for (int question = 0; question < kMaxQuestions; ++question) {
    plan::Outcome outcome = plan::make_plan(scanned.input);
    if (auto* plan = std::get_if<plan::Plan>(&outcome)) {
      return std::move(*plan);
    }
    if (const auto* digests = std::get_if<plan::NeedDigests>(&outcome)) {
      TRY(answer_digests(*digests, scanned));
    } else {
      TRY(answer_merges(std::get<plan::NeedMerge>(outcome), *blobs, scanned.input));
    }
  }
  return broken("the planner never stops asking");
}

Result<Run> World::sync(std::optional<std::size_t> crash_after) {
  TRY_ASSIGN(plan::Plan made, plan());
  tick();
  return execute(*this, std::move(made), crash_after, nullptr);
}

Result<Run> World::sync_beside(const Beside& beside) {
  TRY_ASSIGN(plan::Plan made, plan());
  tick();
  return execute(*this, std::move(made), std::nullopt, &beside);
}

void World::rebase() {
  Scan scanned =
      scan(replicas, store, policy, filter, clock, Shortcuts::kListAll, ListingOrder::kByName);
  plan::rebase(scanned.input);
  store.replace(scanned.input.nodes);
}

void World::join(Abilities abilities) {
  replicas.emplace_back(std::move(abilities));
  store.add_replica();
  policy.order.push_back(static_cast<ReplicaIndex>(replicas.size() - 1));
}

Result<void> World::check_fixpoint() const {
  TRY_ASSIGN(const plan::Plan again, plan());
  if (again.has_operations()) {
    return broken("planning again gives operations:\n" + describe(again));
  }
  if (!again.empty()) {
    return broken("planning again gives record updates:\n" + describe(again));
  }
  // What a replica cannot take over is decided anew, and told anew, in every run.
  if (!again.conflicts.empty() && again.reports.empty()) {
    return broken("planning again gives conflicts:\n" + describe(again));
  }
  return check_converged(*this, again.reports);
}

Result<void> World::check_settled() const {
  TRY(store.check());
  return check_fixpoint();
}

std::string World::picture(ReplicaIndex i) const {
  std::string text;
  replicas[i].for_each([&](const std::string& path, const Object& object) {
    text += path;
    if (object.kind == tree::Kind::kFile) {
      text += " = " + object.blob->digest.to_hex().substr(0, 8) + " @" +
              std::to_string(object.mtime.ns / 1'000'000) + "ms";
    } else if (object.kind == tree::Kind::kSymlink) {
      text += " -> " + object.link_target;
    } else if (object.kind == tree::Kind::kDirectory) {
      text += "/";
    } else {
      text += " (special)";
    }
    text += " m" + std::to_string(object.mode) + " x" + std::to_string(object.xattrs) + " #" +
            std::to_string(object.id) + "\n";
  });
  return text;
}

std::string World::outline(ReplicaIndex i) const {
  std::string text;
  replicas[i].for_each([&](const std::string& path, const Object& object) {
    text += path;
    if (object.kind == tree::Kind::kFile) {
      text += " = " + object.blob->digest.to_hex().substr(0, 8);
    } else if (object.kind == tree::Kind::kSymlink) {
      text += " -> " + object.link_target;
    } else {
      text += "/";
    }
    text += "\n";
  });
  return text;
}

}  // namespace ox::toy
