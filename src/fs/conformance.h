#pragma once

// One suite for every implementation of fs.h: what they all do alike. One file of a test program
// includes conformance_names.h and conformance_files.h, which hold the tests, and instantiates
// FileSystemConformance with its way to make a Sandbox. This header has what any test may use.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "fs/fs.h"

namespace ox::fs {

/// An empty directory that ends with the object.
class Sandbox {
 public:
  virtual ~Sandbox() = default;
  virtual std::unique_ptr<Directory> root() = 0;
  /// Lets the file system's clock advance so far that the next change gets another instant.
  virtual void tick() = 0;
};

struct ConformanceCase {
  std::string name;
  std::function<std::unique_ptr<Sandbox>()> make;
};

inline std::string name_of_case(const testing::TestParamInfo<ConformanceCase>& info) {
  return info.param.name;
}

inline void write_file(Directory& directory, std::string_view name, std::string_view text) {
  auto file = directory.create_file(name, 0644);
  ASSERT_TRUE(file.ok()) << file.error().to_string();
  const auto written = (*file)->write_at(0, as_bytes_view(text));
  ASSERT_TRUE(written.ok()) << written.error().to_string();
}

/// The content, or the name of the error's code in angle brackets.
inline std::string read_all(File& file) {
  Bytes bytes(1 << 20U);
  const auto size = file.read_at(0, bytes);
  if (!size.ok()) {
    return "<" + std::string(name_of(size.error().code())) + ">";
  }
  return std::string(as_text_view(BytesView(bytes).first(*size)));
}

inline std::string read_file(Directory& directory, std::string_view name) {
  auto file = directory.open_file(name, Access::kRead);
  if (!file.ok()) {
    return "<" + std::string(name_of(file.error().code())) + ">";
  }
  return read_all(**file);
}

inline std::set<std::string> names_in(Directory& directory) {
  std::set<std::string> names;
  auto items = directory.list();
  EXPECT_TRUE(items.ok());
  if (items.ok()) {
    for (const DirectoryItem& item : *items) {
      EXPECT_TRUE(names.insert(item.name).second) << "listed twice: " << item.name;
    }
  }
  return names;
}

/// The code of a failed result; kCancelled, which no file system answers, for a good one.
template <typename T>
Code code_of(const Result<T>& result) {
  return result.ok() ? Code::kCancelled : result.error().code();
}

using Names = std::set<std::string>;

class FileSystemConformance : public testing::TestWithParam<ConformanceCase> {
 protected:
  void SetUp() override {
    sandbox_ = GetParam().make();
    root_ = sandbox_->root();
  }

  std::unique_ptr<Directory> make_and_open(std::string_view name) {
    EXPECT_TRUE(root_->make_directory(name, 0755).ok());
    auto opened = root_->open_directory(name);
    EXPECT_TRUE(opened.ok());
    return opened.ok() ? std::move(*opened) : nullptr;
  }

  std::unique_ptr<Sandbox> sandbox_;
  std::unique_ptr<Directory> root_;
};

}  // namespace ox::fs
