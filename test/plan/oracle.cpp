#include "plan/oracle.h"

#include <algorithm>
#include <map>

namespace ox::toy {

namespace {

Error broken(std::string what) {
  return {Code::kCorrupt, std::move(what)};
}

std::string named(Token token, const TokenState& state) {
  return "token " + std::to_string(token) + " of replica " + std::to_string(state.creator) +
         ", round " + std::to_string(state.round);
}

bool all_online(const World& world) {
  return world.online_count() == world.replicas.size();
}

/// Path → what stands there, for comparing parts of trees.
std::map<std::string, std::string> lines_of(const ToyReplica& replica) {
  std::map<std::string, std::string> lines;
  replica.for_each([&](const std::string& path, const Object& object) {
    lines[path] = object.kind == tree::Kind::kFile      ? object.blob->digest.to_hex()
                  : object.kind == tree::Kind::kSymlink ? "-> " + object.link_target
                                                        : "directory";
  });
  return lines;
}

std::string first_of(const std::string& path) {
  return path.substr(0, path.find('/'));
}

}  // namespace

bool Oracle::is_full(const ToyReplica& replica) {
  const plan::Traits& traits = replica.traits();
  return traits.symlinks && traits.names.case_rule == tree::CaseRule::kSensitive &&
         traits.names.normalization == tree::NormalizationRule::kBytes;
}

Oracle::Sightings Oracle::look(const ToyReplica& replica) {
  Sightings seen;
  replica.for_each([&](const std::string& path, const Object& object) {
    if (object.blob == nullptr) {
      return;
    }
    for (const Token token : object.blob->lines) {
      Sighting& sighting = seen[token];
      ++sighting.times;
      sighting.path = path;
      sighting.digest = object.blob->digest;
      sighting.mode = object.mode;
      sighting.xattrs = object.xattrs;
      sighting.mtime = object.mtime;
    }
  });
  return seen;
}

Result<void> Oracle::judge(const World& before, const World& after, const plan::Plan& plan,
                           const std::vector<TokenState>& tokens, std::uint32_t round,
                           Deletes deletes) {
  for (Token token = 0; token < tokens.size(); ++token) {
    if (before.replicas[tokens[token].creator].traits().online) {
      published_.insert(token);
    }
  }
  if (before.policy.mode == plan::Mode::kTwoWay) {
    return judge_two_way(before, after, plan, tokens, round, deletes);
  }
  return judge_directional(before, after, plan, tokens, round);
}

Result<void> Oracle::judge_two_way(const World& before, const World& after, const plan::Plan& plan,
                                   const std::vector<TokenState>& tokens, std::uint32_t round,
                                   Deletes deletes) {
  std::vector<Sightings> now;
  for (const ToyReplica& replica : after.replicas) {
    now.push_back(look(replica));
  }
  for (const Token token : published_) {
    if (tokens[token].replaced) {
      continue;
    }
    bool anywhere = false;
    for (ReplicaIndex i = 0; i < now.size(); ++i) {
      const bool here = now[i].contains(token);
      anywhere = anywhere || here;
      if (!here && all_online(after) && is_full(after.replicas[i])) {
        return broken("lost on replica " + std::to_string(i) + ": " + named(token, tokens[token]));
      }
    }
    if (!anywhere) {
      return broken("lost everywhere: " + named(token, tokens[token]));
    }
  }
  if (deletes == Deletes::kStick && all_in_sync_ && all_online(before)) {
    TRY(judge_deletes(before, after, plan, tokens, round, now));
  }
  all_in_sync_ = all_online(after);
  last_ = std::move(now);
  return {};
}

namespace {

/// Is the version that stands here an acknowledged one of a node that is reported as left out here?
/// What a replica cannot hold under its new name is renamed nowhere and deleted nowhere.
bool rightly_left_behind(const World& world, const plan::Plan& plan, ReplicaIndex i,
                         const Digest& digest) {
  std::set<std::string> left_out;
  for (const plan::Report& report : plan.reports) {
    if (report.replica == i && (report.code == "name_collision" || report.code == "name_refused" ||
                                report.code == "in_the_way")) {
      left_out.insert(report.path.text());
    }
  }
  if (left_out.empty()) {
    return false;
  }
  const auto& records = world.store.records();
  const auto is_left_out = [&](const tree::NodeRecord& record) {
    std::string path;
    std::vector<std::string> names;
    for (const tree::NodeRecord* at = &record; at->id != kRootNode;
         at = &records.at(at->agreed->parent)) {
      names.push_back(at->agreed->name);
    }
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
      path = join(path, *name);
      if (left_out.contains(path)) {
        return true;
      }
    }
    return false;
  };
  return std::ranges::any_of(records, [&](const auto& item) {
    const auto& known = item.second.sides[i].acknowledged;
    return known.has_value() && known->value.content.digest == digest &&
           item.second.agreed.has_value() && is_left_out(item.second);
  });
}

}  // namespace

/// What somebody replaced or deleted and nobody else touched is gone everywhere.
Result<void> Oracle::judge_deletes(const World& before, const World& after, const plan::Plan& plan,
                                   const std::vector<TokenState>& tokens, std::uint32_t round,
                                   const std::vector<Sightings>& now) const {
  if (!before.policy.compare.hash) {
    return {};
  }
  std::vector<Sightings> then;
  for (const ToyReplica& replica : before.replicas) {
    then.push_back(look(replica));
  }
  for (const auto& [token, old] : last_[0]) {
    const TokenState& state = tokens[token];
    if (!state.replaced || state.replaced_round != round || old.times != 1 ||
        then[state.replaced_by].contains(token)) {
      continue;
    }
    bool untouched = true;
    for (ReplicaIndex i = 0; i < then.size(); ++i) {
      const auto was = last_[i].find(token);
      const auto is = then[i].find(token);
      untouched = untouched && was != last_[i].end() && was->second.times == 1 &&
                  was->second.path == old.path &&
                  (i == state.replaced_by || (is != then[i].end() && is->second == was->second));
    }
    for (ReplicaIndex i = 0; untouched && i < now.size(); ++i) {
      if (now[i].contains(token) && !rightly_left_behind(after, plan, i, now[i].at(token).digest)) {
        return broken("came back on replica " + std::to_string(i) + " at '" +
                      now[i].at(token).path + "', though nobody opposed its end at '" + old.path +
                      "': " + named(token, state));
      }
    }
  }
  return {};
}

