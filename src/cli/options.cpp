#include "cli/options.h"

#include <CLI/CLI.hpp>
#include <array>
#include <charconv>
#include <iostream>

namespace ox::cli {

namespace {

constexpr std::array<std::pair<Command, std::string_view>, 13> kCommands{{
    {Command::kSync, "sync"},
    {Command::kCheck, "check"},
    {Command::kStatus, "status"},
    {Command::kLog, "log"},
    {Command::kConflicts, "conflicts"},
    {Command::kWhy, "why"},
    {Command::kUndo, "undo"},
    {Command::kVersions, "versions"},
    {Command::kRestore, "restore"},
    {Command::kApprove, "approve"},
    {Command::kWatch, "watch"},
    {Command::kRules, "rules"},
    {Command::kVersion, "version"},
}};

constexpr const char* kFooter = R"(
Exit codes:
    0  in sync (conflicts that were settled are in sync, too)
    1  unexpected failure
    2  the command line is wrong, or the folders make no rule
    3  held: unusually many deletes, or an empty folder; look, then `approve`
    4  partly done: some files could not be synced; run again
    5  a folder is missing or unreadable
    6  another run holds the rule
    7  the state can't be used
    8  not found: no such run, version, path or rule
    9  check: there are differences
  130  interrupted; the next run goes on from there

More: docs/cli.md, docs/json.md, docs/rules.md)";

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(number)
                                                                  : std::nullopt;
}

/// Texts as typed, to be turned into settings when all are there.
class Parser {
 public:
  Parser()
      : app_(
            "Keeps folders the same: two or more of them, both ways, one way, as a copy or as "
            "a move.",
            "syncoxiders") {
    app_.set_version_flag("--version", std::string("syncoxiders ") + kProgramVersion);
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.footer(kFooter);
    app_.add_option("--state", options_.state_folder, "Where the state is kept")->type_name("DIR");
    app_.add_option("--rules", options_.rules_file, "The file of named rules")->type_name("FILE");
    app_.add_flag_function(
        "--json", [this](std::int64_t) { json_ = true; },
        "One JSON object a line; the last one is a summary");
    app_.add_flag("-v,--verbose", verbose_, "Tell every change");
    app_.add_flag("-q,--quiet", quiet_, "Tell only what went wrong");
    add_syncing();
    add_asking();
    add_going_back();
    add_rules();
  }

  std::variant<Options, Answered> parse(int count, const char* const* arguments) {
    // A wrong command line is complained about in the format that was asked for, too.
    json_ = std::any_of(arguments, arguments + count, [](const char* argument) {
      return std::string_view(argument) == "--json";
    });
    try {
      app_.parse(count, arguments);
    } catch (const CLI::ParseError& error) {
      find_command();
      if (error.get_exit_code() != 0) {
        const std::string_view first = count > 1 ? arguments[1] : "";
        const bool unknown = app_.get_subcommands().empty() && !first.empty() && first[0] != '-';
        return wrong(unknown ? "there is no command '" + std::string(first) + "'" : error.what());
      }
      app_.exit(error, std::cout, std::cerr);
      return Answered{};
    }
    find_command();
    options_.format = format();
    options_.verbosity = quiet_     ? Verbosity::kQuiet
                         : verbose_ ? Verbosity::kVerbose
                                    : Verbosity::kNormal;
    understand_words();
    if (const Result<void> checked = understand(); !checked.ok()) {
      return wrong(checked.error().to_string());
    }
    return options_;
  }

 private:
  using Check = std::function<std::string(const std::string&)>;

  void find_command() {
    for (const auto& [command, name] : kCommands) {
      if (app_.got_subcommand(std::string(name))) {
        options_.command = command;
      }
    }
  }

  Format format() const { return json_ ? Format::kJson : Format::kText; }

  Answered wrong(std::string complaint) const {
    return {.exit_code = 2,
            .complaint = std::move(complaint),
            .format = format(),
            .command = options_.command};
  }

  template <typename Parse>
  static Check checked(Parse parse, std::string wanted) {
    return [parse, wanted = std::move(wanted)](const std::string& text) {
      return parse(text).has_value() ? std::string() : "'" + text + "' is not " + wanted;
    };
  }

  template <typename Value, typename Parse>
  void setting(CLI::App* command, const std::string& name, std::optional<Value> app::Settings::* to,
               Parse parse, const std::string& wanted, const std::string& help) {
    command
        ->add_option_function<std::string>(
            name,
            [this, to, parse](const std::string& text) {
              options_.settings.*to = static_cast<Value>(*parse(text));
            },
            help)
        ->check(checked(parse, wanted))
        ->type_name("");
  }

