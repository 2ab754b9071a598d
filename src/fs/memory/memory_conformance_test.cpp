#include "fs/conformance.h"
#include "fs/conformance_files.h"
#include "fs/conformance_names.h"
#include "fs/memory/memory_fs.h"

namespace ox::fs {
namespace {

class MemorySandbox final : public Sandbox {
 public:
  std::unique_ptr<Directory> root() override { return file_system_.root(); }
  void tick() override { clock_.advance(std::chrono::seconds(1)); }

 private:
  rt::ManualClock clock_{Timestamp{1'700'000'000'000'000'000}};
  MemoryFileSystem file_system_{clock_};
};

INSTANTIATE_TEST_SUITE_P(Memory, FileSystemConformance,
                         testing::Values(ConformanceCase{
                             "memory", [] { return std::make_unique<MemorySandbox>(); }}),
                         name_of_case);

}  // namespace
}  // namespace ox::fs
