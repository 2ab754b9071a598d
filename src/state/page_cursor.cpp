#include <cstring>

#include "base/rel_path.h"
#include "state/page.h"
#include "state/page_bits.h"

namespace ox::state {
namespace {

/// ByteReader's rules, inlined: this loop is what a scan without changes costs.
struct Input {
  const std::uint8_t* at;
  const std::uint8_t* end;
  bool ok = true;

  std::uint64_t fail() {
    ok = false;
    at = end;
    return 0;
  }
  std::size_t remaining() const { return static_cast<std::size_t>(end - at); }
  std::uint8_t u8() {
    if (at == end) [[unlikely]] {
      return static_cast<std::uint8_t>(fail());
    }
    return *at++;
  }
  std::uint64_t varint() {
    if (at != end && *at < 0x80U) [[likely]] {
      return *at++;
    }
    return long_varint();
  }
  std::uint64_t long_varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; at != end; shift += 7) {
      const std::uint8_t byte = *at++;
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80U) {
        const bool needless = byte == 0 && shift > 0;
        const bool overflows = shift == 63 && byte > 1;
        return needless || overflows ? fail() : value;
      }
      if (shift == 63) {
        break;
      }
    }
    return fail();
  }
  std::int64_t signed_number() {
    const std::uint64_t coded = varint();
    return static_cast<std::int64_t>((coded >> 1U) ^ (~(coded & 1U) + 1U));
  }
  const std::uint8_t* raw(std::uint64_t size) {
    if (size > remaining()) [[unlikely]] {
      fail();
      return nullptr;
    }
    const std::uint8_t* start = at;
    at += size;
    return start;
  }
  std::string_view string() {
    const std::uint64_t size = varint();
    const std::uint8_t* start = raw(size);
    return start == nullptr ? std::string_view{}
                            : std::string_view(reinterpret_cast<const char*>(start), size);
  }
  std::uint32_t u32() {
    const std::uint64_t value = varint();
    return static_cast<std::uint32_t>(value <= UINT32_MAX ? value : fail());
  }
  std::uint64_t u64_raw() {
    const std::uint8_t* start = raw(8);
    std::uint64_t value = 0;
    for (unsigned index = 0; start != nullptr && index < 8; ++index) {
      value |= static_cast<std::uint64_t>(start[index]) << (index * 8U);
    }
    return value;
  }
  void require(bool condition) {
    if (!condition) [[unlikely]] {
      fail();
    }
  }
};

bool same_digest(const std::uint8_t* a, const std::uint8_t* b) {
  return a == nullptr || b == nullptr ? a == b : std::memcmp(a, b, sizeof(Digest::bytes)) == 0;
}

/// Reads the fields that `mask` names on top of `base`. A field named without need is an error.
ContentView read_content(Input& in, const ContentView& base, unsigned mask) {
  ContentView content = base;
  if ((mask & bits::kDiffSize) != 0) {
    content.size = in.varint();
    in.require(content.size != base.size);
  }
  if ((mask & bits::kDiffMtime) != 0) {
    content.mtime.ns = bits::moved(base.mtime.ns, in.signed_number());
    in.require(content.mtime != base.mtime);
  }
  if ((mask & bits::kDiffDigest) != 0) {
    const std::uint8_t present = in.u8();
    in.require(present <= 1);
    content.digest = present == 1 ? in.raw(sizeof(Digest::bytes)) : nullptr;
    in.require(!same_digest(content.digest, base.digest));
  }
  if ((mask & bits::kDiffLinkTarget) != 0) {
    content.link_target = in.string();
    in.require(content.link_target != base.link_target);
  }
  return content;
}

ValueView read_value(Input& in, const ValueView& base) {
  ValueView value = base;
  const unsigned mask = in.u8();
  in.require(mask != 0);
  if ((mask & bits::kDiffParent) != 0) {
    value.parent.value = in.varint();
    in.require(value.parent != base.parent);
  }
  if ((mask & bits::kDiffName) != 0) {
    value.name = in.string();
    in.require(value.name != base.name);
  }
  if ((mask & (bits::kDiffParent | bits::kDiffName)) != 0) {
    in.require(value.parent == kNoNode ? value.name.empty() : is_valid_name(value.name));
  }
  if ((mask & bits::kDiffKind) != 0) {
    const std::uint8_t kind = in.u8();
    in.require(kind <= static_cast<std::uint8_t>(tree::Kind::kOther));
    value.kind = static_cast<tree::Kind>(kind & bits::kRecordKind);
    in.require(value.kind != base.kind);
  }
  value.content = read_content(in, base.content, mask);
  if ((mask & bits::kDiffAttributes) != 0) {
    value.attributes.mode = in.u32();
    value.attributes.xattrs = in.varint();
    in.require(value.attributes != base.attributes);
  }
  return value;
}

