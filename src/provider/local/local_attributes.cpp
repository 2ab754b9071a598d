#include "provider/local/local_attributes.h"

#include <algorithm>
#include <utility>

#include "provider/local/swap.h"

namespace ox::provider {
namespace {

constexpr std::uint32_t kOwnerWrites = 0200;

Result<void> copy_xattrs(fs::File& file, Source& source) {
  TRY_ASSIGN(const auto wanted, source.xattrs());
  TRY_ASSIGN(const auto standing, file.extended_attributes());
  for (const fs::ExtendedAttribute& old : standing) {
    if (std::ranges::find(wanted, old.name, &Source::Xattr::name) == wanted.end()) {
      TRY(file.remove_extended_attribute(old.name));
    }
  }
  for (const Source::Xattr& xattr : wanted) {
    const auto same = std::ranges::find(standing, xattr.name, &fs::ExtendedAttribute::name);
    if (same == standing.end() || same->value != xattr.value) {
      TRY(file.set_extended_attribute({.name = xattr.name, .value = xattr.value}));
    }
  }
  return {};
}

Error written_meanwhile() {
  return Error(Code::kPreconditionFailed, "the file was written meanwhile");
}

// Setting the time hides the trace of a write that came in between, so nobody may write then.
Result<void> set_time(LocalRoot& root, fs::File& file, const Place& place, const fs::Stat& before,
                      Timestamp mtime) {
  TRY_ASSIGN(const auto lease, lease_against_writers(root, place, before.type));
  TRY_ASSIGN(const fs::Stat now, file.stat());
  if (now.size != before.size || now.mtime != before.mtime) {
    return written_meanwhile();
  }
  return file.set_mtime(mtime);
}

Result<fs::Stat> set_on_file(LocalRoot& root, fs::File& file, const Place& place,
                             const tree::Fingerprint& expected, const tree::Attributes& attributes,
                             std::optional<Timestamp> mtime, Source* xattr_source) {
  TRY_ASSIGN(const fs::Stat stat, file.stat());
  if (!root.matches(stat, expected)) {
    return Error(Code::kPreconditionFailed, "the file has changed");
  }
  const Capabilities& can = root.capabilities();
  std::uint32_t mode = stat.mode;
  const std::uint32_t wanted_mode = root.mode_of(attributes).value_or(mode);
  if (xattr_source != nullptr && can.xattrs) {
    if (can.modes && (mode & kOwnerWrites) == 0) {
      mode |= kOwnerWrites;
      TRY(file.set_mode(mode));
    }
    TRY(copy_xattrs(file, *xattr_source));
  }
  const bool sets_time = mtime.has_value() && can.mtime_settable && *mtime != stat.mtime;
  if (sets_time) {
    TRY(set_time(root, file, place, stat, *mtime));
  }
  if (mode != wanted_mode) {
    TRY(file.set_mode(wanted_mode));
  }
  TRY_ASSIGN(const fs::Stat after, file.stat());
  const std::int64_t off = after.mtime.ns - (sets_time ? *mtime : stat.mtime).ns;
  const std::int64_t allowed = sets_time ? can.mtime_step.count() : 0;
  if (after.size != stat.size || off > allowed || off < -allowed) {
    return written_meanwhile();
  }
  return after;
}

}  // namespace

Result<fs::Stat> set_local_attributes(LocalRoot& root, const Place& place,
                                      const tree::Fingerprint& expected,
                                      const tree::Attributes& attributes,
                                      std::optional<Timestamp> mtime, Source* xattr_source) {
  TRY_ASSIGN(const fs::Stat stat, check_expected(root, place, expected));
  if (stat.type == fs::NodeType::kFile) {
    auto file = place.directory->open_file(place.name, fs::Access::kRead);
    if (file.ok()) {
      return set_on_file(root, **file, place, expected, attributes, mtime, xattr_source);
    }
    if (!file.failed_with(Code::kPermissionDenied)) {
      return std::move(file).error();
    }
  }
  const Capabilities& can = root.capabilities();
  if (mtime.has_value() && can.mtime_settable && stat.type != fs::NodeType::kDirectory) {
    TRY(place.directory->set_mtime(place.name, *mtime));
  }
  const std::uint32_t wanted_mode = root.mode_of(attributes).value_or(stat.mode);
  if (stat.type != fs::NodeType::kSymlink && stat.mode != wanted_mode) {
    TRY(place.directory->set_mode(place.name, wanted_mode));
  }
  return place.directory->stat(place.name);
}

}  // namespace ox::provider
