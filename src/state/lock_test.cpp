#include "state/lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "state/temporary_directory.h"

namespace ox::state {
namespace {

TEST(RunLock, ASecondRunLearnsWhoHoldsTheRule) {
  const TemporaryDirectory directory;
  const std::string store = directory.path() + "/state";
  {
    const auto first = RunLock::take(store, Timestamp{0});
    ASSERT_TRUE(first.ok()) << first.error().to_string();
    const auto second = RunLock::take(store, Timestamp{1});
    ASSERT_TRUE(second.failed_with(Code::kLocked));
    EXPECT_EQ(second.error().message(), "another run (pid " + std::to_string(::getpid()) +
                                            ", since 1970-01-01T00:00:00Z) holds this rule");
  }
  EXPECT_TRUE(RunLock::take(store, Timestamp{2}).ok());
}

TEST(RunLock, AnotherRuleIsFree) {
  const TemporaryDirectory directory;
  const auto first = RunLock::take(directory.path() + "/one", Timestamp{});
  const auto second = RunLock::take(directory.path() + "/two", Timestamp{});
  EXPECT_TRUE(first.ok() && second.ok());
}

TEST(RunLock, EndsWithItsProcess) {
  const TemporaryDirectory directory;
  const std::string store = directory.path() + "/state";
  std::array<int, 2> locked{};
  ASSERT_EQ(::pipe(locked.data()), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto lock = RunLock::take(store, Timestamp{});
    if (lock.ok() && ::write(locked[1], "l", 1) == 1) {
      ::pause();
    }
    ::_exit(1);
  }
  char byte = 0;
  ASSERT_EQ(::read(locked[0], &byte, 1), 1);
  const auto meanwhile = RunLock::take(store, Timestamp{});
  ASSERT_TRUE(meanwhile.failed_with(Code::kLocked));
  EXPECT_NE(meanwhile.error().message().find("pid " + std::to_string(child) + ","),
            std::string::npos);
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(RunLock::take(store, Timestamp{}).ok());
  ::close(locked[0]);
  ::close(locked[1]);
}

TEST(RunLock, APlaceThatIsNotThereIsNotFound) {
  const TemporaryDirectory directory;
  EXPECT_TRUE(
      RunLock::take(directory.path() + "/none/state", Timestamp{}).failed_with(Code::kNotFound));
}

TEST(RunLock, ALongerOldNoteLeavesNoRest) {
  const TemporaryDirectory directory;
  const std::string store = directory.path() + "/state";
  std::ofstream(store + ".lock") << std::string(400, 'x');
  const auto first = RunLock::take(store, Timestamp{});
  ASSERT_TRUE(first.ok());
  const auto second = RunLock::take(store, Timestamp{});
  ASSERT_TRUE(second.failed_with(Code::kLocked));
  EXPECT_EQ(second.error().message().find('x'), std::string::npos);
}

}  // namespace
}  // namespace ox::state
