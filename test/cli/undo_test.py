"""Going back: undo gives back every byte, time and mode, and names what it could not."""

import os
import time

import lab
from lab import Lab

SECOND = 1_000_000_000
LONG_AGO = 1_600_000_000 * SECOND
ODD_NAMES = (b"odd \xff\nname", b"n" * 255, b"-rf@1 \\x0a")


class UndoLab(Lab):
    def setUp(self):
        super().setUp()
        self.roots = (self.a, self.b, self.c)
        for number in range(6):
            self.write(self.a, f"dir/file-{number}", f"content {number}\n" * 200, mtime=LONG_AGO + number, mode=0o644)
        self.write(self.a, "top", "top", mtime=LONG_AGO, mode=0o600)
        self.write(self.a, "gone/below/leaf", "leaf", mtime=LONG_AGO, mode=0o444)
        os.chmod(os.path.join(self.a, "gone/below"), 0o750)
        os.symlink("top", os.path.join(self.a, "link"))
        for name in ODD_NAMES:
            self.write(self.a, name, name, mtime=LONG_AGO)
        self.sync(roots=self.roots)

    def run_number(self):
        return self.run_program("log", "--json", "--limit", "1", code=lab.IN_SYNC).lines()[0]["run"]

    def undo(self, run, code=lab.IN_SYNC):
        return self.run_program("undo", run, "--json", code=code)


