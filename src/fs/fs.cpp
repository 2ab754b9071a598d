#include "fs/fs.h"

namespace ox::fs {

Result<std::unique_ptr<Directory>> Directory::open_below(const RelPath& path) {
  TRY_ASSIGN(auto at, open_directory(path.first()));
  for (RelPath rest = path.after_first(); !rest.is_root(); rest = rest.after_first()) {
    TRY_ASSIGN(at, at->open_directory(rest.first()));
  }
  return at;
}

Result<std::unique_ptr<File>> Directory::open_file_below(const RelPath& path, Access access) {
  if (path.parent().is_root()) {
    return open_file(path.name(), access);
  }
  TRY_ASSIGN(const auto directory, open_below(path.parent()));
  return directory->open_file(path.name(), access);
}

}  // namespace ox::fs
