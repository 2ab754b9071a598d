// Runs a command and writes what it cost as one JSON object.
//
//   measure RESULT FOLDER COMMAND [ARGUMENT...]
//
// All file systems are synced before the clock starts, so that nobody pays for the writes of the
// one before. `wall_s` is the command alone, `flush_s` the syncfs of FOLDER's file system that
// follows it: what a command that does not make its work durable leaves to be paid later. CPU and
// memory are those of all processes of the command, memory that of the largest one. This program is
// small on purpose: a child counts the memory of whoever started it as its own.

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

int run_to_its_end(char** command) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execvp(command[0], command);
    std::perror(command[0]);
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("usage: measure RESULT FOLDER COMMAND [ARGUMENT...]\n", stderr);
    return 2;
  }
  const int folder = ::open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) {
    std::perror(argv[2]);
    return 2;
  }
  ::sync();
  const Clock::time_point start = Clock::now();
  const int code = run_to_its_end(argv + 3);
  const double wall = seconds_since(start);
  const Clock::time_point flush_start = Clock::now();
  const bool flushed = ::syncfs(folder) == 0;
  const double flush = seconds_since(flush_start);
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  std::FILE* result = std::fopen(argv[1], "w");
  if (result == nullptr || !flushed) {
    std::perror(argv[1]);
    return 2;
  }
  std::fprintf(result,
               "{\"exit\": %d, \"wall_s\": %.6f, \"flush_s\": %.6f, \"cpu_s\": %.6f, "
               "\"peak_rss_kib\": %ld}\n",
               code, wall, flush, seconds(usage.ru_utime) + seconds(usage.ru_stime),
               usage.ru_maxrss);
  return std::fclose(result) == 0 ? 0 : 2;
}
