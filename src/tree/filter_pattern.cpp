#include "tree/filter_pattern.h"

#include <algorithm>
#include <array>
#include <limits>

namespace ox::tree {

namespace {

constexpr std::string_view kGlobBytes = "*?[\\";

/// A backslash keeps the space behind it, and itself has to be skipped as a pair.
std::string_view without_trailing_spaces(std::string_view line) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == ' ') {
      continue;
    }
    end = i + 1;
  }
  return line.substr(0, std::min(end, line.size()));
}

bool is_between(unsigned byte, unsigned low, unsigned high) {
  return byte >= low && byte <= high;
}
bool is_upper(unsigned byte) {
  return is_between(byte, 'A', 'Z');
}
bool is_lower(unsigned byte) {
  return is_between(byte, 'a', 'z');
}
bool is_digit(unsigned byte) {
  return is_between(byte, '0', '9');
}
bool is_alpha(unsigned byte) {
  return is_upper(byte) || is_lower(byte);
}
bool is_alnum(unsigned byte) {
  return is_alpha(byte) || is_digit(byte);
}
bool is_blank(unsigned byte) {
  return byte == ' ' || byte == '\t';
}
bool is_cntrl(unsigned byte) {
  return byte < 0x20 || byte == 0x7F;
}
bool is_graph(unsigned byte) {
  return is_between(byte, 0x21, 0x7E);
}
bool is_print(unsigned byte) {
  return is_between(byte, 0x20, 0x7E);
}
bool is_punct(unsigned byte) {
  return is_graph(byte) && !is_alnum(byte);
}
/// Without vertical tab and form feed, as in git.
bool is_space(unsigned byte) {
  return is_blank(byte) || byte == '\n' || byte == '\r';
}
bool is_xdigit(unsigned byte) {
  return is_digit(byte) || is_between(byte, 'a', 'f') || is_between(byte, 'A', 'F');
}

struct ByteClass {
  std::string_view name;
  bool (*holds)(unsigned);
};

/// ASCII only, whatever the locale: a rule must mean the same on every machine.
constexpr std::array<ByteClass, 12> kByteClasses{{{"alnum", is_alnum},
                                                  {"alpha", is_alpha},
                                                  {"blank", is_blank},
                                                  {"cntrl", is_cntrl},
                                                  {"digit", is_digit},
                                                  {"graph", is_graph},
                                                  {"lower", is_lower},
                                                  {"print", is_print},
                                                  {"punct", is_punct},
                                                  {"space", is_space},
                                                  {"upper", is_upper},
                                                  {"xdigit", is_xdigit}}};

/// Reads the inside of a bracket expression, from behind "[" (and behind "!") through "]".
class SetReader {
 public:
  SetReader(std::string_view glob, std::size_t at) : glob_(glob), at_(at) {}

  /// None for what never matches: no closing bracket, or an unknown class name.
  std::optional<std::bitset<256>> read() {
    // A bracket in the first place is a member and does not close the set.
    bool first = true;
    while (first || peek() != ']') {
      first = false;
      if (!read_member()) {
        return std::nullopt;
      }
    }
    ++at_;
    return set_;
  }
  std::size_t at() const { return at_; }

