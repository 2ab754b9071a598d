#pragma once

#include <string>
#include <vector>

#include "app/places.h"
#include "app/roots.h"
#include "app/rule_file.h"
#include "app/settings.h"
#include "base/ids.h"
#include "base/rel_path.h"
#include "base/result.h"

namespace ox::app {

/// A rule to be worked on: which folders, in which order, how, and where its memory is.
struct Rule {
  std::string id;
  std::string name;                 ///< of a named rule; empty otherwise
  std::vector<Root> roots;          ///< stored order: canonical paths in byte order
  std::vector<std::string> labels;  ///< of `roots`
  std::vector<ReplicaIndex> order;  ///< as a person named them: order[0] is path1
  Settings settings;
  std::string store_path;

  std::vector<std::string> paths() const;
};

/// A rule that the state folder remembers.
struct KnownRule {
  std::string id;
  std::string name;
  std::string mode;  ///< of its last run
  std::vector<std::string> roots;
  std::string store_path;
  std::string trouble;  ///< why its state can't be read; empty when it can
};

/// Everything that has been synced before, in order of ids.
Result<std::vector<KnownRule>> known_rules(const Places& places);

/// The rule to sync: two or more folders, or one name from the rules file. `settings` go over those
/// of a named rule.
Result<Rule> rule_to_sync(const Places& places, const std::vector<std::string>& words,
                          const Settings& settings);

/// The rule a person means: as rule_to_sync; else one folder of a known rule; else, without words,
/// the one whose folder the current directory is in, else the only one there is. kNotFound or
/// kInvalidArgument with the choices otherwise.
Result<Rule> find_rule(const Places& places, const std::vector<std::string>& words,
                       const Settings& settings);

/// A path that a person typed, as a rule's own.
struct Located {
  Rule rule;
  RelPath path;
  std::optional<ReplicaIndex> replica;  ///< whose folder it was typed below
};

/// `typed` is a path of the file system inside some rule's folder, or relative to the folders of
/// the rule that `words` (or the circumstances, as in find_rule) name.
Result<Located> locate(const Places& places, const std::string& typed,
                       const std::vector<std::string>& words, const Settings& settings);

}  // namespace ox::app
