"""The file systems that roots stand on, and what can be expected of each."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Ground:
    """`make` is a command for an image of so many megabytes, `options` are those of mount; 0: only a folder."""

    name: str
    megabytes: int = 0
    make: tuple = ()
    options: tuple = ()
    links: bool = True
    modes: bool = True
    # Two names can change places in one step, and a rename can be told not to replace.
    flags: bool = True
    # Another write shows in ctime, whatever mtime was set to.
    ctime: bool = True
    step_ns: int = 1
    fuse: bool = False

    @property
    def is_disk(self):
        return self.megabytes > 0


FAT = {"links": False, "modes": False, "flags": False, "ctime": False, "step_ns": 2 * 10**9}
GROUNDS = {
    ground.name: ground
    for ground in (
        Ground("folder"),
        Ground("tmpfs", 48),
        Ground("ext4", 48, ("mkfs.ext4", "-q", "-F", "-m", "0"), ("-o", "loop,errors=remount-ro")),
        Ground("xfs", 320, ("mkfs.xfs", "-q"), ("-t", "xfs", "-o", "loop")),
        Ground("btrfs", 160, ("mkfs.btrfs", "-q"), ("-t", "btrfs", "-o", "loop")),
        Ground("vfat", 48, ("mkfs.vfat",), ("-t", "vfat", "-o", "loop,utf8=1"), **FAT),
        Ground("exfat", 48, fuse=True, **FAT),
    )
}
# Where the state can stand, when it has a disk of its own.
STATE_GROUNDS = ("tmpfs", "ext4", "btrfs")
