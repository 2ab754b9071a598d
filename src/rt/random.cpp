#include "rt/random.h"

#include <unistd.h>

#include "base/expects.h"

namespace ox::rt {

namespace {

class SystemRandom final : public Random {
 public:
  std::uint64_t next() override {
    std::uint64_t number = 0;
    // A program without chance must not go on: ids and secrets would repeat.
    expects(getentropy(&number, sizeof number) == 0);
    return number;
  }
};

}  // namespace

Random& system_random() {
  static SystemRandom random;
  return random;
}

}  // namespace ox::rt
