#include "state/action_codec.h"

#include "state/field_codec.h"
#include "state/page_bits.h"

namespace ox::state {
namespace {

constexpr std::uint8_t kVersion = 1;

constexpr unsigned kActionKind = 0x07;
constexpr unsigned kActionDone = 0x08;
constexpr unsigned kActionBefore = 0x10;
constexpr unsigned kActionAfter = 0x20;
constexpr unsigned kActionTrashed = 0x40;
constexpr unsigned kActionFrom = 0x80;

Error corrupt_record() {
  return {Code::kCorrupt, "a record of the journal is damaged"};
}

ByteWriter versioned() {
  ByteWriter out;
  out.put_u8(kVersion);
  return out;
}

ByteReader open_versioned(BytesView body) {
  ByteReader in(body);
  if (in.get_u8() != kVersion) {
    in.fail();
  }
  return in;
}

/// The value when all bytes were used and all were right.
template <typename T>
Result<T> finished(const ByteReader& in, T value) {
  if (!in.ok() || !in.at_end()) {
    return corrupt_record();
  }
  return value;
}

/// What an action's fields are written relative to: the action before it.
struct ActionContext {
  std::uint64_t node = 0;
  RelPath path;
  RelPath trashed;
};

/// The name that an entry of this action usually has.
std::string_view name_before(const Action& action) {
  return action.kind == ActionKind::kMove ? action.from.name() : action.path.name();
}

void put_action(ByteWriter& out, const Action& action, ActionContext& context) {
  const unsigned head = static_cast<unsigned>(action.kind) | (action.done ? kActionDone : 0U) |
                        (action.before ? kActionBefore : 0U) | (action.after ? kActionAfter : 0U) |
                        (action.trashed ? kActionTrashed : 0U) |
                        (!action.from.is_root() ? kActionFrom : 0U);
  out.put_u8(static_cast<std::uint8_t>(head));
  out.put_varint(action.replica);
  out.put_signed(bits::distance(action.node.value, context.node));
  field::put_path(out, context.path, action.path);
  if (!action.from.is_root()) {
    field::put_path(out, action.path, action.from);
  }
  out.put_string(action.parked);
  if (action.before) {
    field::put_entry(out, *action.before, name_before(action));
  }
  if (action.after) {
    field::put_entry(out, *action.after, action.path.name());
  }
  if (action.trashed) {
    field::put_path(out, context.trashed, *action.trashed);
    context.trashed = *action.trashed;
  }
  context.node = action.node.value;
  context.path = action.path;
}

Action get_action(ByteReader& in, ActionContext& context) {
  Action action;
  const unsigned head = in.get_u8();
  if ((head & kActionKind) > static_cast<unsigned>(ActionKind::kExchange)) {
    in.fail();
  }
  action.kind = static_cast<ActionKind>(head & kActionKind);
  action.done = (head & kActionDone) != 0;
  action.replica = field::get_u32(in);
  action.node.value = bits::moved(context.node, in.get_signed());
  action.path = field::get_path(in, context.path);
  if ((head & kActionFrom) != 0) {
    action.from = field::get_path(in, action.path);
    if (action.from.is_root()) {
      in.fail();
    }
  }
  action.parked = in.get_string();
  if ((head & kActionBefore) != 0) {
    action.before = field::get_entry(in, name_before(action));
  }
  if ((head & kActionAfter) != 0) {
    action.after = field::get_entry(in, action.path.name());
  }
  if ((head & kActionTrashed) != 0) {
    action.trashed = field::get_path(in, context.trashed);
    context.trashed = *action.trashed;
  }
  context.node = action.node.value;
  context.path = action.path;
  return action;
}

void put_replica(ByteWriter& out, const ReplicaFacts& replica) {
  out.put_string(replica.address);
  out.put_string(replica.label);
  out.put_varint(replica.epoch);
  out.put_varint(replica.pending_epoch);
  out.put_string(replica.file_system);
  out.put_u8(replica.known ? 1 : 0);
  out.put_signed(replica.scrubbed.ns);
}

ReplicaFacts get_replica(ByteReader& in) {
  ReplicaFacts replica;
  replica.address = in.get_string();
  replica.label = in.get_string();
  replica.epoch = in.get_varint();
  replica.pending_epoch = in.get_varint();
  replica.file_system = in.get_string();
  replica.known = field::get_flags(in, 1) != 0;
  replica.scrubbed.ns = in.get_signed();
  return replica;
}

}  // namespace

Bytes encode_batch(const ActionBatch& batch) {
  ByteWriter out = versioned();
  out.put_varint(batch.run.value);
  out.put_varint(batch.number);
  out.put_u8(batch.open ? 1 : 0);
  out.put_varint(batch.actions.size());
  ActionContext context;
  for (const Action& action : batch.actions) {
    put_action(out, action, context);
  }
  return out.take();
}

Result<ActionBatch> decode_batch(BytesView body) {
  ByteReader in = open_versioned(body);
  ActionBatch batch;
  batch.run.value = in.get_varint();
  batch.number = in.get_varint();
  batch.open = field::get_flags(in, 1) != 0;
  const std::size_t count = field::get_count(in);
  ActionContext context;
  for (std::size_t index = 0; index < count && in.ok(); ++index) {
    batch.actions.push_back(get_action(in, context));
  }
  return finished(in, std::move(batch));
}

Bytes encode_conflict(const ConflictRecord& record) {
  ByteWriter out = versioned();
  out.put_varint(record.run.value);
  out.put_varint(record.node.value);
  out.put_varint(record.copy.value);
  out.put_string(record.path.text());
  field::put_path(out, record.path, record.copy_path);
  out.put_string(record.kind);
  out.put_string(record.winner);
  out.put_string(record.loser);
  field::put_time(out, record.when);
  return out.take();
}

Result<ConflictRecord> decode_conflict(BytesView body) {
  ByteReader in = open_versioned(body);
  ConflictRecord record;
  record.run.value = in.get_varint();
  record.node.value = in.get_varint();
  record.copy.value = in.get_varint();
  record.path = field::get_whole_path(in);
  record.copy_path = field::get_path(in, record.path);
  record.kind = in.get_string();
  record.winner = in.get_string();
  record.loser = in.get_string();
  record.when = field::get_time(in);
  return finished(in, std::move(record));
}

Bytes encode_version(const VersionRecord& record) {
  ByteWriter out = versioned();
  out.put_varint(record.run.value);
  out.put_varint(record.node.value);
  out.put_varint(record.replica);
  out.put_string(record.path.text());
  out.put_string(record.trashed.text());
  field::put_content(out, record.content);
  field::put_time(out, record.when);
  return out.take();
}

Result<VersionRecord> decode_version(BytesView body) {
  ByteReader in = open_versioned(body);
  VersionRecord record;
  record.run.value = in.get_varint();
  record.node.value = in.get_varint();
  record.replica = field::get_u32(in);
  record.path = field::get_whole_path(in);
  record.trashed = field::get_whole_path(in);
  record.content = field::get_content(in);
  record.when = field::get_time(in);
  return finished(in, std::move(record));
}

Bytes encode_run(const RunRecord& record) {
  ByteWriter out = versioned();
  out.put_varint(record.id.value);
  field::put_time(out, record.started);
  out.put_u8(record.finished ? 1 : 0);
  if (record.finished) {
    field::put_time(out, *record.finished);
  }
  out.put_string(record.command);
  out.put_u8(static_cast<std::uint8_t>(record.outcome));
  out.put_varint(record.actions);
  out.put_varint(record.bytes);
  out.put_varint(record.conflicts);
  out.put_varint(record.problems);
  out.put_string(record.message);
  return out.take();
}

Result<RunRecord> decode_run(BytesView body) {
  ByteReader in = open_versioned(body);
  RunRecord record;
  record.id.value = in.get_varint();
  record.started = field::get_time(in);
  if (field::get_flags(in, 1) != 0) {
    record.finished = field::get_time(in);
  }
  record.command = in.get_string();
  const std::uint8_t outcome = in.get_u8();
  if (outcome > static_cast<std::uint8_t>(RunOutcome::kInterrupted)) {
    return corrupt_record();
  }
  record.outcome = static_cast<RunOutcome>(outcome);
  record.actions = in.get_varint();
  record.bytes = in.get_varint();
  record.conflicts = in.get_varint();
  record.problems = in.get_varint();
  record.message = in.get_string();
  return finished(in, std::move(record));
}

Bytes encode_problem(const Problem& problem) {
  ByteWriter out = versioned();
  out.put_u8(problem.replica ? 1 : 0);
  if (problem.replica) {
    out.put_varint(*problem.replica);
  }
  out.put_string(problem.path.text());
  out.put_string(problem.code);
  out.put_string(problem.message);
  return out.take();
}

Result<Problem> decode_problem(BytesView body) {
  ByteReader in = open_versioned(body);
  Problem problem;
  if (field::get_flags(in, 1) != 0) {
    problem.replica = field::get_u32(in);
  }
  problem.path = field::get_whole_path(in);
  problem.code = in.get_string();
  problem.message = in.get_string();
  return finished(in, std::move(problem));
}

Bytes encode_facts(const RuleFacts& facts) {
  ByteWriter out = versioned();
  out.put_string(facts.id);
  out.put_string(facts.name);
  out.put_string(facts.mode);
  out.put_u8(facts.bytes_compared ? 1 : 0);
  out.put_varint(facts.next_node);
  out.put_varint(facts.replicas.size());
  for (const ReplicaFacts& replica : facts.replicas) {
    put_replica(out, replica);
  }
  return out.take();
}

Result<RuleFacts> decode_facts(BytesView body) {
  ByteReader in = open_versioned(body);
  RuleFacts facts;
  facts.id = in.get_string();
  facts.name = in.get_string();
  facts.mode = in.get_string();
  facts.bytes_compared = field::get_flags(in, 1) != 0;
  facts.next_node = in.get_varint();
  const std::size_t count = field::get_count(in);
  for (std::size_t index = 0; index < count && in.ok(); ++index) {
    facts.replicas.push_back(get_replica(in));
  }
  return finished(in, std::move(facts));
}

Bytes encode_names(const std::vector<std::string>& names) {
  ByteWriter out = versioned();
  out.put_varint(names.size());
  for (const std::string& name : names) {
    out.put_string(name);
  }
  return out.take();
}

Result<std::vector<std::string>> decode_names(BytesView body) {
  ByteReader in = open_versioned(body);
  std::vector<std::string> names;
  const std::size_t count = field::get_count(in);
  for (std::size_t index = 0; index < count && in.ok(); ++index) {
    names.emplace_back(in.get_string());
  }
  return finished(in, std::move(names));
}

}  // namespace ox::state
