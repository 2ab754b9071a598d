#include <iostream>
#include <string>
#include <vector>

#include "cli/options.h"
#include "fuzz/fuzz.h"

/// The command line, one argument a line.
namespace ox::fuzz {
namespace {

using cli::Answered;
using cli::Command;
using cli::Options;

using Parsed = std::variant<Options, Answered>;

Parsed parse(const std::vector<std::string>& arguments) {
  std::vector<const char*> pointers{"syncoxiders"};
  for (const std::string& argument : arguments) {
    pointers.push_back(argument.c_str());
  }
  return cli::parse(static_cast<int>(pointers.size()), pointers.data());
}

void check_answer(const Answered& answered) {
  must(answered.exit_code == (answered.complaint.empty() ? 0 : 2), "only a complaint fails");
}

void check_options(const Options& options) {
  must(options.settings.check().ok(), "settings do not contradict each other");
  must(options.settings.transfers.value_or(1) >= 1 && options.settings.transfers.value_or(1) <= 256,
       "there are at most 256 transfers");
  must(options.command != Command::kUndo || options.run.has_value(), "undo knows its run");
  must(options.version.find_first_not_of("0123456789-:TZ") == std::string::npos,
       "a version is a number or a time");
  must(options.version.empty() || options.command == Command::kRestore, "only restore has one");
  must(!cli::name_of(options.command).empty(), "every command has a name");
}

void check(Input input) {
  std::vector<std::string> arguments;
  while (!input.at_end() && arguments.size() < 64) {
    const std::string_view line = input.line();
    arguments.emplace_back(line.substr(0, line.find('\0')));
  }
  const Parsed parsed = parse(arguments);
  if (const auto* answered = std::get_if<Answered>(&parsed)) {
    check_answer(*answered);
  } else {
    check_options(std::get<Options>(parsed));
  }
  const Parsed again = parse(arguments);
  must(again.index() == parsed.index(), "one command line means one thing");
}

/// Help is written to standard output, thousands of times a second.
void be_quiet() {
  std::cout.rdbuf(nullptr);
  std::cerr.rdbuf(nullptr);
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  [[maybe_unused]] static const bool quiet = (ox::fuzz::be_quiet(), true);
  ox::fuzz::check(ox::fuzz::Input(data, size));
  return 0;
}
