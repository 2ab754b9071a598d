#include <algorithm>

#include "base/expects.h"
#include "base/rel_path.h"
#include "state/page.h"
#include "state/page_bits.h"

namespace ox::state {
namespace {

using tree::Content;
using tree::NodeRecord;
using tree::NodeValue;

void put_u64_raw(ByteWriter& out, std::uint64_t number) {
  for (unsigned shift = 0; shift < 64; shift += 8) {
    out.put_u8(static_cast<std::uint8_t>(number >> shift));
  }
}

unsigned content_difference(const Content& content, const Content& base) {
  return (content.size != base.size ? bits::kDiffSize : 0U) |
         (content.mtime != base.mtime ? bits::kDiffMtime : 0U) |
         (content.digest != base.digest ? bits::kDiffDigest : 0U) |
         (content.link_target != base.link_target ? bits::kDiffLinkTarget : 0U);
}

unsigned value_difference(const NodeValue& value, const NodeValue& base) {
  return (value.parent != base.parent ? bits::kDiffParent : 0U) |
         (value.name != base.name ? bits::kDiffName : 0U) |
         (value.kind != base.kind ? bits::kDiffKind : 0U) |
         content_difference(value.content, base.content) |
         (value.attributes != base.attributes ? bits::kDiffAttributes : 0U);
}

void put_content(ByteWriter& out, const Content& content, const Content& base, unsigned mask) {
  if ((mask & bits::kDiffSize) != 0) {
    out.put_varint(content.size);
  }
  if ((mask & bits::kDiffMtime) != 0) {
    out.put_signed(bits::distance(content.mtime.ns, base.mtime.ns));
  }
  if ((mask & bits::kDiffDigest) != 0) {
    out.put_u8(content.digest ? 1 : 0);
    if (content.digest) {
      out.put_raw(content.digest->bytes);
    }
  }
  if ((mask & bits::kDiffLinkTarget) != 0) {
    out.put_string(content.link_target);
  }
}

void put_value(ByteWriter& out, const NodeValue& value, const NodeValue& base, unsigned mask) {
  out.put_u8(static_cast<std::uint8_t>(mask));
  if ((mask & bits::kDiffParent) != 0) {
    out.put_varint(value.parent.value);
  }
  if ((mask & bits::kDiffName) != 0) {
    out.put_string(value.name);
  }
  if ((mask & bits::kDiffKind) != 0) {
    out.put_u8(static_cast<std::uint8_t>(value.kind));
  }
  put_content(out, value.content, base.content, mask);
  if ((mask & bits::kDiffAttributes) != 0) {
    out.put_varint(value.attributes.mode);
    out.put_varint(value.attributes.xattrs);
  }
}

void put_fingerprint(ByteWriter& out, const tree::Fingerprint& print, const Content& content,
                     PageContext::Side& context) {
  const unsigned head =
      (print.size == content.size ? bits::kPrintSameSize : 0U) |
      (print.mtime == content.mtime ? bits::kPrintSameMtime : 0U) |
      (print.ctime.ns != 0 ? bits::kPrintCtime : 0U) |
      (print.link_count == 1 ? bits::kPrintOneLink : 0U) | (print.racy ? bits::kPrintRacy : 0U) |
      (print.birth_ns != 0 ? bits::kPrintBirth : 0U) |
      (!print.revision.empty() ? bits::kPrintRevision : 0U) | (print.id != 0 ? bits::kPrintId : 0U);
  out.put_u8(static_cast<std::uint8_t>(head));
  if (print.id != 0) {
    out.put_signed(bits::distance(print.id, context.id));
    context.id = print.id;
  }
  if (print.size != content.size) {
    out.put_varint(print.size);
  }
  if (print.mtime != content.mtime) {
    out.put_signed(bits::distance(print.mtime.ns, content.mtime.ns));
  }
  if (print.ctime.ns != 0) {
    out.put_signed(bits::distance(print.ctime.ns, context.ctime_ns));
    context.ctime_ns = print.ctime.ns;
  }
  if (print.birth_ns != 0) {
    out.put_signed(bits::distance(print.birth_ns, print.ctime.ns));
  }
  if (print.link_count != 1) {
    out.put_varint(print.link_count);
  }
  if (!print.revision.empty()) {
    out.put_string(print.revision);
  }
}

void put_side(ByteWriter& out, const tree::ReplicaSide& side, const NodeValue& base,
              PageContext::Side& context) {
  const unsigned mask = side.acknowledged ? value_difference(side.acknowledged->value, base) : 0U;
  const unsigned head =
      (side.acknowledged ? bits::kSideAcknowledged : 0U) |
      (side.acknowledged && side.acknowledged->assumed ? bits::kSideAssumed : 0U) |
      (side.waived ? bits::kSideWaived : 0U) | (mask != 0 ? bits::kSideDiffers : 0U);
  out.put_u8(static_cast<std::uint8_t>(head));
  if (mask != 0) {
    put_value(out, side.acknowledged->value, base, mask);
  }
  if (side.acknowledged) {
    put_fingerprint(out, side.acknowledged->fingerprint, side.acknowledged->value.content, context);
  }
  if (side.waived) {
    const unsigned waived = content_difference(*side.waived, base.content);
    out.put_u8(static_cast<std::uint8_t>(waived));
    put_content(out, *side.waived, base.content, waived);
  }
}

void put_agreed(ByteWriter& out, const NodeRecord& record, std::size_t page_sides,
                PageContext& context) {
  const NodeValue& value = *record.agreed;
  const Content& content = value.content;
  const bool own_count = record.sides.size() != page_sides;
  const unsigned head = static_cast<unsigned>(value.kind) |
                        (content.digest ? bits::kRecordDigest : 0U) |
                        (!content.link_target.empty() ? bits::kRecordLinkTarget : 0U) |
                        (value.attributes.xattrs != 0 ? bits::kRecordXattrs : 0U) |
                        (value.attributes.mode == context.mode ? bits::kRecordSameMode : 0U) |
                        (own_count ? bits::kRecordOwnSideCount : 0U);
  out.put_u8(static_cast<std::uint8_t>(head));
  out.put_signed(bits::distance(record.id.value, context.id));
  if (value.attributes.mode != context.mode) {
    out.put_varint(value.attributes.mode);
  }
  if (value.attributes.xattrs != 0) {
    put_u64_raw(out, value.attributes.xattrs);
  }
  out.put_varint(content.size);
  out.put_signed(bits::distance(content.mtime.ns, context.mtime_ns));
  if (content.digest) {
    out.put_raw(content.digest->bytes);
  }
  if (!content.link_target.empty()) {
    out.put_string(content.link_target);
  }
  if (own_count) {
    out.put_varint(record.sides.size());
  }
  context.id = record.id.value;
  context.mtime_ns = content.mtime.ns;
  context.mode = value.attributes.mode;
}

Result<void> check_place(const NodeValue& value) {
  const bool valid = value.parent == kNoNode ? value.name.empty() : is_valid_name(value.name);
  if (!valid) {
    return Error(Code::kInvalidArgument, "no name that a node can have").with_context(value.name);
  }
  return {};
}

}  // namespace

Result<void> check_record(const NodeRecord& record) {
  if (record.id == kNoNode) {
    return Error(Code::kInvalidArgument, "a record needs a node");
  }
  if (record.sides.size() > kMaxSides) {
    return Error(Code::kInvalidArgument, "a rule has at most 16 replicas");
  }
  if (record.agreed) {
    TRY(check_place(*record.agreed));
    if ((record.agreed->parent == kNoNode) != (record.id == kRootNode)) {
      return Error(Code::kInvalidArgument, "the root and nothing else has no parent");
    }
  }
  for (const tree::ReplicaSide& side : record.sides) {
    if (side.acknowledged) {
      TRY(check_place(side.acknowledged->value));
    }
  }
  return {};
}

Bytes encode_page(std::span<const NodeRecord* const> records) {
  expects(!records.empty() && records.size() <= kMaxPageRecords);
  const std::size_t page_sides = records.front()->sides.size();
  ByteWriter out;
  out.put_u8(bits::kPageVersion);
  out.put_varint(records.size());
  out.put_varint(page_sides);
  PageContext context;
  std::string_view previous;
  for (const NodeRecord* record : records) {
    const NodeValue& value = *record->agreed;
    expects(value.parent == records.front()->agreed->parent);
    expects(record == records.front() || previous < value.name);
    expects(record->sides.size() <= kMaxSides);
    const std::string_view name = value.name;
    const auto split = std::mismatch(previous.begin(), previous.end(), name.begin(), name.end());
    const auto shared = static_cast<std::size_t>(split.first - previous.begin());
    out.put_varint(shared);
    out.put_string(name.substr(shared));
    put_agreed(out, *record, page_sides, context);
    for (std::size_t side = 0; side < record->sides.size(); ++side) {
      put_side(out, record->sides[side], value, context.sides[side]);
    }
    previous = name;
  }
  return out.take();
}

Bytes encode_detached(const NodeRecord& record) {
  expects(!record.agreed && record.sides.size() <= kMaxSides);
  ByteWriter out;
  out.put_u8(bits::kDetachedVersion);
  out.put_varint(record.id.value);
  out.put_varint(record.sides.size());
  const NodeValue nothing;
  PageContext context;
  for (std::size_t side = 0; side < record.sides.size(); ++side) {
    put_side(out, record.sides[side], nothing, context.sides[side]);
  }
  return out.take();
}

}  // namespace ox::state
