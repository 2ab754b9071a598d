#pragma once

#include <string>

#include "plan/plan.h"
#include "plan/toy_store.h"

/// Plans and records as text, for the people who read a failure.
namespace ox::toy {

std::string describe(const tree::NodeValue& value);
std::string describe(const tree::NodeRecord& record);
std::string describe(const plan::Operation& operation);
std::string describe(const plan::Plan& plan);
std::string describe(const ToyStore& store);

}  // namespace ox::toy
