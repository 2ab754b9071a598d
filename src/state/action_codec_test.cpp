#include "state/action_codec.h"

#include <gtest/gtest.h>

#include "state/samples.h"

namespace ox::state {
namespace {

using rt::SeededRandom;
using samples::any_name;
using samples::any_path;

ActionBatch any_batch(SeededRandom& random) {
  ActionBatch batch;
  batch.run = RunId{random.below(1000)};
  batch.number = random.below(300);
  batch.open = random.below(2) == 0;
  for (std::uint64_t count = random.below(8); count > 0; --count) {
    batch.actions.push_back(samples::any_action(random));
  }
  return batch;
}

ConflictRecord any_conflict(SeededRandom& random) {
  return {.run = RunId{random.next()},
          .node = NodeId{random.next()},
          .copy = NodeId{random.below(2)},
          .path = any_path(random),
          .copy_path = any_path(random),
          .kind = any_name(random),
          .winner = any_name(random),
          .loser = "",
          .when = {static_cast<std::int64_t>(random.next())}};
}

VersionRecord any_version(SeededRandom& random) {
  return {.run = RunId{random.below(9)},
          .node = NodeId{random.next()},
          .replica = static_cast<ReplicaIndex>(random.below(16)),
          .path = any_path(random),
          .trashed = any_path(random),
          .content = samples::any_content(random),
          .when = {static_cast<std::int64_t>(random.next())}};
}

RunRecord any_run(SeededRandom& random) {
  RunRecord run{.id = RunId{random.below(9)},
                .started = {static_cast<std::int64_t>(random.next())},
                .finished = {},
                .command = any_name(random),
                .outcome = static_cast<RunOutcome>(random.below(6)),
                .actions = random.next(),
                .bytes = random.below(3),
                .conflicts = random.below(300),
                .problems = 0,
                .message = any_name(random)};
  if (random.below(2) == 0) {
    run.finished = Timestamp{static_cast<std::int64_t>(random.below(100)) - 50};
  }
  return run;
}

Problem any_problem(SeededRandom& random) {
  Problem problem{.replica = {},
                  .path = any_path(random),
                  .code = any_name(random),
                  .message = any_name(random, 200)};
  if (random.below(2) == 0) {
    problem.replica = static_cast<ReplicaIndex>(random.below(16));
  }
  return problem;
}

RuleFacts any_facts(SeededRandom& random) {
  RuleFacts facts{.id = any_name(random),
                  .name = random.below(2) == 0 ? "" : any_name(random),
                  .mode = "two-way",
                  .bytes_compared = random.below(2) == 0,
                  .replicas = {},
                  .next_node = random.next()};
  for (std::uint64_t count = random.below(4); count > 0; --count) {
    facts.replicas.push_back({.address = any_name(random),
                              .label = any_name(random),
                              .epoch = random.below(300),
                              .pending_epoch = random.next(),
                              .file_system = any_name(random),
                              .known = random.below(2) == 0,
                              .scrubbed = Timestamp{static_cast<std::int64_t>(random.next())}});
  }
  return facts;
}

std::vector<std::string> any_names(SeededRandom& random) {
  std::vector<std::string> names(random.below(5));
  for (std::string& name : names) {
    name = any_name(random);
  }
  return names;
}

/// Round trip, every truncation, and damage: what is still accepted must be the one encoding.
template <typename T>
void check(T (*make)(SeededRandom&), Bytes (*encode)(const T&), Result<T> (*decode)(BytesView)) {
  SeededRandom random(11);
  for (int round = 0; round < 3'000; ++round) {
    const T value = make(random);
    const Bytes body = encode(value);
    const auto decoded = decode(body);
    ASSERT_TRUE(decoded.ok()) << round;
    ASSERT_EQ(*decoded, value) << round;
    const Bytes other = samples::damaged(random, body);
    if (const auto bent = decode(other); bent.ok()) {
      ASSERT_EQ(encode(*bent), other) << round;
    } else {
      ASSERT_EQ(bent.error().code(), Code::kCorrupt);
    }
    const std::size_t cut = random.below(body.size());
    ASSERT_FALSE(decode(BytesView(body).first(cut)).ok()) << round;
  }
}

TEST(ActionCodec, Batch) {
  check(any_batch, encode_batch, decode_batch);
}
TEST(ActionCodec, Conflict) {
  check(any_conflict, encode_conflict, decode_conflict);
}
TEST(ActionCodec, Version) {
  check(any_version, encode_version, decode_version);
}
TEST(ActionCodec, Run) {
  check(any_run, encode_run, decode_run);
}
TEST(ActionCodec, Problem) {
  check(any_problem, encode_problem, decode_problem);
}
TEST(ActionCodec, Facts) {
  check(any_facts, encode_facts, decode_facts);
}
TEST(ActionCodec, Names) {
  check(any_names, encode_names, decode_names);
}

TEST(ActionCodec, AHugeCountWithoutContentIsRefusedAtOnce) {
  ByteWriter out;
  out.put_u8(1);
  out.put_varint(UINT64_MAX);
  EXPECT_TRUE(decode_names(out.bytes()).failed_with(Code::kCorrupt));
}

}  // namespace
}  // namespace ox::state
