#include "fuzz/fuzz.h"
#include "state/checksum.h"

/// Rows of the database behind their checksum.
namespace ox::fuzz {
namespace {

/// CRC-32C bit by bit, from its polynomial.
std::uint32_t plain_crc32c(BytesView bytes) {
  std::uint32_t rest = ~std::uint32_t{0};
  for (const std::uint8_t byte : bytes) {
    rest ^= byte;
    for (int bit = 0; bit < 8; ++bit) {
      rest = (rest >> 1U) ^ ((rest & 1U) != 0 ? 0x82F63B78U : 0U);
    }
  }
  return ~rest;
}

void check_row(BytesView row) {
  const Result<BytesView> body = state::unseal(row);
  must_explain(body, Code::kCorrupt);
  if (body.ok()) {
    must(std::ranges::equal(state::seal(Bytes(body->begin(), body->end())), row),
         "a row has one seal");
  }
}

void check_body(BytesView body, std::size_t bit) {
  must(state::crc32c(body) == plain_crc32c(body), "the checksum is CRC-32C");
  Bytes row = state::seal(Bytes(body.begin(), body.end()));
  const Result<BytesView> opened = state::unseal(row);
  must(opened.ok() && std::ranges::equal(*opened, body), "what is sealed can be opened");
  bit %= row.size() * 8;
  row[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
  must(!state::unseal(row).ok(), "no flipped bit goes unseen");
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ox::fuzz::Input input(data, size);
  ox::fuzz::check_row(ox::fuzz::Input(input).bytes());
  const std::size_t bit = input.number();
  ox::fuzz::check_body(input.bytes(), bit);
  return 0;
}