 private:
  /// NUL at the end; a pattern holds no other.
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < glob_.size() ? glob_[at_ + ahead] : '\0';
  }
  void include(char c) { set_.set(static_cast<unsigned char>(c)); }

  bool read_member() {
    const char c = peek();
    if (c == '\0') {
      return false;
    }
    if (c == '-' && low_ && peek(1) != '\0' && peek(1) != ']') {
      ++at_;
      return read_range_end();
    }
    if (c == '[' && peek(1) == ':') {
      return read_class();
    }
    return read_byte();
  }

  bool read_byte() {
    if (peek() == '\\') {
      ++at_;
    }
    const char c = peek();
    if (c == '\0') {
      return false;
    }
    include(c);
    low_ = c;
    ++at_;
    return true;
  }

  bool read_range_end() {
    const unsigned low = static_cast<unsigned char>(*low_);
    if (peek() == '\\') {
      ++at_;
    }
    if (peek() == '\0') {
      return false;
    }
    const unsigned high = static_cast<unsigned char>(peek());
    for (unsigned byte = low; byte <= high; ++byte) {
      set_.set(byte);
    }
    low_.reset();
    ++at_;
    return true;
  }

  bool read_class() {
    const std::size_t begin = at_ + 2;
    const std::size_t close = glob_.find(']', begin);
    if (close == std::string_view::npos) {
      return false;
    }
    if (close == begin || glob_[close - 1] != ':') {
      // Not a class after all: the bracket is a member like any other.
      include('[');
      low_ = '[';
      ++at_;
      return true;
    }
    const std::string_view name = glob_.substr(begin, close - 1 - begin);
    const auto* found = std::ranges::find(kByteClasses, name, &ByteClass::name);
    if (found == kByteClasses.end()) {
      return false;
    }
    for (unsigned byte = 0; byte < 256; ++byte) {
      if (found->holds(byte)) {
        set_.set(byte);
      }
    }
    low_.reset();
    at_ = close + 1;
    return true;
  }

  std::string_view glob_;
  std::size_t at_;
  std::bitset<256> set_;
  std::optional<char> low_;  ///< what a '-' here would begin a range with
};

}  // namespace

std::optional<FilterPattern> FilterPattern::parse(std::string_view line) {
  if (line.starts_with('#')) {
    return std::nullopt;
  }
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  line = without_trailing_spaces(line);
  if (line.empty()) {
    return std::nullopt;
  }
  FilterPattern pattern;
  if (line.starts_with('!')) {
    pattern.negated_ = true;
    line.remove_prefix(1);
  }
  if (line.ends_with('/')) {
    pattern.directories_only_ = true;
    line.remove_suffix(1);
  }
  pattern.compile(line);
  return pattern;
}

void FilterPattern::compile(std::string_view pattern) {
  const bool name_only = pattern.find('/') == std::string_view::npos;
  if (pattern.starts_with('/')) {
    pattern.remove_prefix(1);
  }
  const std::size_t literal_bytes = std::min(pattern.find_first_of(kGlobBytes), pattern.size());
  if (pattern.empty()) {
    return;
  }
  if (literal_bytes == pattern.size()) {
    literal_ = pattern;
    shape_ = name_only ? Shape::kName : Shape::kPath;
    return;
  }
  if (name_only && pattern.starts_with('*') &&
      pattern.find_first_of(kGlobBytes, 1) == std::string_view::npos) {
    literal_ = pattern.substr(1);
    shape_ = Shape::kNameSuffix;
    return;
  }
  // git compares the literal beginning first and gives its matcher the rest, for which "**" at the
  // beginning therefore means directories: "a**/b" matches "ab" and "a/x/b".
  literal_ = pattern.substr(0, literal_bytes);
  pattern.remove_prefix(literal_bytes);
  if (compile_glob(pattern)) {
    shape_ = name_only ? Shape::kNameGlob : Shape::kPathGlob;
  }
}

bool FilterPattern::compile_glob(std::string_view glob) {
  std::size_t at = 0;
  while (at < glob.size()) {
    bool possible = true;
    switch (glob[at]) {
      case '\\':
        possible = read_escape(glob, at);
        break;
      case '?':
        tokens_.push_back({.kind = TokenKind::kAnyByte});
        ++at;
        break;
      case '*':
        possible = read_stars(glob, at);
        break;
      case '[':
        possible = read_set(glob, at);
        break;
      default:
        tokens_.push_back({.byte = glob[at]});
        ++at;
    }
    if (!possible) {
      return false;
    }
  }
  find_literals();
  return true;
}

void FilterPattern::find_literals() {
  std::string run;
  for (const Token& token : tokens_) {
    if (token.kind == TokenKind::kByte) {
      run += token.byte;
      continue;
    }
    if (run.size() > needle_.size()) {
      needle_ = run;
    }
    run.clear();
  }
  tail_ = run;
}

bool FilterPattern::read_escape(std::string_view glob, std::size_t& at) {
  if (at + 1 == glob.size()) {
    return false;
  }
  tokens_.push_back({.byte = glob[at + 1]});
  at += 2;
  return true;
}

