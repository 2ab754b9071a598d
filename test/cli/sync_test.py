"""A sync as a person knows it: what crosses, what is kept, what a second run does."""

import os
import signal
import stat
import time
import unicodedata

import lab
from lab import Lab

SECOND = 1_000_000_000
LONG_AGO = 1_600_000_000 * SECOND


class FirstSync(Lab):
    def test_is_a_union_of_everything(self):
        self.write(self.a, "only-a.txt", "a", mtime=LONG_AGO + 123456789, mode=0o640)
        self.write(self.b, "dir/only-b.txt", "b", mode=0o755)
        os.mkdir(os.path.join(self.a, "empty"))
        os.symlink("only-a.txt", os.path.join(self.a, "link"))
        os.symlink("/nowhere/at all", os.path.join(self.b, "dangling"))
        self.write(self.a, "nothing.txt", "")
        self.sync()
        self.assert_same(self.a, self.b)
        self.assertEqual(
            self.names(self.b),
            ["dangling", "dir", "dir/only-b.txt", "empty", "link", "nothing.txt", "only-a.txt"],
        )
        status = os.stat(os.path.join(self.b, "only-a.txt"))
        self.assertEqual(status.st_mtime_ns, LONG_AGO + 123456789)
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o640)
        self.assert_quiet(self.a, self.b)
        self.assert_no_leftovers(self.a, self.b)

    def test_equal_files_are_adopted_untouched(self):
        for root in (self.a, self.b):
            self.write(root, "same.txt", "same", mtime=LONG_AGO)
        before = lab.identity(self.a), lab.identity(self.b)
        answer = self.sync("--json")
        self.assertEqual(before, (lab.identity(self.a), lab.identity(self.b)))
        self.assertEqual(answer.summary()["created"], 0)

    def test_of_five_folders(self):
        roots = [self.a, self.b, self.c, os.path.join(self.place, "d"), os.path.join(self.place, "e")]
        for number, root in enumerate(roots):
            os.makedirs(root, exist_ok=True)
            self.write(root, f"from-{number}", str(number))
        self.sync(roots=roots)
        self.assert_same(*roots)
        self.assertEqual(len(self.names(self.a)), 5)
        self.remove(roots[3], "from-0")
        os.rename(os.path.join(roots[4], "from-1"), os.path.join(roots[4], "renamed"))
        self.sync(roots=roots)
        self.assert_same(*roots)
        self.assertEqual(self.names(self.a), ["from-2", "from-3", "from-4", "renamed"])
        self.assert_quiet(*roots)