  void flag(CLI::App* command, const std::string& name, std::optional<bool> app::Settings::* to,
            const std::string& help) {
    command->add_flag_function(
        name, [this, to](std::int64_t) { options_.settings.*to = true; }, help);
  }

  void add_rule_words(CLI::App* command, const std::string& help) {
    command->add_option("rule", options_.words, help)->type_name("A B [C...] | NAME");
  }

  // sync, check, watch ----------------------------------------------------------------------------

  void add_syncing() {
    CLI::App* sync = app_.add_subcommand("sync", "Make the folders the same, once");
    CLI::App* check = app_.add_subcommand("check", "Compare, change nothing; 9 when they differ");
    CLI::App* watch = app_.add_subcommand("watch", "Stay, and sync whenever something changes");
    for (CLI::App* command : {sync, check, watch}) {
      add_rule_words(command, "Two folders or more, or the name of a rule");
      add_policy(command);
      add_filters(command);
    }
    for (CLI::App* command : {sync, watch}) {
      add_execution(command);
      setting(command, "--scrub-every", &app::Settings::scrub_every, app::parse_age,
              "a time like 36h or 30d", "Scrub when the last one was this long ago: 30d");
    }
    for (CLI::App* command : {sync, check}) {
      flag(command, "--scrub", &app::Settings::scrub,
           "Read every known file again, whatever its time stamps say");
    }
    sync->add_flag("-n,--dry-run", options_.dry_run,
                   "Tell what a run would do, and change nothing");
  }

  void add_policy(CLI::App* command) {
    using app::Settings;
    setting(command, "--mode", &Settings::mode, plan::find_mode, "two-way, one-way, copy or move",
            "two-way (default), one-way, copy or move");
    setting(command, "--compare", &Settings::compare, plan::find_compare,
            "a list of size, modtime and hash", "What tells versions apart: size,modtime,hash");
    setting(command, "--keep-mode", &Settings::keep_mode, plan::find_keep_mode,
            "newer, older, bigger, smaller, path1 or path2",
            "Who wins a conflict: newer (default), older, bigger, smaller, path1, path2");
    flag(command, "--auto-merge", &Settings::auto_merge,
         "Merge texts that were changed on several sides, as git does");
    flag(command, "--mirror", &Settings::mirror,
         "One-way: also remove what only a destination has (into its trash)");
    setting(command, "--max-delete", &Settings::max_delete, app::parse_budget,
            "a number, a share like 25%, both with a comma, or none",
            "Hold deletes and overwrites when they are more: N, N%, N,N% or none (100,50%)");
  }

  void add_filters(CLI::App* command) {
    using app::Settings;
    command
        ->add_option("--filter-from", options_.filter_files,
                     "Patterns of what to leave out, as in a .gitignore; can be repeated")
        ->type_name("FILE")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    const std::string size = "a size like 500K or 2G";
    const std::string age = "a time like 90s, 36h or 30d";
    setting(command, "--min-size", &Settings::min_size, app::parse_size, size,
            "Leave smaller files out");
    setting(command, "--max-size", &Settings::max_size, app::parse_size, size,
            "Leave larger files out");
    setting(command, "--min-age", &Settings::min_age, app::parse_age, age,
            "Leave files out that were changed less than this ago");
    setting(command, "--max-age", &Settings::max_age, app::parse_age, age,
            "Leave files out that were changed longer than this ago");
  }

  void add_execution(CLI::App* command) {
    using app::Settings;
    setting(
        command, "--transfers", &Settings::transfers,
        [](std::string_view text) -> std::optional<std::uint64_t> {
          const auto number = parse_number(text);
          return number.has_value() && *number >= 1 && *number <= 256 ? number : std::nullopt;
        },
        "a number from 1 to 256", "Files under way at once (4)");
    setting(command, "--bwlimit", &Settings::bytes_per_second, app::parse_size,
            "bytes a second, like 500K or 1M", "Write at most so many bytes a second: 500K, 1M");
    flag(command, "--create", &Settings::create, "Make folders that are missing");
    flag(command, "--read-back", &Settings::read_back, "Read every written file again and compare");
    setting(command, "--trash-age", &Settings::trash_age, app::parse_age, "a time like 36h or 30d",
            "How long replaced versions are kept (30d)");
    setting(command, "--trash-size", &Settings::trash_bytes, app::parse_size,
            "a size like 500M or 20G", "How much each folder's trash may hold (no limit)");
  }

