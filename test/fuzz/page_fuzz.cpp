#include <vector>

#include "fuzz/fuzz.h"
#include "state/page.h"

/// Pages of the agreed tree and records on their own: whatever is read would be written the same.
namespace ox::fuzz {
namespace {

using tree::NodeRecord;

void check_walk(BytesView page, NodeId directory, const std::vector<NodeRecord>& records) {
  state::PageCursor cursor(page, directory);
  std::size_t count = 0;
  while (cursor.next()) {
    must(count < records.size() && to_record(cursor.record()) == records[count],
         "a cursor shows the records");
    ++count;
  }
  must(cursor.ok() && count == records.size() && count == cursor.count(),
       "a cursor shows all records");
}

void check_page(BytesView page, NodeId directory) {
  const Result<std::vector<NodeRecord>> records = state::decode_page(page, directory);
  must_explain(records, Code::kCorrupt);
  if (!records.ok()) {
    return;
  }
  std::vector<const NodeRecord*> pointers;
  for (const NodeRecord& record : *records) {
    must(state::check_record(record).ok(), "what is read could have been kept");
    must(record.agreed.has_value() && record.agreed->parent == directory,
         "a page holds the children of its directory");
    pointers.push_back(&record);
  }
  must(std::ranges::equal(state::encode_page(pointers), page), "a page has one encoding");
  check_walk(page, directory, *records);
}

void check_detached(BytesView body) {
  const Result<NodeRecord> record = state::decode_detached(body);
  must_explain(record, Code::kCorrupt);
  if (record.ok()) {
    must(state::check_record(*record).ok() && !record->agreed.has_value(),
         "what is read could have been kept");
    must(std::ranges::equal(state::encode_detached(*record), body), "a record has one encoding");
  }
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ox::fuzz::Input input(data, size);
  const ox::NodeId directory{input.byte()};
  const ox::BytesView body = input.bytes();
  ox::fuzz::check_page(body, directory);
  ox::fuzz::check_detached(body);
  return 0;
}