class Changes(Lab):
    def setUp(self):
        super().setUp()
        for name in ("one", "two", "three", "dir/four", "dir/five"):
            self.write(self.a, name, f"content of {name}\n" * 100, mtime=LONG_AGO)
        self.sync()

    def test_edit_delete_create_rename_cross_both_ways(self):
        self.write(self.a, "one", "edited")
        self.remove(self.b, "two")
        self.write(self.b, "new", "new")
        os.rename(os.path.join(self.a, "dir"), os.path.join(self.a, "moved"))
        self.write(self.b, "dir/new child", "child")
        inode = os.stat(os.path.join(self.b, "dir/four")).st_ino
        self.sync()
        self.assert_same(self.a, self.b)
        self.assertEqual(
            self.names(self.a),
            ["moved", "moved/five", "moved/four", "moved/new child", "new", "one", "three"],
        )
        self.assertEqual(self.read(self.b, "one"), b"edited")
        self.assertEqual(os.stat(os.path.join(self.b, "moved/four")).st_ino, inode, "copied, not renamed")
        self.assert_quiet(self.a, self.b)

    def test_swapped_names_and_other_case(self):
        os.rename(os.path.join(self.a, "one"), os.path.join(self.a, "swap"))
        os.rename(os.path.join(self.a, "two"), os.path.join(self.a, "one"))
        os.rename(os.path.join(self.a, "swap"), os.path.join(self.a, "two"))
        os.rename(os.path.join(self.a, "three"), os.path.join(self.a, "THREE"))
        self.sync()
        self.assert_same(self.a, self.b)
        self.assertTrue(self.read(self.b, "one").startswith(b"content of two"))
        self.assertIn("THREE", self.names(self.b))
        self.assert_quiet(self.a, self.b)

    def test_mode_and_edit_merge(self):
        os.chmod(os.path.join(self.a, "one"), 0o751)
        self.write(self.b, "one", "edited on b")
        os.chmod(os.path.join(self.b, "dir"), 0o700)
        self.sync()
        self.assert_same(self.a, self.b)
        self.assertEqual(self.read(self.a, "one"), b"edited on b")
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.b, "one")).st_mode), 0o751)
        self.assert_quiet(self.a, self.b)

    def edit_in_place(self, root, name):
        path = os.path.join(root, name)
        before = os.stat(path)
        with open(path, "r+b") as file:
            file.write(b"CONTENT")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        after = os.stat(path)
        self.assertEqual((before.st_ino, before.st_size, before.st_mtime_ns), (after.st_ino, after.st_size, after.st_mtime_ns))

    def test_a_file_edited_in_place_with_its_time_put_back_is_found(self):
        self.edit_in_place(self.a, "one")
        self.sync()
        self.assertTrue(self.read(self.b, "one").startswith(b"CONTENT"))
        self.assert_same(self.a, self.b)

    def test_and_when_it_is_so_old_that_it_is_not_read_again(self):
        roots = (self.a, self.b, self.c)
        self.sync(roots=roots)
        time.sleep(3)
        self.assert_quiet(*roots)
        for root, name in zip(roots, ("one", "two", "dir/four")):
            self.edit_in_place(root, name)
        self.sync(roots=roots)
        self.assert_same(*roots)
        for name in ("one", "two", "dir/four"):
            self.assertTrue(self.read(self.c, name).startswith(b"CONTENT"), name)
            self.assertTrue(self.read(self.a, name).startswith(b"CONTENT"), name)

    def test_a_conflict_stands_on_all_sides_after_one_run(self):
        self.write(self.a, "one", "by a", mtime=LONG_AGO + 500 * SECOND)
        self.write(self.b, "one", "by b", mtime=LONG_AGO + 100 * SECOND)
        answer = self.sync("--json")
        self.assert_same(self.a, self.b)
        self.assertEqual(self.read(self.b, "one"), b"by a")
        copies = [name for name in self.names(self.a) if ".conflict-" in name]
        self.assertEqual(len(copies), 1, copies)
        self.assertEqual(self.read(self.a, copies[0]), b"by b")
        self.assertEqual(copies[0], "one.conflict-b-20200913T122820Z")
        conflicts = [line for line in answer.of_type("event") if line["kind"] == "conflict"]
        self.assertEqual([line["copy"] for line in conflicts], copies)
        self.assert_quiet(self.a, self.b)

    def test_keep_modes_choose_the_winner(self):
        for mode, winner in (("older", b"bb"), ("bigger", b"bb"), ("smaller", b"a"), ("path2", b"bb"),
                             ("path1", b"a"), ("newer", b"a")):
            name = f"for-{mode}"
            self.write(self.a, name, "x", mtime=LONG_AGO)
            self.sync()
            self.write(self.a, name, "a", mtime=LONG_AGO + 500 * SECOND)
            self.write(self.b, name, "bb", mtime=LONG_AGO + 100 * SECOND)
            self.sync("--keep-mode", mode)
            self.assertEqual(self.read(self.a, name), winner, mode)
            self.assertEqual(self.read(self.b, name), winner, mode)

    def test_texts_merge_when_asked(self):
        text = "".join(f"line {number}\n" for number in range(20))
        self.write(self.a, "text", text)
        self.sync("--auto-merge")
        self.write(self.a, "text", text.replace("line 2\n", "line two\n"))
        self.write(self.b, "text", text.replace("line 17\n", "line seventeen\n"))
        self.sync("--auto-merge")
        merged = text.replace("line 2\n", "line two\n").replace("line 17\n", "line seventeen\n")
        self.assertEqual(self.read(self.a, "text").decode(), merged)
        self.assert_same(self.a, self.b)
        self.assertFalse([name for name in self.names(self.a) if "conflict" in name])

    def test_delete_against_edit_keeps_the_edit(self):
        self.remove(self.a, "one")
        self.write(self.b, "one", "still wanted")
        self.sync()
        self.assertEqual(self.read(self.a, "one"), b"still wanted")
        self.assert_same(self.a, self.b)

    def test_what_is_replaced_or_deleted_is_in_the_trash(self):
        old = self.read(self.b, "one")
        self.write(self.a, "one", "edited")
        two = self.read(self.b, "two")
        self.remove(self.a, "two")
        self.sync()
        self.assertEqual(sorted(lab.trash_of(self.b)), sorted([old, two]))


