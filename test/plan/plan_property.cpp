#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/digest.h"
#include "plan/history.h"

/// Runs random histories; see usage(). A history that ends the program is a failure like any other.
namespace {

volatile std::sig_atomic_t current_seed = 0;

int usage() {
  std::fputs(
      "plan_property SEED                     one history, with all that happens in it\n"
      "plan_property FIRST LAST               stops at the first that fails and makes it smaller\n"
      "plan_property --keep-going FIRST LAST  lists all that fail, a line each\n"
      "plan_property --smaller SEED           the same failure with fewer edits\n"
      "plan_property --seeds FILE             the seeds of a file, first word of each line\n"
      "plan_property --digest FIRST LAST      a line each that says all that happened, for "
      "comparing\n"
      "                                       two builds that are to plan alike\n",
      stderr);
  return 2;
}

void tell_seed(int signal_number) {
  std::fprintf(stderr, "seed %ld ended the program\n", static_cast<long>(current_seed));
  std::signal(signal_number, SIG_DFL);
  std::raise(signal_number);
}

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

/// Failures of one cause differ in names and numbers only.
std::string cause_of(std::string_view failure) {
  std::string cause;
  bool quoted = false;
  for (const char c : first_line(failure)) {
    quoted = quoted != (c == '\'');
    if (!quoted && (c < '0' || c > '9')) {
      cause += c;
    }
  }
  return cause;
}

std::string read_all(int from) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t got = read(from, buffer.data(), buffer.size()); got > 0;
       got = read(from, buffer.data(), buffer.size())) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

/// The failure of a history, told from a process of its own.
std::optional<std::string> failure_of(const ox::toy::HistoryOptions& options) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) {
    return "no pipe";
  }
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    std::signal(SIGABRT, SIG_DFL);
    std::signal(SIGSEGV, SIG_DFL);
    const auto result = ox::toy::run_history(options);
    std::fputs(result.failure.value_or("").c_str(), stderr);
    _exit(result.failure.has_value() ? 1 : 0);
  }
  close(ends[1]);
  std::string text = read_all(ends[0]);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (status == 0) {
    return std::nullopt;
  }
  return text.empty() ? "the program ended" : text;
}

int run_one(ox::toy::HistoryOptions options) {
  current_seed = static_cast<std::sig_atomic_t>(options.seed);
  options.keep_log = true;
  options.print_log = true;
  const auto result = ox::toy::run_history(options);
  std::puts(result.failure.value_or("all is well").c_str());
  return result.failure.has_value() ? EXIT_FAILURE : EXIT_SUCCESS;
}

int run_smaller(std::uint64_t seed) {
  ox::toy::HistoryOptions options{.seed = seed, .left_out = {}, .everywhere = true};
  std::optional<std::string> failure = failure_of(options);
  if (!failure.has_value()) {
    std::puts("all is well");
    return EXIT_SUCCESS;
  }
  const std::string cause = cause_of(*failure);
  options.left_out = ox::toy::minimise(options, [&](const ox::toy::HistoryOptions& fewer) {
    const std::optional<std::string> now = failure_of(fewer);
    return now.has_value() && cause_of(*now) == cause;
  });
  return run_one(options);
}

void tell_speed(std::size_t syncs, std::chrono::steady_clock::time_point begin) {
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  std::printf("%zu syncs in %.1f s, %.0f a second\n", syncs, spent.count(),
              static_cast<double>(syncs) / spent.count());
}

int run_many(const std::vector<std::uint64_t>& seeds) {
  const auto begin = std::chrono::steady_clock::now();
  std::size_t syncs = 0;
  for (const std::uint64_t seed : seeds) {
    current_seed = static_cast<std::sig_atomic_t>(seed);
    const auto result = ox::toy::run_history({.seed = seed, .left_out = {}});
    syncs += result.syncs;
    if (result.failure.has_value()) {
      std::printf("seed %llu fails: %s\nmade smaller:\n", static_cast<unsigned long long>(seed),
                  result.failure->c_str());
      run_smaller(seed);
      return EXIT_FAILURE;
    }
  }
  tell_speed(syncs, begin);
  return EXIT_SUCCESS;
}

