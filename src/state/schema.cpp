#include "state/schema.h"

namespace ox::state {
namespace {

// The numbers are kApplicationId and kSchemaVersion. Bodies are sealed (state/checksum.h).
constexpr char kSchema[] = R"sql(
CREATE TABLE note(key INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE page(directory INTEGER NOT NULL, first_name BLOB NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY(directory, first_name)) WITHOUT ROWID;
CREATE TABLE detached(node INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE unsettled(node INTEGER PRIMARY KEY, directory INTEGER NOT NULL, name BLOB NOT NULL);
CREATE TABLE batch(run INTEGER NOT NULL, number INTEGER NOT NULL, open INTEGER NOT NULL,
  body BLOB NOT NULL, PRIMARY KEY(run, number)) WITHOUT ROWID;
CREATE INDEX batch_open ON batch(run, number) WHERE open=1;
CREATE TABLE run(id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE conflict(position INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE version(position INTEGER PRIMARY KEY, moment INTEGER NOT NULL,
  replica INTEGER NOT NULL, trashed BLOB NOT NULL, node INTEGER NOT NULL, path BLOB NOT NULL,
  body BLOB NOT NULL);
CREATE UNIQUE INDEX version_trashed ON version(replica, trashed);
CREATE INDEX version_node ON version(node);
CREATE INDEX version_path ON version(path);
CREATE TABLE problem(position INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE merge_base(digest BLOB PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
PRAGMA application_id=1333285748;
PRAGMA user_version=1;
)sql";
static_assert(kApplicationId == 1333285748 && kSchemaVersion == 1);

enum class Standing { kEmpty, kOurs };

Result<Standing> look_at(Database& database) {
  TRY_ASSIGN(const std::uint64_t application, database.number("PRAGMA application_id"));
  TRY_ASSIGN(const std::uint64_t version, database.number("PRAGMA user_version"));
  TRY_ASSIGN(const std::uint64_t tables, database.number("SELECT count(*) FROM sqlite_schema"));
  if (application == 0 && version == 0 && tables == 0) {
    return Standing::kEmpty;
  }
  if (application != kApplicationId) {
    return Error(Code::kCorrupt, "the file is no state of ours");
  }
  if (version > kSchemaVersion) {
    return Error(Code::kUnsupported, "a newer version of this program made the state");
  }
  return Standing::kOurs;
}

}  // namespace

Result<void> prepare_schema(Database& database, OpenMode mode) {
  if (database.has_own_vfs()) {
    // Without shared memory the log's index must be ours alone, from the first read on.
    TRY(database.execute("PRAGMA locking_mode=EXCLUSIVE"));
  }
  TRY(
      database.execute("PRAGMA cache_size=-4096; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; "
                       "PRAGMA secure_delete=OFF; PRAGMA cell_size_check=ON"));
  TRY_ASSIGN(const Standing standing, look_at(database));
  if (mode == OpenMode::kReadOnly) {
    if (standing == Standing::kEmpty) {
      return Error(Code::kNotFound, "the state is still empty");
    }
    return {};
  }
  if (database.is_read_only()) {
    return Error(Code::kReadOnly, "the state can't be written, only read");
  }
  // Larger pages hold the children of most directories without an overflow page; the log may grow
  // to 16 MiB before it is folded into the file, and shrinks back after a big commit.
  TRY(
      database.execute("PRAGMA page_size=8192; PRAGMA journal_mode=WAL; "
                       "PRAGMA wal_autocheckpoint=2000; PRAGMA journal_size_limit=33554432"));
  if (standing == Standing::kOurs) {
    return {};
  }
  TRY(database.execute("PRAGMA synchronous=FULL"));
  Transaction transaction(database);
  TRY(transaction.begin());
  TRY(database.execute(kSchema));
  return transaction.commit();
}

}  // namespace ox::state
