#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fs/fs.h"

namespace ox::fs {

/// The "user." attributes of an open file, in name order; none where the file system has none.
Result<std::vector<ExtendedAttribute>> read_extended_attributes(int descriptor);
/// The same of a path, whose last component is not followed.
Result<std::vector<ExtendedAttribute>> read_extended_attributes(const std::string& path);
/// kInvalidArgument for a name outside "user.".
Result<void> write_extended_attribute(int descriptor, const ExtendedAttribute& attribute);
/// kNotFound when there is none of that name.
Result<void> erase_extended_attribute(int descriptor, std::string_view name);

}  // namespace ox::fs