class DryRun(Lab):
    def test_changes_nothing_and_tells_what_a_run_does(self):
        self.write(self.a, "one", "1")
        self.write(self.b, "two", "2")
        planned = self.sync("--dry-run", "--json")
        self.assert_nothing_ours(self.a, self.b)
        self.assertFalse(os.path.exists(self.state))
        self.assertEqual(self.names(self.a), ["one"])
        done = self.sync("--json")
        self.assertEqual(self.effects(planned), self.effects(done))
        self.write(self.a, "one", "edited")
        self.remove(self.b, "two")
        before = lab.identity(self.a), lab.identity(self.b), self.ours()
        planned = self.sync("-n", "--json")
        self.assertEqual(before, (lab.identity(self.a), lab.identity(self.b), self.ours()))
        self.assertEqual(self.effects(planned), self.effects(self.sync("--json")))

    def ours(self):
        """Everything that is ours: the state, and our folders in the roots."""
        # Who only reads a database of SQLite still makes these two; what the second holds would be a change.
        state = {path: seen for path, seen in lab.identity(self.state).items()
                 if not path.endswith(b"-shm") and (not path.endswith(b"-wal") or seen[-1] > 0)}
        return state, [lab.identity(os.path.join(root, ".syncoxiders")) for root in (self.a, self.b, self.c)]

    def test_tells_moves_swaps_modes_conflicts_and_what_is_held(self):
        roots = (self.a, self.b, self.c)
        lines = "".join(f"line {number}\n" for number in range(20))
        for name in ("edited", "moved", "deleted", "left", "right", "modes", "both", "merged", "dir/gone"):
            self.write(self.a, name, lines + name, mtime=LONG_AGO)
        for number in range(20):
            self.write(self.a, f"many/{number}", f"{number}")
        self.sync("--auto-merge", roots=roots)
        for old, new in (("left", "x"), ("right", "left"), ("x", "right"), ("moved", "moved away")):
            os.rename(os.path.join(self.a, old), os.path.join(self.a, new))
        self.write(self.b, "edited", "edited")
        self.remove(self.b, "deleted")
        self.remove(self.c, "dir")
        os.chmod(os.path.join(self.c, "modes"), 0o700)
        os.symlink("edited", os.path.join(self.c, "link"))
        os.mkfifo(os.path.join(self.b, "pipe"))
        for root, text in ((self.a, "line 2\n"), (self.b, "line 17\n")):
            self.write(root, "merged", lines.replace(text, "changed\n") + "merged", mtime=LONG_AGO + SECOND)
        for number, root in enumerate(roots):
            self.write(root, "both", f"by {number}", mtime=LONG_AGO + (number + 1) * SECOND)
        told = self.check_told("--auto-merge", code=lab.IN_SYNC)
        self.assertLessEqual({"create", "update", "delete", "move", "swap", "rmdir", "attributes", "conflict", "problem"}, told)
        self.remove(self.a, "many")
        self.assertEqual(self.check_told("--auto-merge", "--max-delete", "10", code=lab.HELD), {"problem"})

    def check_told(self, *words, code):
        """What was done is what -n and check had said; the kinds of it."""
        roots = (self.a, self.b, self.c)
        before = [lab.identity(root) for root in roots], self.ours()
        answers = [self.sync("-n", *words, "--json", roots=roots, code=code)]
        answers.append(self.run_program("check", *roots, *words, "--json", code=lab.DIFFERENT))
        self.assertEqual(before, ([lab.identity(root) for root in roots], self.ours()))
        done = self.sync(*words, "--json", roots=roots, code=code)
        for planned in answers:
            self.assertEqual(self.effects(planned), self.effects(done))
            for key in ("created", "updated", "moved", "removed", "directories", "attributes", "conflicts", "problems", "held"):
                self.assertEqual(planned.summary()[key], done.summary()[key], key)
        return {event.get("action", event["kind"]) for event in done.of_type("event")}

    def effects(self, answer):
        told = ("action", "replica", "path", "from", "copy", "code")
        return sorted(tuple(line.get(key, "") for key in told) for line in answer.of_type("event") if line["kind"] != "note")

    def test_check_tells_differences_by_its_exit_code(self):
        self.write(self.a, "one", "1")
        self.run_program("check", self.a, self.b, code=lab.DIFFERENT)
        self.assert_nothing_ours(self.a, self.b)
        self.sync()
        self.run_program("check", self.a, self.b, code=lab.IN_SYNC)
        self.run_program("check", self.b, code=lab.IN_SYNC)
        self.write(self.b, "one", "2")
        answer = self.run_program("check", self.a, self.b, "--json", code=lab.DIFFERENT)
        self.assertEqual(answer.summary()["updated"], 1)
        self.assertEqual(self.read(self.a, "one"), b"1")


