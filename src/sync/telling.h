#pragma once

#include "plan/plan.h"
#include "sync/engine.h"

/// What a plan comes to, as events and as counts.
namespace ox::sync {

void tell_conflict(const plan::Conflict& conflict, const Services& services);

/// Every operation of a plan that is not carried out, added to `counts`.
void tell_planned(const plan::Plan& plan, const Services& services, RunCounts& counts);

void add_counts(RunCounts& sum, const RunCounts& more);

}  // namespace ox::sync
