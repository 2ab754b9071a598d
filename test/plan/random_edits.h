#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plan/toy_world.h"

/// Edits as a user might make them, drawn from a seed.
namespace ox::toy {

/// A small generator (splitmix64) that gives the same numbers everywhere.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next();
  /// Evenly from 0 … limit − 1.
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(next() % limit); }
  bool chance(unsigned percent) { return below(100) < percent; }

 private:
  std::uint64_t state_;
};

/// What became of the tokens that edits wrote.
struct TokenState {
  ReplicaIndex creator = 0;
  std::uint32_t round = 0;
  bool replaced = false;  ///< somebody who had seen it overwrote or deleted it
  std::uint32_t replaced_round = 0;
  ReplicaIndex replaced_by = 0;
};

struct EditLimits {
  std::string below;          ///< only paths inside this directory; empty: anywhere
  bool silent_writes = true;  ///< other bytes under the same mtime
};

/// Makes edits in a world and keeps the books of tokens.
class Editor {
 public:
  explicit Editor(World& world) : world_(world) {}

  /// One random edit on a replica. The sentence says what was done; empty: nothing was possible.
  std::string edit(ReplicaIndex replica, Dice& dice, const EditLimits& limits, std::uint32_t round);
  /// A new file or directory.
  std::string create(ReplicaIndex replica, Dice& dice, const EditLimits& limits,
                     std::uint32_t round);

  /// Tokens from this number on were never written.
  void withdraw_tokens(std::size_t from);

  const std::vector<TokenState>& tokens() const { return tokens_; }

 private:
  struct Turn {
    ReplicaIndex replica;
    Dice& dice;
    const EditLimits& limits;
    std::uint32_t round;
  };

  Token new_token(const Turn& turn);
  BlobPtr new_blob(const Turn& turn);
  /// The old text with one line rewritten, or a whole new one.
  BlobPtr edited_blob(const Turn& turn, const Object& object);
  void replace_tokens(const Turn& turn, const Object& object, const Blob* kept);
  std::vector<std::string> paths(const Turn& turn, tree::Kind kind) const;
  std::string some(const Turn& turn, tree::Kind kind) const;
  std::string some_directory(const Turn& turn) const;
  std::string free_path(const Turn& turn) const;

  std::string write(const Turn& turn);
  std::string remove(const Turn& turn, tree::Kind kind);
  std::string rename(const Turn& turn, tree::Kind kind);
  std::string rename_over(const Turn& turn);
  std::string rotate(const Turn& turn, std::size_t count, tree::Kind kind);
  std::string change_kind(const Turn& turn);
  std::string change_attributes(const Turn& turn);
  std::string link(const Turn& turn);
  std::string copy(const Turn& turn);

  World& world_;
  std::vector<TokenState> tokens_;
};

/// All tokens that stand in an object's tree.
void collect_tokens(const Object& object, std::vector<Token>& tokens);

}  // namespace ox::toy