class Execution(Lab):
    def test_read_back_and_transfers_change_no_result(self):
        for words in (("--read-back",), ("--transfers", "1"), ("--transfers", "256")):
            for number in range(150):
                root, other = (self.a, self.b) if number % 2 else (self.b, self.a)
                self.write(root, f"{words[-1]}/{number % 5}/{number}", f"{words} {number}\n" * (number**2 % 700))
                if os.path.exists(os.path.join(other, f"edited {number}")):
                    self.write(other, f"edited {number}", f"by {words}")
                else:
                    self.write(root, f"edited {number}", "first")
            self.write(self.a, f"large {words}", os.urandom(3_000_000))
            self.sync(*words)
            self.assert_same(self.a, self.b)
            self.assert_quiet(self.a, self.b, more=words)
            self.assert_no_leftovers(self.a, self.b)

    def most_at_once(self, transfers):
        """How many files are seen begun and not yet written whole."""
        size = 3_000_000
        for number in range(3):
            self.write(self.a, f"{number}", os.urandom(size))
        process = self.start("sync", self.a, self.b, "--transfers", transfers, "--bwlimit", "8M")
        most = 0
        while process.poll() is None:
            # Stopped, all sizes are of one moment.
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            most = max(most, sum(0 < staged < size for staged in self.staged_sizes(self.b)))
            process.send_signal(signal.SIGCONT)
            time.sleep(0.02)
        process.communicate()
        self.assertEqual(process.returncode, lab.IN_SYNC)
        self.assert_same(self.a, self.b)
        return most

    def test_no_more_transfers_than_asked_for_are_under_way(self):
        self.assertEqual(self.most_at_once("1"), 1)
        self.assertEqual(self.most_at_once("2"), 2)


