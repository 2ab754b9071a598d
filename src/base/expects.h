#pragma once

#include <source_location>

namespace ox {

/// Prints the place and aborts. For programmer errors only; input is never asserted.
[[noreturn]] void contract_violated(std::source_location where);

/// A contract that holds in release builds too.
inline void expects(bool condition, std::source_location where = std::source_location::current()) {
  if (!condition) [[unlikely]] {
    contract_violated(where);
  }
}

}  // namespace ox
