#include <vector>

#include "fuzz/fuzz.h"
#include "fuzz/local_disk.h"
#include "provider/local/resume_part.h"

/// The list beside a large file under way: what an earlier run left there, or anything else.
namespace ox::fuzz {
namespace {

using provider::ResumePart;

struct Transfer {
  std::string key;
  tree::Fingerprint source;
};

Transfer transfer_of(Input& input) {
  Transfer transfer{.key = std::string(input.line()), .source = {}};
  transfer.source.revision = input.line();
  transfer.source.id = input.number();
  transfer.source.birth_ns = static_cast<std::int64_t>(input.number());
  transfer.source.size = input.number();
  transfer.source.mtime = {static_cast<std::int64_t>(input.number())};
  transfer.source.ctime = {static_cast<std::int64_t>(input.number())};
  return transfer;
}

std::unique_ptr<ResumePart> open(LocalDisk& disk, const Transfer& transfer) {
  auto part = ResumePart::open(disk.root(), transfer.key, transfer.source);
  must(part.ok() && *part != nullptr, "whatever stands there, a transfer can begin");
  return std::move(part).value();
}

std::unique_ptr<fs::File> list_file(LocalDisk& disk) {
  fs::Directory& stage = *disk.root().stage();
  for (const fs::DirectoryItem& item : stage.list().value()) {
    if (item.name.ends_with(".list")) {
      return stage.open_file(item.name, fs::Access::kReadWrite).value();
    }
  }
  must(false, "a transfer has a list");
  return nullptr;
}

Bytes read_list(LocalDisk& disk) {
  const auto file = list_file(disk);
  Bytes bytes(file->stat()->size);
  expects(file->read_at(0, bytes).ok());
  return bytes;
}

void write_list(LocalDisk& disk, std::uint64_t offset, BytesView bytes) {
  const auto file = list_file(disk);
  expects(file->truncate(offset).ok() && file->write_at(offset, bytes).ok());
}

std::vector<Digest> digests_in(BytesView bytes) {
  std::vector<Digest> digests;
  for (Input rest(bytes.data(), bytes.size() / sizeof(Digest) * sizeof(Digest)); !rest.at_end();) {
    std::ranges::copy(rest.raw(sizeof(Digest)), digests.emplace_back().bytes.begin());
  }
  return digests;
}

/// The list goes on from where it was, forgets what it is told to, and belongs to one source only.
void check_going_on(LocalDisk& disk, Transfer transfer, std::vector<Digest> chunks) {
  chunks.emplace_back().bytes.fill(0xAB);
  must(open(disk, transfer)->add(chunks.back()).ok(), "a chunk is added");
  must(open(disk, transfer)->chunks() == chunks, "what was added is found");
  chunks.pop_back();
  must(open(disk, transfer)->keep(chunks.size()).ok(), "a chunk is forgotten");
  must(open(disk, transfer)->chunks() == chunks, "and nothing else");
  ++transfer.source.size;
  must(open(disk, transfer)->chunks().empty(), "no other version takes it for its own");
}

void check(Input input) {
  const Transfer transfer = transfer_of(input);
  const bool has_header = input.byte() % 4 != 0;
  const BytesView rest = input.bytes();
  LocalDisk disk;
  must(open(disk, transfer)->chunks().empty(), "a new transfer has nothing");
  const Bytes header = read_list(disk);
  write_list(disk, has_header ? header.size() : 0, rest);
  const bool believed = has_header || (rest.size() >= header.size() &&
                                       std::ranges::equal(rest.first(header.size()), header));
  const std::vector<Digest> chunks =
      believed ? digests_in(has_header ? rest : rest.subspan(header.size()))
               : std::vector<Digest>{};
  must(open(disk, transfer)->chunks() == chunks, "a list is what stands behind its own header");
  check_going_on(disk, transfer, chunks);
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ox::fuzz::check(ox::fuzz::Input(data, size));
  return 0;
}