class Modes(Lab):
    def test_copy_brings_new_and_changed_and_deletes_nothing(self):
        self.write(self.a, "one", "1")
        self.write(self.a, "two", "2")
        self.sync("--mode", "copy")
        self.remove(self.a, "two")
        self.write(self.a, "one", "edited")
        self.write(self.b, "own", "b's own")
        self.sync("--mode", "copy")
        self.assertEqual(self.names(self.a), ["one"])
        self.assertEqual(self.names(self.b), ["one", "own", "two"])
        self.assertEqual(self.read(self.b, "one"), b"edited")

    def test_move_empties_the_source(self):
        self.write(self.a, "dir/one", "1")
        self.write(self.a, "two", "2")
        self.sync("--mode", "move")
        self.assertEqual(self.names(self.a), [])
        self.assertEqual(lab.contents(self.b), {b"dir/one": b"1", b"two": b"2"})

    def test_one_way_undoes_what_the_destination_did(self):
        self.write(self.a, "one", "1")
        self.write(self.a, "two", "2")
        self.sync("--mode", "one-way")
        self.remove(self.b, "one")
        self.remove(self.a, "two")
        self.write(self.b, "own", "own")
        self.sync("--mode", "one-way")
        self.assertEqual(self.names(self.b), ["one", "own"])
        self.assertEqual(self.names(self.a), ["one"])
        self.sync("--mode", "one-way", "--mirror")
        self.assertEqual(self.names(self.b), ["one"])
        self.assertIn(b"own", lab.trash_of(self.b))

    def test_one_way_names_its_source_first(self):
        self.write(self.b, "one", "1")
        self.sync("--mode", "one-way", roots=(self.b, self.a))
        self.assertEqual(self.names(self.a), ["one"])
        self.write(self.a, "drift", "d")
        self.sync("--mode", "one-way", roots=(self.b, self.a))
        self.assertEqual(self.names(self.b), ["one"])

    def test_a_changed_mode_deletes_nothing(self):
        self.write(self.a, "one", "1")
        self.sync("--mode", "copy")
        self.remove(self.a, "one")
        self.sync("--mode", "copy")
        self.sync("--mode", "two-way")
        self.assertEqual(self.names(self.a), ["one"])
        self.assert_same(self.a, self.b)

    def test_move_waits_for_every_destination(self):
        roots = (self.a, self.b, self.c)
        move = ("--mode", "move")
        self.write(self.a, "first", "1")
        self.sync(*move, roots=roots)
        self.assertEqual([self.names(root) for root in roots], [[], ["first"], ["first"]])
        self.write(self.a, "dir/one", "1")
        self.write(self.a, "two", "2", mtime=LONG_AGO)
        self.write(self.b, "two", "of b", mtime=LONG_AGO + SECOND)
        os.rename(self.c, self.c + "-away")
        for _ in range(2):
            self.sync(*move, roots=roots, code=lab.PARTLY)
            self.assertEqual(lab.contents(self.a), {b"dir/one": b"1", b"two": b"2"}, "c has not got it yet")
        os.rename(self.c + "-away", self.c)
        self.sync(*move, roots=roots)
        self.assertEqual(self.names(self.a), [])
        for root in (self.b, self.c):
            self.assertEqual(self.read(root, "dir/one"), b"1")
            self.assertEqual(self.read(root, "two"), b"2")
        self.assertIn(b"of b", lab.contents(self.b).values(), "as a conflict copy")
        self.assert_quiet(*roots, more=move)

    def test_one_way_says_who_won(self):
        self.write(self.a, "one", "1", mtime=LONG_AGO)
        self.sync("--mode", "one-way")
        self.write(self.b, "one", "drifted", mtime=LONG_AGO + SECOND)
        conflict = self.sync("--mode", "one-way", "--json").of_type("event")[0]
        self.assertEqual((conflict["kind"], conflict["code"]), ("conflict", "content"))
        self.assertNotIn("renamed", conflict["message"])
        self.assertIn("version of b", conflict["message"])

    def test_with_five_folders(self):
        five = [self.a, self.b, self.c, os.path.join(self.place, "d"), os.path.join(self.place, "e")]
        for mode, deletes in (("copy", False), ("one-way", True)):
            for root in five:
                lab.shutil.rmtree(root, ignore_errors=True)
                os.mkdir(root)
            lab.shutil.rmtree(self.state, ignore_errors=True)
            for name in ("one", "two", "dir/three"):
                self.write(five[0], name, name, mtime=LONG_AGO)
            self.sync("--mode", mode, roots=five)
            self.assert_same(*five)
            self.write(five[0], "one", "edited")
            self.remove(five[0], "dir")
            self.write(five[3], "two", "drifted", mtime=LONG_AGO - SECOND)
            self.write(five[4], "own", "own")
            ours = lab.identity(five[0])
            self.sync("--mode", mode, roots=five)
            self.assertEqual(ours, lab.identity(five[0]), "the source is never written to")
            for root in five[1:]:
                self.assertEqual(self.read(root, "one"), b"edited", mode)
                self.assertEqual("dir/three" in self.names(root), not deletes, mode)
                self.assertEqual("own" in self.names(root), root == five[4], mode)
            if deletes:
                self.assertEqual(self.read(five[3], "two"), b"two", "a drift that is older loses")
                self.assertIn(b"drifted", lab.kept_in(five[3]))


