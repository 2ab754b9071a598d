#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ox::tree {

/// One line of an ignore file, compiled. The language is that of gitignore(5) as git 2.39 acts it
/// out; where its manual says less, git's behaviour decides. A pattern that git can never match (an
/// unclosed bracket, say) is kNever here. A value; safe to read from several threads.
class FilterPattern {
 public:
  enum class Shape : std::uint8_t {
    kNever,
    kName,        ///< the last component is exactly literal()
    kNameSuffix,  ///< the last component ends with literal()
    kNameGlob,
    kPath,  ///< the path below the base is exactly literal()
    kPathGlob,
  };

  /// None for a blank line or a comment. `line` has no line feed; a carriage return at its end is
  /// left out.
  static std::optional<FilterPattern> parse(std::string_view line);

  bool negated() const { return negated_; }
  bool directories_only() const { return directories_only_; }
  Shape shape() const { return shape_; }
  const std::string& literal() const { return literal_; }

  /// `path` stands below the pattern's base, `name` is its last component. Takes no account of
  /// negated() and directories_only(). Time is bounded by the product of both lengths.
  bool matches(std::string_view path, std::string_view name) const;

 private:
  enum class TokenKind : std::uint8_t {
    kByte,
    kAnyByte,      ///< ?
    kSet,          ///< [...]
    kStar,         ///< any bytes but '/'
    kAnything,     ///< any bytes
    kDirectories,  ///< nothing, or any bytes that end with '/'
  };
  struct Token {
    TokenKind kind = TokenKind::kByte;
    char byte = 0;          ///< kByte
    std::uint16_t set = 0;  ///< kSet: which of sets_
  };
  using ByteSet = std::bitset<256>;
  /// Where matching goes on after a mismatch: the token behind a star, and the text it began at.
  struct Retry {
    std::size_t token = 0;  ///< 0 = there is none
    std::size_t text = 0;
  };

  void compile(std::string_view pattern);
  bool compile_glob(std::string_view glob);
  void find_literals();
  /// These read one construct at `at`, which they move behind it. False: it can never match.
  bool read_escape(std::string_view glob, std::size_t& at);
  bool read_stars(std::string_view glob, std::size_t& at);
  bool read_set(std::string_view glob, std::size_t& at);

  bool glob_matches(std::string_view text) const;
  bool token_matches(const Token& token, char c) const;
  bool go_on(Retry& star, Retry& deep, std::size_t& token, std::size_t& at,
             std::string_view text) const;

  Shape shape_ = Shape::kNever;
  bool negated_ = false;
  bool directories_only_ = false;
  std::string literal_;  ///< globs: what the text begins with, before the tokens
  std::string needle_;   ///< globs: what the text holds somewhere, the longest that is known
  std::string tail_;     ///< globs: what the text ends with
  std::vector<Token> tokens_;
  std::vector<ByteSet> sets_;
};

}  // namespace ox::tree
