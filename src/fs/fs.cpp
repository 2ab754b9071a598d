#include "fs/fs.h"

namespace ox::fs {

Result<std::unique_ptr<Directory>> Directory::open_below(const RelPath& path) {
  TRY_ASSIGN(auto at, open_directory(path.first()));
  for (RelPath rest = path.after_first(); !rest.is_root(); rest = rest.after_first()) {
    TRY_ASSIGN(at, at->open_directory(rest.first()));
  }
  return at;
}

}  // namespace ox::fs
