#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "app/exit_code.h"
#include "cli/options.h"
#include "cli/run.h"
#include "cli/signals.h"
#include "rt/clock.h"
#include "rt/pool.h"

#ifdef OX_MIMALLOC
#include <mimalloc.h>
#endif

namespace {

/// The parts of a large run take and free much the same memory one after the other. Given back to
/// the kernel in between, as happens after 25 ms by default, all of it is zeroed and mapped anew.
void keep_freed_memory_for_a_while() {
#ifdef OX_MIMALLOC
  constexpr long kMilliseconds = 1000;
  ::mi_option_set(mi_option_decommit_delay, kMilliseconds);
#endif
}

/// Enough to overlap waiting with work on any machine, few enough for small ones.
std::size_t pool_width(const ox::cli::Options& options) {
  cpu_set_t processors;
  CPU_ZERO(&processors);
  const bool known = ::sched_getaffinity(0, sizeof processors, &processors) == 0;
  const auto count = static_cast<std::size_t>(known ? CPU_COUNT(&processors) : 2);
  const std::size_t transfers = options.settings.transfers.value_or(0);
  return std::max(std::clamp<std::size_t>(count, 2, 8), transfers);
}

/// Whoever starts us may have closed stdin, stdout or stderr. The first files we open would take
/// their numbers, and what we say would be written into somebody's file.
bool fill_standard_descriptors() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != descriptor) {
      return false;
    }
  }
  return true;
}

int run(int count, char** arguments) {
  ox::cli::Wiring wiring{
      .clock = &ox::rt::system_clock(),
      .stop = {},
      .environment = [](const char* name) -> const char* { return std::getenv(name); }};
  const auto parsed = ox::cli::parse(count, arguments);
  if (const auto* answered = std::get_if<ox::cli::Answered>(&parsed)) {
    return ox::cli::complain(*answered, wiring);
  }
  const auto& options = std::get<ox::cli::Options>(parsed);
  ox::cli::explain_lost_mappings();
  const ox::cli::StopOnSignal signals;
  ox::rt::ThreadPool pool(pool_width(options));
  wiring.pool = &pool;
  wiring.stop = signals.token();
  return ox::cli::run(options, wiring);
}

}  // namespace

int main(int count, char** arguments) {
  keep_freed_memory_for_a_while();
  if (!fill_standard_descriptors()) {
    return static_cast<int>(ox::app::ExitCode::kUnexpected);
  }
  // Nothing of ours throws; the library does when there is no memory or no further thread.
  try {
    return run(count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "syncoxiders: the machine has no memory or no threads left: %s\n",
                 error.what());
    return static_cast<int>(ox::app::ExitCode::kUnexpected);
  }
}
