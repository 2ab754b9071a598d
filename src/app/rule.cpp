#include "app/rule.h"

#include <algorithm>
#include <utility>

#include "app/exit_code.h"
#include "state/store.h"

namespace ox::app {

namespace {

constexpr std::string_view kStoreSuffix = ".db";

std::string store_path_of(const Places& places, const std::string& id) {
  return places.state_folder + "/" + id + std::string(kStoreSuffix);
}

Rule make_rule(const Places& places, const std::vector<Root>& typed, std::string name,
               const Settings& settings) {
  Rule rule{.id = {}, .name = std::move(name), .settings = settings, .store_path = {}};
  rule.roots = typed;
  std::ranges::sort(rule.roots, {}, &Root::path);
  for (const Root& root : typed) {
    const auto at = std::ranges::find(rule.roots, root.path, &Root::path);
    rule.order.push_back(static_cast<ReplicaIndex>(at - rule.roots.begin()));
  }
  rule.id = rule.name.empty() ? rule_id_of(rule.paths()) : rule_id_of_name(rule.name);
  rule.labels = labels_of(rule.paths());
  rule.store_path = store_path_of(places, rule.id);
  return rule;
}

Result<Rule> rule_of_name(const Places& places, const NamedRule& named, const Settings& settings) {
  TRY_ASSIGN(const std::vector<Root> roots, find_roots(named.roots));
  const Settings both = named.settings.with(settings);
  TRY(both.check());
  return make_rule(places, roots, named.name, both);
}

/// The mode that the state keeps is "two-way" or "one-way:/the/source".
void follow_mode(const std::string& stored, Rule& rule) {
  const std::size_t colon = stored.find(':');
  if (!rule.settings.mode.has_value()) {
    rule.settings.mode = plan::find_mode(stored.substr(0, colon));
  }
  if (colon == std::string::npos) {
    return;
  }
  const auto source = std::ranges::find(rule.roots, stored.substr(colon + 1), &Root::path);
  if (source != rule.roots.end()) {
    const auto index = static_cast<ReplicaIndex>(source - rule.roots.begin());
    std::erase(rule.order, index);
    rule.order.insert(rule.order.begin(), index);
  }
}

Result<Rule> rule_of_known(const Places& places, const KnownRule& known, const Settings& settings) {
  if (!known.trouble.empty()) {
    return Error(Code::kCorrupt, known.trouble).with_context(known.store_path);
  }
  if (!known.name.empty()) {
    TRY_ASSIGN(const std::vector<NamedRule> named, read_rules(places.rules_file, places.home));
    const auto found = std::ranges::find(named, known.name, &NamedRule::name);
    if (found != named.end()) {
      return rule_of_name(places, *found, settings);
    }
  }
  TRY_ASSIGN(const std::vector<Root> roots, find_roots(known.roots));
  Rule rule = make_rule(places, roots, known.name, settings);
  follow_mode(known.mode, rule);
  TRY(rule.settings.check());
  return rule;
}

std::string describe(const KnownRule& known) {
  std::string text = known.name.empty() ? "" : known.name + ":";
  for (const std::string& root : known.roots) {
    text += (text.empty() ? "" : " ") + root;
  }
  return text.empty() ? known.store_path : text;
}

Error undecided(const std::vector<KnownRule>& choices, const std::string& why) {
  std::string message = why + "; name one:";
  for (const KnownRule& choice : choices) {
    message += "\n  " + describe(choice);
  }
  return usage_error(std::move(message));
}

bool holds(const KnownRule& known, const std::string& path) {
  return std::ranges::any_of(known.roots,
                             [&](const std::string& root) { return is_within(path, root); });
}

std::vector<KnownRule> rules_holding(const std::vector<KnownRule>& all, const std::string& path) {
  std::vector<KnownRule> holding;
  std::ranges::copy_if(all, std::back_inserter(holding),
                       [&](const KnownRule& known) { return holds(known, path); });
  return holding;
}

/// Rules of the file that never ran are choices too.
Result<std::vector<KnownRule>> all_rules(const Places& places) {
  TRY_ASSIGN(std::vector<KnownRule> all, known_rules(places));
  TRY_ASSIGN(const std::vector<NamedRule> named, read_rules(places.rules_file, places.home));
  for (const NamedRule& rule : named) {
    if (std::ranges::find(all, rule.name, &KnownRule::name) != all.end()) {
      continue;
    }
    KnownRule known{.id = rule_id_of_name(rule.name), .name = rule.name};
    for (const std::string& root : rule.roots) {
      // One that can't be reached is told to whoever means this rule.
      const Result<std::string> path = canonical_path(root);
      known.roots.push_back(path.ok() ? *path : root);
    }
    known.store_path = store_path_of(places, known.id);
    all.push_back(std::move(known));
  }
  return all;
}

Result<Rule> rule_of_one_word(const Places& places, const std::string& word,
                              const Settings& settings) {
  TRY_ASSIGN(const std::vector<KnownRule> all, all_rules(places));
  const auto named = std::ranges::find(all, word, &KnownRule::name);
  if (is_rule_name(word) && named != all.end()) {
    return rule_of_known(places, *named, settings);
  }
  TRY_ASSIGN(const std::string path, canonical_path(word));
  const std::vector<KnownRule> holding = rules_holding(all, path);
  if (holding.size() == 1) {
    return rule_of_known(places, holding.front(), settings);
  }
  if (holding.empty()) {
    return Error(Code::kNotFound, "no rule is called so, and no rule has this folder")
        .with_context(word);
  }
  return undecided(holding, "several rules have " + word);
}

}  // namespace

std::vector<std::string> Rule::paths() const {
  std::vector<std::string> all;
  for (const Root& root : roots) {
    all.push_back(root.path);
  }
  return all;
}

Result<std::vector<KnownRule>> known_rules(const Places& places) {
  TRY_ASSIGN(const std::vector<std::string> names, names_in(places.state_folder, kStoreSuffix));
  std::vector<KnownRule> rules;
  for (const std::string& name : names) {
    KnownRule rule{.id = name.substr(0, name.size() - kStoreSuffix.size()),
                   .store_path = places.state_folder + "/" + name};
    if (rule.id.size() != 32) {
      continue;
    }
    const auto store = state::Store::open(
        {.os_path = rule.store_path, .directory = nullptr, .name = {}}, state::OpenMode::kReadOnly);
    const Result<std::optional<state::RuleFacts>> facts =
        store.ok() ? (*store)->facts() : Result<std::optional<state::RuleFacts>>(store.error());
    if (facts.failed_with(Code::kNotFound) || (facts.ok() && !facts->has_value())) {
      continue;  // its first run ended before it had anything to remember
    }
    if (facts.ok()) {
      rule.name = (*facts)->name;
      rule.mode = (*facts)->mode;
      for (const state::ReplicaFacts& replica : (*facts)->replicas) {
        rule.roots.push_back(replica.address);
      }
    } else {
      rule.trouble = state_error(facts.error(), {}).message();
    }
    rules.push_back(std::move(rule));
  }
  return rules;
}

Result<Rule> rule_to_sync(const Places& places, const std::vector<std::string>& words,
                          const Settings& settings) {
  if (words.size() == 1) {
    TRY_ASSIGN(const std::vector<NamedRule> named, read_rules(places.rules_file, places.home));
    const auto found = std::ranges::find(named, words.front(), &NamedRule::name);
    if (found != named.end()) {
      return rule_of_name(places, *found, settings);
    }
    return usage_error("'" + words.front() + "' alone is no rule of " + places.rules_file +
                       "; name two folders or more, or a rule");
  }
  TRY_ASSIGN(const std::vector<Root> roots, find_roots(words));
  TRY(settings.check());
  return make_rule(places, roots, {}, settings);
}

Result<Rule> find_rule(const Places& places, const std::vector<std::string>& words,
                       const Settings& settings) {
  if (words.size() > 1) {
    return rule_to_sync(places, words, settings);
  }
  if (words.size() == 1) {
    return rule_of_one_word(places, words.front(), settings);
  }
  TRY_ASSIGN(const std::vector<KnownRule> all, all_rules(places));
  TRY_ASSIGN(const std::string here, canonical_path("."));
  const std::vector<KnownRule> holding = rules_holding(all, here);
  if (holding.size() == 1) {
    return rule_of_known(places, holding.front(), settings);
  }
  if (holding.size() > 1) {
    return undecided(holding, "several rules have the current directory");
  }
  if (all.size() == 1) {
    return rule_of_known(places, all.front(), settings);
  }
  if (all.empty()) {
    return Error(Code::kNotFound, "nothing has been synced yet; begin with: syncoxiders sync A B");
  }
  return undecided(all, "there are several rules");
}

namespace {

std::optional<ReplicaIndex> replica_holding(const Rule& rule, const std::string& path) {
  for (ReplicaIndex i = 0; i < rule.roots.size(); ++i) {
    if (is_within(path, rule.roots[i].path)) {
      return i;
    }
  }
  return std::nullopt;
}

/// The parent is made canonical, the last word is left as it is: it may be a symlink that is meant.
Result<std::string> canonical_but_last(std::string typed) {
  while (typed.size() > 1 && typed.ends_with('/')) {
    typed.pop_back();
  }
  const std::size_t slash = typed.rfind('/');
  const std::string last = typed.substr(slash == std::string::npos ? 0 : slash + 1);
  if (last.empty() || last == "." || last == "..") {
    return canonical_path(typed);
  }
  const std::string folder = slash == std::string::npos ? "." : typed.substr(0, slash + 1);
  TRY_ASSIGN(const std::string parent, canonical_path(folder));
  return parent + (parent == "/" ? "" : "/") + last;
}

Result<RelPath> below_root(const std::string& path, const std::string& root) {
  const std::size_t skip = root == "/" ? 1 : root.size() + 1;
  return RelPath::parse(path.size() <= skip ? "" : path.substr(skip));
}

Result<Rule> rule_for_path(const Places& places, const std::string& absolute,
                           const std::vector<std::string>& words, const Settings& settings) {
  if (!words.empty()) {
    return find_rule(places, words, settings);
  }
  TRY_ASSIGN(const std::vector<KnownRule> all, all_rules(places));
  const std::vector<KnownRule> holding = rules_holding(all, absolute);
  if (holding.empty()) {
    return find_rule(places, words, settings);
  }
  if (holding.size() > 1) {
    return undecided(holding, "several rules have this path");
  }
  return rule_of_known(places, holding.front(), settings);
}

}  // namespace

Result<Located> locate(const Places& places, const std::string& typed,
                       const std::vector<std::string>& words, const Settings& settings) {
  TRY_ASSIGN(const std::string absolute, canonical_but_last(typed));
  TRY_ASSIGN(Rule rule, rule_for_path(places, absolute, words, settings));
  const std::optional<ReplicaIndex> replica = replica_holding(rule, absolute);
  if (replica.has_value()) {
    TRY_ASSIGN(RelPath path, below_root(absolute, rule.roots[*replica].path));
    return Located{.rule = std::move(rule), .path = std::move(path), .replica = replica};
  }
  std::string relative = typed;
  while (relative.ends_with('/')) {
    relative.pop_back();
  }
  Result<RelPath> path = RelPath::parse(relative);
  if (!path.ok()) {
    return Error(Code::kNotFound, "is in no folder of the rule").with_context(typed);
  }
  return Located{.rule = std::move(rule), .path = std::move(*path), .replica = std::nullopt};
}

}  // namespace ox::app
