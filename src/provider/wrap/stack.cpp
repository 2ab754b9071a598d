#include "provider/wrap/stack.h"

#include <utility>

#include "provider/wrap/bandwidth_provider.h"
#include "provider/wrap/fault_provider.h"

namespace ox::provider {

std::unique_ptr<Provider> stack(std::unique_ptr<Provider> store, const StackOptions& options) {
  std::unique_ptr<Provider> stacked = std::move(store);
  if (options.faults != nullptr) {
    stacked = make_faulty(std::move(stacked), options.faults);
  }
  if (options.reading != nullptr || options.writing != nullptr) {
    stacked = make_bandwidth_limited(std::move(stacked), options.reading, options.writing);
  }
  return stacked;
}

}  // namespace ox::provider
