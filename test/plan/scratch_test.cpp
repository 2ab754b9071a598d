#include <gtest/gtest.h>

#include "plan/lab.h"
#include "plan/toy_describe.h"
namespace ox::toy {
TEST(Scratch, One) {
  Arrangement a{.roles = {0, 1}, .order = {0, 1}, .store = Store::kNetwork};
  Lab lab(a, {});
  lab.at(1).abilities().traits.names.case_rule = tree::CaseRule::kFolds;
  lab.base({{"own0/", ""}, {"own0/src/", ""}, {"own0/src/e/", ""}, {"own0/src/e/D/", ""}});
  lab.offline(1);
  lab.rename(1, "own0/src", "own0/d");
  lab.rename(0, "own0/src", "own0/D");
  lab.run();
  lab.online(1);
  auto plan = lab.world.plan();
  printf("%s\n", describe(*plan, lab.world.store).c_str());
  lab.sync();
  printf("%s\n%s\n", lab.world.picture(0).c_str(), lab.world.picture(1).c_str());
}
}  // namespace ox::toy
