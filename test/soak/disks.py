"""Disks of their own: they can be filled, be made read-only under whoever uses them, and be whole again."""

import ctypes
import errno
import os
import subprocess

import lab

MEBIBYTE = 1 << 20
_MS_RDONLY, _MS_REMOUNT = 1, 32
_LOOP_MAJOR = 7
_LIBC = ctypes.CDLL(None, use_errno=True)


def sync(where):
    descriptor = os.open(where, os.O_RDONLY)
    try:
        _LIBC.syncfs(descriptor)
    finally:
        os.close(descriptor)


class Disk:
    """A mounted ground. `frozen` says how it was made read-only."""

    def __init__(self, place, ground, where):
        self.place, self.ground, self.where = place, ground, os.fsdecode(where)
        self.ballast = os.path.join(self.where, "ballast")
        self.frozen, self.full = "", False
        self.image = None
        os.makedirs(self.where, exist_ok=True)
        self.mount()

    def __str__(self):
        return f"{self.ground.name} at {os.path.basename(self.where)}"

    def mount(self):
        if self.ground.fuse:
            self.place.mount_exfat(self.where, self.ground.megabytes)
        elif not self.ground.make:
            self.place.mount_tmpfs(self.where, f"{self.ground.megabytes}m")
        else:
            self.image = self.image or self.place.image(self.ground.megabytes, *self.ground.make)
            self.place.mount(self.where, *self.ground.options, self.image)

    # No room --------------------------------------------------------------------------------------

    def fill(self, leave):
        """Ballast takes all room but some bytes; how much of them can be used is the file system's affair."""
        self.full = True
        descriptor = os.open(self.ballast, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            self._set_aside(descriptor)
            for size in (MEBIBYTE, 1 << 16, 4096):
                self._write_all(descriptor, b"b" * size)
            os.ftruncate(descriptor, max(0, os.fstat(descriptor).st_size - leave))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        finally:
            os.close(descriptor)

    def _set_aside(self, descriptor):
        room = os.statvfs(self.where)
        size = room.f_bavail * room.f_frsize - 4 * MEBIBYTE
        if size > 0 and not self.ground.fuse:
            try:
                os.posix_fallocate(descriptor, 0, size)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EOPNOTSUPP):
                    raise

    def _write_all(self, descriptor, block):
        try:
            while os.write(descriptor, block) == len(block):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise

    def make_room(self):
        if self.full:
            os.truncate(self.ballast, 0)
            os.remove(self.ballast)
            sync(self.where)  # some give room back with their next transaction only
            self.full = False

    # No writes ------------------------------------------------------------------------------------

    def freeze(self):
        """Whether it is read-only now: refused while somebody has a file open for writing."""
        done = _LIBC.mount(None, os.fsencode(self.where), None, _MS_REMOUNT | _MS_RDONLY, None)
        if done == 0:
            self.frozen = "remounted"
        return done == 0

    def break_down(self):
        """As the kernel does when it meets an error on the disk: read-only at once, whoever writes. What was
        not made durable before is lost."""
        trigger = self._error_trigger()
        if trigger is None:
            return False
        sync(self.where)
        with open(trigger, "w", encoding="ascii") as file:
            file.write("soak")
        self.frozen = "broken"
        return True

    def _error_trigger(self):
        """None where there is none; never that of a disk which is not ours."""
        device = os.stat(self.where).st_dev
        if self.ground.name != "ext4" or os.major(device) != _LOOP_MAJOR:
            return None
        trigger = f"/sys/fs/ext4/loop{os.minor(device)}/trigger_fs_error"
        return trigger if os.access(trigger, os.W_OK) and lab.is_root() else None

    def thaw(self):
        if self.frozen == "remounted":
            if _LIBC.mount(None, os.fsencode(self.where), None, _MS_REMOUNT, None) != 0:
                raise OSError(ctypes.get_errno(), f"{self} can't be made writable again")
        elif self.frozen == "broken":
            subprocess.run(["umount", self.where], check=True, timeout=lab.PATIENCE_S)
            self.mount()
        self.frozen = ""

    def heal(self):
        self.thaw()
        self.make_room()
