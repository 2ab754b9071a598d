#include <filesystem>
#include <fstream>
#include <string>

#include "app/ignores.h"
#include "app/places.h"
#include "fs/memory/memory_fs.h"
#include "fuzz/fuzz.h"
#include "rt/clock.h"
#include "state/checksum.h"

/// The file beside the state that remembers where the agreed ignore files are: believed when it is
/// whole and of the last run, made anew otherwise.
namespace ox::fuzz {
namespace {

using Files = std::vector<std::pair<RelPath, Digest>>;

constexpr std::string_view kFormat = "syncoxiders-ignores 2";
constexpr std::string_view kKey = "7-1";

/// A store that has seen one run and no ignore file, and a folder for the cache.
class Ground {
 public:
  Ground() {
    auto opened = state::Store::open({.os_path = {}, .directory = disk_.root(), .name = "state"},
                                     state::OpenMode::kReadWrite);
    store_ = std::move(opened).value();
    state::Commit commit;
    commit.runs.push_back({.id = RunId{7}, .started = {1}, .finished = Timestamp{2}});
    expects(store_->commit(commit).ok());
    std::string pattern = (std::filesystem::temp_directory_path() / "ox-fuzz-XXXXXX").string();
    expects(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
  }
  ~Ground() { std::filesystem::remove_all(folder_); }
  Ground(const Ground&) = delete;
  Ground& operator=(const Ground&) = delete;

  state::Store& store() { return *store_; }
  std::string cache() const { return folder_ + "/cache"; }

 private:
  rt::ManualClock clock_{Timestamp{1}};
  fs::MemoryFileSystem disk_{clock_};
  std::unique_ptr<state::Store> store_;
  std::string folder_;
};

Files find(Ground& ground) {
  auto files = app::IgnoreIndex(ground.cache()).find(ground.store());
  must(files.ok(), "whatever the cache holds, the store answers");
  return std::move(files).value();
}

Bytes written(const Files& files) {
  ByteWriter out;
  out.put_string(kFormat);
  out.put_string(kKey);
  out.put_varint(files.size());
  for (const auto& [path, digest] : files) {
    out.put_string(path.text());
    out.put_raw(digest.bytes);
  }
  return state::seal(out.take());
}

void write_cache(const Ground& ground, std::string_view text) {
  std::ofstream(ground.cache(), std::ios::binary | std::ios::trunc) << text;
}

std::string read_cache(const Ground& ground) {
  return app::read_file(ground.cache()).value().value();
}

void check(Input input) {
  static Ground ground;
  const std::uint8_t how = input.byte();
  const bool is_sealed = how % 4 != 0;
  const bool is_damaged = is_sealed && how % 8 == 7;
  ByteWriter head;
  head.put_string(kFormat);
  head.put_string(kKey);
  std::string text(input.text());
  if (is_sealed) {
    text.insert(0, as_text_view(head.bytes()));
    text = as_text_view(state::seal(Bytes(text.begin(), text.end())));
  }
  if (is_damaged) {
    text[how % text.size()] ^= 1;
  }
  write_cache(ground, text);
  const Files files = find(ground);
  must(!is_damaged || files.empty(), "a flipped bit is noticed");
  must(read_cache(ground) == as_text_view(written(files)), "the cache holds what was answered");
  must(files.empty() || read_cache(ground) == text, "files come from the cache only as it stood");
  must(find(ground) == files, "the next answer is the same");
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ox::fuzz::check(ox::fuzz::Input(data, size));
  return 0;
}