  // status, log, conflicts, why -------------------------------------------------------------------

  void add_asking() {
    const std::string which = "Which rule; needed only when it is not clear";
    add_rule_words(app_.add_subcommand("status", "How the rules stand"), which);
    CLI::App* log = app_.add_subcommand("log", "What was done: all runs, or one run's changes");
    log->add_option("rule", options_.words, "A run's number, then which rule if needed")
        ->type_name("[RUN] [RULE]");
    log->add_option("--limit", options_.limit, "At most so many runs (20)")->type_name("N");
    add_rule_words(app_.add_subcommand("conflicts", "What was changed on several sides"), which);
    CLI::App* why = app_.add_subcommand("why", "Why a path is, or is not, in sync");
    why->add_option("path", options_.path, "The file or folder")->required()->type_name("PATH");
    add_rule_words(why, which);
    add_policy(why);
    add_filters(why);
  }

  // undo, versions, restore, approve --------------------------------------------------------------

  void add_going_back() {
    const std::string which = "Which rule; needed only when it is not clear";
    CLI::App* undo = app_.add_subcommand("undo", "Take back what one run did");
    undo->add_option_function<std::string>(
            "run", [this](const std::string& text) { options_.run = RunId{*parse_number(text)}; },
            "The run's number, as `log` shows it")
        ->check(checked(parse_number, "the number of a run"))
        ->required()
        ->type_name("RUN");
    add_rule_words(undo, which);
    CLI::App* versions = app_.add_subcommand("versions", "Earlier versions of a file");
    versions->add_option("path", options_.path, "The file")->required()->type_name("PATH");
    add_rule_words(versions, which);
    CLI::App* restore = app_.add_subcommand("restore", "Bring an earlier version of a file back");
    restore
        ->add_option("path", options_.path,
                     "The file; @N or @TIME chooses a version (default: the newest)")
        ->required()
        ->type_name("PATH[@VERSION]");
    add_rule_words(restore, which);
    CLI::App* approve = app_.add_subcommand("approve", "Let the next run do what is held");
    approve->add_flag("--list", options_.list_only, "Only show what is held");
    add_rule_words(approve, which);
  }

  void add_rules() {
    CLI::App* rules = app_.add_subcommand("rules", "Named rules and everything synced before");
    rules->require_subcommand(0, 1);
    rules->add_subcommand("list", "All of them (default)");
    CLI::App* show = rules->add_subcommand("show", "One of them, whole");
    add_rule_words(show, "The rule");
    rules->add_subcommand("path", "Where the rules file and the state are");
    app_.add_subcommand("version", "The program's version");
    show_ = show;
    rules_ = rules;
  }

  // Afterwards ------------------------------------------------------------------------------------

  void understand_words() {
    if (options_.command == Command::kRules) {
      options_.rules_action = show_->parsed()                  ? RulesAction::kShow
                              : rules_->got_subcommand("path") ? RulesAction::kPath
                                                               : RulesAction::kList;
    }
    if (options_.command == Command::kLog && !options_.words.empty()) {
      if (const auto number = parse_number(options_.words.front())) {
        options_.run = RunId{*number};
        options_.words.erase(options_.words.begin());
      }
    }
    if (options_.command == Command::kRestore) {
      // A name may hold an '@' itself; a version is digits, dashes, colons, 'T' and 'Z'.
      const std::size_t at = options_.path.rfind('@');
      const bool named =
          at != std::string::npos && at != 0 && at + 1 < options_.path.size() &&
          options_.path.find_first_not_of("0123456789-:TZ", at + 1) == std::string::npos;
      if (named) {
        options_.version = options_.path.substr(at + 1);
        options_.path.resize(at);
      }
    }
  }

  Result<void> understand() {
    if (verbose_ && quiet_) {
      return Error(Code::kInvalidArgument, "--verbose and --quiet contradict each other");
    }
    return options_.settings.check();
  }

  CLI::App app_;
  CLI::App* show_ = nullptr;
  CLI::App* rules_ = nullptr;
  Options options_;
  bool json_ = false;
  bool verbose_ = false;
  bool quiet_ = false;
};

}  // namespace

std::variant<Options, Answered> parse(int count, const char* const* arguments) {
  return Parser().parse(count, arguments);
}

std::string_view name_of(Command command) {
  for (const auto& [value, name] : kCommands) {
    if (value == command) {
      return name;
    }
  }
  return "";
}

}  // namespace ox::cli
