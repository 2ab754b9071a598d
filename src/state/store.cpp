#include "state/store.h"

#include "base/expects.h"
#include "rt/mutex.h"
#include "state/action_codec.h"
#include "state/database.h"
#include "state/journal_table.h"
#include "state/page.h"
#include "state/page_table.h"
#include "state/schema.h"

namespace ox::state {
namespace {

class SqliteStore : public Store {
  class SqliteSnapshot : public Snapshot {
   public:
    explicit SqliteSnapshot(SqliteStore& store) : store_(store) {}
    SqliteSnapshot(const SqliteSnapshot&) = delete;
    SqliteSnapshot& operator=(const SqliteSnapshot&) = delete;
    ~SqliteSnapshot() override {
      rt::Lock lock(store_.mutex_);
      ignore(store_.database_->execute("ROLLBACK"), "nothing was written");
    }

   private:
    SqliteStore& store_;
  };

 public:
  SqliteStore(std::unique_ptr<Database> database, OpenMode mode)
      : mode_(mode), database_(std::move(database)) {}

  Result<std::optional<RuleFacts>> facts() override {
    rt::Lock lock(mutex_);
    TRY_ASSIGN(const std::optional<Bytes> body, read_note(*database_, Note::kFacts));
    if (!body) {
      return std::optional<RuleFacts>();
    }
    TRY_ASSIGN(RuleFacts facts, decode_facts(*body));
    return std::optional<RuleFacts>(std::move(facts));
  }

  Result<std::vector<tree::NodeRecord>> children(NodeId directory) override {
    TRY_ASSIGN(const std::vector<Bytes> bodies, pages(directory));
    std::vector<tree::NodeRecord> records;
    for (const Bytes& body : bodies) {
      TRY_ASSIGN(std::vector<tree::NodeRecord> some, decode_page(body, directory));
      records.insert(records.end(), std::make_move_iterator(some.begin()),
                     std::make_move_iterator(some.end()));
    }
    return records;
  }

  Result<std::vector<Bytes>> pages(NodeId directory) override {
    rt::Lock lock(mutex_);
    return read_pages(*database_, directory);
  }

  Result<std::optional<tree::NodeRecord>> find_child(NodeId directory,
                                                     std::string_view name) override {
    rt::Lock lock(mutex_);
    return find_record(*database_, directory, name);
  }

  Result<std::optional<tree::NodeRecord>> root() override {
    rt::Lock lock(mutex_);
    return find_record(*database_, kNoNode, {});
  }

  Result<std::vector<tree::NodeRecord>> unsettled() override {
    rt::Lock lock(mutex_);
    return read_unsettled(*database_);
  }

  Result<std::uint64_t> node_count() override {
    rt::Lock lock(mutex_);
    return count_nodes();
  }

  Result<std::unique_ptr<Snapshot>> snapshot() override {
    rt::Lock lock(mutex_);
    expects(!database_->in_transaction());
    TRY(database_->execute("BEGIN"));
    return std::unique_ptr<Snapshot>(std::make_unique<SqliteSnapshot>(*this));
  }

  Result<void> commit(const Commit& commit) override {
    rt::Lock lock(mutex_);
    expects(!database_->in_transaction());
    return in_transaction(commit.durable, [&]() OX_REQUIRES(mutex_) -> Result<void> {
      TRY_ASSIGN(const std::int64_t grown, change_nodes(*database_, commit.nodes));
      if (grown != 0) {
        TRY_ASSIGN(const std::uint64_t count, count_nodes());
        ByteWriter out;
        out.put_varint(count + static_cast<std::uint64_t>(grown));
        TRY(write_note(*database_, Note::kNodeCount, out.take()));
      }
      return write_journal(*database_, commit);
    });
  }

  Result<std::vector<ActionBatch>> open_batches() override {
    rt::Lock lock(mutex_);
    return read_open_batches(*database_);
  }

  Result<std::vector<ActionBatch>> batches(RunId run) override {
    rt::Lock lock(mutex_);
    return read_batches(*database_, run);
  }

  Result<std::vector<RunRecord>> runs(std::uint64_t limit) override {
    rt::Lock lock(mutex_);
    return read_runs(*database_, limit);
  }

  Result<std::optional<RunRecord>> find_run(RunId run) override {
    rt::Lock lock(mutex_);
    return find_run_record(*database_, run);
  }

  Result<std::vector<ConflictRecord>> conflicts() override {
    rt::Lock lock(mutex_);
    return read_conflicts(*database_);
  }

  Result<std::vector<VersionRecord>> versions(const RelPath& path) override {
    rt::Lock lock(mutex_);
    return read_versions(*database_, path);
  }

  Result<std::vector<VersionRecord>> versions_of(NodeId node) override {
    rt::Lock lock(mutex_);
    return read_versions_of(*database_, node);
  }

  Result<std::vector<VersionRecord>> versions_in_trash(ReplicaIndex replica) override {
    rt::Lock lock(mutex_);
    return read_trash(*database_, replica);
  }

  Result<std::vector<Problem>> problems() override {
    rt::Lock lock(mutex_);
    return read_problems(*database_);
  }

  Result<std::optional<Bytes>> merge_base(const Digest& digest) override {
    rt::Lock lock(mutex_);
    return read_merge_base(*database_, digest);
  }

  Result<std::vector<Digest>> merge_base_digests() override {
    rt::Lock lock(mutex_);
    return read_merge_base_digests(*database_);
  }

  Result<void> keep_merge_bases(const std::vector<Digest>& keep) override {
    rt::Lock lock(mutex_);
    return in_transaction(
        false, [&]() OX_REQUIRES(mutex_) { return keep_only_merge_bases(*database_, keep); });
  }

  Result<std::vector<std::string>> held() override { return names(Note::kHeld); }

  Result<std::vector<std::string>> approved() override { return names(Note::kApproved); }

 private:
  /// Runs `change` so that all of it stands afterwards, or nothing.
  template <typename Change>
  Result<void> in_transaction(bool durable, Change change) OX_REQUIRES(mutex_) {
    if (mode_ == OpenMode::kReadOnly) {
      return Error(Code::kReadOnly, "the state was opened for reading only");
    }
    // Must be told before the transaction; FULL syncs the log with every commit, NORMAL with every
    // checkpoint.
    TRY(database_->execute(durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
    Transaction transaction(*database_);
    TRY(transaction.begin());
    TRY(change());
    return transaction.commit();
  }

  Result<std::uint64_t> count_nodes() OX_REQUIRES(mutex_) {
    TRY_ASSIGN(const std::optional<Bytes> body, read_note(*database_, Note::kNodeCount));
    if (!body) {
      return std::uint64_t{0};
    }
    ByteReader in(*body);
    const std::uint64_t count = in.get_varint();
    if (!in.ok() || !in.at_end()) {
      return Error(Code::kCorrupt, "the state doesn't know its number of nodes");
    }
    return count;
  }

  Result<std::vector<std::string>> names(Note note) {
    rt::Lock lock(mutex_);
    TRY_ASSIGN(const std::optional<Bytes> body, read_note(*database_, note));
    if (!body) {
      return std::vector<std::string>();
    }
    return decode_names(*body);
  }

  const OpenMode mode_;
  rt::Mutex mutex_;
  const std::unique_ptr<Database> database_ OX_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const StoreLocation& location, OpenMode mode) {
  TRY_ASSIGN(std::unique_ptr<Database> database, Database::open(location, mode));
  TRY(prepare_schema(*database, mode));
  return std::unique_ptr<Store>(std::make_unique<SqliteStore>(std::move(database), mode));
}

}  // namespace ox::state
