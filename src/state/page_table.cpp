#include "state/page_table.h"

#include <algorithm>
#include <deque>

#include "state/checksum.h"
#include "state/page.h"
#include "state/page_edit.h"

namespace ox::state {
namespace {

using tree::NodeRecord;

constexpr char kPagesOfDirectory[] = "SELECT body FROM page WHERE directory=? ORDER BY first_name";
constexpr char kPageOfName[] =
    "SELECT first_name, body FROM page WHERE directory=? AND first_name<=? "
    "ORDER BY first_name DESC LIMIT 1";
constexpr char kFirstPage[] =
    "SELECT first_name, body FROM page WHERE directory=? ORDER BY first_name LIMIT 1";
constexpr char kNextPage[] =
    "SELECT first_name, body FROM page WHERE directory=? AND first_name>? "
    "ORDER BY first_name LIMIT 1";
constexpr char kNextName[] =
    "SELECT first_name FROM page WHERE directory=? AND first_name>? ORDER BY first_name LIMIT 1";
constexpr char kPutPage[] =
    "INSERT OR REPLACE INTO page(directory, first_name, body) VALUES(?,?,?)";
constexpr char kDropPage[] = "DELETE FROM page WHERE directory=? AND first_name=?";
constexpr char kAnyDetached[] = "SELECT EXISTS(SELECT 1 FROM detached)";
constexpr char kPutDetached[] = "INSERT OR REPLACE INTO detached(node, body) VALUES(?,?)";
constexpr char kDropDetached[] = "DELETE FROM detached WHERE node=?";
constexpr char kAllDetached[] = "SELECT body FROM detached ORDER BY node";
constexpr char kAnyUnsettled[] = "SELECT EXISTS(SELECT 1 FROM unsettled)";
constexpr char kPutUnsettled[] =
    "INSERT OR REPLACE INTO unsettled(node, directory, name) VALUES(?,?,?)";
constexpr char kDropUnsettled[] = "DELETE FROM unsettled WHERE node=?";
constexpr char kAllUnsettled[] = "SELECT node, directory, name FROM unsettled ORDER BY node";

Error damaged(const char* message) {
  return {Code::kCorrupt, message};
}

struct LoadedPage {
  std::string first_name;
  std::vector<NodeRecord> records;
};

Result<std::optional<LoadedPage>> load_page(Database& database, const char* sql, NodeId directory,
                                            std::optional<std::string_view> name) {
  TRY_ASSIGN(Query query, database.query(sql));
  query.bind(directory.value);
  if (name) {
    query.bind(*name);
  }
  TRY_ASSIGN(const bool found, query.step());
  if (!found) {
    return std::optional<LoadedPage>();
  }
  LoadedPage page;
  page.first_name = as_text_view(query.bytes(0));
  TRY_ASSIGN(const BytesView body, query.body(1));
  TRY_ASSIGN(page.records, decode_page(body, directory));
  if (page.records.front().agreed->name != page.first_name) {
    return damaged("a page of the state stands under a wrong name");
  }
  return std::optional<LoadedPage>(std::move(page));
}

/// Rewrites the pages of one directory from left to right. Each round takes the page that the first
/// edit left falls into, with all edits up to the next page.
class DirectoryEditor {
 public:
  DirectoryEditor(Database& database, std::span<const PageEdit> edits)
      : database_(database), directory_(edits.front().directory), edits_(edits) {}

  Result<void> run() {
    while (!edits_.empty()) {
      TRY(edit_one());
    }
    return {};
  }

