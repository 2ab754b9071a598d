#include <unistd.h>

#include "fs/conformance.h"
#include "fs/conformance_files.h"
#include "fs/conformance_names.h"
#include "fs/os/temporary_directory.h"

namespace ox::fs {
namespace {

class OsSandbox final : public Sandbox {
 public:
  std::unique_ptr<Directory> root() override {
    auto opened = open_os_directory(directory_.path());
    EXPECT_TRUE(opened.ok());
    return std::move(*opened);
  }
  // The kernel stamps by its tick, which is 10 ms at most.
  void tick() override { ::usleep(11'000); }

 private:
  TemporaryDirectory directory_;
};

INSTANTIATE_TEST_SUITE_P(Os, FileSystemConformance,
                         testing::Values(ConformanceCase{
                             "os", [] { return std::make_unique<OsSandbox>(); }}),
                         name_of_case);

}  // namespace
}  // namespace ox::fs