class Undo(UndoLab):
    def check_undone(self, change, side=0):
        """Whatever `change` does to one side, undoing its sync gives the others back as they were."""
        change(self.roots[side])
        before = [lab.tree(root) for root in self.roots]
        self.sync(roots=self.roots)
        self.assert_same(*self.roots)
        after = [lab.tree(root) for root in self.roots]
        run = self.run_number()
        answer = self.undo(str(run))
        self.assertEqual(before, [lab.tree(root) for root in self.roots], str(answer))
        self.assertEqual(answer.summary()["skipped"], 0)
        # An undo is a run and can be undone.
        self.undo(str(answer.summary()["run"]))
        self.assertEqual(after, [lab.tree(root) for root in self.roots])
        self.undo(str(self.run_number()))
        self.assertEqual(before, [lab.tree(root) for root in self.roots])
        self.assert_no_leftovers(*self.roots)

    def test_of_an_edit(self):
        self.check_undone(lambda root: self.write(root, "dir/file-1", "edited", mode=0o755))

    def test_of_a_new_file(self):
        self.check_undone(lambda root: self.write(root, "new/and/deep", "new"))

    def test_of_a_delete(self):
        self.check_undone(lambda root: self.remove(root, "dir/file-2"), side=1)

    def test_of_a_deleted_tree(self):
        self.check_undone(lambda root: self.remove(root, "gone"))

    def test_of_a_renamed_directory(self):
        self.check_undone(lambda root: os.rename(os.path.join(root, "dir"), os.path.join(root, "moved")))

    def test_of_a_rename_with_an_edit(self):
        def change(root):
            os.rename(os.path.join(root, "dir"), os.path.join(root, "moved"))
            self.write(root, "moved/file-1", "edited after the move")
            os.rename(os.path.join(root, "moved/file-2"), os.path.join(root, "file-2-is-here"))

        self.check_undone(change)

    def test_of_swapped_names(self):
        def change(root):
            for old, new in (("dir/file-1", "x"), ("dir/file-2", "dir/file-1"), ("x", "dir/file-2")):
                os.rename(os.path.join(root, old), os.path.join(root, new))

        self.check_undone(change)

    def test_of_a_rotation(self):
        def change(root):
            for old, new in (("1", "x"), ("2", "1"), ("3", "2"), ("x", "3")):
                os.rename(os.path.join(root, "dir/file-" + old), os.path.join(root, "dir/file-" + new))

        self.check_undone(change)

    def test_of_a_chmod(self):
        def change(root):
            os.chmod(os.path.join(root, "dir/file-3"), 0o755)
            os.chmod(os.path.join(root, "dir"), 0o700)

        self.check_undone(change, side=2)

    def test_of_a_touch(self):
        self.check_undone(lambda root: os.utime(os.path.join(root, "top"), ns=(LONG_AGO, LONG_AGO + 777)))

    def test_of_a_symlink(self):
        def change(root):
            os.remove(os.path.join(root, "link"))
            os.symlink("dir", os.path.join(root, "link"))
            os.symlink("x", os.path.join(root, "another"))

        self.check_undone(change)

    def test_of_a_file_that_became_a_directory(self):
        def change(root):
            os.remove(os.path.join(root, "top"))
            self.write(root, "top/inside", "inside")

        self.check_undone(change)

    def test_of_everything_at_once(self):
        def change(root):
            os.rename(os.path.join(root, "dir"), os.path.join(root, "other"))
            os.rename(os.path.join(root, "other/file-1"), os.path.join(root, "gone/file-1"))
            self.remove(root, "gone/below")
            self.write(root, "top", "edited")
            self.write(root, "dir", "a file where the directory was")
            os.remove(os.path.join(root, "link"))

        self.check_undone(change)

    def test_of_odd_names(self):
        def change(root):
            edited, moved, deleted = (os.path.join(os.fsencode(root), name) for name in ODD_NAMES)
            self.write(root, edited, "edited")
            os.rename(moved, os.path.join(os.fsencode(root), b"\xfe" * 255))
            os.remove(deleted)
            self.write(root, os.path.join(b"new \xff", b"\n" * 255), "new")

        self.check_undone(change)

    def test_of_a_merge(self):
        lines = [f"line {number}\n" for number in range(20)]
        self.write(self.a, "text", "".join(lines), mtime=LONG_AGO)
        self.sync("--auto-merge", roots=self.roots)
        self.write(self.a, "text", "".join(["by a\n", *lines[1:]]), mtime=LONG_AGO + 100 * SECOND)
        self.write(self.b, "text", "".join([*lines[:-1], "by b\n"]), mtime=LONG_AGO + 200 * SECOND)
        before = [lab.tree(root) for root in self.roots]
        self.sync("--auto-merge", roots=self.roots)
        self.assertEqual(self.read(self.c, "text").decode(), "".join(["by a\n", *lines[1:-1], "by b\n"]))
        self.undo(str(self.run_number()))
        self.assertEqual(before, [lab.tree(root) for root in self.roots])

    def test_of_several_runs_newest_first(self):
        changes = (
            lambda: self.write(self.a, "dir/file-1", "edited"),
            lambda: os.rename(os.path.join(self.a, "dir"), os.path.join(self.a, "moved")),
            lambda: self.write(self.a, "moved/file-1", "edited again, where it is now"),
            lambda: self.remove(self.a, "moved/file-2"),
        )
        steps = []
        for change in changes:
            change()
            before = [lab.tree(root) for root in self.roots[1:]]
            self.sync(roots=self.roots)
            steps.append((self.run_number(), before))
        ours = lab.identity(self.a)
        for run, before in reversed(steps):
            answer = self.undo(str(run))
            self.assertEqual(before, [lab.tree(root) for root in self.roots[1:]], str(answer))
        self.assertEqual(ours, lab.identity(self.a), "no run had done anything there")
        self.undo("1")
        self.assertEqual([self.names(root) for root in self.roots[1:]], [[], []])

    def test_of_a_conflict(self):
        self.write(self.a, "top", "by a", mtime=LONG_AGO + 100 * SECOND)
        self.write(self.b, "top", "by b", mtime=LONG_AGO + 200 * SECOND)
        before = [lab.tree(root) for root in self.roots]
        self.sync(roots=self.roots)
        self.assertEqual(len([name for name in self.names(self.c) if "conflict" in name]), 1)
        self.undo(str(self.run_number()))
        self.assertEqual(before, [lab.tree(root) for root in self.roots])

    def test_of_the_first_sync_parts_the_folders_again(self):
        self.undo("1")
        self.assertEqual(self.names(self.b), [])
        self.assertEqual(self.names(self.c), [])
        self.assertEqual(len(self.names(self.a)), 12 + len(ODD_NAMES))


class UndoOfModes(UndoLab):
    def setUp(self):
        Lab.setUp(self)
        self.roots = (self.a, self.b, self.c)

    def check_mode(self, *words):
        for name in ("edited", "deleted", "moved", "left"):
            self.write(self.a, f"dir/{name}", f"{name} on a", mtime=LONG_AGO)
        for name in ("own", "edited on b"):
            self.write(self.b, f"dir/{name}", f"{name} of b", mtime=LONG_AGO)
        self.sync(*words, roots=self.roots)
        self.write(self.a, "dir/edited", "edited", mtime=LONG_AGO + SECOND, mode=0o600)
        self.write(self.a, "dir/new", "new")
        self.write(self.b, "dir/edited on b", "edited on b")
        for root in self.roots:
            if os.path.exists(os.path.join(root, "dir/deleted")):
                self.remove(root, "dir/deleted")
                os.rename(os.path.join(root, "dir/moved"), os.path.join(root, "dir/elsewhere"))
                break
        before = [lab.tree(root) for root in self.roots]
        self.sync(*words, "--max-delete", "none", roots=self.roots)
        self.assertNotEqual(before, [lab.tree(root) for root in self.roots], "nothing was done")
        answer = self.undo(str(self.run_number()))
        self.assertEqual(before, [lab.tree(root) for root in self.roots], str(answer))
        self.assertEqual(answer.summary()["skipped"], 0)
        self.assert_no_leftovers(*self.roots)

    def test_copy(self):
        self.check_mode("--mode", "copy")

    def test_move(self):
        self.check_mode("--mode", "move")

    def test_one_way(self):
        self.check_mode("--mode", "one-way")

    def test_a_mirror(self):
        self.check_mode("--mode", "one-way", "--mirror")


