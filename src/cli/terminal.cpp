#include "cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "cli/text.h"

namespace ox::cli {

namespace {

using namespace std::chrono_literals;

constexpr auto kRedraw = 200ms;

std::size_t columns() {
  winsize size = {};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) {
    return 80;
  }
  return size.ws_col;
}

/// Whole or not at all, as far as we can tell. The errno that ended it, 0 when it went well.
int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count > 0) {
      text.remove_prefix(static_cast<std::size_t>(count));
    } else if (count == 0 || errno != EINTR) {
      return count == 0 ? EIO : errno;
    }
  }
  return 0;
}

}  // namespace

Terminal::Terminal(Progress progress, rt::CountingProgress& counts, rt::Clock& clock)
    : counts_(counts), clock_(clock) {
  if (progress == Progress::kHide || ::isatty(STDERR_FILENO) != 1) {
    return;
  }
  painter_ = std::make_unique<rt::ThreadPool>(1);
  group_ = std::make_unique<rt::TaskGroup>(*painter_, 1);
  group_->spawn([this](std::stop_token) -> Result<void> {
    draw();
    return {};
  });
}

Terminal::~Terminal() {
  {
    rt::Lock lock(mutex_);
    closing_ = true;
    closing_wake_.notify_all();
  }
  group_.reset();
  painter_.reset();
  rt::Lock lock(mutex_);
  clear_line();
}

void Terminal::say(std::string_view line) {
  write(STDOUT_FILENO, line);
}

void Terminal::complain(std::string_view line) {
  write(STDERR_FILENO, line);
}

bool Terminal::broken() const {
  rt::Lock lock(mutex_);
  return broken_;
}

void Terminal::write(int descriptor, std::string_view line) {
  rt::Lock lock(mutex_);
  clear_line();
  const int failure = write_all(descriptor, std::string(line) + "\n");
  // A reader that has seen enough and left is no failure.
  broken_ = broken_ || (failure != 0 && failure != EPIPE && descriptor == STDOUT_FILENO);
}

void Terminal::clear_line() {
  if (drawn_) {
    write_all(STDERR_FILENO, "\r\x1b[K");
    drawn_ = false;
  }
}

std::string Terminal::line_of(const rt::ProgressSnapshot& now) {
  rate_.sample(clock_.monotonic(), now.done.bytes);
  std::string line = fmt::format("{}", rt::name_of(now.phase));
  if (now.total.files != 0) {
    line +=
        fmt::format("  {}/{} files", std::max<std::int64_t>(now.done.files, 0), now.total.files);
  }
  if (now.total.bytes != 0) {
    const auto bytes = [](std::int64_t count) {
      return shown_size(static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0)));
    };
    line += fmt::format("  {} of {}", bytes(now.done.bytes), bytes(now.total.bytes));
    line += fmt::format("  {}/s", shown_size(static_cast<std::uint64_t>(rate_.bytes_per_second())));
    if (const auto left = rate_.time_left(now.total.bytes - now.done.bytes)) {
      line += "  " +
              shown_duration(std::chrono::duration_cast<std::chrono::seconds>(*left).count()) +
              " left";
    }
  }
  const std::size_t width = columns() - 1;
  if (line.size() < width && now.phase == rt::Phase::kTransferring) {
    line += "  " + shown(now.current);
  }
  if (line.size() > width) {
    line.resize(width);
    // A sequence cut in two would show as rubbish.
    while (!line.empty() && (static_cast<unsigned char>(line.back()) & 0xC0U) == 0x80U) {
      line.pop_back();
    }
    if (!line.empty() && static_cast<unsigned char>(line.back()) >= 0xC0U) {
      line.pop_back();
    }
  }
  return line;
}

void Terminal::draw() {
  rt::Lock lock(mutex_);
  while (!closing_) {
    closing_wake_.wait_for(mutex_, kRedraw);
    const rt::ProgressSnapshot now = counts_.snapshot();
    if (closing_ || now.phase == rt::Phase::kWaiting || now.phase == rt::Phase::kFinished) {
      clear_line();
      continue;
    }
    write_all(STDERR_FILENO, "\r\x1b[K" + line_of(now));
    drawn_ = true;
  }
}

}  // namespace ox::cli