class OddNames(Lab):
    def test_any_bytes_cross(self):
        names = [
            b"new\nline", b"tab\tand\rreturn", b"\xff\xfe not utf-8", b" leading and trailing ",
            b"-rf", b"--json", b"*?[x]", b"quote'\"`$(x)", b"back\\slash", b"n" * 255, b"\x01\x1b[31m",
            "e\u0301".encode(), unicodedata.normalize("NFC", "e\u0301").encode(), b"a", b"A", b"...", b".hidden",
            b"con", b"trailing.", "\u202etxt.exe".encode(),
        ]
        for number, name in enumerate(names):
            self.write(self.a, name, f"{number}")
            self.write(self.a, b"in/" + name + b"/deeper", f"{number}")
        self.sync()
        self.assert_same(self.a, self.b)
        self.assertEqual(len(lab.contents(self.b)), 2 * len(names))
        for name in names:
            self.write(self.b, name, b"edited " + name)
        self.sync()
        self.assert_same(self.a, self.b)
        self.assert_quiet(self.a, self.b)

    def test_a_long_name_in_conflict_stays_within_its_limit(self):
        name = "n" * 251 + ".txt"
        self.write(self.a, name, "a", mtime=LONG_AGO)
        self.write(self.b, name, "b", mtime=LONG_AGO + 60 * SECOND)
        self.sync()
        self.assert_same(self.a, self.b)
        self.assertEqual(sorted(lab.contents(self.a).values()), [b"a", b"b"])
        self.assertTrue(all(len(path) <= 255 for path in lab.entries_below(self.a)))

    def test_roots_with_odd_names(self):
        one = os.path.join(lab.as_bytes(self.place), b"root \xff\n one")
        two = os.path.join(lab.as_bytes(self.place), b"root 'two'")
        os.mkdir(one)
        os.mkdir(two)
        self.write(one, "x", "x")
        self.sync(roots=(one, two))
        self.assertEqual(lab.contents(two), {b"x": b"x"})
        answer = self.run_program("status", "--json", code=lab.IN_SYNC)
        self.assertIn("path_bytes", str(answer.of_type("rule")[0]["roots"]))


class DeepTrees(Lab):
    def test_a_hundred_levels_and_thousands_of_files(self):
        deep = "/".join(["d"] * 100)
        self.write(self.a, deep + "/leaf", "leaf")
        for number in range(2000):
            self.write(self.b, f"many/{number // 100}/{number}", str(number))
        self.sync()
        self.assert_same(self.a, self.b)
        self.assert_quiet(self.a, self.b)


if __name__ == "__main__":
    lab.main()
