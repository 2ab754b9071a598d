// Compares the filter with `git check-ignore`, the program whose language it speaks.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tree/filter.h"

namespace ox::tree {
namespace {

namespace stdfs = std::filesystem;

constexpr int kRandomSets = 200;
constexpr int kPathsInASet = 60;

/// One ignore file per base, and the paths to ask about; true = a directory.
struct Case {
  std::map<std::string, std::string> ignore_files;
  std::map<std::string, bool> paths;
};

/// What decides about a path: the base of the ignore file and the line in it; line 0 = nothing.
struct Answer {
  std::string base;
  std::size_t line = 0;
  bool operator==(const Answer&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Answer& answer) {
  return out << '\'' << answer.base << "' line " << answer.line;
}

class GitRepository {
 public:
  GitRepository() {
    std::string name = (stdfs::temp_directory_path() / "ox-filter-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      std::abort();
    }
    root_ = name;
    stdfs::create_directories(work());
    if (run("init -q") != 0) {
      ADD_FAILURE() << "git is needed for this test";
    }
  }
  ~GitRepository() { stdfs::remove_all(root_); }
  GitRepository(const GitRepository&) = delete;
  GitRepository& operator=(const GitRepository&) = delete;

  std::map<std::string, Answer> ask(const Case& question) {
    clear();
    std::ofstream paths(root_ / "paths", std::ios::binary);
    for (const auto& [path, is_directory] : question.paths) {
      if (is_directory) {
        stdfs::create_directories(work() / path);
      }
      paths << path << '\0';
    }
    paths.close();
    for (const auto& [base, text] : question.ignore_files) {
      stdfs::create_directories(work() / base);
      std::ofstream(work() / base / ".gitignore", std::ios::binary) << text;
    }
    // Its exit code only tells whether any path is ignored.
    (void)run("check-ignore --no-index --stdin -v -n -z < ../paths > ../answers");
    return parse_answers();
  }

 private:
  stdfs::path work() const { return root_ / "work"; }

  void clear() {
    for (const auto& item : stdfs::directory_iterator(work())) {
      if (item.path().filename() != ".git") {
        stdfs::remove_all(item.path());
      }
    }
  }

  int run(const std::string& arguments) const {
    const std::string command = "cd '" + work().string() + "' && HOME=/nonexistent " +
                                "XDG_CONFIG_HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1 git " +
                                arguments;
    return std::system(command.c_str());
  }

  std::map<std::string, Answer> parse_answers() const {
    std::ifstream in(root_ / "answers", std::ios::binary);
    std::map<std::string, Answer> answers;
    std::string source;
    std::string line;
    std::string pattern;
    std::string path;
    while (std::getline(in, source, '\0') && std::getline(in, line, '\0') &&
           std::getline(in, pattern, '\0') && std::getline(in, path, '\0')) {
      Answer answer;
      if (!line.empty()) {
        answer.base = stdfs::path(source).parent_path().string();
        answer.line = std::stoul(line);
      }
      answers[path] = answer;
    }
    return answers;
  }

  stdfs::path root_;
};

std::map<std::string, Answer> ask_filter(const Case& question) {
  Filter filter;
  for (const auto& [base, text] : question.ignore_files) {
    EXPECT_TRUE(filter.add(RelPath::parse(base).value(), text).ok());
  }
  std::map<std::string, Answer> answers;
  for (const auto& [text, is_directory] : question.paths) {
    const RelPath path = RelPath::parse(text).value();
    const auto decision = filter.decision(path, is_directory);
    EXPECT_EQ(filter.excluded(path, is_directory), decision.has_value() && decision->excludes)
        << text;
    answers[text] = decision ? Answer{decision->base.text(), decision->line} : Answer{};
  }
  return answers;
}

/// Returns how many of the paths some line decides about.
std::size_t compare(GitRepository& git, const Case& question, const std::string& about) {
  const auto expected = git.ask(question);
  const auto actual = ask_filter(question);
  EXPECT_EQ(expected.size(), question.paths.size()) << about;
  std::size_t decided = 0;
  for (const auto& [path, answer] : expected) {
    decided += answer.line == 0 ? 0 : 1;
    if (actual.at(path) != answer) {
      std::ostringstream files;
      for (const auto& [base, text] : question.ignore_files) {
        files << "--- " << base << "/.gitignore\n" << text << "\n";
      }
      ADD_FAILURE() << about << ": '" << path << "' (directory: " << question.paths.at(path)
                    << ") git says " << answer << ", the filter says " << actual.at(path) << "\n"
                    << files.str();
      break;
    }
  }
  return decided;
}

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  Case make_case() {
    Case result;
    while (result.paths.size() < kPathsInASet) {
      add_path(result, path());
    }
    result.ignore_files[""] = ignore_file();
    for (const auto& [path, is_directory] : result.paths) {
      if (is_directory && chance(5)) {
        result.ignore_files[path] = ignore_file();
      }
    }
    return result;
  }

