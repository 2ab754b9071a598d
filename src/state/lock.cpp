#include "state/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

namespace ox::state {
namespace {

constexpr std::size_t kNoteBytes = 128;

/// What the holder wrote about itself; it may not have come to that yet.
std::string read_note(int descriptor) {
  std::array<char, kNoteBytes> note;
  const ssize_t size = ::pread(descriptor, note.data(), note.size(), 0);
  const std::string_view text(note.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  return std::string(text.substr(0, text.find('\n')));
}

Result<void> write_note(int descriptor, const std::string& note) {
  if (::ftruncate(descriptor, 0) != 0 ||
      ::pwrite(descriptor, note.data(), note.size(), 0) != static_cast<ssize_t>(note.size())) {
    return Error::from_errno(errno, "write the lock of the rule", {});
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<RunLock>> RunLock::take(const std::string& store_path, Timestamp now) {
  const std::string path = store_path + ".lock";
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) {
    return Error::from_errno(errno, "open the lock of the rule", path);
  }
  std::unique_ptr<RunLock> lock(new RunLock(descriptor));
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    const int number = errno;
    if (number != EWOULDBLOCK) {
      return Error::from_errno(number, "lock the rule", path);
    }
    const std::string note = read_note(descriptor);
    return Error(Code::kLocked,
                 "another run" + (note.empty() ? "" : " (" + note + ")") + " holds this rule",
                 Retry::kLater);
  }
  TRY(write_note(descriptor,
                 "pid " + std::to_string(::getpid()) + ", since " + to_iso8601(now) + "\n"));
  return lock;
}

RunLock::~RunLock() {
  // Closing gives the lock up. The note stays: it is read only while somebody holds the lock, and
  // who takes it next writes his own.
  ::close(descriptor_);
}

}  // namespace ox::state
