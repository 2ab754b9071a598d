#include "state/field_codec.h"

#include <algorithm>
#include <cstring>

#include "state/page_bits.h"

namespace ox::state::field {
namespace {

constexpr unsigned kContentDigest = 0x01;
constexpr unsigned kContentLinkTarget = 0x02;

constexpr unsigned kEntryKind = 0x03;
constexpr unsigned kEntryOwnName = 0x04;
constexpr unsigned kEntryXattrs = 0x08;

constexpr unsigned kPrintAll = 0xFF;

void require(ByteReader& in, bool condition) {
  if (!condition) {
    in.fail();
  }
}

void put_fingerprint(ByteWriter& out, const tree::Fingerprint& print,
                     const tree::Content& content) {
  const unsigned head =
      (print.size == content.size ? bits::kPrintSameSize : 0U) |
      (print.mtime == content.mtime ? bits::kPrintSameMtime : 0U) |
      (print.ctime.ns != 0 ? bits::kPrintCtime : 0U) |
      (print.link_count == 1 ? bits::kPrintOneLink : 0U) | (print.racy ? bits::kPrintRacy : 0U) |
      (print.birth_ns != 0 ? bits::kPrintBirth : 0U) |
      (!print.revision.empty() ? bits::kPrintRevision : 0U) | (print.id != 0 ? bits::kPrintId : 0U);
  out.put_u8(static_cast<std::uint8_t>(head));
  if (print.id != 0) {
    out.put_varint(print.id);
  }
  if (print.size != content.size) {
    out.put_varint(print.size);
  }
  if (print.mtime != content.mtime) {
    put_time(out, print.mtime);
  }
  if (print.ctime.ns != 0) {
    out.put_signed(bits::distance(print.ctime.ns, print.mtime.ns));
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

tree::Fingerprint get_fingerprint(ByteReader& in, const tree::Content& content) {
  tree::Fingerprint print;
  const unsigned head = get_flags(in, kPrintAll);
  if ((head & bits::kPrintId) != 0) {
    print.id = in.get_varint();
    require(in, print.id != 0);
  }
  print.size = content.size;
  if ((head & bits::kPrintSameSize) == 0) {
    print.size = in.get_varint();
    require(in, print.size != content.size);
  }
  print.mtime = content.mtime;
  if ((head & bits::kPrintSameMtime) == 0) {
    print.mtime = get_time(in);
    require(in, print.mtime != content.mtime);
  }
  if ((head & bits::kPrintCtime) != 0) {
    print.ctime.ns = bits::moved(print.mtime.ns, in.get_signed());
    require(in, print.ctime.ns != 0);
  }
  if ((head & bits::kPrintBirth) != 0) {
    print.birth_ns = bits::moved(print.ctime.ns, in.get_signed());
    require(in, print.birth_ns != 0);
  }
  if ((head & bits::kPrintOneLink) == 0) {
    print.link_count = get_u32(in);
    require(in, print.link_count != 1);
  }
  print.racy = (head & bits::kPrintRacy) != 0;
  if ((head & bits::kPrintRevision) != 0) {
    print.revision = in.get_string();
    require(in, !print.revision.empty());
  }
  return print;
}

RelPath checked_path(ByteReader& in, std::string_view text) {
  auto path = RelPath::parse(text);
  if (!path.ok()) {
    in.fail();
    return {};
  }
  return *std::move(path);
}

}  // namespace

void put_shared(ByteWriter& out, std::string_view previous, std::string_view text) {
  const auto split = std::mismatch(previous.begin(), previous.end(), text.begin(), text.end());
  const auto shared = static_cast<std::size_t>(split.first - previous.begin());
  out.put_varint(shared);
  out.put_string(text.substr(shared));
}

std::string get_shared(ByteReader& in, std::string_view previous) {
  const std::uint64_t shared = in.get_varint();
  const std::string_view rest = in.get_string();
  const bool could_share_more =
      shared < previous.size() && !rest.empty() && previous[shared] == rest.front();
  if (shared > previous.size() || could_share_more) {
    in.fail();
    return {};
  }
  std::string text(previous.substr(0, shared));
  text += rest;
  return text;
}

void put_path(ByteWriter& out, const RelPath& previous, const RelPath& path) {
  put_shared(out, previous.text(), path.text());
}

RelPath get_path(ByteReader& in, const RelPath& previous) {
  return checked_path(in, get_shared(in, previous.text()));
}

RelPath get_whole_path(ByteReader& in) {
  return checked_path(in, in.get_string());
}

void put_time(ByteWriter& out, Timestamp time) {
  out.put_signed(time.ns);
}

Timestamp get_time(ByteReader& in) {
  return {in.get_signed()};
}

void put_content(ByteWriter& out, const tree::Content& content) {
  const unsigned head = (content.digest ? kContentDigest : 0U) |
                        (!content.link_target.empty() ? kContentLinkTarget : 0U);
  out.put_u8(static_cast<std::uint8_t>(head));
  out.put_varint(content.size);
  put_time(out, content.mtime);
  if (content.digest) {
    out.put_raw(content.digest->bytes);
  }
  if (!content.link_target.empty()) {
    out.put_string(content.link_target);
  }
}

tree::Content get_content(ByteReader& in) {
  tree::Content content;
  const unsigned head = get_flags(in, kContentDigest | kContentLinkTarget);
  content.size = in.get_varint();
  content.mtime = get_time(in);
  if ((head & kContentDigest) != 0) {
    const BytesView raw = in.get_raw(sizeof(Digest::bytes));
    if (in.ok()) {
      std::memcpy(content.digest.emplace().bytes.data(), raw.data(), raw.size());
    }
  }
  if ((head & kContentLinkTarget) != 0) {
    content.link_target = in.get_string();
    require(in, !content.link_target.empty());
  }
  return content;
}

void put_entry(ByteWriter& out, const tree::Entry& entry, std::string_view usual_name) {
  const bool own_name = entry.name != usual_name;
  const unsigned head = static_cast<unsigned>(entry.kind) | (own_name ? kEntryOwnName : 0U) |
                        (entry.attributes.xattrs != 0 ? kEntryXattrs : 0U);
  out.put_u8(static_cast<std::uint8_t>(head));
  if (own_name) {
    out.put_string(entry.name);
  }
  put_content(out, entry.content);
  out.put_varint(entry.attributes.mode);
  if (entry.attributes.xattrs != 0) {
    out.put_varint(entry.attributes.xattrs);
  }
  put_fingerprint(out, entry.fingerprint, entry.content);
}

tree::Entry get_entry(ByteReader& in, std::string_view usual_name) {
  tree::Entry entry;
  const unsigned head = get_flags(in, kEntryKind | kEntryOwnName | kEntryXattrs);
  entry.kind = static_cast<tree::Kind>(head & kEntryKind);
  entry.name = usual_name;
  if ((head & kEntryOwnName) != 0) {
    entry.name = in.get_string();
    require(in, entry.name != usual_name);
  }
  entry.content = get_content(in);
  entry.attributes.mode = get_u32(in);
  if ((head & kEntryXattrs) != 0) {
    entry.attributes.xattrs = in.get_varint();
    require(in, entry.attributes.xattrs != 0);
  }
  entry.fingerprint = get_fingerprint(in, entry.content);
  return entry;
}

unsigned get_flags(ByteReader& in, unsigned known) {
  const unsigned flags = in.get_u8();
  require(in, (flags & ~known) == 0);
  return flags;
}

std::uint32_t get_u32(ByteReader& in) {
  const std::uint64_t value = in.get_varint();
  require(in, value <= UINT32_MAX);
  return static_cast<std::uint32_t>(value);
}

std::size_t get_count(ByteReader& in) {
  const std::uint64_t count = in.get_varint();
  if (count > in.remaining()) {
    in.fail();
    return 0;
  }
  return count;
}

}  // namespace ox::state::field