 private:
  bool chance(unsigned one_in) { return random_() % one_in == 0; }

  template <typename T>
  const T& pick(const std::vector<T>& from) {
    return from[random_() % from.size()];
  }

  const std::string& name() {
    static const std::vector<std::string> kNames = {
        "a",   "b",  "c",     "ab", "abc",      "foo",  "foobar", "bar",  "a.o",
        "b.o", ".o", "a.b.o", ".h", "x y",      "a ",   "a-",     "-",    "]",
        "[a]", "A",  "B1",    "9",  "\\",       "a\\b", "*",      "a*",   "!a",
        "#b",  "?",  "_",     "\t", "\xc3\xa9", "\xff", "a\rb",   "foo.", "..."};
    return pick(kNames);
  }

  std::string path() {
    std::string result = name();
    for (int depth = 0; depth < 4 && !chance(3); ++depth) {
      result += '/' + name();
    }
    return result;
  }

  void add_path(Case& to, const std::string& path) {
    for (std::size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      to.paths[path.substr(0, slash)] = true;
    }
    to.paths.try_emplace(path, chance(3));
  }

  std::string set() {
    static const std::vector<std::string> kMembers = {
        "a",         "b",         "o",         "a-c",       "A-Z",       "0-9",       "-",
        "]",         "[",         "\\]",       "\\-",       "\\\\",      "/",         "!",
        "^",         " ",         "[:alpha:]", "[:digit:]", "[:upper:]", "[:space:]", "[:punct:]",
        "[:bad:]",   "[:",        ":]",        "[::]",      "[:]",       "\\a-\\c",   "a-",
        "-a",        "c-a",       "\x80-\xff", "[:alnum:]", "[:blank:]", "[:cntrl:]", "[:graph:]",
        "[:lower:]", "[:print:]", "[:xdigit:]"};
    std::string result = "[";
    result += chance(4) ? "!" : chance(6) ? "^" : "";
    do {
      result += pick(kMembers);
    } while (!chance(2));
    return chance(15) ? result : result + "]";
  }

  std::string piece() {
    static const std::vector<std::string> kPieces = {
        "*", "*",  "?", "**",  "**/", "/**", "/",   "\\", "***",  "/**/",
        "a", ".o", "b", "\\*", " ",   "\\ ", "\\/", "a*", "**\\/"};
    if (chance(6)) {
      return set();
    }
    return chance(2) ? name() : pick(kPieces);
  }

  std::string pattern() {
    std::string result = chance(5) ? "!" : "";
    result += chance(5) ? "/" : "";
    do {
      result += piece();
      result += chance(3) ? "/" : "";
    } while (!chance(2));
    result += chance(12) ? " " : "";
    return result;
  }

  std::string line() {
    static const std::vector<std::string> kOdd = {
        "",    "#",  "# a", "!",   "/",    "//",   "\r",   "\\#b", "\\!a", "*",
        "**",  "/*", "!*/", " ",   "!/a",  "*.o",  "*.",   ".*",   "\\",   "a\\",
        "!!a", "*/", "a/",  "a/*", "a/**", "**/a", "a**b", "*a*b*"};
    return chance(5) ? pick(kOdd) : pattern();
  }

  std::string ignore_file() {
    std::string text = chance(10) ? "\xef\xbb\xbf" : "";
    for (std::uint64_t i = 0, count = 1 + random_() % 8; i < count; ++i) {
      text += line();
      text += chance(6) ? "\r\n" : "\n";
    }
    if (chance(4)) {
      text.pop_back();
    }
    return text;
  }

