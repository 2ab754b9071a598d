#include "fuzz/fuzz.h"
#include "state/action_codec.h"

/// The records of the journal: whatever is read would be written the same.
namespace ox::fuzz {
namespace {

template <typename Decode, typename Encode>
void check(BytesView body, const Decode& decode, const Encode& encode) {
  const auto record = decode(body);
  must_explain(record, Code::kCorrupt);
  if (record.ok()) {
    const Bytes again = encode(*record);
    must(std::ranges::equal(again, body), "a record has one encoding");
    must(decode(again).value() == *record, "and it means one record");
  }
}

void check(unsigned kind, BytesView body) {
  switch (kind % 7) {
    case 0:
      return check(body, state::decode_batch, state::encode_batch);
    case 1:
      return check(body, state::decode_conflict, state::encode_conflict);
    case 2:
      return check(body, state::decode_version, state::encode_version);
    case 3:
      return check(body, state::decode_run, state::encode_run);
    case 4:
      return check(body, state::decode_problem, state::encode_problem);
    case 5:
      return check(body, state::decode_facts, state::encode_facts);
    default:
      return check(body, state::decode_names, state::encode_names);
  }
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ox::fuzz::Input input(data, size);
  const unsigned kind = input.byte();
  ox::fuzz::check(kind, input.bytes());
  return 0;
}
