#include <string>

#include "fuzz/fuzz.h"
#include "state/field_codec.h"

/// The fields that records of the journal share, each by itself.
namespace ox::fuzz {
namespace {

namespace field = state::field;

void copy_path(std::string_view previous, bool is_shared, ByteReader& in, ByteWriter& out) {
  const Result<RelPath> before = RelPath::parse(previous);
  const RelPath base = before.ok() ? *before : RelPath();
  const RelPath path = is_shared ? field::get_path(in, base) : field::get_whole_path(in);
  is_shared ? field::put_path(out, base, path) : out.put_string(path.text());
}

void copy_one(unsigned kind, std::string_view previous, ByteReader& in, ByteWriter& out) {
  switch (kind % 8) {
    case 0:
      field::put_shared(out, previous, field::get_shared(in, previous));
      break;
    case 1:
    case 2:
      copy_path(previous, kind % 8 == 1, in, out);
      break;
    case 3:
      field::put_time(out, field::get_time(in));
      break;
    case 4:
      field::put_content(out, field::get_content(in));
      break;
    case 5:
      field::put_entry(out, field::get_entry(in, previous), previous);
      break;
    case 6: {
      const unsigned flags = field::get_flags(in, kind / 8);
      must(!in.ok() || (flags & ~(kind / 8)) == 0, "no unknown flag is let in");
      out.put_u8(static_cast<std::uint8_t>(flags));
      break;
    }
    default: {
      const std::size_t count = field::get_count(in);
      must(count <= in.remaining(), "things that are counted have room");
      out.put_varint(count);
      out.put_varint(field::get_u32(in));
    }
  }
}

void check(Input input) {
  const unsigned kind = input.byte();
  const std::string previous(input.line());
  const BytesView body = input.bytes();
  ByteReader in(body);
  ByteWriter out;
  copy_one(kind, previous, in, out);
  const BytesView read = body.first(body.size() - in.remaining());
  must(!in.ok() || std::ranges::equal(out.bytes(), read), "what was read is written the same");
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ox::fuzz::check(ox::fuzz::Input(data, size));
  return 0;
}
