#include "cli/signals.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "app/exit_code.h"

namespace ox::cli {
namespace {

/// A page of a file that has no such page any more: as one that its disk has no room for.
volatile char* lost_page() {
  std::FILE* const file = std::tmpfile();
  const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  if (file == nullptr || ::ftruncate(::fileno(file), static_cast<off_t>(size)) != 0) {
    return nullptr;
  }
  void* const page = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, ::fileno(file), 0);
  const bool lost = ::ftruncate(::fileno(file), 0) == 0;
  return page == MAP_FAILED || !lost ? nullptr : static_cast<volatile char*>(page);
}

TEST(LostMappings, EndWithAMessageAndTheCodeOfTheState) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  volatile char* const page = lost_page();
  ASSERT_NE(page, nullptr);
  EXPECT_EXIT(
      {
        explain_lost_mappings();
        *page = 'x';
      },
      ::testing::ExitedWithCode(static_cast<int>(app::ExitCode::kState)), "make room");
}

TEST(LostMappings, OtherBusErrorsEndItAsEver) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        explain_lost_mappings();
        ::raise(SIGBUS);
        ::raise(SIGBUS);
      },
      ::testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace ox::cli
