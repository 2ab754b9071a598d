#include "state/sqlite_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>

namespace ox::state {

struct VfsState {
  std::shared_ptr<fs::Directory> directory;
  sqlite3_vfs* system = nullptr;  // for chance and time
  std::string name;
  sqlite3_vfs vfs{};
  std::optional<Error> error;

  /// Keeps the error for a person and says `code` to SQLite, or that the disk is full.
  int report(const Error& failure, int code) {
    error = failure;
    return failure.code() == Code::kNoSpace ? SQLITE_FULL : code;
  }
};

namespace {

constexpr int kSectorBytes = 4096;
constexpr int kMaxPathBytes = 8192;
constexpr std::uint32_t kFileMode = 0600;

/// What an open file needs. Temporary files have no `file`: they live in `bytes`.
struct Opened {
  VfsState* state = nullptr;
  std::unique_ptr<fs::File> file;
  Bytes bytes;
  bool names_synced = false;
};

/// The part that SQLite allocates.
struct Handle {
  sqlite3_file base;
  Opened* opened;
};

Opened& opened_of(sqlite3_file* file) {
  return *reinterpret_cast<Handle*>(file)->opened;
}

VfsState& state_of(sqlite3_vfs* vfs) {
  return *static_cast<VfsState*>(vfs->pAppData);
}

int close_file(sqlite3_file* file) {
  delete reinterpret_cast<Handle*>(file)->opened;
  reinterpret_cast<Handle*>(file)->opened = nullptr;
  return SQLITE_OK;
}

std::size_t read_temporary(const Bytes& bytes, std::uint64_t offset, std::span<std::uint8_t> into) {
  if (offset >= bytes.size()) {
    return 0;
  }
  const std::size_t size = std::min(into.size(), bytes.size() - offset);
  std::memcpy(into.data(), bytes.data() + offset, size);
  return size;
}

int read_file(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
  Opened& opened = opened_of(file);
  const std::span<std::uint8_t> wanted(static_cast<std::uint8_t*>(into),
                                       static_cast<std::size_t>(size));
  const auto from = static_cast<std::uint64_t>(offset);
  std::size_t read = 0;
  if (opened.file == nullptr) {
    read = read_temporary(opened.bytes, from, wanted);
  } else if (auto result = opened.file->read_at(from, wanted); result.ok()) {
    read = *result;
  } else {
    return opened.state->report(result.error(), SQLITE_IOERR_READ);
  }
  if (read < wanted.size()) {
    std::fill(wanted.begin() + static_cast<std::ptrdiff_t>(read), wanted.end(), std::uint8_t{0});
    return SQLITE_IOERR_SHORT_READ;
  }
  return SQLITE_OK;
}

int write_file(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
  Opened& opened = opened_of(file);
  const BytesView bytes(static_cast<const std::uint8_t*>(from), static_cast<std::size_t>(size));
  const auto to = static_cast<std::uint64_t>(offset);
  if (opened.file == nullptr) {
    opened.bytes.resize(std::max<std::size_t>(opened.bytes.size(), to + bytes.size()));
    std::memcpy(opened.bytes.data() + to, bytes.data(), bytes.size());
    return SQLITE_OK;
  }
  const auto result = opened.file->write_at(to, bytes);
  return result.ok() ? SQLITE_OK : opened.state->report(result.error(), SQLITE_IOERR_WRITE);
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  Opened& opened = opened_of(file);
  if (opened.file == nullptr) {
    opened.bytes.resize(static_cast<std::size_t>(size));
    return SQLITE_OK;
  }
  const auto result = opened.file->truncate(static_cast<std::uint64_t>(size));
  return result.ok() ? SQLITE_OK : opened.state->report(result.error(), SQLITE_IOERR_TRUNCATE);
}

int sync_file(sqlite3_file* file, int /*flags*/) {
  Opened& opened = opened_of(file);
  if (opened.file == nullptr) {
    return SQLITE_OK;
  }
  if (auto result = opened.file->sync(); !result.ok()) {
    return opened.state->report(result.error(), SQLITE_IOERR_FSYNC);
  }
  // The name of a file may be younger than the last sync of the directory even if somebody else
  // created it: a process that was killed right after.
  if (!opened.names_synced) {
    if (auto result = opened.state->directory->sync(); !result.ok()) {
      return opened.state->report(result.error(), SQLITE_IOERR_DIR_FSYNC);
    }
    opened.names_synced = true;
  }
  return SQLITE_OK;
}

int size_of_file(sqlite3_file* file, sqlite3_int64* size) {
  Opened& opened = opened_of(file);
  if (opened.file == nullptr) {
    *size = static_cast<sqlite3_int64>(opened.bytes.size());
    return SQLITE_OK;
  }
  const auto stat = opened.file->stat();
  if (!stat.ok()) {
    return opened.state->report(stat.error(), SQLITE_IOERR_FSTAT);
  }
  *size = static_cast<sqlite3_int64>(stat->size);
  return SQLITE_OK;
}

int lock_file(sqlite3_file* /*file*/, int /*level*/) {
  return SQLITE_OK;
}

int check_reserved_lock(sqlite3_file* /*file*/, int* reserved) {
  *reserved = 0;
  return SQLITE_OK;
}

int control_file(sqlite3_file* /*file*/, int /*operation*/, void* /*argument*/) {
  return SQLITE_NOTFOUND;
}

int sector_size(sqlite3_file* /*file*/) {
  return kSectorBytes;
}

int device_characteristics(sqlite3_file* /*file*/) {
  return 0;
}

// Version 1: no shared memory, no memory mapping.
constexpr sqlite3_io_methods kFileMethods = {
    .iVersion = 1,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = size_of_file,
    .xLock = lock_file,
    .xUnlock = lock_file,
    .xCheckReservedLock = check_reserved_lock,
    .xFileControl = control_file,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = device_characteristics,
    .xShmMap = nullptr,
    .xShmLock = nullptr,
    .xShmBarrier = nullptr,
    .xShmUnmap = nullptr,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  VfsState& state = state_of(vfs);
  file->pMethods = nullptr;
  auto opened = std::make_unique<Opened>();
  opened->state = &state;
  if (name != nullptr) {
    const bool may_write = (flags & SQLITE_OPEN_READWRITE) != 0;
    auto inner =
        state.directory->open_file(name, may_write ? fs::Access::kReadWrite : fs::Access::kRead);
    if (inner.failed_with(Code::kNotFound) && (flags & SQLITE_OPEN_CREATE) != 0) {
      inner = state.directory->create_file(name, kFileMode);
    }
    if (!inner.ok()) {
      return state.report(inner.error(), SQLITE_CANTOPEN);
    }
    opened->file = std::move(inner).value();
  }
  auto* handle = new (file) Handle{.base = {.pMethods = &kFileMethods}, .opened = nullptr};
  handle->opened = opened.release();
  if (out_flags != nullptr) {
    *out_flags = flags;
  }
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  VfsState& state = state_of(vfs);
  if (auto removed = state.directory->remove_file(name); !removed.ok()) {
    return removed.failed_with(Code::kNotFound)
               ? SQLITE_IOERR_DELETE_NOENT
               : state.report(removed.error(), SQLITE_IOERR_DELETE);
  }
  if (sync_directory != 0) {
    if (auto synced = state.directory->sync(); !synced.ok()) {
      return state.report(synced.error(), SQLITE_IOERR_DIR_FSYNC);
    }
  }
  return SQLITE_OK;
}

int access_file(sqlite3_vfs* vfs, const char* name, int flags, int* result) {
  VfsState& state = state_of(vfs);
  const auto stat = state.directory->stat(name);
  if (!stat.ok() && !stat.failed_with(Code::kNotFound)) {
    return state.report(stat.error(), SQLITE_IOERR_ACCESS);
  }
  // An empty journal is no journal: SQLite's own VFS answers the same way.
  *result = stat.ok() && (flags != SQLITE_ACCESS_EXISTS || stat->size > 0) ? 1 : 0;
  return SQLITE_OK;
}

int full_pathname(sqlite3_vfs* /*vfs*/, const char* name, int size, char* out) {
  if (std::strlen(name) >= static_cast<std::size_t>(size)) {
    return SQLITE_CANTOPEN;
  }
  std::strcpy(out, name);
  return SQLITE_OK;
}

int randomness(sqlite3_vfs* vfs, int size, char* out) {
  sqlite3_vfs* system = state_of(vfs).system;
  return system->xRandomness(system, size, out);
}

int sleep_for(sqlite3_vfs* vfs, int microseconds) {
  sqlite3_vfs* system = state_of(vfs).system;
  return system->xSleep(system, microseconds);
}

int current_time(sqlite3_vfs* vfs, double* days) {
  sqlite3_vfs* system = state_of(vfs).system;
  return system->xCurrentTime(system, days);
}

int last_error(sqlite3_vfs* /*vfs*/, int /*size*/, char* /*out*/) {
  return 0;
}

}  // namespace

DirectoryVfs::DirectoryVfs(std::unique_ptr<VfsState> state) : state_(std::move(state)) {}

DirectoryVfs::~DirectoryVfs() {
  sqlite3_vfs_unregister(&state_->vfs);
}

Result<std::unique_ptr<DirectoryVfs>> DirectoryVfs::make(std::shared_ptr<fs::Directory> directory) {
  auto state = std::make_unique<VfsState>();
  state->directory = std::move(directory);
  state->system = sqlite3_vfs_find(nullptr);
  // The address is unique among the objects alive, and a name is needed only while alive.
  char name[40];
  std::snprintf(name, sizeof name, "syncoxiders-%p", static_cast<void*>(state.get()));
  state->name = name;
  state->vfs.iVersion = 1;
  state->vfs.szOsFile = sizeof(Handle);
  state->vfs.mxPathname = kMaxPathBytes;
  state->vfs.zName = state->name.c_str();
  state->vfs.pAppData = state.get();
  state->vfs.xOpen = open_file;
  state->vfs.xDelete = delete_file;
  state->vfs.xAccess = access_file;
  state->vfs.xFullPathname = full_pathname;
  state->vfs.xRandomness = randomness;
  state->vfs.xSleep = sleep_for;
  state->vfs.xCurrentTime = current_time;
  state->vfs.xGetLastError = last_error;
  if (state->system == nullptr || sqlite3_vfs_register(&state->vfs, 0) != SQLITE_OK) {
    return Error(Code::kIo, "SQLite refuses a file system of ours");
  }
  return std::unique_ptr<DirectoryVfs>(new DirectoryVfs(std::move(state)));
}

const std::string& DirectoryVfs::name() const {
  return state_->name;
}

std::optional<Error> DirectoryVfs::take_error() {
  return std::exchange(state_->error, {});
}

}  // namespace ox::state
