#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "plan/history.h"

/// plan_property FIRST LAST: runs the random histories of these seeds. plan_property SEED: one,
/// with all that happens in it. The first that fails is made smaller, printed, and the program
/// fails.
namespace {

volatile std::sig_atomic_t current_seed = 0;

void tell_seed(int signal_number) {
  std::fprintf(stderr, "seed %ld ended the program\n", static_cast<long>(current_seed));
  std::signal(signal_number, SIG_DFL);
  std::raise(signal_number);
}

void print(const ox::toy::HistoryResult& result) {
  for (const std::string& line : result.log) {
    std::puts(line.c_str());
  }
}

int run_one(std::uint64_t seed) {
  current_seed = static_cast<std::sig_atomic_t>(seed);
  const auto result =
      ox::toy::run_history({.seed = seed, .left_out = {}, .keep_log = true, .print_log = true});
  std::puts(result.failure.value_or("all is well").c_str());
  return result.failure.has_value() ? EXIT_FAILURE : EXIT_SUCCESS;
}

int run_many(std::uint64_t first, std::uint64_t last) {
  const auto begin = std::chrono::steady_clock::now();
  std::size_t syncs = 0;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    current_seed = static_cast<std::sig_atomic_t>(seed);
    const auto result = ox::toy::run_history({.seed = seed, .left_out = {}});
    syncs += result.syncs;
    if (result.failure.has_value()) {
      std::printf("seed %llu fails: %s\nmade smaller:\n", static_cast<unsigned long long>(seed),
                  result.failure->c_str());
      const auto smaller = ox::toy::minimise(seed);
      print(smaller);
      std::puts(smaller.failure.value_or("(it does not fail again)").c_str());
      return EXIT_FAILURE;
    }
  }
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  std::printf("%zu syncs in %.1f s, %.0f a second\n", syncs, spent.count(),
              static_cast<double>(syncs) / spent.count());
  return EXIT_SUCCESS;
}

}  // namespace

int main(int count, char** arguments) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::signal(SIGABRT, tell_seed);
  std::signal(SIGSEGV, tell_seed);
  if (count == 2) {
    return run_one(std::strtoull(arguments[1], nullptr, 10));
  }
  if (count != 3) {
    std::fputs("plan_property FIRST LAST | SEED\n", stderr);
    return 2;
  }
  return run_many(std::strtoull(arguments[1], nullptr, 10),
                  std::strtoull(arguments[2], nullptr, 10));
}
