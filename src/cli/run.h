#pragma once

#include <functional>
#include <stop_token>

#include "cli/options.h"
#include "rt/clock.h"
#include "rt/pool.h"

namespace ox::cli {

/// What main hands in.
struct Wiring {
  rt::Pool* pool = nullptr;
  rt::Clock* clock = nullptr;
  std::stop_token stop;
  std::function<const char*(const char*)> environment;
};

/// Carries out a command and says what came of it; the answer is the process's exit code.
int run(const Options& options, const Wiring& wiring);

/// Says that the command line is wrong, in the format that was asked for.
int complain(const Answered& answered, const Wiring& wiring);

}  // namespace ox::cli
