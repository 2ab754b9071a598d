#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tree/record.h"

/// The packed form of a directory's children: up to 256 records a page, in byte order of their
/// agreed names. Exact format: docs/formats/state.md.
namespace ox::state {

inline constexpr std::size_t kMaxPageRecords = 256;
inline constexpr std::size_t kMaxSides = 16;
inline constexpr std::size_t kMaxNameBytes = 4096;

/// tree::Content without owning anything.
struct ContentView {
  std::uint64_t size = 0;
  Timestamp mtime;
  const std::uint8_t* digest = nullptr;  ///< 32 bytes, or null
  std::string_view link_target;
};

/// tree::NodeValue without owning anything.
struct ValueView {
  NodeId parent = kNoNode;
  std::string_view name;
  tree::Kind kind = tree::Kind::kFile;
  ContentView content;
  tree::Attributes attributes;
};

/// tree::Fingerprint without owning anything.
struct FingerprintView {
  std::uint64_t id = 0;
  std::int64_t birth_ns = 0;
  std::uint64_t size = 0;
  Timestamp mtime;
  Timestamp ctime;
  std::uint32_t link_count = 1;
  bool racy = false;
  std::string_view revision;

  /// As tree::Fingerprint::same_version.
  bool same_version(const tree::Fingerprint& other) const {
    return id == other.id && birth_ns == other.birth_ns && size == other.size &&
           mtime == other.mtime && ctime == other.ctime && revision == other.revision;
  }
};

enum class SideState : std::uint8_t {
  kAbsent,   ///< nothing acknowledged
  kSame,     ///< the acknowledged value is the agreed value
  kDiffers,  ///< it is SideView::value
};

struct SideView {
  SideState state = SideState::kAbsent;
  bool assumed = false;
  bool is_waived = false;
  FingerprintView fingerprint;  ///< meaningless when kAbsent
  ValueView value;              ///< meaningless unless kDiffers
  ContentView waived;           ///< meaningless unless is_waived
};

struct RecordView {
  NodeId id;
  ValueView agreed;
  std::uint32_t side_count = 0;
  std::array<SideView, kMaxSides> sides;
};

/// What the delta coding of a record needs to know of the records before it in its page.
struct PageContext {
  struct Side {
    std::uint64_t id = 0;
    std::int64_t ctime_ns = 0;
  };
  std::uint64_t id = 0;
  std::int64_t mtime_ns = 0;
  std::uint32_t mode = 0;
  std::array<Side, kMaxSides> sides{};
};

/// Walks over a page without allocating. Views point into the page and into the cursor and last
/// until the next call of next(). Not thread-safe.
///
///     PageCursor cursor(page, directory);
///     while (cursor.next()) { use(cursor.record()); }
///     if (!cursor.ok()) { the page is corrupt, disbelieve all of it }
class PageCursor {
 public:
  /// `directory` is the agreed parent of all records; kNoNode for the page that holds the root.
  PageCursor(BytesView page, NodeId directory);
  PageCursor(const PageCursor&) = delete;
  PageCursor& operator=(const PageCursor&) = delete;

  /// Number of records the page announces; 0 when its head is damaged.
  std::size_t count() const { return count_; }
  /// Steps to the next record; false after the last one and at the first damaged byte.
  bool next();
  const RecordView& record() const { return record_; }
  bool ok() const { return ok_; }

 private:
  bool fail();
  bool read_record();

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  NodeId directory_;
  std::size_t count_ = 0;
  std::size_t read_ = 0;
  std::uint32_t page_sides_ = 0;
  std::size_t name_size_ = 0;
  bool ok_ = true;
  PageContext context_;
  RecordView record_;
  std::array<char, kMaxNameBytes> name_;
};

/// An owning copy of what the cursor shows.
tree::NodeRecord to_record(const RecordView& view);

/// kInvalidArgument for what the state can't hold: more than kMaxSides sides, a name that is no
/// name, a root that is not kRootNode or the other way round.
Result<void> check_record(const tree::NodeRecord& record);

/// Packs 1 to kMaxPageRecords records. Contract: all pass check_record, have an agreed value with
/// one common parent, and stand in strictly ascending byte order of their names.
Bytes encode_page(std::span<const tree::NodeRecord* const> records);

/// Strict inverse: kCorrupt for any bytes that encode_page doesn't write.
Result<std::vector<tree::NodeRecord>> decode_page(BytesView page, NodeId directory);

/// A record without an agreed value, on its own. Contract: passes check_record.
Bytes encode_detached(const tree::NodeRecord& record);
Result<tree::NodeRecord> decode_detached(BytesView body);

}  // namespace ox::state
