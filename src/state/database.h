#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "base/bytes.h"
#include "base/result.h"
#include "state/sqlite_vfs.h"
#include "state/store.h"

struct sqlite3;
struct sqlite3_stmt;

namespace ox::state {

class Database;

/// One use of a prepared statement; gives it back clean when it ends. What is bound must live until
/// then. Columns are views that last until the next step.
class Query {
 public:
  Query(Database& database, sqlite3_stmt* statement)
      : database_(&database), statement_(statement) {}
  Query(Query&& other) noexcept;
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query();

  /// Binds the next parameter.
  Query& bind(std::uint64_t number);
  Query& bind(BytesView bytes);
  Query& bind(std::string_view text) { return bind(as_bytes_view(text)); }

  /// True when a row stands ready.
  Result<bool> step();
  /// Steps to the end; for statements without rows.
  Result<void> run();

  std::uint64_t number(int column);
  BytesView bytes(int column);
  /// The column without the checksum that seal() put behind it; kCorrupt when it doesn't fit.
  Result<BytesView> body(int column);

 private:
  Database* database_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
};

/// A connection of SQLite that speaks in Results. Not thread-safe.
class Database {
 public:
  static Result<std::unique_ptr<Database>> open(const StoreLocation& location, OpenMode mode);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Runs SQL without parameters or rows.
  Result<void> execute(const char* sql);
  /// `sql` must be a constant of the program: the prepared statement is kept under its address. The
  /// same statement can't be in use twice at once.
  Result<Query> query(const char* sql);
  /// The single number that a query without parameters answers.
  Result<std::uint64_t> number(const char* sql);

  bool in_transaction() const;
  bool is_read_only() const;
  bool has_own_vfs() const { return vfs_ != nullptr; }
  /// The error that SQLite reported last, in our words.
  Error error(int code);

 private:
  Database() = default;

  // Order matters: the connection closes before its file system goes.
  std::unique_ptr<DirectoryVfs> vfs_;
  sqlite3* connection_ = nullptr;
  std::string location_;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
};

/// Rolls back when it ends without commit().
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) {}
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  Result<void> begin();
  Result<void> commit();

 private:
  Database& database_;
};

}  // namespace ox::state
