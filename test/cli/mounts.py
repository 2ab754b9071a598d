"""File systems of their own for a test. Where the kernel or our rights refuse one, the test is skipped
with what the refusal said: it never passes for that.
"""

import ctypes
import errno
import os
import subprocess
import sys
import tempfile

import lab

RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2
_UNSHARED = "LAB_UNSHARED"


class MountLab(lab.Lab):
    def need(self, *command):
        """Runs what this machine may refuse."""
        # Who is not root rarely has the folders of such programs among those that are searched.
        path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
        try:
            done = subprocess.run(command, capture_output=True, check=False, env=os.environ | {"PATH": path})
        except FileNotFoundError:
            self.skipTest(f"{command[0]} is not installed")
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().split("\n")[0]
            self.skipTest(f"`{' '.join(command)}` is refused here: {said}")
        return done.stdout.decode().strip()

    def unmount_at_the_end(self, where):
        self.addCleanup(subprocess.run, ["umount", "-l", where], check=False, stderr=subprocess.DEVNULL)

    def mount(self, where, *options):
        self.need("mount", *options, where)
        self.unmount_at_the_end(where)

    def mount_tmpfs(self, where, size):
        self.mount(where, "-t", "tmpfs", "-o", f"size={size}", "none")

    def image(self, megabytes, *make):
        """A file that holds the file system that `make` makes."""
        # Not below self.place: an image may have to stand while its own mount is in use.
        handle, path = tempfile.mkstemp(prefix="syncoxiders-image-")
        self.addCleanup(os.remove, path)
        os.truncate(handle, megabytes << 20)
        os.close(handle)
        self.need(*make, path)
        return path

    def mount_ext4(self, where, megabytes, *features):
        path = self.image(megabytes, "mkfs.ext4", "-q", "-F", "-m", "0", *features)
        self.mount(where, "-o", "loop", path)
        os.rmdir(os.path.join(where, "lost+found"))
        return path

    def mount_vfat(self, where, megabytes):
        path = self.image(megabytes, "mkfs.vfat")
        self.mount(where, "-t", "vfat", "-o", "loop,utf8=1", path)

    def mount_exfat(self, where, megabytes):
        """By FUSE, so that it can be had where the kernel has neither exFAT nor FAT."""
        path = self.image(megabytes, "mkfs.exfat")
        device = self.need("losetup", "--find", "--show", path)
        # Gives the device back when the last user closes it, however this test ends.
        self.addCleanup(subprocess.run, ["losetup", "-d", device], check=False, stderr=subprocess.DEVNULL)
        self.need("mount.exfat-fuse", device, where)
        self.unmount_at_the_end(where)

    def mount_bindfs(self, source, where):
        self.need("bindfs", source, where)
        self.unmount_at_the_end(where)

    def need_folding(self, root):
        """Proves that the root takes two cases for one name."""
        self.write(root, "Probe", "x")
        folds = os.path.exists(os.path.join(root, "pROBE"))
        os.remove(os.path.join(root, "Probe"))
        self.assertTrue(folds, "this root was to fold case, and does not")

    def refuses_renames(self, root, flag):
        for name in ("one", "two"):
            self.write(root, name, name)
        target = "two" if flag == RENAME_EXCHANGE else "three"
        refused = rename_with(os.path.join(root, "one"), os.path.join(root, target), flag) == errno.EINVAL
        for name in ("one", "two", "three"):
            if os.path.exists(os.path.join(root, name)):
                os.remove(os.path.join(root, name))
        return refused


def rename_with(old, new, flag):
    """The errno of renameat2, 0 when it went well."""
    libc = ctypes.CDLL(None, use_errno=True)
    at_cwd = -100
    done = libc.renameat2(at_cwd, os.fsencode(old), at_cwd, os.fsencode(new), flag)
    return 0 if done == 0 else ctypes.get_errno()


def enter_own_namespace():
    """A mount namespace of its own, so that no mount outlives the test, however that ends. Who is not
    root may still mount some things in a user namespace."""
    if _UNSHARED not in os.environ:
        os.environ[_UNSHARED] = "1"
        alone = ["unshare", "--mount"] if lab.is_root() else ["unshare", "--mount", "--map-root-user"]
        try:
            possible = subprocess.run([*alone, "true"], capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            possible = False
        if possible:
            os.execvp(alone[0], [*alone, sys.executable, "-B", *sys.argv])


def main():
    enter_own_namespace()
    lab.main()
