#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "provider/conformance/conformance.h"
#include "provider/conformance/support.h"
#include "provider/memory/memory_provider.h"

namespace ox::provider {

/// A memory provider under the conformance suite, perhaps in wrappers.
class MemoryTestRoot final : public conformance::Root {
 public:
  using Wrap = std::function<std::unique_ptr<Provider>(std::unique_ptr<Provider>)>;

  explicit MemoryTestRoot(MemoryOptions options, const Wrap& wrap = {}) {
    auto store = std::make_unique<MemoryProvider>(std::move(options));
    store_ = store.get();
    provider_ = wrap ? wrap(std::move(store)) : std::move(store);
  }
  Provider& provider() override { return *provider_; }
  void reopen() override {}
  void write(const RelPath& path, const std::string& bytes) override {
    EXPECT_OK(store_->user_write(path, bytes));
  }
  void save(const RelPath& path, const std::string& bytes) override {
    EXPECT_OK(store_->user_save(path, bytes));
  }
  void make_directory(const RelPath& path) override {
    EXPECT_OK(store_->user_make_directory(path));
  }
  void make_symlink(const RelPath& path, const std::string& target) override {
    EXPECT_OK(store_->user_symlink(path, target));
  }
  void remove(const RelPath& path) override { EXPECT_OK(store_->user_remove(path)); }
  void rename(const RelPath& from, const RelPath& to) override {
    EXPECT_OK(store_->user_rename(from, to));
  }
  void set_user_attribute(const RelPath& path, const std::string& name,
                          const std::string& value) override {
    EXPECT_OK(store_->user_set_xattr(path, name, value));
  }
  std::optional<std::string> read(const RelPath& path) override { return store_->content(path); }

 private:
  MemoryProvider* store_;
  std::unique_ptr<Provider> provider_;
};

}  // namespace ox::provider
