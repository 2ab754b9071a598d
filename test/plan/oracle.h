#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "plan/random_edits.h"

/// What must hold after a run whatever the planner decided: told from the trees before and after it
/// and from what the users did.
namespace ox::toy {

enum class Deletes : std::uint8_t {
  kStick,
  kMayReturn,  ///< after a run that broke off as Run::untold says
};

class Oracle {
 public:
  /// `before`: just before the run. `round`: of the edits since the last run.
  Result<void> judge(const World& before, const World& after, const plan::Plan& plan,
                     const std::vector<TokenState>& tokens, std::uint32_t round, Deletes deletes);

  /// Changes that nobody opposed arrive as they are, without a conflict: below the top-level names
  /// in `owners` what their replica shows, elsewhere what `rest` shows. To be asked before judge().
  Result<void> judge_unopposed(const World& before, const World& after, const plan::Plan& plan,
                               const std::map<std::string, ReplicaIndex>& owners,
                               ReplicaIndex rest) const;

 private:
  struct Sighting {
    std::string path;
    Digest digest;
    std::uint32_t mode = 0;
    std::uint64_t xattrs = 0;
    Timestamp mtime;
    std::size_t times = 0;

    friend bool operator==(const Sighting&, const Sighting&) = default;
  };
  using Sightings = std::unordered_map<Token, Sighting>;

  static Sightings look(const ToyReplica& replica);
  static bool is_full(const ToyReplica& replica);
  Result<void> judge_two_way(const World& before, const World& after, const plan::Plan& plan,
                             const std::vector<TokenState>& tokens, std::uint32_t round,
                             Deletes deletes);
  Result<void> judge_deletes(const World& before, const World& after, const plan::Plan& plan,
                             const std::vector<TokenState>& tokens, std::uint32_t round,
                             const std::vector<Sightings>& now) const;
  Result<void> judge_directional(const World& before, const World& after, const plan::Plan& plan,
                                 const std::vector<TokenState>& tokens, std::uint32_t round);
  Result<void> judge_mirror(const World& before, const World& after, const plan::Plan& plan) const;

  std::vector<Sightings> last_;  ///< what each replica held after the last run
  bool all_in_sync_ = false;     ///< after the last run every replica was up to date
  std::set<Token> published_;    ///< tokens that took part in a run
};

}  // namespace ox::toy