 private:
  Result<void> edit_one() {
    old_.clear();
    merged_.clear();
    const std::string_view name = edits_.front().name;
    TRY_ASSIGN(std::optional<LoadedPage> page, load_page(database_, kPageOfName, directory_, name));
    if (!page) {
      TRY_ASSIGN(page, load_page(database_, kFirstPage, directory_, std::nullopt));
    }
    std::optional<std::string> next;
    if (page) {
      old_.push_back(std::move(*page));
      TRY_ASSIGN(next, next_name(old_.back().first_name));
    } else {
      old_.emplace_back();
    }
    const bool appends =
        !next && (old_.back().records.empty() || old_.back().records.back().agreed->name < name);
    TRY(merge_up_to(next));
    while (!merged_.empty() && merged_.size() < kJoinBelowRecords && next) {
      TRY_ASSIGN(page, load_page(database_, kNextPage, directory_, old_.back().first_name));
      if (!page) {
        return damaged("a page of the state is gone");
      }
      old_.push_back(std::move(*page));
      TRY_ASSIGN(next, next_name(old_.back().first_name));
      TRY(merge_up_to(next));
    }
    return write(cut_into_pages(merged_, appends ? Filling::kFull : Filling::kEven));
  }

  Result<std::optional<std::string>> next_name(std::string_view first_name) {
    TRY_ASSIGN(Query query, database_.query(kNextName));
    query.bind(directory_.value).bind(first_name);
    TRY_ASSIGN(const bool found, query.step());
    return found ? std::optional<std::string>(as_text_view(query.bytes(0))) : std::nullopt;
  }

  Result<void> merge_up_to(const std::optional<std::string>& next) {
    const auto end =
        next ? std::partition_point(edits_.begin(), edits_.end(),
                                    [&](const PageEdit& edit) { return edit.name < *next; })
             : edits_.end();
    const auto taken = static_cast<std::size_t>(end - edits_.begin());
    TRY(merge_edits(old_.back().records, edits_.first(taken), merged_));
    edits_ = edits_.subspan(taken);
    return {};
  }

  Result<void> write(const std::vector<std::span<const NodeRecord* const>>& pages) {
    for (const LoadedPage& old : old_) {
      const bool replaced = std::any_of(pages.begin(), pages.end(), [&](const auto& page) {
        return page.front()->agreed->name == old.first_name;
      });
      if (!replaced && !old.records.empty()) {
        TRY_ASSIGN(Query query, database_.query(kDropPage));
        query.bind(directory_.value).bind(std::string_view(old.first_name));
        TRY(query.run());
      }
    }
    for (const auto& page : pages) {
      const Bytes row = seal(encode_page(page));
      TRY_ASSIGN(Query query, database_.query(kPutPage));
      query.bind(directory_.value)
          .bind(std::string_view(page.front()->agreed->name))
          .bind(BytesView(row));
      TRY(query.run());
    }
    return {};
  }

