"""Real disks that are not as ext4 is: names of either case are one, renames know less, mounts come and go."""

import os
import random
import signal
import subprocess

import lab
import mounts

SECOND = 1_000_000_000
LONG_AGO = 1_600_000_000 * SECOND


class CaseInsensitive(mounts.MountLab):
    """self.b takes `Name` and `name` for one; self.a does not."""

    def contents(self):
        return lab.contents(self.a), lab.contents(self.b)

    def check(self):
        self.need_folding(self.b)
        self.collisions_are_told_and_kept()
        self.case_only_renames_cross()
        self.edits_and_deletes_cross()
        self.conflicts_are_kept()

    def collisions_are_told_and_kept(self):
        for path in ("File", "file", "Dir/one", "dir/two", "plain"):
            self.write(self.a, path, f"content of {path}", mtime=LONG_AGO)
        before = lab.tree(self.a)
        for _ in range(2):
            answer = self.sync()
            self.assertEqual(before, lab.tree(self.a), "nothing may be renamed or deleted where both fit")
            self.assertEqual(answer.err.count("cannot tell this name from"), 2, str(answer))
        mine, theirs = self.contents()
        self.assertEqual(theirs, {path: mine[path] for path in (b"File", b"Dir/one", b"plain")})
        why = self.run_program("why", "file", self.a, self.b, "--json", code=None)
        self.assertIn("name_collision", str(why.of_type("problem") + why.of_type("event")), str(why))
        self.assertNotEqual(why.summary()["next"], 0)
        # The way out that the message names.
        os.rename(os.path.join(self.a, "file"), os.path.join(self.a, "another"))
        os.rename(os.path.join(self.a, "dir"), os.path.join(self.a, "folder"))
        self.settle()

    def settle(self):
        answer = self.sync()
        self.assertEqual(*self.contents(), str(answer))
        self.assertEqual(self.names(self.a), self.names(self.b))
        before = lab.identity(self.a), lab.identity(self.b)
        self.sync()
        self.assertEqual(before, (lab.identity(self.a), lab.identity(self.b)), "a second run changed something")

    def case_only_renames_cross(self):
        os.rename(os.path.join(self.a, "File"), os.path.join(self.a, "FILE"))
        self.settle()
        self.assertIn("FILE", self.names(self.b))
        os.rename(os.path.join(self.b, "FILE"), os.path.join(self.b, "fiLe"))
        os.rename(os.path.join(self.b, "Dir"), os.path.join(self.b, "DIR"))
        self.settle()
        self.assertIn("fiLe", self.names(self.a))
        self.assertIn("DIR/one", self.names(self.a))

    def edits_and_deletes_cross(self):
        self.write(self.b, "file", "edited through another case")
        # FUSE remembers for a second what it knew of the file under its other spelling.
        self.wait_until(lambda: os.stat(os.path.join(self.b, "fiLe")).st_size == 27)
        self.write(self.a, "DIR/one", "edited")
        self.remove(self.a, "plain")
        self.settle()
        self.assertEqual(self.read(self.a, "fiLe"), b"edited through another case")
        self.assertEqual(self.read(self.b, "dir/ONE"), b"edited")
        # A name that is free again in one case is taken in another.
        self.remove(self.a, "fiLe")
        self.write(self.a, "FiLe", "a new file of another case")
        self.settle()
        self.assertEqual(self.read(self.b, "FiLe"), b"a new file of another case")

    def conflicts_are_kept(self):
        self.write(self.a, "New", "by a", mtime=LONG_AGO)
        self.write(self.b, "NEW", "by b, which is longer", mtime=LONG_AGO + 1000 * SECOND)
        for _ in range(3):
            self.sync(code=None)
        mine, theirs = self.contents()
        for token in (b"by a", b"by b, which is longer"):
            self.assertIn(token, [*mine.values(), *theirs.values()])

    def test_ext4_with_casefold(self):
        self.mount_ext4(self.b, 64, "-O", "casefold")
        self.need("chattr", "+F", self.b)
        self.check()

    def test_exfat_by_fuse(self):
        self.mount_exfat(self.b, 64)
        self.check()

    def test_vfat(self):
        self.mount_vfat(self.b, 64)
        self.check()


