#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "provider/provider.h"

/// One suite that every provider and every wrapper passes. A provider's own test is a Root and one
/// call of register_conformance().
namespace ox::provider::conformance {

/// An empty replica under test, and a user's hand on it that goes past the provider. The hand
/// reports its own failures to GoogleTest.
class Root {
 public:
  virtual ~Root() = default;
  virtual Provider& provider() = 0;
  /// Closes the provider and opens the same replica again, as a new process would.
  virtual void reopen() = 0;

  /// In place when the file stands; its parent must stand.
  virtual void write(const RelPath& path, const std::string& bytes) = 0;
  /// As editors save: a new file is renamed over the old one.
  virtual void save(const RelPath& path, const std::string& bytes) = 0;
  virtual void make_directory(const RelPath& path) = 0;
  virtual void make_symlink(const RelPath& path, const std::string& target) = 0;
  /// A file, symlink or empty directory.
  virtual void remove(const RelPath& path) = 0;
  virtual void rename(const RelPath& from, const RelPath& to) = 0;
  virtual void set_user_attribute(const RelPath& path, const std::string& name,
                                  const std::string& value) = 0;
  /// Bytes of a file, target of a symlink; none for anything else.
  virtual std::optional<std::string> read(const RelPath& path) = 0;
};

using MakeRoot = std::function<std::unique_ptr<Root>()>;

/// Registers all cases as the GoogleTest suite "<name>Conformance". Each case gets a root of its
/// own; a root that can't be had (`make` returns null) skips it. Returns true, so that a static
/// variable can call it.
bool register_conformance(const std::string& name, const MakeRoot& make);

}  // namespace ox::provider::conformance