  std::mt19937_64 random_;
};

TEST(FilterAgainstGit, RandomPatternsOnRandomPaths) {
  GitRepository git;
  std::size_t decided = 0;
  std::size_t asked = 0;
  for (std::uint64_t seed = 1; seed <= kRandomSets && !HasFailure(); ++seed) {
    const Case question = Generator(seed).make_case();
    decided += compare(git, question, "seed " + std::to_string(seed));
    asked += question.paths.size();
  }
  EXPECT_GT(decided, asked / 5) << "nearly nothing matched: the test compares nothing";
  EXPECT_LT(decided, asked - asked / 5);
}

TEST(FilterAgainstGit, EachOddPatternAlone) {
  GitRepository git;
  Case question;
  for (const char* path :
       {"foo",   "foo/bar", "foo/a/bar", "foo/a/b/bar", "foobar",  "fooxbar", "a",   "a/b",
        "a/x/b", "ab",      "axx/c/b",   "foo.o",       "x/foo.o", "a[b",     "a]b", "a-b",
        "a b",   "a ",      "foo\\",     "b/foo",       "a/foo/b", "#x",      "!x"}) {
    question.paths[path] = false;
    for (std::string parent = path; parent.find('/') != std::string::npos;) {
      parent = parent.substr(0, parent.rfind('/'));
      question.paths[parent] = true;
    }
  }
  question.paths["dir"] = true;
  for (const char* pattern : {"foo/**",       "**/bar",
                              "foo/**/bar",   "foo**bar",
                              "foo/**bar",    "a**/b",
                              "**",           "/**",
                              "**/",          "**/*",
                              "*/**",         "**/**",
                              "*/",           "/",
                              "//",           "!",
                              "foo\\/",       "foo\\",
                              "\\foo",        "a[b",
                              "a[]b",         "a[]]b",
                              "a[!]]b",       "a[\\]]b",
                              "a[^]b",        "a[a-]b",
                              "a[--]b",       "a[[:space:]]b",
                              "a[[:nope:]]b", "a[[:b",
                              "a\\ ",         "a ",
                              "a\\  ",        "/foo",
                              "foo/",         "./foo",
                              "foo/.",        "../foo",
                              "foo//bar",     "foo/*",
                              "*/foo",        "/*/foo",
                              "***",          "foo/***/bar",
                              "**\\/bar",     "foo/**\\/bar",
                              "**/foo/**",    "*o*o*",
                              "f*o*o*b*r",    "?oo",
                              "\\#x",         "#x",
                              "\\!x",         "!x",
                              "*[!o]",        "dir/",
                              "!dir/",        "[d]ir/",
                              "/dir"}) {
    question.ignore_files[""] = std::string("*\n!*\n") + pattern;
    EXPECT_EQ(compare(git, question, pattern), question.paths.size());
    question.ignore_files[""] = pattern;
    (void)compare(git, question, pattern);
  }
}

TEST(FilterAgainstGit, EverySetOnEveryByte) {
  GitRepository git;
  Case question;
  for (int byte = 1; byte < 256; ++byte) {
    if (byte != '/') {
      question.paths[std::string("x") + static_cast<char>(byte)] = false;
    }
  }
  for (const char* set : {"[[:alnum:]]",
                          "[[:alpha:]]",
                          "[[:blank:]]",
                          "[[:cntrl:]]",
                          "[[:digit:]]",
                          "[[:graph:]]",
                          "[[:lower:]]",
                          "[[:print:]]",
                          "[[:punct:]]",
                          "[[:space:]]",
                          "[[:upper:]]",
                          "[[:xdigit:]]",
                          "[![:alnum:]]",
                          "[a[:digit:]-z]",
                          "[a-c-m]",
                          "[\x80-\xff]",
                          "[!\x01-\x7f]",
                          "[]-a]",
                          "[a-\\]]",
                          "[\\[-\\]]",
                          "[[-a]",
                          "[[:alpha:][:digit:]_-]",
                          "?"}) {
    question.ignore_files[""] = std::string("x") + set;
    EXPECT_GT(compare(git, question, set), 0U) << set;
  }
}

}  // namespace
}  // namespace ox::tree
