#include "state/database.h"

#include <sqlite3.h>

#include <utility>

#include "base/expects.h"
#include "base/rel_path.h"
#include "state/checksum.h"

namespace ox::state {
namespace {

/// Long enough for another process to finish closing (its last checkpoint), short for a person.
constexpr int kBusyTimeoutMs = 3000;

Code code_of_errno_or(const Error& error, Code otherwise) {
  return error.code() == Code::kNoSpace ? Code::kNoSpace : otherwise;
}

Error io_error(int system_errno, const std::optional<Error>& cause, const std::string& location) {
  if (cause) {
    return Error(code_of_errno_or(*cause, Code::kIo),
                 "the state can't be read or written: " + cause->to_string(), cause->retry())
        .with_context(location);
  }
  const Error from_system = Error::from_errno(system_errno, "read or write", location);
  return Error(code_of_errno_or(from_system, Code::kIo), "the state can't be read or written")
      .with_context(location);
}

}  // namespace

Query::Query(Query&& other) noexcept
    : database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)),
      bound_(other.bound_) {}

Query::~Query() {
  if (statement_ != nullptr) {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
}

Query& Query::bind(std::uint64_t number) {
  const int code = sqlite3_bind_int64(statement_, ++bound_, static_cast<sqlite3_int64>(number));
  expects(code == SQLITE_OK);
  return *this;
}

Query& Query::bind(BytesView bytes) {
  // A null pointer would bind NULL instead of no bytes.
  const void* start = bytes.empty() ? static_cast<const void*>("") : bytes.data();
  const int code = sqlite3_bind_blob64(statement_, ++bound_, start, bytes.size(), SQLITE_STATIC);
  expects(code == SQLITE_OK);
  return *this;
}

Result<bool> Query::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) {
    return true;
  }
  if (code == SQLITE_DONE) {
    return false;
  }
  return database_->error(code);
}

Result<void> Query::run() {
  while (true) {
    TRY_ASSIGN(const bool more, step());
    if (!more) {
      return {};
    }
  }
}

std::uint64_t Query::number(int column) {
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column));
}

BytesView Query::bytes(int column) {
  const void* start = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return {static_cast<const std::uint8_t*>(start), static_cast<std::size_t>(size)};
}

Result<BytesView> Query::body(int column) {
  return unseal(bytes(column));
}

Result<std::unique_ptr<Database>> Database::open(const StoreLocation& location, OpenMode mode) {
  std::unique_ptr<Database> database(new Database);
  const bool ours = location.directory != nullptr;
  if (ours ? !is_valid_name(location.name) : location.os_path.empty()) {
    return Error(Code::kInvalidArgument, "a store needs a place");
  }
  const std::string& path = ours ? location.name : location.os_path;
  database->location_ = path;
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (mode == OpenMode::kReadWrite) {
    flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  } else {
    // Over a directory of ours even a reader needs a log of its own, which a connection that is
    // read-only to SQLite could not make; query_only keeps it from changing anything.
    flags |= ours ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  }
  const char* vfs = nullptr;
  if (ours) {
    TRY_ASSIGN(database->vfs_, DirectoryVfs::make(location.directory));
    vfs = database->vfs_->name().c_str();
  }
  const int code = sqlite3_open_v2(path.c_str(), &database->connection_, flags, vfs);
  if (code != SQLITE_OK) {
    return database->error(code);
  }
  sqlite3_busy_timeout(database->connection_, kBusyTimeoutMs);
  sqlite3_db_config(database->connection_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  if (mode == OpenMode::kReadOnly) {
    sqlite3_db_config(database->connection_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    TRY(database->execute("PRAGMA query_only=ON"));
  }
  return database;
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) {
    sqlite3_finalize(statement);
  }
  sqlite3_close(connection_);
}

Result<void> Database::execute(const char* sql) {
  const int code = sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    return error(code);
  }
  return {};
}

Result<Query> Database::query(const char* sql) {
  sqlite3_stmt*& statement = statements_[sql];
  if (statement == nullptr) {
    const int code =
        sqlite3_prepare_v3(connection_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) {
      return error(code);
    }
  }
  expects(sqlite3_stmt_busy(statement) == 0);
  return Query(*this, statement);
}

Result<std::uint64_t> Database::number(const char* sql) {
  TRY_ASSIGN(Query query, this->query(sql));
  TRY_ASSIGN(const bool found, query.step());
  return found ? query.number(0) : 0;
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(connection_) == 0;
}

bool Database::is_read_only() const {
  return sqlite3_db_readonly(connection_, "main") == 1;
}

Error Database::error(int code) {
  const std::optional<Error> cause = vfs_ ? vfs_->take_error() : std::nullopt;
  const int system_errno = connection_ != nullptr ? sqlite3_system_errno(connection_) : 0;
  const auto make = [this](Code kind, const char* message, Retry retry = Retry::kNever) {
    return Error(kind, message, retry).with_context(location_);
  };
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return make(Code::kLocked, "another process holds the state", Retry::kLater);
    case SQLITE_FULL:
      return make(Code::kNoSpace, "no space left for the state");
    case SQLITE_READONLY:
      return make(Code::kReadOnly, "the state can't be written, only read");
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return make(Code::kPermissionDenied, "the state can't be opened");
    case SQLITE_CANTOPEN:
      if (cause) {
        return *cause;
      }
      return system_errno != 0 ? Error::from_errno(system_errno, "open the state", location_)
                               : make(Code::kIo, "the state can't be opened");
    case SQLITE_IOERR:
      return io_error(system_errno, cause, location_);
    case SQLITE_TOOBIG:
      return make(Code::kInvalidArgument, "too big for the state");
    case SQLITE_NOMEM:
      return make(Code::kIo, "no memory left for the state");
    default:
      // What remains (no such table, a constraint that our writes keep, not a database) can only
      // come from a file that isn't what we wrote.
      return make(Code::kCorrupt, "the state is damaged or is no state of ours");
  }
}

Transaction::~Transaction() {
  if (database_.in_transaction()) {
    ignore(database_.execute("ROLLBACK"), "the error that led here is the one to tell");
  }
}

Result<void> Transaction::begin() {
  return database_.execute("BEGIN IMMEDIATE");
}

Result<void> Transaction::commit() {
  return database_.execute("COMMIT");
}

}  // namespace ox::state