class Skips(UndoLab):
    def test_a_folder_that_is_away(self):
        self.write(self.a, "top", "edited")
        before = [lab.tree(root) for root in self.roots]
        self.sync(roots=self.roots)
        run = str(self.run_number())
        os.rename(self.c, self.c + "-away")
        answer = self.undo(run, code=None)
        self.assertIn(answer.code, (lab.PARTLY, lab.ROOT), str(answer))
        self.assertIn("c", {line.get("replica", line.get("context")) for line in answer.lines()}, str(answer))
        os.rename(self.c + "-away", self.c)
        self.undo(run)
        self.assertEqual(before, [lab.tree(root) for root in self.roots])

    def test_names_and_leaves_what_was_edited_since(self):
        self.write(self.a, "dir/file-1", "edited")
        self.write(self.a, "dir/file-2", "edited too")
        self.remove(self.a, "top")
        self.sync(roots=self.roots)
        run = str(self.run_number())
        self.write(self.b, "dir/file-1", "edited again, on b")
        self.write(self.b, "top", "another one in its place")
        answer = self.undo(run, code=lab.PARTLY)
        skipped = sorted((line["replica"], line["path"]) for line in answer.of_type("skipped"))
        self.assertEqual(skipped, [("b", "dir/file-1"), ("b", "top")])
        self.assertEqual(self.read(self.b, "dir/file-1"), b"edited again, on b")
        self.assertEqual(self.read(self.b, "top"), b"another one in its place")
        self.assertTrue(self.read(self.c, "dir/file-1").startswith(b"content 1"))
        self.assertTrue(self.read(self.b, "dir/file-2").startswith(b"content 2"))
        self.assertEqual(self.read(self.c, "top"), b"top")

    def test_a_new_file_in_a_new_directory_stays(self):
        self.write(self.a, "new/one", "1")
        self.sync(roots=self.roots)
        run = str(self.run_number())
        self.write(self.c, "new/own", "own")
        answer = self.undo(run, code=lab.PARTLY)
        self.assertEqual([line["path"] for line in answer.of_type("skipped")], ["new"])
        self.assertEqual(self.read(self.c, "new/own"), b"own")
        self.assertFalse(os.path.exists(os.path.join(self.b, "new")))

    def test_what_a_purged_trash_no_longer_holds(self):
        self.remove(self.a, "top")
        self.sync(roots=self.roots)
        run = str(self.run_number())
        self.write(self.a, "more", "more")
        self.sync("--trash-age", "0", roots=self.roots)
        answer = self.undo(run, code=lab.PARTLY)
        self.assertEqual({line["path"] for line in answer.of_type("skipped")}, {"top"})

    def test_an_unknown_run(self):
        answer = self.undo("77", code=lab.NOT_FOUND)
        self.assertEqual(answer.summary()["exit_code"], lab.NOT_FOUND)
        self.run_program("undo", "x", code=lab.USAGE)

    def test_the_next_sync_spreads_an_undo(self):
        self.write(self.a, "dir/file-1", "edited")
        self.sync(roots=self.roots)
        self.undo(str(self.run_number()))
        self.sync(roots=self.roots)
        self.assert_same(*self.roots)
        self.assertTrue(self.read(self.a, "dir/file-1").startswith(b"content 1"))
        self.assert_quiet(*self.roots)

    def edit_many(self):
        """The number of the run in which 400 edits crossed, and how all stood before it."""
        for number in range(400):
            self.write(self.a, f"many/{number}", f"{number}")
        self.sync(roots=self.roots)
        for number in range(400):
            self.write(self.a, f"many/{number}", f"edited {number}")
        before = [lab.tree(root) for root in self.roots]
        self.sync("--max-delete", "none", roots=self.roots)
        return str(self.run_number()), before

    def test_killed_in_the_middle_it_goes_on(self):
        run, before = self.edit_many()
        killed = [self.kill_after(self.start("undo", run), delay) for delay in (0.005, 0.02, 0.04, 0.06, 0.1, 0.15)]
        self.assertIn(True, killed, "no undo was long enough to be killed")
        self.undo(run)
        self.assertEqual(before, [lab.tree(root) for root in self.roots])
        self.assert_no_leftovers(*self.roots)

    def has_begun(self):
        try:
            return any(self.read(root, f"many/{number}") == f"{number}".encode()
                       for root in self.roots for number in range(400))
        except FileNotFoundError:  # between two names
            return True

    def test_killed_in_the_middle_the_next_sync_settles_it(self):
        run, _ = self.edit_many()
        texts = {f"{word}{number}".encode() for word in ("", "edited ") for number in range(400)}
        for _ in range(5):
            process = self.start("undo", run)
            self.wait_until(lambda: process.poll() is not None or self.has_begun())
            process.kill()
            process.communicate()
            if process.returncode < 0:
                break
            self.undo(str(self.run_number()))
        self.assertLess(process.returncode, 0, "no undo was long enough to be killed")
        self.sync("--max-delete", "none", roots=self.roots)
        self.assert_same(*self.roots)
        for number in range(400):
            self.assertIn(self.read(self.c, f"many/{number}"), texts)
        self.assertEqual(texts - lab.kept_in(*self.roots), set(), "lost")
        self.assert_no_leftovers(*self.roots)
        self.assert_quiet(*self.roots)


