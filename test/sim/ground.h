#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fs/fs.h"
#include "provider/memory/memory_provider.h"
#include "sim/tree.h"

namespace ox::sim {

/// A file that a user holds open for writing.
class OpenFile {
 public:
  virtual ~OpenFile() = default;
  /// Writes from the start of the file; the rest of it stays, unless it ends here.
  enum class Ending : std::uint8_t { kKeepRest, kCutRest };
  virtual bool write(const std::string& bytes, Ending ending) = 0;
  /// Changes all bytes, as through a mapping: the time stamps stay. False when it is of another
  /// size by now.
  virtual bool store_mapped(const std::string& bytes) = 0;
  virtual bool sync() = 0;
  /// What tells it from all others of its disk, whatever it is called.
  struct Identity {
    std::uint64_t id = 0;
    std::int64_t birth_ns = 0;
  };
  virtual Identity identity() = 0;
};

/// One replica as its user and the oracle reach it, behind the engine's back. The calls answer
/// false when the file system refuses.
class Ground {
 public:
  virtual ~Ground() = default;

  virtual Tree look() = 0;
  /// All of it, our own folder included, as a person would copy it away; none where that is not
  /// possible. And put back: what stands there goes.
  virtual std::optional<Tree> copy_out() = 0;
  virtual void put_back(const Tree& copy) = 0;
  /// Contents in the trash.
  virtual std::vector<std::string> trash() = 0;
  /// Contents that stand in private places: staged, parked.
  virtual std::vector<std::string> private_contents() = 0;
  /// Of them, what was moved there and has no other place: all but copies.
  virtual std::vector<std::string> parked_contents() = 0;
  /// Names in private places that no clean run may leave.
  virtual std::vector<std::string> leftovers() = 0;

  virtual bool create(const std::string& path, const std::string& bytes) = 0;
  virtual bool write_in_place(const std::string& path, const std::string& bytes) = 0;
  /// As editors save: written beside, renamed over.
  virtual bool write_by_replacing(const std::string& path, const std::string& bytes) = 0;
  virtual bool make_directory(const std::string& path) = 0;
  virtual bool make_symlink(const std::string& path, const std::string& target) = 0;
  /// Replaces a file that stands at `to`.
  virtual bool rename(const std::string& from, const std::string& to) = 0;
  /// A file, a symlink or a whole tree.
  virtual bool remove(const std::string& path) = 0;
  virtual bool chmod(const std::string& path, std::uint32_t mode) = 0;
  virtual bool touch(const std::string& path, Timestamp mtime) = 0;
  /// Whoever looks can tell that a file is open for writing.
  virtual bool shows_writers() = 0;
  /// None when it can't be opened now.
  virtual std::unique_ptr<OpenFile> open_for_writing(const std::string& path) = 0;

  /// What stands at `path`, if it is a file its bytes, and all names above it survive a power cut.
  virtual void sync(const std::string& path) = 0;
  /// The bytes at `path` may be torn by a power cut, by the user's own neglect.
  virtual void leave_unsynced(const std::string& path) = 0;
  virtual void leave_unsynced(OpenFile& file) = 0;
  /// Contents that a power cut tore by the user's own neglect. Forgets what was left unsynced.
  virtual std::vector<std::string> torn_by_neglect(const Tree& tree) = 0;
};

/// A directory of a simulated disk; `open_root` gives a handle that no fault reaches.
std::unique_ptr<Ground> make_disk_ground(std::function<std::unique_ptr<fs::Directory>()> open_root,
                                         std::string rule, bool shows_writers);

/// A MemoryProvider, which must outlive the ground.
std::unique_ptr<Ground> make_memory_ground(provider::MemoryProvider& provider);

}  // namespace ox::sim
