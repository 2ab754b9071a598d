#pragma once

#include "provider/local/local_root.h"

namespace ox::provider {

/// See Provider::set_attributes. Works on the open inode, so that a file renamed over this one in
/// the meantime is not touched; a file that can't be opened is changed by name. Returns the inode
/// as it left it.
Result<fs::Stat> set_local_attributes(LocalRoot& root, const Place& place,
                                      const tree::Fingerprint& expected,
                                      const tree::Attributes& attributes,
                                      std::optional<Timestamp> mtime, Source* xattr_source);

}  // namespace ox::provider