  Database& database_;
  NodeId directory_;
  std::span<const PageEdit> edits_;
  std::deque<LoadedPage> old_;
  std::vector<const NodeRecord*> merged_;
};

bool stands_elsewhere(const NodeRecord& record) {
  return std::any_of(record.sides.begin(), record.sides.end(), [&](const tree::ReplicaSide& side) {
    return side.acknowledged && (side.acknowledged->value.parent != record.agreed->parent ||
                                 side.acknowledged->value.name != record.agreed->name);
  });
}

Result<void> drop(Database& database, const char* sql, NodeId node) {
  TRY_ASSIGN(Query query, database.query(sql));
  return query.bind(node.value).run();
}

Result<void> change_detached(Database& database, std::span<const NodeChange> changes) {
  TRY_ASSIGN(const std::uint64_t any, database.number(kAnyDetached));
  for (const NodeChange& change : changes) {
    if (change.record && !change.record->agreed) {
      const Bytes row = seal(encode_detached(*change.record));
      TRY_ASSIGN(Query query, database.query(kPutDetached));
      TRY(query.bind(change.id.value).bind(BytesView(row)).run());
    } else if (any != 0 && !change.stored) {
      TRY(drop(database, kDropDetached, change.id));
    }
  }
  return {};
}

Result<void> change_unsettled(Database& database, std::span<const NodeChange> changes) {
  TRY_ASSIGN(const std::uint64_t any, database.number(kAnyUnsettled));
  for (const NodeChange& change : changes) {
    if (change.record && change.record->agreed && stands_elsewhere(*change.record)) {
      const tree::NodeValue& place = *change.record->agreed;
      TRY_ASSIGN(Query query, database.query(kPutUnsettled));
      query.bind(change.id.value).bind(place.parent.value).bind(std::string_view(place.name));
      TRY(query.run());
    } else if (any != 0) {
      TRY(drop(database, kDropUnsettled, change.id));
    }
  }
  return {};
}

}  // namespace

Result<std::vector<Bytes>> read_pages(Database& database, NodeId directory) {
  TRY_ASSIGN(Query query, database.query(kPagesOfDirectory));
  query.bind(directory.value);
  std::vector<Bytes> pages;
  while (true) {
    TRY_ASSIGN(const bool found, query.step());
    if (!found) {
      return pages;
    }
    TRY_ASSIGN(const BytesView body, query.body(0));
    pages.emplace_back(body.begin(), body.end());
  }
}

Result<std::optional<NodeRecord>> find_record(Database& database, NodeId directory,
                                              std::string_view name) {
  TRY_ASSIGN(Query query, database.query(kPageOfName));
  query.bind(directory.value).bind(name);
  TRY_ASSIGN(const bool found, query.step());
  if (!found) {
    return std::optional<NodeRecord>();
  }
  TRY_ASSIGN(const BytesView body, query.body(1));
  PageCursor cursor(body, directory);
  while (cursor.next()) {
    if (cursor.record().agreed.name == name) {
      return std::optional<NodeRecord>(to_record(cursor.record()));
    }
  }
  if (!cursor.ok()) {
    return damaged("a page of the state is damaged");
  }
  return std::optional<NodeRecord>();
}

Result<std::vector<NodeRecord>> read_unsettled(Database& database) {
  std::vector<NodeRecord> records;
  TRY_ASSIGN(Query detached, database.query(kAllDetached));
  while (true) {
    TRY_ASSIGN(const bool found, detached.step());
    if (!found) {
      break;
    }
    TRY_ASSIGN(const BytesView body, detached.body(0));
    TRY_ASSIGN(NodeRecord record, decode_detached(body));
    records.push_back(std::move(record));
  }
  TRY_ASSIGN(Query unsettled, database.query(kAllUnsettled));
  while (true) {
    TRY_ASSIGN(const bool found, unsettled.step());
    if (!found) {
      return records;
    }
    const NodeId directory{unsettled.number(1)};
    TRY_ASSIGN(std::optional<NodeRecord> record,
               find_record(database, directory, as_text_view(unsettled.bytes(2))));
    if (!record || record->id != NodeId{unsettled.number(0)}) {
      return damaged("the state lists an unsettled node that is not there");
    }
    records.push_back(std::move(*record));
  }
}

Result<std::int64_t> change_nodes(Database& database, std::span<const NodeChange> changes) {
  if (changes.empty()) {
    return std::int64_t{0};
  }
  TRY_ASSIGN(const std::vector<PageEdit> edits, plan_edits(changes));
  std::span<const PageEdit> rest = edits;
  std::int64_t grown = 0;
  while (!rest.empty()) {
    const NodeId directory = rest.front().directory;
    const auto end = std::find_if(rest.begin(), rest.end(), [&](const PageEdit& edit) {
      return edit.directory != directory;
    });
    const auto of_directory = rest.first(static_cast<std::size_t>(end - rest.begin()));
    TRY(DirectoryEditor(database, of_directory).run());
    for (const PageEdit& edit : of_directory) {
      const bool counts = directory != kNoNode;
      grown += counts && edit.step == EditStep::kInsert ? 1 : 0;
      grown -= counts && edit.step == EditStep::kErase ? 1 : 0;
    }
    rest = rest.subspan(of_directory.size());
  }
  TRY(change_detached(database, changes));
  TRY(change_unsettled(database, changes));
  return grown;
}

}  // namespace ox::state