void read_fingerprint(Input& in, const ContentView& content, PageContext::Side& context,
                      FingerprintView& print) {
  const unsigned head = in.u8();
  print.id = 0;
  if ((head & bits::kPrintId) != 0) {
    print.id = bits::moved(context.id, in.signed_number());
    in.require(print.id != 0);
    context.id = print.id;
  }
  print.size = content.size;
  if ((head & bits::kPrintSameSize) == 0) {
    print.size = in.varint();
    in.require(print.size != content.size);
  }
  print.mtime = content.mtime;
  if ((head & bits::kPrintSameMtime) == 0) {
    print.mtime.ns = bits::moved(content.mtime.ns, in.signed_number());
    in.require(print.mtime != content.mtime);
  }
  print.ctime.ns = 0;
  if ((head & bits::kPrintCtime) != 0) {
    print.ctime.ns = bits::moved(context.ctime_ns, in.signed_number());
    in.require(print.ctime.ns != 0);
    context.ctime_ns = print.ctime.ns;
  }
  print.birth_ns = 0;
  if ((head & bits::kPrintBirth) != 0) {
    print.birth_ns = bits::moved(print.ctime.ns, in.signed_number());
    in.require(print.birth_ns != 0);
  }
  print.link_count = 1;
  if ((head & bits::kPrintOneLink) == 0) {
    print.link_count = in.u32();
    in.require(print.link_count != 1);
  }
  print.racy = (head & bits::kPrintRacy) != 0;
  print.revision = {};
  if ((head & bits::kPrintRevision) != 0) {
    print.revision = in.string();
    in.require(!print.revision.empty());
  }
}

void read_side(Input& in, const ValueView& base, PageContext::Side& context, SideView& side) {
  const unsigned head = in.u8();
  const bool acknowledged = (head & bits::kSideAcknowledged) != 0;
  const bool differs = (head & bits::kSideDiffers) != 0;
  side.assumed = (head & bits::kSideAssumed) != 0;
  side.is_waived = (head & bits::kSideWaived) != 0;
  in.require((head & bits::kSideUnused) == 0 && (acknowledged || !(differs || side.assumed)));
  side.state = SideState::kAbsent;
  if (acknowledged) {
    side.state = differs ? SideState::kDiffers : SideState::kSame;
    if (differs) {
      side.value = read_value(in, base);
    }
    read_fingerprint(in, differs ? side.value.content : base.content, context, side.fingerprint);
  }
  if (side.is_waived) {
    const unsigned mask = in.u8();
    in.require((mask & ~bits::kDiffContent) == 0);
    side.waived = read_content(in, base.content, mask);
  }
}

void read_agreed(Input& in, unsigned head, PageContext& context, RecordView& record) {
  record.id.value = bits::moved(context.id, in.signed_number());
  context.id = record.id.value;
  ValueView& value = record.agreed;
  value.kind = static_cast<tree::Kind>(head & bits::kRecordKind);
  if ((head & bits::kRecordSameMode) == 0) {
    const std::uint32_t mode = in.u32();
    in.require(mode != context.mode);
    context.mode = mode;
  }
  value.attributes.mode = context.mode;
  value.attributes.xattrs = 0;
  if ((head & bits::kRecordXattrs) != 0) {
    value.attributes.xattrs = in.u64_raw();
    in.require(value.attributes.xattrs != 0);
  }
  value.content.size = in.varint();
  value.content.mtime.ns = bits::moved(context.mtime_ns, in.signed_number());
  context.mtime_ns = value.content.mtime.ns;
  value.content.digest =
      (head & bits::kRecordDigest) != 0 ? in.raw(sizeof(Digest::bytes)) : nullptr;
  value.content.link_target = {};
  if ((head & bits::kRecordLinkTarget) != 0) {
    value.content.link_target = in.string();
    in.require(!value.content.link_target.empty());
  }
}

bool has_forbidden_byte(std::string_view text) {
  for (const char byte : text) {
    if (byte == '/' || byte == '\0') {
      return true;
    }
  }
  return false;
}

/// Puts the next name behind its shared prefix in `buffer`; a name that doesn't come after the one
/// before, or that shares more with it than it says, is an error.
std::size_t read_name(Input& in, NodeId directory, std::size_t previous_size, bool is_first,
                      char* buffer) {
  const std::uint64_t shared = in.varint();
  const std::string_view rest = in.string();
  if (directory == kNoNode) {
    in.require(is_first && shared == 0 && rest.empty());
    return 0;
  }
  if (shared > previous_size || rest.empty() || shared + rest.size() > kMaxNameBytes ||
      has_forbidden_byte(rest)) {
    in.fail();
    return 0;
  }
  if (shared < previous_size &&
      static_cast<std::uint8_t>(rest.front()) <= static_cast<std::uint8_t>(buffer[shared])) {
    in.fail();
    return 0;
  }
  std::memcpy(buffer + shared, rest.data(), rest.size());
  const std::size_t size = shared + rest.size();
  if (size <= 2 && buffer[0] == '.') {
    in.require(is_valid_name({buffer, size}));
  }
  return size;
}

