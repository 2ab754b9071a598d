#include "base/digest.h"
#include "fuzz/fuzz.h"

/// Digests as text: 64 lower-case digits and nothing else.
namespace ox::fuzz {
namespace {

void check_text(std::string_view text) {
  const Result<Digest> digest = Digest::from_hex(text);
  must_explain(digest, Code::kInvalidArgument);
  must(!digest.ok() || digest->to_hex() == text, "a digest has one spelling");
}

void check_bytes(BytesView bytes) {
  Digest digest;
  std::ranges::copy(bytes, digest.bytes.begin());
  const Result<Digest> again = Digest::from_hex(digest.to_hex());
  must(again.ok() && *again == digest, "what is written is read");
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ox::fuzz::Input input(data, size);
  ox::fuzz::check_text(ox::fuzz::Input(input).text());
  ox::fuzz::check_bytes(ox::fuzz::Input(input).raw(sizeof(ox::Digest::bytes)));
  return 0;
}