class LesserRenames(mounts.MountLab):
    """FUSE by bindfs: neither RENAME_EXCHANGE nor RENAME_NOREPLACE, no stable ids, no leases."""

    def setUp(self):
        super().setUp()
        self.below = self.c
        self.mount_bindfs(self.below, self.b)
        for flag in (mounts.RENAME_EXCHANGE, mounts.RENAME_NOREPLACE):
            if not self.refuses_renames(self.b, flag):
                self.skipTest("this bindfs knows the flags of renameat2")

    def fill(self):
        for number in range(8):
            self.write(self.a, f"dir/{number}", f"content {number}\n" * 300, mtime=LONG_AGO + number)
        self.write(self.a, "top", "top", mode=0o640)
        os.symlink("top", os.path.join(self.a, "link"))
        self.sync()

    def test_everything_crosses(self):
        self.fill()
        self.assert_same(self.a, self.b)
        self.assert_quiet(self.a, self.b)
        for one, other in ((self.a, self.b), (self.b, self.a)):
            self.swap(one, "dir/1", "dir/2")
            os.rename(os.path.join(one, "dir/3"), os.path.join(one, "moved"))
            self.write(one, "dir/4", f"edited on {one}")
            self.remove(one, "dir/5")
            self.remove(one, "dir/6")
            self.write(one, "dir/6/now a directory", "new")
            self.write(other, "dir/7", f"edited on {other}")
            self.sync()
            self.assert_same(self.a, self.b)
            self.assert_quiet(self.a, self.b)
            os.rename(os.path.join(one, "moved"), os.path.join(one, "dir/3"))
            self.remove(one, "dir/6")
            self.write(one, "dir/6", "a file again")
            self.write(one, "dir/5", "again")
            self.sync()
            self.assert_same(self.a, self.b)

    def swap(self, root, one, two):
        one, two = (os.path.join(root, name) for name in (one, two))
        os.rename(one, one + ".x")
        os.rename(two, one)
        os.rename(one + ".x", two)

    def test_conflicts_keep_both(self):
        self.fill()
        self.write(self.a, "top", "by a", mtime=LONG_AGO + 100 * SECOND)
        self.write(self.b, "top", "by b", mtime=LONG_AGO + 900 * SECOND)
        self.write(self.a, "both new", "a's")
        self.write(self.b, "both new", "b's")
        self.sync()
        self.assert_same(self.a, self.b)
        self.assertEqual(self.read(self.a, "top"), b"by b")
        values = list(lab.contents(self.a).values())
        for token in (b"by a", b"a's", b"b's"):
            self.assertIn(token, values)
        self.assert_quiet(self.a, self.b)

    def test_kill_at_random_moments(self):
        chance = random.Random(7)
        self.fill()
        killed = 0
        for turn in range(12):
            for _ in range(20):
                root = chance.choice((self.a, self.b))
                self.write(root, f"{chance.randrange(4)}/{chance.randrange(40)}", f"token {turn} {root}\n" * 500)
            self.swap(self.a, "dir/1", "dir/2")
            process = self.start("sync", self.a, self.b, "--max-delete", "none")
            killed += self.kill_after(process, chance.random() ** 2 * 0.4)
            for root in (self.a, self.b):
                for path, text in lab.contents(root).items():
                    self.assertEqual(len(set(text.splitlines())), 1, f"{path!r} is torn")
            if turn % 3 == 2:
                self.sync("--max-delete", "none")
                self.assert_same(self.a, self.b)
                self.assert_no_leftovers(self.a, self.b)
        self.sync("--max-delete", "none")
        self.assert_same(self.a, self.b)
        self.assert_quiet(self.a, self.b)
        self.assertGreater(killed, 0, "no run was long enough to be killed")


