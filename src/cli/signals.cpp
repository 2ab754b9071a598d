#include "cli/signals.h"

#include <unistd.h>

#include <csignal>
#include <string_view>

#include "app/exit_code.h"

namespace ox::cli {

namespace {

constexpr int kInterrupted = 130;

/// What we send ourselves to end the listening: a wait with a timeout would hold up our exit.
int waking_signal() {
  return SIGRTMIN;
}

sigset_t awaited_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, waking_signal());
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    // Who starts us may have said that a signal is not for us (nohup).
    struct sigaction action = {};
    if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_IGN) {
      ::sigaddset(&signals, signal);
    }
  }
  return signals;
}

/// Blocks the signals before the first thread starts.
std::size_t prepare() {
  const sigset_t signals = awaited_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A reader that left, and a limit on the size of files, are errors of one call and not our end.
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  return 1;
}

constexpr std::string_view kLostMapping =
    "syncoxiders: the state can't be used: its disk is full, or failed, while it was written; make "
    "room there and run again: it goes on from there\n";

/// Only what may be called at any moment.
void end_on_lost_mapping(int /*signal*/, siginfo_t* info, void* /*context*/) {
  // Else what was tried is tried again, and meets the default action, which this one has become.
  if (info->si_code == BUS_ADRERR) {
    [[maybe_unused]] const auto said =
        ::write(STDERR_FILENO, kLostMapping.data(), kLostMapping.size());
    ::_exit(static_cast<int>(app::ExitCode::kState));
  }
}

}  // namespace

void explain_lost_mappings() {
  struct sigaction action = {};
  action.sa_sigaction = end_on_lost_mapping;
  action.sa_flags = SA_SIGINFO | static_cast<int>(SA_RESETHAND);
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

StopOnSignal::StopOnSignal() : pool_(prepare()), group_(pool_, 1) {
  group_.spawn([this](std::stop_token) -> Result<void> {
    listen();
    return {};
  });
}

StopOnSignal::~StopOnSignal() {
  closing_ = true;
  if (const int listener = listener_; listener != 0) {
    ::tgkill(::getpid(), listener, waking_signal());
  }
}

void StopOnSignal::listen() {
  const sigset_t signals = awaited_signals();
  listener_ = ::gettid();
  while (!closing_) {
    const int signal = ::sigwaitinfo(&signals, nullptr);
    if (signal < 0 || signal == waking_signal()) {
      continue;
    }
    if (source_.stop_requested()) {
      ::_exit(kInterrupted);
    }
    source_.request_stop();
  }
}

}  // namespace ox::cli
