#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "provider/conformance/conformance.h"
#include "provider/conformance/support.h"
#include "provider/local/local_provider.h"

namespace ox::provider {

inline const std::string kTestRule = std::string(31, '0') + "1";

/// A local root for tests: `open` gives handles of one directory, of any implementation.
class LocalTestRoot final : public conformance::Root {
 public:
  using Open = std::function<std::unique_ptr<fs::Directory>()>;

  explicit LocalTestRoot(Open open, rt::Clock* clock = nullptr)
      : open_(std::move(open)), clock_(clock) {
    reopen();
  }

  Provider& provider() override { return *provider_; }
  void reopen() override {
    provider_.reset();
    LocalOptions options;
    options.root = open_();
    options.rule = kTestRule;
    options.clock = clock_;
    auto made = make_local_provider(std::move(options));
    EXPECT_OK(made);
    provider_ = std::move(made).value();
  }

  void write(const RelPath& path, const std::string& bytes) override {
    const auto parent = open_parent(path);
    auto file = parent->open_file(path.name(), fs::Access::kReadWrite);
    if (file.failed_with(Code::kNotFound)) {
      file = parent->create_file(path.name(), 0644);
    }
    ASSERT_OK(file);
    EXPECT_OK((*file)->truncate(0));
    EXPECT_OK((*file)->write_at(0, as_bytes_view(bytes)));
  }
  void save(const RelPath& path, const std::string& bytes) override {
    const auto parent = open_parent(path);
    const std::string temporary = "save-in-progress";
    {
      const auto file = parent->create_file(temporary, 0644);
      ASSERT_OK(file);
      EXPECT_OK((*file)->write_at(0, as_bytes_view(bytes)));
    }
    EXPECT_OK(parent->rename(temporary, *parent, path.name(), fs::RenameMode::kReplace));
  }
  void make_directory(const RelPath& path) override {
    EXPECT_OK(open_parent(path)->make_directory(path.name(), 0755));
  }
  void make_symlink(const RelPath& path, const std::string& target) override {
    EXPECT_OK(open_parent(path)->make_symlink(path.name(), target));
  }
  void remove(const RelPath& path) override {
    const auto parent = open_parent(path);
    const auto stat = parent->stat(path.name());
    ASSERT_OK(stat);
    EXPECT_OK(stat->type == fs::NodeType::kDirectory ? parent->remove_directory(path.name())
                                                     : parent->remove_file(path.name()));
  }
  void rename(const RelPath& from, const RelPath& to) override {
    const auto target = open_parent(to);
    EXPECT_OK(open_parent(from)->rename(from.name(), *target, to.name(), fs::RenameMode::kReplace));
  }
  void set_user_attribute(const RelPath& path, const std::string& name,
                          const std::string& value) override {
    const auto file = open_parent(path)->open_file(path.name(), fs::Access::kReadWrite);
    ASSERT_OK(file);
    const auto bytes = as_bytes_view(value);
    EXPECT_OK((*file)->set_extended_attribute(
        {.name = name, .value = Bytes(bytes.begin(), bytes.end())}));
  }
  std::optional<std::string> read(const RelPath& path) override {
    const auto parent = open_parent(path);
    const auto stat = parent->stat(path.name());
    if (!stat.ok()) {
      return std::nullopt;
    }
    if (stat->type == fs::NodeType::kSymlink) {
      return parent->read_symlink(path.name()).value();
    }
    const auto file = parent->open_file(path.name(), fs::Access::kRead);
    if (!file.ok()) {
      return std::nullopt;
    }
    Bytes bytes(stat->size);
    EXPECT_OK((*file)->read_at(0, bytes));
    return std::string(as_text_view(bytes));
  }

  /// The directory that holds `path`, our own folder included.
  std::shared_ptr<fs::Directory> open_parent(const RelPath& path) {
    std::shared_ptr<fs::Directory> at = open_();
    for (RelPath rest = path.parent(); !rest.is_root(); rest = rest.after_first()) {
      at = at->open_directory(rest.first()).value();
    }
    return at;
  }

 private:
  Open open_;
  rt::Clock* clock_;
  std::unique_ptr<Provider> provider_;
};

}  // namespace ox::provider