class MountsThatComeAndGo(mounts.MountLab):
    def fill(self):
        for number in range(20):
            self.write(self.a, f"dir/{number}", f"{number}", mtime=LONG_AGO)
        self.sync()

    def test_an_unmounted_disk_is_no_mass_delete(self):
        path = self.mount_ext4(self.b, 16)
        self.fill()
        self.need("umount", self.b)
        self.write(self.a, "meanwhile", "m")
        before = lab.tree(self.a)
        answer = self.sync(code=lab.HELD)
        self.assertIn("mounted", answer.err)
        self.assertEqual(before, lab.tree(self.a))
        self.assertEqual(self.names(self.b), [])
        self.assert_nothing_ours(self.b)
        self.mount(self.b, "-o", "loop", path)
        self.sync()
        self.assert_same(self.a, self.b)
        self.assertEqual(len(self.names(self.a)), 22)
        self.assert_quiet(self.a, self.b)

    def test_another_disk_in_its_place_is_a_union(self):
        self.mount_ext4(self.b, 16)
        self.fill()
        self.need("umount", self.b)
        self.mount_ext4(self.b, 16)
        self.write(self.b, "of another disk", "x")
        answer = self.sync()
        self.assertIn("union", answer.out)
        self.assert_same(self.a, self.b)
        self.assertEqual(len(self.names(self.a)), 22)

    def test_a_disk_that_dies_under_the_run(self):
        self.mount_bindfs(self.c, self.b)
        self.fill()
        for number in range(400):
            self.write(self.a, f"many/{number}", f"{number}\n" * 3000)
        before = lab.tree(self.a)
        process = self.start("sync", self.a, self.b, "--bwlimit", "500K")
        stage = os.path.join(self.c, ".syncoxiders", "stage")
        self.wait_until(lambda: sum(len(files) for _, _, files in os.walk(stage)) > 20)
        self.kill_server()
        out, err = process.communicate(timeout=lab.PATIENCE_S)
        self.assertIn(process.returncode, (lab.PARTLY, lab.ROOT), (out, err))
        self.assertIn(b"not connected", err)
        self.assertEqual(before, lab.tree(self.a))
        # And when it is dead from the start.
        answer = self.sync(code=lab.ROOT)
        self.assertIn(self.b, answer.err)
        self.assertIn("not connected", answer.err)
        self.assertEqual(before, lab.tree(self.a))
        self.need("umount", self.b)
        self.mount_bindfs(self.c, self.b)
        self.sync()
        self.assert_same(self.a, self.b)
        self.assert_no_leftovers(self.a, self.b)

    def kill_server(self):
        """The bindfs of self.b: found by its own arguments, and no other."""
        wanted = [b"bindfs", lab.as_bytes(self.c), lab.as_bytes(self.b)]
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    words = file.read().rstrip(b"\0").split(b"\0")
            except OSError:
                continue
            if words == wanted:
                os.kill(int(name), signal.SIGKILL)
                return
        self.fail("there is no such bindfs")

    def test_a_root_that_became_read_only(self):
        self.mount_ext4(self.b, 16)
        self.fill()
        self.need("mount", "-o", "remount,ro", self.b)
        self.write(self.a, "dir/1", "edited")
        self.remove(self.a, "dir/2")
        answer = self.sync(code=lab.PARTLY)
        self.assertIn("b: nothing can be written there", answer.err)
        self.assertEqual(len(self.names(self.b)), 21)
        self.need("mount", "-o", "remount,rw", self.b)
        self.sync()
        self.assert_same(self.a, self.b)
        self.assertEqual(self.read(self.b, "dir/1"), b"edited")

    def test_another_disk_below_a_root_is_not_entered(self):
        self.write(self.a, "one", "1")
        os.mkdir(os.path.join(self.a, "disk"))
        self.sync()
        self.mount_tmpfs(os.path.join(self.a, "disk"), "1m")
        self.write(self.a, "disk/inner", "x")
        self.sync(code=None)
        self.assertEqual(self.names(self.b), ["disk", "one"])
        self.need("umount", os.path.join(self.a, "disk"))
        self.sync()
        self.assert_same(self.a, self.b)

    def test_the_same_or_a_nested_root_by_bind_mount(self):
        self.write(self.a, "one", "1")
        os.mkdir(os.path.join(self.a, "inner"))
        for source, says in ((self.a, "twice"), (os.path.join(self.a, "inner"), "inside")):
            self.need("mount", "--bind", source, self.c)
            try:
                for roots in ((self.a, self.c), (self.c, self.a), (self.a, self.b, self.c)):
                    answer = self.run_program("sync", *roots, code=lab.USAGE)
                    self.assertIn(says, answer.err)
                    self.assertIn(self.c, answer.err)
            finally:
                subprocess.run(["umount", self.c], check=True)
        self.assert_nothing_ours(self.a, self.b, self.c)
        self.assertEqual(self.names(self.b), [])


if __name__ == "__main__":
    mounts.main()
