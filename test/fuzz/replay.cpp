// Runs a fuzzer without libFuzzer, so that every lane can:
//
//   names_fuzz [--mutations N] [--seed N] FILE_OR_FOLDER...
//
// gives it the empty input, every file, and N mutations of them, which depend on nothing but the
// files and the seed. One file alone runs in this process, for a debugger.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/fuzz.h"
#include "fuzz/mutations.h"

namespace ox::fuzz {
namespace {

namespace files = std::filesystem;

constexpr unsigned kLongestSeconds = 60;  ///< for one input

struct Request {
  std::uint64_t mutations = 0;
  std::uint64_t seed = 1;
  std::vector<files::path> paths;
};

std::optional<Request> understand(int count, char** arguments) {
  Request request;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = arguments[i];
    if (!word.starts_with("--")) {
      request.paths.emplace_back(word);
      continue;
    }
    if (i + 1 == count || (word != "--mutations" && word != "--seed")) {
      return std::nullopt;
    }
    const std::string_view text = arguments[++i];
    std::uint64_t& number = word == "--seed" ? request.seed : request.mutations;
    if (std::from_chars(text.data(), text.data() + text.size(), number).ptr !=
        text.data() + text.size()) {
      return std::nullopt;
    }
  }
  return request;
}

/// All files of a request, in an order that does not depend on the disk.
std::vector<files::path> files_of(const Request& request) {
  std::vector<files::path> found;
  for (const files::path& path : request.paths) {
    if (!files::is_directory(path)) {
      found.push_back(path);
      continue;
    }
    for (const auto& entry : files::directory_iterator(path)) {
      found.push_back(entry.path());
    }
  }
  std::ranges::sort(found);
  return found;
}

std::optional<Bytes> read(const files::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return std::nullopt;
  }
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

void run(const Bytes& bytes) {
  ::alarm(kLongestSeconds);
  // A copy of just this size: AddressSanitizer sees a read beyond the input.
  const auto exact = std::make_unique<std::uint8_t[]>(bytes.size());
  std::ranges::copy(bytes, exact.get());
  LLVMFuzzerTestOneInput(exact.get(), bytes.size());
}

/// The inputs of one run by their number: the empty one, files, mutations.
class Inputs {
 public:
  Inputs(std::vector<Bytes> corpus, const Request& request)
      : corpus_(std::move(corpus)), request_(request) {}

  std::uint64_t count() const { return corpus_.size() + request_.mutations; }
  Bytes input(std::uint64_t number) const {
    return number < corpus_.size() ? corpus_[number]
                                   : mutation(corpus_, request_.seed, number - corpus_.size());
  }

 private:
  std::vector<Bytes> corpus_;
  const Request& request_;
};

/// Runs all inputs in a process of its own, whatever that may die of. The number of the input that
/// killed it; none: it lived.
std::optional<std::uint64_t> find_failure(const Inputs& inputs) {
  void* shared = ::mmap(nullptr, sizeof(std::atomic<std::uint64_t>), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  expects(shared != MAP_FAILED);
  auto* current = new (shared) std::atomic<std::uint64_t>(0);
  const pid_t child = ::fork();
  expects(child >= 0);
  if (child == 0) {
    for (; *current < inputs.count(); ++*current) {
      run(inputs.input(*current));
    }
    std::exit(0);
  }
  int status = 0;
  expects(::waitpid(child, &status, 0) == child);
  return status == 0 ? std::nullopt : std::optional(current->load());
}

/// Keeps the input for whoever mends what it broke.
void report(const std::string& program, std::uint64_t number, const Bytes& bytes) {
  const std::string kept = program + "-failing-" + std::to_string(number);
  std::ofstream(kept, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  std::fprintf(stderr, "input %llu ended the program; replay it with: %s %s\n",
               static_cast<unsigned long long>(number), program.c_str(), kept.c_str());
}

int replay(const std::string& program, const Request& request) {
  std::vector<Bytes> corpus(1);
  for (const files::path& path : files_of(request)) {
    std::optional<Bytes> bytes = read(path);
    if (!bytes.has_value()) {
      std::fprintf(stderr, "%s can't be read\n", path.c_str());
      return 2;
    }
    corpus.push_back(std::move(*bytes));
  }
  if (corpus.size() == 2 && request.mutations == 0) {
    run(corpus.back());
    return 0;
  }
  const Inputs inputs(std::move(corpus), request);
  if (const auto failure = find_failure(inputs); failure.has_value()) {
    // Beyond the last one: the process died of what all of them left behind.
    report(program, *failure, *failure < inputs.count() ? inputs.input(*failure) : Bytes());
    return 1;
  }
  std::printf("%llu inputs, every promise kept\n", static_cast<unsigned long long>(inputs.count()));
  return 0;
}

}  // namespace
}  // namespace ox::fuzz

int main(int count, char** arguments) {
  const auto request = ox::fuzz::understand(count, arguments);
  if (!request.has_value()) {
    std::fprintf(stderr, "usage: %s [--mutations N] [--seed N] FILE_OR_FOLDER...\n", arguments[0]);
    return 2;
  }
  return ox::fuzz::replay(arguments[0], *request);
}
