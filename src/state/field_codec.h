#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/rel_path.h"
#include "base/time.h"
#include "tree/entry.h"

/// Fields that several records of the journal share. Readers never fail by themselves: the first
/// thing that can't be sticks in the ByteReader.
namespace ox::state::field {

/// A string by what it shares with `previous`; the shared part is as long as can be.
void put_shared(ByteWriter& out, std::string_view previous, std::string_view text);
std::string get_shared(ByteReader& in, std::string_view previous);

/// As put_shared, for paths.
void put_path(ByteWriter& out, const RelPath& previous, const RelPath& path);
RelPath get_path(ByteReader& in, const RelPath& previous);

/// A path that was put as a plain string.
RelPath get_whole_path(ByteReader& in);

void put_time(ByteWriter& out, Timestamp time);
Timestamp get_time(ByteReader& in);

void put_content(ByteWriter& out, const tree::Content& content);
tree::Content get_content(ByteReader& in);

/// An entry; a name that is `usual_name` takes no room.
void put_entry(ByteWriter& out, const tree::Entry& entry, std::string_view usual_name);
tree::Entry get_entry(ByteReader& in, std::string_view usual_name);

/// A byte of which only the bits in `known` may be set.
unsigned get_flags(ByteReader& in, unsigned known);
std::uint32_t get_u32(ByteReader& in);
/// A number of things that take at least one byte each.
std::size_t get_count(ByteReader& in);

}  // namespace ox::state::field