bool FilterPattern::read_stars(std::string_view glob, std::size_t& at) {
  const std::size_t begin = at;
  at = std::min(glob.find_first_not_of('*', at), glob.size());
  const std::string_view rest = glob.substr(at);
  const bool begins_component = begin == 0 || glob[begin - 1] == '/';
  const bool is_double = at - begin >= 2 && begins_component;
  if (is_double && rest.starts_with('/')) {
    tokens_.push_back({.kind = TokenKind::kDirectories});
    ++at;
  } else if (is_double && (rest.empty() || rest.starts_with("\\/"))) {
    tokens_.push_back({.kind = TokenKind::kAnything});
  } else {
    tokens_.push_back({.kind = TokenKind::kStar});
  }
  return true;
}

bool FilterPattern::read_set(std::string_view glob, std::size_t& at) {
  ++at;
  const bool inverted = at < glob.size() && (glob[at] == '!' || glob[at] == '^');
  SetReader reader(glob, at + (inverted ? 1 : 0));
  std::optional<ByteSet> set = reader.read();
  if (!set || sets_.size() == std::numeric_limits<std::uint16_t>::max()) {
    return false;
  }
  at = reader.at();
  if (inverted) {
    set->flip();
  }
  set->reset('/');
  tokens_.push_back({.kind = TokenKind::kSet, .set = static_cast<std::uint16_t>(sets_.size())});
  sets_.push_back(*set);
  return true;
}

bool FilterPattern::matches(std::string_view path, std::string_view name) const {
  switch (shape_) {
    case Shape::kNever:
      return false;
    case Shape::kName:
      return name == literal_;
    case Shape::kNameSuffix:
      return name.ends_with(literal_);
    case Shape::kNameGlob:
      return name.starts_with(literal_) && glob_matches(name.substr(literal_.size()));
    case Shape::kPath:
      return path == literal_;
    case Shape::kPathGlob:
      return path.starts_with(literal_) && glob_matches(path.substr(literal_.size()));
  }
  return false;
}

bool FilterPattern::token_matches(const Token& token, char c) const {
  switch (token.kind) {
    case TokenKind::kByte:
      return token.byte == c;
    case TokenKind::kAnyByte:
      return c != '/';
    case TokenKind::kSet:
      return sets_[token.set].test(static_cast<unsigned char>(c));
    default:
      return false;
  }
}

/// Only the last star and the last "**" are ever retried. A "**" passes over anything, and a star
/// over anything within its component, so whatever an earlier one could gain by taking more, the
/// later one can take instead.
bool FilterPattern::glob_matches(std::string_view text) const {
  // Most texts end here, without a walk through the tokens.
  if (!text.ends_with(tail_) || text.find(needle_) == std::string_view::npos) {
    return false;
  }
  Retry star;
  Retry deep;
  std::size_t token = 0;
  std::size_t at = 0;
  while (true) {
    if (token == tokens_.size()) {
      if (at == text.size()) {
        return true;
      }
    } else if (tokens_[token].kind == TokenKind::kStar) {
      ++token;
      star = {token, at};
      continue;
    } else if (tokens_[token].kind >= TokenKind::kAnything) {
      ++token;
      deep = {token, at};
      star = {};
      continue;
    } else if (at < text.size() && token_matches(tokens_[token], text[at])) {
      ++token;
      ++at;
      continue;
    }
    if (!go_on(star, deep, token, at, text)) {
      return false;
    }
  }
}

bool FilterPattern::go_on(Retry& star, Retry& deep, std::size_t& token, std::size_t& at,
                          std::string_view text) const {
  if (star.token != 0 && star.text < text.size() && text[star.text] != '/') {
    ++star.text;
    token = star.token;
    at = star.text;
    return true;
  }
  if (deep.token == 0) {
    return false;
  }
  if (tokens_[deep.token - 1].kind == TokenKind::kDirectories) {
    deep.text = text.find('/', deep.text);
  }
  if (deep.text >= text.size()) {
    return false;
  }
  ++deep.text;
  token = deep.token;
  at = deep.text;
  return true;
}

}  // namespace ox::tree