class Versions(Lab):
    def setUp(self):
        super().setUp()
        for number in range(4):
            self.write(self.a, "dir/text", f"version {number}", mtime=LONG_AGO + number * SECOND)
            self.sync()

    def test_are_listed_newest_first(self):
        answer = self.run_program("versions", os.path.join(self.a, "dir/text"), "--json", code=lab.IN_SYNC)
        versions = answer.of_type("version")
        self.assertEqual([version["number"] for version in versions], [1, 2, 3])
        self.assertEqual([version["replicas"] for version in versions], [["b"]] * 3)
        self.assertTrue(versions[0]["mtime"].startswith("2020-09-13T12:26:42"))
        self.run_program("versions", "text", cwd=os.path.join(self.b, "dir"), code=lab.IN_SYNC)
        self.run_program("versions", "dir/text", code=lab.IN_SYNC)
        self.run_program("versions", os.path.join(self.a, "other"), code=lab.NOT_FOUND)

    def test_of_odd_names(self):
        for text in ("first", "second", "third"):
            for name in ODD_NAMES:
                self.write(self.a, b"dir/" + name, text)
            self.sync()
        for name in ODD_NAMES:
            whole = os.path.join(os.fsencode(self.b), b"dir", name)
            self.assertEqual(self.run_program("versions", whole, "--json", code=lab.IN_SYNC).summary()["versions"], 2)
            for version, text in ((b"@2", b"first"), (b"@1", b"third")):
                self.run_program("restore", whole + version, code=lab.IN_SYNC)
                self.assertEqual(self.read(self.b, b"dir/" + name), text)

    def restore(self, version, code=lab.IN_SYNC, root=None):
        return self.run_program("restore", os.path.join(root or self.a, "dir/text") + version, "--json", code=code)

    def test_the_newest_comes_back_and_the_current_one_is_kept(self):
        self.restore("")
        self.assertEqual(self.read(self.a, "dir/text"), b"version 2")
        self.assertEqual(os.stat(os.path.join(self.a, "dir/text")).st_mtime_ns, LONG_AGO + 2 * SECOND)
        self.assertEqual(self.read(self.b, "dir/text"), b"version 3")
        self.sync()
        self.assertEqual(self.read(self.b, "dir/text"), b"version 2")
        self.assertIn(b"version 3", lab.trash_of(self.a))
        self.restore("@1")
        self.assertEqual(self.read(self.a, "dir/text"), b"version 3")

    def test_any_version_by_number_or_time(self):
        self.restore("@3", root=self.b)
        self.assertEqual(self.read(self.b, "dir/text"), b"version 0")
        listed = self.run_program("versions", "dir/text", "--json").of_type("version")
        self.restore("@" + listed[-1]["displaced"][:19])
        self.restore("@99", code=lab.NOT_FOUND)
        self.restore("@19990101", code=lab.NOT_FOUND)

    def test_a_deleted_file_comes_back_with_its_directory(self):
        self.remove(self.a, "dir")
        self.sync()
        self.assertEqual(self.names(self.b), [])
        self.restore("", root=self.b)
        self.assertEqual(self.read(self.b, "dir/text"), b"version 3")
        self.sync()
        self.assert_same(self.a, self.b)

    def test_a_restore_can_be_undone(self):
        before = lab.tree(self.a)
        run = self.restore("@2").summary()["run"]
        self.assertNotEqual(before, lab.tree(self.a))
        self.run_program("undo", str(run), code=lab.IN_SYNC)
        self.assertEqual(before, lab.tree(self.a))

    def versions(self, path, *rule):
        answer = self.run_program("versions", path, *rule, "--json", code=lab.IN_SYNC)
        return [(version["number"], version["size"], sorted(version["replicas"])) for version in answer.of_type("version")]

    def test_a_name_that_ends_like_a_version(self):
        for text in ("1", "22", "333"):
            for name in ("name", "name@2"):
                self.write(self.a, name, f"{name}: {text}")
            self.sync()
        for words, name, text in (("name@2", "name", "name: 1"), ("name@2@2", "name@2", "name@2: 1")):
            before = lab.contents(self.b)
            self.run_program("restore", os.path.join(self.b, words), code=lab.IN_SYNC)
            self.assertEqual(lab.contents(self.b), before | {name.encode(): text.encode()}, words)

    def test_of_a_renamed_file(self):
        """They stay under the name that they had; both names can be asked for."""
        os.rename(os.path.join(self.a, "dir/text"), os.path.join(self.a, "dir/moved"))
        self.sync()
        self.write(self.a, "dir/moved", "edited where it is now")
        self.sync()
        self.assertEqual(self.versions("dir/moved")[0], (1, len("version 3"), ["b"]))
        self.assertEqual(len(self.versions("dir/text")), 3)
        self.run_program("restore", os.path.join(self.b, "dir/text@3"), code=lab.IN_SYNC)
        self.assertEqual(self.read(self.b, "dir/text"), b"version 0")
        self.assertEqual(self.read(self.b, "dir/moved"), b"edited where it is now")

    def test_that_stand_in_several_folders_are_one(self):
        roots = (self.a, self.b, self.c)
        self.sync(roots=roots)
        self.write(self.a, "dir/text", "edited")
        self.sync(roots=roots)
        self.assertEqual(self.versions("dir/text", *roots), [(1, len("version 3"), ["b", "c"])])
        self.run_program("restore", "dir/text", *roots, code=lab.IN_SYNC)
        texts = sorted(self.read(root, "dir/text") for root in roots)
        self.assertEqual(texts, [b"edited", b"edited", b"version 3"], "in one folder; the next sync spreads it")
        self.sync(roots=roots)
        self.assert_same(*roots)
        self.assertEqual(self.read(self.a, "dir/text"), b"version 3")

    def test_of_a_symlink(self):
        link = os.path.join(self.a, "link")
        for target in ("dir", "dir/text"):
            if os.path.islink(link):
                os.remove(link)
            os.symlink(target, link)
            self.sync()
        self.run_program("restore", os.path.join(self.b, "link"), code=lab.IN_SYNC)
        self.assertEqual(os.readlink(os.path.join(self.b, "link")), "dir")
        self.assertEqual(self.names(os.path.join(self.b, "dir")), ["text"])

    def test_a_directory_in_its_place_is_not_replaced(self):
        self.remove(self.a, "dir/text")
        self.write(self.a, "dir/text/inside", "inside")
        self.restore("", code=lab.UNEXPECTED)
        self.assertEqual(self.read(self.a, "dir/text/inside"), b"inside")


class TrashLimits(Lab):
    def test_by_age_and_by_size(self):
        for number in range(5):
            self.write(self.a, "text", f"{number}" * 1000)
            self.sync("--trash-size", "2500")
        kept = sorted(text[:1] for text in lab.trash_of(self.b))
        self.assertEqual(kept, [b"2", b"3"])
        self.write(self.a, "text", "last")
        self.sync("--trash-age", "0")
        # What this very run displaced stays, however old it is allowed to be.
        self.assertEqual([text[:1] for text in lab.trash_of(self.b)], [b"4"])

    def test_an_age_below_an_hour_is_not_none(self):
        for text in ("old", "new"):
            self.write(self.a, "text", text)
            self.sync()
        for age in ("30m", "3599s", "1h"):
            self.write(self.a, f"another {age}", "x")
            self.sync("--trash-age", age)
            self.assertEqual(lab.trash_of(self.b), [b"old"], age)
        time.sleep(2)
        self.write(self.a, "another", "x")
        self.sync("--trash-age", "1s")
        self.assertEqual(lab.trash_of(self.b), [])


if __name__ == "__main__":
    lab.main()
