#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "sim/history.h"

namespace {

constexpr const char* kUsage =
    "usage: sim FIRST LAST            plays the histories of these seeds\n"
    "       sim --replay SEED [-v]    plays one; -v tells it step by step\n"
    "       sim --seeds FILE          plays those that begin the lines of a file; # begins a note\n"
    "       --weather N               0 calm, 1 edits, 2 failures, 3 crashes, 4 power cuts, 5 "
    "all,\n"
    "                                 6 with loss of state; else each seed draws its own\n"
    "       --keep-going              goes on after a violation\n";

/// For the signal handler only: which history a broken contract ended.
volatile std::sig_atomic_t seed_high = 0;
volatile std::sig_atomic_t seed_low = 0;

extern "C" void tell_seed(int number) {
  const auto seed = (static_cast<unsigned long long>(seed_high) << 31U) |
                    static_cast<unsigned long long>(seed_low);
  char text[96];
  const int size = std::snprintf(text, sizeof text,
                                 "seed %llu died of signal %d; replay: sim --replay %llu -v\n",
                                 seed, number, seed);
  [[maybe_unused]] const auto written = write(STDOUT_FILENO, text, static_cast<std::size_t>(size));
  std::signal(number, SIG_DFL);
  std::raise(number);
}

struct Arguments {
  std::vector<std::uint64_t> numbers;
  std::optional<std::uint64_t> replay;
  std::string seeds_file;
  std::optional<ox::sim::Weather> weather;
  bool verbose = false;
  bool keep_going = false;
};

std::optional<std::uint64_t> parse(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

std::optional<Arguments> parse_all(int count, char** words) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const std::string_view next = i + 1 < count ? words[i + 1] : "";
    if (word == "-v") {
      arguments.verbose = true;
    } else if (word == "--keep-going") {
      arguments.keep_going = true;
    } else if (word == "--seeds") {
      arguments.seeds_file = next;
      ++i;
    } else if (word == "--replay" || word == "--weather") {
      const auto number = parse(next);
      if (!number.has_value() || (word == "--weather" && *number >= ox::sim::kWeathers)) {
        return std::nullopt;
      }
      if (word == "--replay") {
        arguments.replay = *number;
      } else {
        arguments.weather = static_cast<ox::sim::Weather>(*number);
      }
      ++i;
    } else if (const auto number = parse(word); number.has_value()) {
      arguments.numbers.push_back(*number);
    } else {
      return std::nullopt;
    }
  }
  return arguments;
}

/// None: the file can't be read. A line is a seed, or a seed and the weather that is forced on it.
std::optional<std::vector<std::pair<std::uint64_t, std::optional<ox::sim::Weather>>>> read_seeds(
    const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return std::nullopt;
  }
  std::vector<std::pair<std::uint64_t, std::optional<ox::sim::Weather>>> seeds;
  for (std::string line; std::getline(file, line);) {
    line = line.substr(0, line.find('#'));
    const std::size_t end = line.find(' ');
    const auto seed = parse(line.substr(0, end));
    if (!seed.has_value()) {
      continue;
    }
    std::optional<ox::sim::Weather> weather;
    if (const std::size_t digit = line.find_first_not_of(' ', end);
        end != std::string::npos && digit != std::string::npos) {
      weather = static_cast<ox::sim::Weather>((line[digit] - '0') % 10);
    }
    seeds.emplace_back(*seed, weather);
  }
  return seeds;
}

class Player {
 public:
  explicit Player(const Arguments& arguments) : arguments_(arguments) {}

  /// False: stop here.
  bool play(std::uint64_t seed, std::optional<ox::sim::Weather> weather) {
    seed_high = static_cast<std::sig_atomic_t>(seed >> 31U);
    seed_low = static_cast<std::sig_atomic_t>(seed & 0x7fffffffU);
    const ox::sim::Verdict verdict = ox::sim::play(seed, weather, arguments_.verbose);
    ++histories_;
    runs_ += verdict.runs;
    edits_ += verdict.edits;
    faults_ += verdict.faults;
    if (!verdict.violation.has_value()) {
      return true;
    }
    ++violations_;
    const std::string forced =
        weather.has_value() ? " --weather " + std::to_string(static_cast<int>(*weather)) : "";
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed),
                verdict.violation->c_str());
    if (!arguments_.keep_going && !arguments_.verbose) {
      std::printf("its history:\n");
      (void)ox::sim::play(seed, weather, true);
    }
    std::printf("replay: sim --replay %llu -v%s\n", static_cast<unsigned long long>(seed),
                forced.c_str());
    return arguments_.keep_going;
  }

  int finish() const {
    std::printf("%llu runs, %llu edits, %llu faults\n", runs_, edits_, faults_);
    std::printf("%llu histories, %llu violations\n", histories_, violations_);
    return violations_ == 0 ? 0 : 1;
  }

 private:
  const Arguments& arguments_;
  unsigned long long histories_ = 0;
  unsigned long long violations_ = 0;
  unsigned long long runs_ = 0;
  unsigned long long edits_ = 0;
  unsigned long long faults_ = 0;
};

int play_all(const Arguments& arguments) {
  Player player(arguments);
  if (arguments.replay.has_value()) {
    player.play(*arguments.replay, arguments.weather);
    return player.finish();
  }
  if (!arguments.seeds_file.empty()) {
    const auto seeds = read_seeds(arguments.seeds_file);
    if (!seeds.has_value()) {
      std::fprintf(stderr, "sim: can't read %s\n", arguments.seeds_file.c_str());
      return 2;
    }
    for (const auto& [seed, weather] : *seeds) {
      if (!player.play(seed, weather)) {
        break;
      }
    }
    return player.finish();
  }
  for (std::uint64_t seed = arguments.numbers[0]; seed <= arguments.numbers[1]; ++seed) {
    if (!player.play(seed, arguments.weather)) {
      break;
    }
  }
  return player.finish();
}

}  // namespace

int main(int count, char** words) {
  const std::optional<Arguments> arguments = parse_all(count, words);
  const bool has_range = arguments.has_value() && arguments->numbers.size() == 2;
  const bool is_single =
      arguments.has_value() && (arguments->replay.has_value() || !arguments->seeds_file.empty());
  if (!has_range && !is_single) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE}) {
    std::signal(signal, tell_seed);
  }
  return play_all(*arguments);
}
