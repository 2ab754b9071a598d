#include <dirent.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>

#include "fs/os/os_directory.h"

namespace ox::fs {
namespace {

enum class SyncWhole : std::uint8_t { kTrusted, kUntrusted };

struct KnownType {
  std::uint32_t magic;
  std::string_view name;
  SyncWhole sync_whole;
};

// The numbers stand in linux/magic.h and in the statfs(2) manual.
constexpr std::array kKnownTypes{
    KnownType{0xEF53, "ext4", SyncWhole::kTrusted},
    KnownType{0x58465342, "xfs", SyncWhole::kTrusted},
    KnownType{0x9123683E, "btrfs", SyncWhole::kTrusted},
    KnownType{0x01021994, "tmpfs", SyncWhole::kTrusted},
    KnownType{0x794C7630, "overlay", SyncWhole::kTrusted},
    KnownType{0x2FC12FC1, "zfs", SyncWhole::kTrusted},
    KnownType{0xF2F52010, "f2fs", SyncWhole::kTrusted},
    KnownType{0xCA451A4E, "bcachefs", SyncWhole::kTrusted},
    KnownType{0x4D44, "vfat", SyncWhole::kTrusted},
    KnownType{0x2011BAB0, "exfat", SyncWhole::kTrusted},
    KnownType{0x7366746E, "ntfs3", SyncWhole::kTrusted},
    KnownType{0x65735546, "fuse", SyncWhole::kUntrusted},
    KnownType{0x6969, "nfs", SyncWhole::kUntrusted},
    KnownType{0xFF534D42, "cifs", SyncWhole::kUntrusted},
    KnownType{0xFE534D42, "smb2", SyncWhole::kUntrusted},
    KnownType{0x01021997, "9p", SyncWhole::kUntrusted},
    KnownType{0x00C36400, "ceph", SyncWhole::kUntrusted},
};

// FS_IOC_GETFSUUID (Linux 6.9) and EXT4_IOC_GETFSUUID (5.19), which older headers don't have.
struct AnyFileSystemUuid {
  std::uint8_t length;
  std::array<std::uint8_t, 16> bytes;
};
struct Ext4Uuid {
  std::uint32_t length;
  std::uint32_t flags;
  std::array<std::uint8_t, 16> bytes;
};
constexpr unsigned long kGetAnyUuid = _IOR(0x15, 0, AnyFileSystemUuid);
// The kernel sizes this request without the bytes that follow its fixed part.
constexpr unsigned long kGetExt4Uuid = _IOC(_IOC_READ, 'f', 44, 8);

std::string to_uuid_text(const std::uint8_t* bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (std::all_of(bytes, bytes + 16, [](std::uint8_t byte) { return byte == 0; })) {
    return {};
  }
  std::string text;
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      text += '-';
    }
    text += kDigits[bytes[i] >> 4U];
    text += kDigits[bytes[i] & 15U];
  }
  return text;
}

std::string uuid_by_request(int descriptor, std::string_view type) {
  AnyFileSystemUuid any{};
  if (::ioctl(descriptor, kGetAnyUuid, &any) == 0 && any.length == any.bytes.size()) {
    if (std::string text = to_uuid_text(any.bytes.data()); !text.empty()) {
      return text;
    }
  }
  if (type == "ext4") {
    Ext4Uuid ext4{.length = 16, .flags = 0, .bytes = {}};
    if (::ioctl(descriptor, kGetExt4Uuid, &ext4) == 0 && ext4.length == ext4.bytes.size()) {
      return to_uuid_text(ext4.bytes.data());
    }
  }
  if (type == "btrfs") {
    struct btrfs_ioctl_fs_info_args args{};
    if (::ioctl(descriptor, BTRFS_IOC_FS_INFO, &args) == 0) {
      return to_uuid_text(args.fsid);
    }
  }
  return {};
}

// udev keeps a symlink named by UUID to every block device it knows.
std::string uuid_by_device(dev_t device) {
  const std::unique_ptr<DIR, int (*)(DIR*)> links(::opendir("/dev/disk/by-uuid"), &::closedir);
  if (links == nullptr || major(device) == 0) {
    return {};
  }
  while (const struct dirent64* entry = ::readdir64(links.get())) {
    struct stat raw;
    if (::fstatat(::dirfd(links.get()), entry->d_name, &raw, 0) == 0 && S_ISBLK(raw.st_mode) &&
        raw.st_rdev == device) {
      return entry->d_name;
    }
  }
  return {};
}

}  // namespace

Result<FileSystemInfo> describe_file_system(int descriptor) {
  struct statfs raw;
  struct stat directory;
  if (retry_interrupted([&] { return ::fstatfs(descriptor, &raw); }) != 0 ||
      ::fstat(descriptor, &directory) != 0) {
    return last_error("statfs", "");
  }
  FileSystemInfo info;
  // On a type we don't know every file is synced by itself: slower, never wrong.
  info.sync_whole = false;
  const auto known =
      std::ranges::find(kKnownTypes, static_cast<std::uint32_t>(raw.f_type), &KnownType::magic);
  bool is_local = false;
  if (known != kKnownTypes.end()) {
    info.type = known->name;
    is_local = known->sync_whole == SyncWhole::kTrusted;
    info.sync_whole = is_local;
  }
  const auto block = static_cast<std::uint64_t>(raw.f_frsize > 0 ? raw.f_frsize : raw.f_bsize);
  info.free_bytes = raw.f_bavail * block;
  info.total_bytes = raw.f_blocks * block;
  info.read_only = (static_cast<unsigned long>(raw.f_flags) & ST_RDONLY) != 0;
  if (is_local) {
    info.uuid = uuid_by_request(descriptor, info.type);
    if (info.uuid.empty()) {
      info.uuid = uuid_by_device(directory.st_dev);
    }
  }
  return info;
}

}  // namespace ox::fs