/// What a child that may end at any seed leaves behind.
struct Progress {
  std::atomic<std::uint64_t> seed;
  std::atomic<std::uint64_t> syncs;
  std::atomic<std::uint64_t> failures;
};

void run_until_it_ends(Progress& progress, std::uint64_t last) {
  for (; progress.seed <= last; ++progress.seed) {
    const auto result = ox::toy::run_history({.seed = progress.seed, .left_out = {}});
    progress.syncs += result.syncs;
    if (result.failure.has_value()) {
      ++progress.failures;
      std::printf("%llu %s\n", static_cast<unsigned long long>(progress.seed),
                  first_line(*result.failure).c_str());
    }
  }
}

int run_all(std::uint64_t first, std::uint64_t last) {
  const auto begin = std::chrono::steady_clock::now();
  void* shared =
      mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) {
    return EXIT_FAILURE;
  }
  auto& progress = *new (shared) Progress{first, 0, 0};
  while (progress.seed <= last) {
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      std::signal(SIGABRT, SIG_DFL);
      std::signal(SIGSEGV, SIG_DFL);
      run_until_it_ends(progress, last);
      std::fflush(stdout);
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) {
      ++progress.failures;
      const std::string failure =
          failure_of({.seed = progress.seed, .left_out = {}}).value_or("ended the program once");
      std::printf("%llu %s\n", static_cast<unsigned long long>(progress.seed),
                  first_line(failure).c_str());
      ++progress.seed;
    }
  }
  tell_speed(progress.syncs, begin);
  std::printf("%llu of them fail\n", static_cast<unsigned long long>(progress.failures));
  return progress.failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int tell_digests(std::uint64_t first, std::uint64_t last) {
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    current_seed = static_cast<std::sig_atomic_t>(seed);
    const auto result = ox::toy::run_history({.seed = seed, .left_out = {}, .keep_log = true});
    std::string text = result.failure.value_or("");
    for (const std::string& line : result.log) {
      text += line + "\n";
    }
    const ox::Digest digest = ox::crypto::sha256(ox::as_bytes_view(text));
    std::printf("%llu %s\n", static_cast<unsigned long long>(seed), digest.to_hex().c_str());
  }
  return EXIT_SUCCESS;
}

std::uint64_t number(const char* text) {
  return std::strtoull(text, nullptr, 10);
}

std::vector<std::uint64_t> range(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    seeds.push_back(seed);
  }
  return seeds;
}

/// Empty when the file can't be read: a list that is not there must not pass.
std::vector<std::uint64_t> seeds_in(const char* path) {
  std::vector<std::uint64_t> seeds;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.front() != '#') {
      seeds.push_back(number(line.c_str()));
    }
  }
  return seeds;
}

}  // namespace

int main(int count, char** arguments) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::signal(SIGABRT, tell_seed);
  std::signal(SIGSEGV, tell_seed);
  const std::string_view first = count > 1 ? arguments[1] : "";
  if (count == 4 && first == "--keep-going") {
    return run_all(number(arguments[2]), number(arguments[3]));
  }
  if (count == 4 && first == "--digest") {
    return tell_digests(number(arguments[2]), number(arguments[3]));
  }
  if (count == 3 && first == "--smaller") {
    return run_smaller(number(arguments[2]));
  }
  if (count == 3 && first == "--seeds") {
    const std::vector<std::uint64_t> seeds = seeds_in(arguments[2]);
    return seeds.empty() ? usage() : run_many(seeds);
  }
  if (count == 2 && !first.empty() && first.front() != '-') {
    return run_one({.seed = number(arguments[1]), .left_out = {}});
  }
  if (count == 3 && first.front() != '-') {
    return run_many(range(number(arguments[1]), number(arguments[2])));
  }
  return usage();
}
