#include "sim/minimise.h"

#include <algorithm>
#include <vector>

namespace ox::sim {
namespace {

bool still_fails(std::uint64_t seed, PlayOptions options, std::set<std::uint64_t> without) {
  options.verbose = false;
  options.without = std::move(without);
  return play(seed, options).violation.has_value();
}

/// What can go of the steps in `kept` when they are taken out `size` at a time.
bool drop_ranges(std::uint64_t seed, const PlayOptions& options, std::size_t size,
                 std::vector<std::uint64_t>& kept, std::set<std::uint64_t>& without) {
  bool dropped = false;
  // From the end: what came later was built on what came before.
  for (std::size_t end = kept.size(); end > 0;) {
    const std::size_t begin = end - std::min(size, end);
    std::set<std::uint64_t> tried = without;
    tried.insert(kept.begin() + static_cast<std::ptrdiff_t>(begin),
                 kept.begin() + static_cast<std::ptrdiff_t>(end));
    if (still_fails(seed, options, tried)) {
      without = std::move(tried);
      kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(begin),
                 kept.begin() + static_cast<std::ptrdiff_t>(end));
      dropped = true;
    }
    end = begin;
  }
  return dropped;
}

}  // namespace

std::set<std::uint64_t> minimise(std::uint64_t seed, const PlayOptions& options,
                                 std::uint64_t steps) {
  std::set<std::uint64_t> without = options.without;
  std::vector<std::uint64_t> kept;
  for (std::uint64_t step = 1; step <= steps; ++step) {
    if (!without.contains(step)) {
      kept.push_back(step);
    }
  }
  for (std::size_t size = std::max<std::size_t>(kept.size() / 2, 1);;) {
    const bool dropped = drop_ranges(seed, options, size, kept, without);
    if (size == 1 && !dropped) {
      return without;
    }
    size = std::max<std::size_t>(std::min(size / 2, kept.size()), 1);
  }
}

std::string to_ranges(const std::set<std::uint64_t>& steps) {
  std::string text;
  for (auto at = steps.begin(); at != steps.end();) {
    const std::uint64_t first = *at;
    std::uint64_t last = first;
    for (++at; at != steps.end() && *at == last + 1; ++at) {
      ++last;
    }
    text += (text.empty() ? "" : ",") + std::to_string(first);
    if (last != first) {
      text += "-" + std::to_string(last);
    }
  }
  return text;
}

}  // namespace ox::sim