tree::Content to_content(const ContentView& view) {
  tree::Content content;
  content.size = view.size;
  content.mtime = view.mtime;
  if (view.digest != nullptr) {
    std::memcpy(content.digest.emplace().bytes.data(), view.digest, sizeof(Digest::bytes));
  }
  content.link_target = view.link_target;
  return content;
}

tree::NodeValue to_value(const ValueView& view) {
  return {.parent = view.parent,
          .name = std::string(view.name),
          .kind = view.kind,
          .content = to_content(view.content),
          .attributes = view.attributes};
}

tree::ReplicaSide to_side(const SideView& view, const ValueView& base) {
  tree::ReplicaSide side;
  if (view.state != SideState::kAbsent) {
    tree::Acknowledged& known = side.acknowledged.emplace();
    known.value = to_value(view.state == SideState::kSame ? base : view.value);
    known.assumed = view.assumed;
    const FingerprintView& print = view.fingerprint;
    known.fingerprint = {.id = print.id,
                         .birth_ns = print.birth_ns,
                         .size = print.size,
                         .mtime = print.mtime,
                         .ctime = print.ctime,
                         .link_count = print.link_count,
                         .racy = print.racy,
                         .revision = std::string(print.revision)};
  }
  if (view.is_waived) {
    side.waived = to_content(view.waived);
  }
  return side;
}

Error corrupt_page() {
  return {Code::kCorrupt, "a page of the state is damaged"};
}

}  // namespace

PageCursor::PageCursor(BytesView page, NodeId directory)
    : at_(page.data()), end_(page.data() + page.size()), directory_(directory) {
  Input in{at_, end_};
  in.require(in.u8() == bits::kPageVersion);
  const std::uint64_t count = in.varint();
  const std::uint64_t sides = in.varint();
  in.require(count > 0 && count <= kMaxPageRecords && sides <= kMaxSides);
  ok_ = in.ok;
  if (ok_) {
    at_ = in.at;
    count_ = count;
    page_sides_ = static_cast<std::uint32_t>(sides);
  }
}

bool PageCursor::fail() {
  ok_ = false;
  return false;
}

bool PageCursor::next() {
  if (!ok_) {
    return false;
  }
  if (read_ == count_) {
    // Bytes behind the last record would be a second encoding of the same page.
    return at_ == end_ ? false : fail();
  }
  return read_record();
}

bool PageCursor::read_record() {
  Input in{at_, end_};
  name_size_ = read_name(in, directory_, name_size_, read_ == 0, name_.data());
  const unsigned head = in.u8();
  in.require((head & bits::kRecordUnused) == 0);
  record_.agreed.parent = directory_;
  record_.agreed.name = {name_.data(), name_size_};
  read_agreed(in, head, context_, record_);
  in.require(record_.id != kNoNode && (record_.id == kRootNode) == (directory_ == kNoNode));
  record_.side_count = page_sides_;
  if ((head & bits::kRecordOwnSideCount) != 0) {
    const std::uint64_t sides = in.varint();
    if (read_ == 0 || sides > kMaxSides || sides == page_sides_) {
      return fail();
    }
    record_.side_count = static_cast<std::uint32_t>(sides);
  }
  for (std::uint32_t side = 0; side < record_.side_count && in.ok; ++side) {
    read_side(in, record_.agreed, context_.sides[side], record_.sides[side]);
  }
  if (!in.ok) {
    return fail();
  }
  at_ = in.at;
  ++read_;
  return true;
}

tree::NodeRecord to_record(const RecordView& view) {
  tree::NodeRecord record;
  record.id = view.id;
  record.agreed = to_value(view.agreed);
  record.sides.reserve(view.side_count);
  for (std::uint32_t side = 0; side < view.side_count; ++side) {
    record.sides.push_back(to_side(view.sides[side], view.agreed));
  }
  return record;
}

Result<std::vector<tree::NodeRecord>> decode_page(BytesView page, NodeId directory) {
  PageCursor cursor(page, directory);
  std::vector<tree::NodeRecord> records;
  records.reserve(cursor.count());
  while (cursor.next()) {
    records.push_back(to_record(cursor.record()));
  }
  if (!cursor.ok()) {
    return corrupt_page();
  }
  return records;
}

Result<tree::NodeRecord> decode_detached(BytesView body) {
  Input in{body.data(), body.data() + body.size()};
  in.require(in.u8() == bits::kDetachedVersion);
  tree::NodeRecord record;
  record.id.value = in.varint();
  const std::uint64_t sides = in.varint();
  in.require(record.id != kNoNode && sides <= kMaxSides);
  const ValueView nothing;
  PageContext context;
  for (std::size_t index = 0; index < sides && in.ok; ++index) {
    SideView side;
    read_side(in, nothing, context.sides[index], side);
    record.sides.push_back(to_side(side, nothing));
  }
  if (!in.ok || in.at != in.end) {
    return corrupt_page();
  }
  return record;
}

}  // namespace ox::state