Result<void> Oracle::judge_unopposed(const World& before, const World& after,
                                     const plan::Plan& plan,
                                     const std::map<std::string, ReplicaIndex>& owners,
                                     ReplicaIndex rest) const {
  if (before.policy.mode != plan::Mode::kTwoWay || !all_in_sync_ || !all_online(before) ||
      !before.policy.compare.hash || !std::ranges::all_of(before.replicas, is_full)) {
    return {};
  }
  if (!plan.conflicts.empty()) {
    return broken("a conflict, though nobody opposed anything");
  }
  std::map<std::string, std::string> expected;
  for (ReplicaIndex i = 0; i < before.replicas.size(); ++i) {
    for (const auto& [path, what] : lines_of(before.replicas[i])) {
      const auto owner = owners.find(first_of(path));
      if (i == (owner == owners.end() ? rest : owner->second)) {
        expected[path] = what;
      }
    }
  }
  const auto found = lines_of(after.replicas[rest]);
  for (const auto& [path, what] : expected) {
    const auto hit = found.find(path);
    if (hit == found.end() || hit->second != what) {
      return broken("a change that nobody opposed did not arrive at '" + path + "'");
    }
  }
  for (const auto& [path, what] : found) {
    if (!expected.contains(path)) {
      return broken("a change that nobody opposed left '" + path + "'");
    }
  }
  return {};
}

namespace {

bool holds_token(const ToyReplica& replica, Token token) {
  std::vector<Token> tokens;
  collect_tokens(replica.root(), tokens);
  return std::ranges::find(tokens, token) != tokens.end();
}

bool trash_holds_token(const ToyReplica& replica, Token token) {
  return std::ranges::any_of(replica.trash(), [&](const Trashed& trashed) {
    return trashed.blob != nullptr &&
           std::ranges::find(trashed.blob->lines, token) != trashed.blob->lines.end();
  });
}

bool has_reports_for(const plan::Plan& plan, ReplicaIndex i) {
  return std::ranges::any_of(plan.reports, [i](const plan::Report& report) {
    return !report.replica.has_value() || *report.replica == i;
  });
}

}  // namespace

Result<void> Oracle::judge_directional(const World& before, const World& after,
                                       const plan::Plan& plan,
                                       const std::vector<TokenState>& tokens, std::uint32_t round) {
  const ReplicaIndex source = before.policy.order.front();
  const plan::Mode mode = before.policy.mode;
  const bool source_online = before.replicas[source].traits().online;
  if (mode != plan::Mode::kMove && before.picture(source) != after.picture(source)) {
    return broken("the source was changed");
  }
  if (!source_online) {
    for (ReplicaIndex i = 0; i < after.replicas.size(); ++i) {
      if (before.picture(i) != after.picture(i)) {
        return broken("the source is away, and replica " + std::to_string(i) + " was changed");
      }
    }
    return {};
  }
  for (Token token = 0; token < tokens.size(); ++token) {
    const TokenState& state = tokens[token];
    if (state.replaced) {
      continue;
    }
    const ToyReplica& home = after.replicas[state.creator];
    if (state.creator != source) {
      const bool kept = holds_token(home, token);
      if (!kept && !(before.policy.mirror && trash_holds_token(home, token))) {
        return broken("a destination lost its own: " + named(token, state));
      }
      continue;
    }
    const bool path1_wins = mode != plan::Mode::kOneWay;
    if (state.round != round || !path1_wins) {
      continue;
    }
    bool everywhere = true;
    for (ReplicaIndex i = 0; i < after.replicas.size(); ++i) {
      if (i == source || !after.replicas[i].traits().online) {
        everywhere = everywhere && i == source;
        continue;
      }
      const bool here = holds_token(after.replicas[i], token);
      everywhere = everywhere && here;
      if (!here && is_full(after.replicas[i]) && !has_reports_for(plan, i)) {
        return broken("did not reach replica " + std::to_string(i) + ": " + named(token, state));
      }
    }
    if (mode == plan::Mode::kMove && !everywhere && !holds_token(home, token)) {
      return broken("moved away from the source, but not everywhere: " + named(token, state));
    }
  }
  return judge_mirror(before, after, plan);
}

/// Mode one-way with --mirror where the source always wins: the destinations are what it is.
Result<void> Oracle::judge_mirror(const World& before, const World& after,
                                  const plan::Plan& plan) const {
  const ReplicaIndex source = before.policy.order.front();
  if (!before.policy.mirror || before.policy.keep_mode != plan::KeepMode::kPath1 ||
      !before.policy.compare.hash || !is_full(after.replicas[source])) {
    return {};
  }
  for (ReplicaIndex i = 0; i < after.replicas.size(); ++i) {
    if (after.replicas[i].traits().online && is_full(after.replicas[i]) &&
        !has_reports_for(plan, i) && after.outline(i) != after.outline(source)) {
      return broken("replica " + std::to_string(i) + " does not mirror the source:\n" +
                    after.outline(i) + "source:\n" + after.outline(source));
    }
  }
  return {};
}

}  // namespace ox::toy
