#include "fs/os/extended_attributes.h"

#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "fs/os/descriptor.h"

namespace ox::fs {
namespace {

constexpr std::string_view kPrefix = "user.";
// The kernel's own limits on one list of names and on one value.
constexpr std::size_t kLargestList = 65536;
constexpr std::size_t kLargestValue = 65536;

// `list(buffer, size)` and `get(name, buffer, size)` are the system calls on either kind of handle.
template <typename List, typename Get>
Result<std::vector<ExtendedAttribute>> read_all(const List& list, const Get& get) {
  std::vector<ExtendedAttribute> found;
  // Nearly all files have none: the first try needs no allocation and no second call.
  std::array<char, 1024> small;
  std::string large;
  const char* names = small.data();
  ssize_t size = list(small.data(), small.size());
  if (size < 0 && errno == ERANGE) {
    large.resize(kLargestList);
    size = list(large.data(), large.size());
    names = large.data();
  }
  if (size < 0) {
    if (errno == EOPNOTSUPP) {
      return found;
    }
    return last_error("list extended attributes", "");
  }
  Bytes value;
  for (const char* name = names; name < names + size; name += std::strlen(name) + 1) {
    if (!std::string_view(name).starts_with(kPrefix)) {
      continue;
    }
    value.resize(kLargestValue);
    const ssize_t length = get(name, value.data(), value.size());
    if (length < 0) {
      if (errno == ENODATA) {
        continue;
      }
      return last_error("read extended attribute", name);
    }
    found.push_back({name, Bytes(value.begin(), value.begin() + length)});
  }
  std::ranges::sort(found, {}, &ExtendedAttribute::name);
  return found;
}

Result<std::string> checked_name(std::string_view name) {
  if (!name.starts_with(kPrefix) || name.size() == kPrefix.size() ||
      name.find('\0') != std::string_view::npos) {
    return Error(Code::kInvalidArgument, "not the name of a user attribute").with_context(name);
  }
  return std::string(name);
}

}  // namespace

Result<std::vector<ExtendedAttribute>> read_extended_attributes(int descriptor) {
  return read_all(
      [&](char* buffer, std::size_t size) { return ::flistxattr(descriptor, buffer, size); },
      [&](const char* name, void* buffer, std::size_t size) {
        return ::fgetxattr(descriptor, name, buffer, size);
      });
}

Result<std::vector<ExtendedAttribute>> read_extended_attributes(const std::string& path) {
  return read_all(
      [&](char* buffer, std::size_t size) { return ::llistxattr(path.c_str(), buffer, size); },
      [&](const char* name, void* buffer, std::size_t size) {
        return ::lgetxattr(path.c_str(), name, buffer, size);
      });
}

Result<void> write_extended_attribute(int descriptor, const ExtendedAttribute& attribute) {
  TRY_ASSIGN(const std::string name, checked_name(attribute.name));
  if (::fsetxattr(descriptor, name.c_str(), attribute.value.data(), attribute.value.size(), 0) !=
      0) {
    if (errno == E2BIG || errno == ERANGE) {
      return Error(Code::kNoSpace, "the extended attribute is too large").with_context(name);
    }
    return last_error("set extended attribute", name);
  }
  return {};
}

Result<void> erase_extended_attribute(int descriptor, std::string_view name) {
  TRY_ASSIGN(const std::string checked, checked_name(name));
  if (::fremovexattr(descriptor, checked.c_str()) != 0) {
    if (errno == ENODATA) {
      return Error(Code::kNotFound, "no such extended attribute").with_context(name);
    }
    return last_error("remove extended attribute", name);
  }
  return {};
}

}  // namespace ox::fs
