#include "sim/arguments.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <functional>
#include <sstream>

namespace ox::sim {

const char* const kUsage =
    "usage: sim FIRST LAST            plays the whole histories of these seeds\n"
    "       sim --short FIRST LAST    plays short ones, each in a weather of its own\n"
    "       sim --replay SEED [-v]    plays one; -v tells it step by step\n"
    "       sim --seeds FILE          plays those of a file: seed, weather and portions a line;\n"
    "                                 # begins a note\n"
    "       sim --sweep SEED          plays one again and again, and each time another call of a "
    "run\n"
    "                                 fails, kills the process or ends with a power cut\n"
    "       sim --sweeps FILE         sweeps those of a file: seed, run, disks, portions and\n"
    "                                 weather a line\n"
    "       --deeds                   only tells what each run of a range does, for choosing "
    "sweeps\n"
    "       --weather N               0 calm, 1 edits, 2 failures, 3 crashes, 4 power cuts, 5 "
    "all,\n"
    "                                 6 with loss of state; with any of these: 7 copy, move and\n"
    "                                 one-way, 8 keep-modes, 9 replicas away, 10 roots from older\n"
    "                                 copies, 11 filters, 12 full disks, 13 one-way where a "
    "destination\n"
    "                                 may win, 14 policies that change, 15 replicas that leave "
    "and\n"
    "                                 join, 16 clocks that are set, 17 stores that lack "
    "something;\n"
    "                                 18 whole: long, with any of these together, 19 and with "
    "stores\n"
    "                                 that move directories entry by entry; of 7, 8 and 13 a "
    "sweep\n"
    "                                 takes the policy alone\n"
    "       --without LIST            a whole history but for these steps: 1-4,7,9-30\n"
    "       --disks N                 0 as drawn, 1 whole, 2 no exchange, 3 only hard links, 4 "
    "bare\n"
    "       --portions N              0 runs take all in hand at once, 1 little by little;\n"
    "                                 else each seed draws its own\n"
    "       --run N                   only this run of a sweep\n"
    "       --every N                 a sweep strikes each Nth call only\n"
    "       --strike RUN CALL BLOW    of a replay: 0 crash, 1 power cut, 2 error, 3 lost answer,\n"
    "                                 4 half done, 5 power cut of one disk: its number follows, "
    "that "
    "of\n"
    "                                 a replica or, after them, of the state\n"
    "       --keep-going              goes on after a violation\n";

namespace {

std::optional<std::uint64_t> parse(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

/// Reads words one after the other; once something was wrong it stays so.
class Words {
 public:
  Words(int count, char** words) : words_(words + 1, words + count) {}

  bool done() const { return !ok_ || at_ == words_.size(); }
  bool ok() const { return ok_; }
  void refuse() { ok_ = false; }
  std::string next() {
    ok_ = ok_ && at_ < words_.size();
    return ok_ ? words_[at_++] : std::string();
  }
  std::uint64_t number(std::uint64_t below = UINT64_MAX) {
    const auto value = parse(next());
    ok_ = ok_ && value.has_value() && *value < below;
    return ok_ ? *value : 0;
  }

 private:
  std::vector<std::string> words_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

/// "1-4,7,9-30".
void take_ranges(Words& words, std::set<std::uint64_t>& numbers) {
  std::istringstream ranges(words.next());
  for (std::string range; std::getline(ranges, range, ',');) {
    const std::size_t dash = range.find('-');
    const auto first = parse(range.substr(0, dash));
    const auto last = dash == std::string::npos ? first : parse(range.substr(dash + 1));
    if (!first.has_value() || !last.has_value() || *last - *first > 100'000) {
      return words.refuse();
    }
    for (std::uint64_t number = *first; number <= *last; ++number) {
      numbers.insert(number);
    }
  }
}

void take_option(const std::string& word, Words& words, Arguments& arguments) {
  if (word == "-v") {
    arguments.play.verbose = true;
  } else if (word == "--keep-going") {
    arguments.keep_going = true;
  } else if (word == "--short") {
    arguments.short_ones = true;
  } else if (word == "--without") {
    take_ranges(words, arguments.play.without);
  } else if (word == "--deeds") {
    arguments.deeds = true;
  } else if (word == "--seeds") {
    arguments.seeds_file = words.next();
  } else if (word == "--sweeps") {
    arguments.sweeps_file = words.next();
  } else if (word == "--replay") {
    arguments.replay = words.number();
  } else if (word == "--sweep") {
    arguments.sweep = words.number();
  } else if (word == "--run") {
    arguments.run = words.number();
  } else if (word == "--every") {
    arguments.every = std::max<std::uint64_t>(1, words.number());
  } else if (word == "--weather") {
    arguments.play.weather = static_cast<Weather>(words.number(kWeathers));
  } else if (word == "--disks") {
    arguments.play.disks = static_cast<Disks>(words.number(kDisksKinds));
  } else if (word == "--portions") {
    arguments.play.portions = static_cast<Portions>(words.number(kPortionsKinds));
  } else if (word == "--strike") {
    Strike strike{.run = words.number(), .call = words.number()};
    strike.blow = static_cast<Blow>(words.number(kBlows));
    strike.disk = strike.blow == Blow::kCutDisk ? words.number() : 0;
    arguments.play.strike = strike;
  } else if (const auto number = parse(word); number.has_value()) {
    arguments.range.push_back(*number);
  } else {
    words.refuse();
  }
}

/// Calls `take` with the numbers of each line that has any.
bool read_lines(const std::string& path,
                const std::function<void(const std::vector<std::uint64_t>&)>& take) {
  std::ifstream file(path);
  if (!file) {
    return false;
  }
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::vector<std::uint64_t> numbers;
    for (std::uint64_t number = 0; words >> number;) {
      numbers.push_back(number);
    }
    if (!numbers.empty()) {
      take(numbers);
    }
  }
  return true;
}

}  // namespace

std::optional<Arguments> parse_arguments(int count, char** words) {
  Arguments arguments;
  Words left(count, words);
  while (!left.done()) {
    take_option(left.next(), left, arguments);
  }
  if (arguments.play.strike.has_value() && !arguments.play.weather.has_value()) {
    arguments.play.weather = Weather::kCalm;
  }
  const bool by_seed = !arguments.range.empty() || arguments.replay.has_value();
  if (by_seed && !arguments.short_ones && !arguments.deeds && !arguments.play.weather.has_value()) {
    arguments.play.weather = Weather::kParts;
  }
  const int tasks = (arguments.range.empty() ? 0 : 1) + (arguments.replay.has_value() ? 1 : 0) +
                    (arguments.sweep.has_value() ? 1 : 0) + (arguments.seeds_file.empty() ? 0 : 1) +
                    (arguments.sweeps_file.empty() ? 0 : 1);
  const bool range_ok = arguments.range.empty() || arguments.range.size() == 2;
  return left.ok() && tasks == 1 && range_ok ? std::optional(arguments) : std::nullopt;
}

std::optional<std::vector<Seed>> read_seeds(const std::string& path) {
  std::vector<Seed> seeds;
  const bool read = read_lines(path, [&](const std::vector<std::uint64_t>& numbers) {
    Seed seed{.seed = numbers[0], .weather = std::nullopt};
    if (numbers.size() > 1) {
      seed.weather = static_cast<Weather>(numbers[1] % kWeathers);
    }
    if (numbers.size() > 2) {
      seed.portions = static_cast<Portions>(numbers[2] % kPortionsKinds);
    }
    seeds.push_back(seed);
  });
  return read ? std::optional(seeds) : std::nullopt;
}

std::optional<std::vector<Sweep>> read_sweeps(const std::string& path) {
  std::vector<Sweep> sweeps;
  const bool read = read_lines(path, [&](const std::vector<std::uint64_t>& numbers) {
    Sweep sweep{.seed = numbers[0]};
    if (numbers.size() > 1) {
      sweep.run = numbers[1];
    }
    if (numbers.size() > 2) {
      sweep.disks = static_cast<Disks>(numbers[2] % kDisksKinds);
    }
    if (numbers.size() > 3) {
      sweep.portions = static_cast<Portions>(numbers[3] % kPortionsKinds);
    }
    if (numbers.size() > 4) {
      sweep.weather = static_cast<Weather>(numbers[4] % kWeathers);
    }
    sweeps.push_back(sweep);
  });
  return read ? std::optional(sweeps) : std::nullopt;
}

}  // namespace ox::sim
