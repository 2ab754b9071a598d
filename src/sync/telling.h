#pragma once

#include "plan/plan.h"
#include "sync/execute.h"

/// What a plan comes to, as events and as counts.
namespace ox::sync {

void tell_conflict(const plan::Conflict& conflict, const Services& services);

/// One operation that is done, or would be.
void count(const plan::Operation& operation, RunCounts& counts);
Event event_of(EventKind kind, const plan::Operation& operation);

/// Every operation of a plan that is not carried out, added to `counts`.
void tell_planned(const plan::Plan& plan, const Services& services, RunCounts& counts);

/// One line a replica for what can't be the same everywhere.
std::vector<state::Problem> notes_of(const std::vector<EngineReplica>& replicas,
                                     const std::vector<std::uint64_t>& hard_linked,
                                     const std::map<ReplicaIndex, Unkept>& unkept);

void tell_notes(const std::vector<state::Problem>& notes, const Services& services);

/// What is told of a root that was closed in the course of a run …
state::Problem problem_of(ReplicaIndex replica, const ClosedRoot& root);
/// … and of one that takes no part in it.
state::Problem problem_of_left_alone(ReplicaIndex replica, const Error& error);

/// What a dry run tells of an entry that a crash left parked and that the next run puts at `path`.
state::Problem problem_of_parked(ReplicaIndex replica, const RelPath& path);

/// A conflict as run `run`, which began at `when`, resolved it.
state::ConflictRecord record_of(const plan::Conflict& conflict, RunId run, Timestamp when);

/// What a run comes to, when it did not fail.
state::RunOutcome outcome_of(const RunReport& report);

/// Changes made, or that would be made.
std::uint64_t changes_in(const RunCounts& counts);

void add_counts(RunCounts& sum, const RunCounts& more);

}  // namespace ox::sync
