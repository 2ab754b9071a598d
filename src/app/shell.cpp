#include "app/shell.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <vector>

namespace ox::app {

namespace {

/// NUL ends a variable early, and what follows it is of no use to anybody.
std::vector<std::string> environment_with(const std::map<std::string, std::string>& variables) {
  std::vector<std::string> all;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string entry(*at);
    if (!variables.contains(entry.substr(0, entry.find('=')))) {
      all.push_back(entry);
    }
  }
  for (const auto& [name, value] : variables) {
    all.push_back(name + "=" + value);
  }
  return all;
}

/// The child starts with the signals as any program expects them.
class Attributes {
 public:
  Attributes() {
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawn_file_actions_init(&actions_);
    sigset_t none;
    sigset_t ours;
    ::sigemptyset(&none);
    ::sigemptyset(&ours);
    ::sigaddset(&ours, SIGPIPE);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &ours);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    // stdout belongs to the output of the program, which may be read by another one.
    ::posix_spawn_file_actions_adddup2(&actions_, STDERR_FILENO, STDOUT_FILENO);
  }
  ~Attributes() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;

  const posix_spawnattr_t* attributes() const { return &attributes_; }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }

 private:
  posix_spawnattr_t attributes_ = {};
  posix_spawn_file_actions_t actions_ = {};
};

}  // namespace

Result<void> run_shell(const std::string& command,
                       const std::map<std::string, std::string>& variables) {
  std::vector<std::string> environment = environment_with(variables);
  std::vector<char*> pointers;
  for (std::string& entry : environment) {
    pointers.push_back(entry.data());
  }
  pointers.push_back(nullptr);
  std::string shell = "sh";
  std::string option = "-c";
  std::string text = command;
  std::array<char*, 4> arguments{shell.data(), option.data(), text.data(), nullptr};
  const Attributes attributes;
  pid_t child = 0;
  const int failure = ::posix_spawn(&child, "/bin/sh", attributes.actions(),
                                    attributes.attributes(), arguments.data(), pointers.data());
  if (failure != 0) {
    return Error::from_errno(failure, "start the command", command);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      return Error::from_errno(errno, "wait for the command", command);
    }
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return Error(Code::kIo, "the on_failure command failed").with_context(command);
  }
  return {};
}

}  // namespace ox::app
