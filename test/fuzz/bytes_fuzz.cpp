#include "fuzz/fuzz.h"

/// The encoding of all that the state keeps: one encoding per value, and the first error sticks.
namespace ox::fuzz {
namespace {

void copy_one(unsigned kind, ByteReader& in, ByteWriter& out) {
  switch (kind % 5) {
    case 0:
      out.put_u8(in.get_u8());
      break;
    case 1:
      out.put_varint(in.get_varint());
      break;
    case 2:
      out.put_signed(in.get_signed());
      break;
    case 3:
      out.put_raw(in.get_raw(kind / 5));
      break;
    default:
      out.put_string(in.get_string());
  }
}

void check_failed(ByteReader& in) {
  must(in.at_end() && in.remaining() == 0, "nothing is left behind an error");
  must(in.get_u8() == 0 && in.get_varint() == 0 && in.get_signed() == 0, "an error reads as zero");
  must(in.get_raw(1).empty() && in.get_string().empty(), "an error reads as nothing");
  must(!in.ok(), "an error sticks");
}

/// Reads values of the kinds that the first bytes name and writes what came out.
void check_reading(Input input) {
  const BytesView kinds = input.raw(input.byte() % 32);
  const BytesView body = input.bytes();
  ByteReader in(body);
  ByteWriter out;
  for (const unsigned kind : kinds) {
    copy_one(kind, in, out);
    if (!in.ok()) {
      check_failed(in);
      return;
    }
  }
  const BytesView read = body.first(body.size() - in.remaining());
  must(std::ranges::equal(out.bytes(), read), "what was read is written the same");
}

void check_numbers(std::uint64_t number) {
  ByteWriter out;
  out.put_varint(number);
  out.put_signed(static_cast<std::int64_t>(number));
  ByteReader in(out.bytes());
  must(in.get_varint() == number, "a number is read as it was written");
  must(in.get_signed() == static_cast<std::int64_t>(number), "so is a signed one");
  must(in.ok() && in.at_end(), "and nothing is left");
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ox::fuzz::Input input(data, size);
  ox::fuzz::check_reading(input);
  ox::fuzz::check_numbers(ox::fuzz::Input(input).number());
  return 0;
}
