#include <algorithm>

#include "sync/crash_lab_for_test.h"

/// A file is written to once more, in the same tick of a coarse clock, at any moment of a run that
/// is about to displace it: no time stamp tells.
namespace ox::sync {
namespace {

constexpr std::string_view kFirst = "the first bytes";
constexpr std::string_view kAgain = "the other bytes";
static_assert(kFirst.size() == kAgain.size());

class SameTick : public CrashLab {
 public:
  SameTick() : CrashLab(two_seconds()) {}

  /// Runs, and writes to `file` of `a` just before call `moment`; false: there was no such call.
  bool run_with_an_edit_at(std::uint64_t moment) {
    bool edited = false;
    plan_->clear();
    plan_->set_hook([&](std::uint64_t call) {
      if (call == moment) {
        edited = true;
        const auto file = folder("a")->open_file("file", fs::Access::kReadWrite);
        stood_ = file.ok() && (*file)->truncate(kAgain.size()).ok() &&
                 (*file)->write_at(0, as_bytes_view(kAgain)).ok();
      }
    });
    EXPECT_TRUE(run_rule(*store_, facts_, replicas_, options_, services(), {}).ok());
    plan_->set_hook({});
    return edited;
  }

  /// Unless it was gone by then, both hold the edit after one more run.
  void expect_the_edit() {
    EXPECT_TRUE(run().ok());
    const std::vector<std::string_view> roots = options_.policy.mode == plan::Mode::kTwoWay
                                                    ? std::vector<std::string_view>{"a", "b"}
                                                    : std::vector<std::string_view>{"b"};
    for (const std::string_view root : roots) {
      const auto found = tree(root);
      EXPECT_TRUE(!stood_ || std::ranges::any_of(found, [](const auto& entry) {
        return entry.second.ends_with(kAgain);
      })) << root;
    }
  }

 private:
  static fs::MemoryOptions two_seconds() {
    fs::MemoryOptions options;
    options.time_step = std::chrono::seconds(2);
    options.leases = fs::Support::kNo;
    return options;
  }

  bool stood_ = false;
};

template <typename Prepare>
void at_every_call(const Prepare& prepare) {
  bool edited = true;
  for (std::uint64_t moment = 1; edited && !::testing::Test::HasFailure(); ++moment) {
    SCOPED_TRACE("an edit at call " + std::to_string(moment));
    SameTick lab;
    prepare(lab);
    edited = lab.run_with_an_edit_at(moment);
    lab.expect_the_edit();
  }
}

TEST(SameTick, AsTheSourceIsMovedOff) {
  at_every_call([](SameTick& lab) {
    lab.options_.policy.mode = plan::Mode::kMove;
    lab.save("a", "file", kFirst);
  });
}

TEST(SameTick, AsADeleteFollows) {
  at_every_call([](SameTick& lab) {
    lab.save("a", "file", kFirst);
    EXPECT_TRUE(lab.run().ok());
    EXPECT_TRUE(lab.folder("b")->remove_file("file").ok());
    lab.write("a", "file", kFirst);
  });
}

TEST(SameTick, AsAnotherVersionComes) {
  at_every_call([](SameTick& lab) {
    lab.save("a", "file", kFirst);
    EXPECT_TRUE(lab.run().ok());
    lab.save("b", "file", "a longer version of b");
    lab.write("a", "file", kFirst);
  });
}

}  // namespace
}  // namespace ox::sync
