#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/user.h"
#include "sim/world.h"

namespace ox::sim {

/// What is promised of the tree of one replica to the others.
struct Rules {
  bool directional = false;  ///< all goes from the first replica to the others
  bool moves = false;        ///< and leaves the first; there the next version displaces it
  bool copies = false;       ///< no deletes, no renames
  bool mirrors = false;      ///< the others have nothing of their own
  bool source_wins = false;  ///< against what was changed on the others
};

/// Judges a history by what users saw and wrote. Knows nothing of plans: it looks at disks only.
/// The first violation stays.
class Oracle {
 public:
  Oracle(World& world, Versions& versions, Tolerance tolerance, Rules rules)
      : world_(world),
        versions_(versions),
        tolerance_(tolerance),
        rules_(rules),
        ever_moved_(rules.moves) {}

  const std::optional<std::string>& violation() const { return violation_; }
  void fail(std::string what);

  /// `during_run`: the engine was at work.
  void edited(const Edit& edit, bool during_run);
  /// Something failed since the last clean run; less can be promised then.
  void disturbed() { episode_.disturbed = true; }
  /// A disk lost what was not synced. `replicas`: whose disk it was.
  void power_was_cut(const std::vector<std::size_t>& replicas);
  /// Puts the copy there; what only stood on this root is its user's loss.
  void root_comes_back(std::size_t replica, const Tree& copy);
  /// Entries of this name, and all in them, are nobody's business but the replica's own.
  void excludes(const std::optional<std::string>& name);
  /// The runs to come promise something else.
  void other_rules(Rules rules);
  /// A replica was made to believe that it can't set these.
  void let_times_and_modes_differ() {
    tolerance_.mtimes = false;
    tolerance_.modes = true;
  }
  /// What a destination has of its own may stand in the way of what the source has; that is told.
  bool may_leave_out() const {
    return (rules_.directional && others_changed_) || tolerance_.leaves_out();
  }
  /// Before a run that nobody disturbs, and after any run.
  void before_quiet_run();
  void after_run(const RunResult& result, bool quiet);
  /// All is at rest: `settled` says that the last run found nothing to do.
  void at_the_end(bool settled);

  /// The trees of all replicas, for a person.
  std::string describe();

 private:
  /// What users did since all replicas were last seen to be the same.
  struct Episode {
    bool disturbed = false;
    bool edited_during_run = false;
    std::set<std::size_t> editors;
    std::vector<std::string> touched;
    std::vector<std::pair<std::string, std::string>> deleted;  ///< path and bytes
    std::optional<Tree> expected;  ///< one replica alone changed: how it looked then
  };

  std::vector<Tree> look_at_all();
  void check_contents(const std::vector<Tree>& trees);
  void after_quiet_run(const RunResult& result);
  void check_equal(std::vector<Tree> trees);
  void forgive_what_is_told(std::vector<Tree>& trees);
  void forgive_old_places(std::vector<Tree>& trees) const;
  bool symlink_has_the_place_of(const state::Problem& problem) const;
  void check_deletes(const Tree& tree);
  void check_leftovers();
  void check_one_sided(const Tree& tree, const RunResult& result);
  void check_survival(const std::vector<Tree>& trees);
  void judge_two_way(const std::vector<Tree>& trees, const RunResult& result);
  void judge_directional(const std::vector<Tree>& trees, const RunResult& result);
  void check_delivered(const Tree& source, const Tree& destination, std::size_t replica,
                       const RunResult& result);
  std::set<std::string> all_contents();

  World& world_;
  Versions& versions_;
  Tolerance tolerance_;
  Rules rules_;
  std::optional<std::string> excluded_;
  bool claims_in_sync_ = false;  ///< the last run
  bool is_held_ = false;
  bool was_broken_off_ = false;       ///< the run before this one
  std::vector<state::Problem> told_;  ///< the last run's, that name a path
  std::vector<Tree> before_;          ///< as all stood before this run
  bool ever_moved_ = false;           ///< in this phase or before
  bool destination_won_ = false;      ///< it could, in a phase before
  bool was_settled_ = true;           ///< a run has ended since the rules are these
  bool others_changed_ = false;       ///< somebody ever changed another replica than the first
  Episode episode_;
  std::optional<std::string> violation_;
};

}  // namespace ox::sim
