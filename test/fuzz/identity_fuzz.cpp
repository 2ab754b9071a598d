#include "fuzz/fuzz.h"
#include "provider/local/local_identity.h"

/// The mark by which a root is known: `.syncoxiders/id/<rule>`.
namespace ox::fuzz {
namespace {

void check_text(std::string_view text) {
  const auto identity = provider::parse_identity(text);
  must_explain(identity, Code::kCorrupt);
  if (identity.ok()) {
    must(provider::format_identity(*identity) == text, "an identity has one spelling");
    must(provider::is_rule(identity->rule), "it names a rule");
  }
}

void check_value(Input input) {
  provider::RootIdentity identity;
  identity.rule = std::string(32, "0123456789abcdef"[input.byte() % 16]);
  identity.replica = static_cast<ReplicaIndex>(input.number());
  identity.epoch = input.number();
  identity.file_system = input.text();
  const auto again = provider::parse_identity(provider::format_identity(identity));
  must_explain(again, Code::kCorrupt);
  const bool is_word =
      std::ranges::all_of(identity.file_system, [](char c) { return c > ' ' && c <= '~'; });
  must(again.ok() == is_word, "only words name a file system");
  must(!again.ok() || identity.file_system == "-" || *again == identity, "what is written is read");
}

}  // namespace
}  // namespace ox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ox::fuzz::Input input(data, size);
  ox::fuzz::check_text(ox::fuzz::Input(input).text());
  ox::fuzz::check_value(input);
  return 0;
}
