#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "provider/local/local_root.h"

namespace ox::provider {

/// Where an entry parked as `name` stands in stage/<rule>. kInvalidArgument for a bad name.
Result<std::string> name_of_parked(std::string_view name);
Result<std::vector<std::string>> list_parked(LocalRoot& root);

/// Removes what earlier runs of this rule left in stage/<rule>; see Provider::sweep.
Result<std::uint64_t> sweep_stage(LocalRoot& root);

inline constexpr std::string_view kClockName = "clock";

}  // namespace ox::provider
