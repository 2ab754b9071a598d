#include "fs/faulty/fault_plan.h"

namespace ox::fs {

void FaultPlan::fail_call(std::uint64_t call, Error error, Effect effect) {
  const rt::Lock lock(mutex_);
  planned_.insert_or_assign(call, Fault{std::move(error), effect});
}

void FaultPlan::crash_at(std::uint64_t call) {
  const rt::Lock lock(mutex_);
  crash_at_ = call;
}

void FaultPlan::fail_randomly(rt::Random& random, std::uint32_t per_million, Error error,
                              std::optional<CallClass> only, Effect effect) {
  const rt::Lock lock(mutex_);
  chance_ = Chance{&random, per_million, only, Fault{std::move(error), effect}};
}

void FaultPlan::set_hook(std::function<void(std::uint64_t call)> hook) {
  const rt::Lock lock(mutex_);
  hook_ = hook ? std::make_shared<const Hook>(std::move(hook)) : nullptr;
}

void FaultPlan::clear() {
  const rt::Lock lock(mutex_);
  calls_ = 0;
  crash_at_ = std::numeric_limits<std::uint64_t>::max();
  planned_.clear();
  chance_.reset();
  last_call_ = {};
}

std::uint64_t FaultPlan::calls() const {
  const rt::Lock lock(mutex_);
  return calls_;
}

bool FaultPlan::crashed() const {
  const rt::Lock lock(mutex_);
  return calls_ >= crash_at_;
}

std::string FaultPlan::last_call() const {
  const rt::Lock lock(mutex_);
  return std::string(last_call_);
}

std::optional<FaultPlan::Fault> FaultPlan::next(CallClass call_class, std::string_view name) {
  std::uint64_t number = 0;
  std::shared_ptr<const Hook> hook;
  {
    const rt::Lock lock(mutex_);
    const bool dead = calls_ >= crash_at_;
    number = ++calls_;
    if (!dead) {
      last_call_ = name;
      hook = hook_;
    }
  }
  if (hook != nullptr) {
    (*hook)(number);
  }
  const rt::Lock lock(mutex_);
  if (number >= crash_at_) {
    return Fault{Error(Code::kUnreachable, "the process is dead"), Effect::kNone};
  }
  if (const auto planned = planned_.find(number); planned != planned_.end()) {
    return planned->second;
  }
  if (chance_.has_value() && (!chance_->only.has_value() || chance_->only == call_class) &&
      chance_->random->next() % 1'000'000 < chance_->per_million) {
    return chance_->fault;
  }
  return std::nullopt;
}

}  // namespace ox::fs
