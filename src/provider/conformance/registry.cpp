#include <utility>

#include "provider/conformance/support.h"

namespace ox::provider::conformance {
namespace {

class CaseTest final : public testing::Test {
 public:
  CaseTest(Case chosen, MakeRoot make) : case_(chosen), make_(std::move(make)) {}
  void TestBody() override {
    const std::unique_ptr<Root> root = make_();
    if (root == nullptr) {
      GTEST_SKIP() << "no such root on this machine";
    }
    case_.run(*root);
  }

 private:
  Case case_;
  MakeRoot make_;
};

}  // namespace

bool register_conformance(const std::string& name, const MakeRoot& make) {
  for (const auto& topic : {reading_cases(), creating_cases(), replacing_cases(), moving_cases(),
                            trash_cases(), naming_cases()}) {
    for (const Case& chosen : topic) {
      testing::RegisterTest(
          (name + "Conformance").c_str(), chosen.name, nullptr, nullptr, __FILE__, __LINE__,
          [chosen, make]() -> testing::Test* { return new CaseTest(chosen, make); });
    }
  }
  return true;
}

}  // namespace ox::provider::conformance
