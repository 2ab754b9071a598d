"""What goes wrong in the world: each has a clear message, an exit code, and loses nothing."""

import mmap
import os
import random
import shutil
import sqlite3
import subprocess
import threading
import time

import lab
from lab import Lab

SECOND = 1_000_000_000


class Permissions(Lab):
    def setUp(self):
        super().setUp()
        os.chmod(self.place, 0o777)
        for folder in (self.a, self.b):
            os.chmod(folder, 0o777)
        self.before = lab.run_as_nobody if lab.is_root() else None

    def as_nobody(self, *words, code):
        return self.run_program("sync", self.a, self.b, *words, before=self.before, code=code)

    def test_an_unreadable_file_waits_and_the_rest_crosses(self):
        self.write(self.a, "one", "1", mode=0o644)
        self.write(self.a, "secret", "s", mode=0)
        answer = self.as_nobody("--json", code=lab.PARTLY)
        self.assertIn("secret", {line["path"] for line in answer.of_type("event") if line["kind"] in ("problem", "failed")})
        self.assertEqual(self.names(self.b), ["one"])
        os.chmod(os.path.join(self.a, "secret"), 0o644)
        self.as_nobody(code=lab.IN_SYNC)
        self.assertEqual(self.names(self.b), ["one", "secret"])

    def test_an_unreadable_directory_is_no_mass_delete(self):
        for number in range(5):
            self.write(self.a, f"dir/{number}", f"{number}")
        subprocess.run(["chmod", "-R", "a+rwX", self.a], check=True)
        self.as_nobody(code=lab.IN_SYNC)
        os.chmod(os.path.join(self.a, "dir"), 0)
        self.as_nobody(code=lab.PARTLY)
        self.assertEqual(len(self.names(self.b)), 6)
        # The mode crossed, as modes do, so the other side can't be read either until it crosses back.
        os.chmod(os.path.join(self.a, "dir"), 0o777)
        self.as_nobody(code=None)
        self.as_nobody(code=lab.IN_SYNC)
        self.assert_same(self.a, self.b)
        self.assertEqual(len(self.names(self.a)), 6)

    def test_a_folder_that_takes_no_writes(self):
        self.write(self.a, "one", "1")
        self.as_nobody(code=lab.IN_SYNC)
        os.chmod(self.b, 0o555)
        self.write(self.a, "two", "2")
        answer = self.as_nobody(code=None)
        self.assertNotEqual(answer.code, lab.IN_SYNC)
        self.assertNotEqual(answer.err, "")
        self.assertEqual(self.names(self.a), ["one", "two"])
        os.chmod(self.b, 0o777)
        self.as_nobody(code=lab.IN_SYNC)
        self.assertEqual(self.names(self.b), ["one", "two"])


    def test_places_that_may_not_be_entered(self):
        closed = os.path.join(self.place, "closed")
        os.mkdir(closed, 0o700)
        os.mkdir(os.path.join(closed, "root"))
        for words in ((os.path.join(closed, "root"), self.b), (self.a, os.path.join(closed, "new"), "--create")):
            answer = self.run_program("sync", *words, before=self.before, code=lab.ROOT)
            self.assertIn("Permission denied", answer.err)
            self.assertIn(closed, answer.err)
        self.state = os.path.join(closed, "state")
        for words in (("sync", self.a, self.b), ("status",)):
            answer = self.run_program(*words, before=self.before, code=lab.STATE)
            self.assertIn("--state", answer.err)
            self.assertIn(closed, answer.err)
        self.assert_nothing_ours(self.a, self.b)

    def test_a_state_that_may_not_be_written(self):
        self.write(self.a, "one", "1", mode=0o644)
        self.as_nobody(code=lab.IN_SYNC)
        self.write(self.a, "one", "edited")
        for mode in (0o444, 0):
            for name in os.listdir(self.state):
                os.chmod(os.path.join(self.state, name), mode)
            answer = self.as_nobody(code=lab.STATE)
            self.assertIn("allow writing there", answer.err)
            self.assertNotIn("move the file away", answer.err)
        self.assertEqual(self.read(self.b, "one"), b"1")
        for name in os.listdir(self.state):
            os.chmod(os.path.join(self.state, name), 0o644)
        self.as_nobody(code=lab.IN_SYNC)
        self.assertEqual(self.read(self.b, "one"), b"edited")

    def test_a_directory_that_takes_no_writes(self):
        self.write(self.a, "dir/one", "1", mode=0o644)
        os.chmod(os.path.join(self.a, "dir"), 0o777)
        self.as_nobody(code=lab.IN_SYNC)
        os.chown(os.path.join(self.b, "dir"), 0, 0)
        os.chmod(os.path.join(self.b, "dir"), 0o555)
        os.chmod(os.path.join(self.a, "dir"), 0o777)
        for name, text in (("dir/one", "edited"), ("dir/two", "2"), ("three", "3")):
            self.write(self.a, name, text, mode=0o644)
        answer = self.as_nobody(code=lab.PARTLY)
        self.assertIn("dir/two: ", answer.err)
        self.assertIn("Permission denied", answer.err)
        self.assertEqual(self.read(self.b, "three"), b"3")
        self.assertEqual(self.read(self.b, "dir/one"), b"1")
        self.assertEqual(self.names(self.a), ["dir", "dir/one", "dir/two", "three"])


class Notes(Lab):
    def test_hard_links_are_said_in_a_line_and_change_no_exit_code(self):
        for number in range(20):
            whole = self.write(self.a, f"{number}", f"{number}")
            os.link(whole, whole + b"-again")
        answer = self.sync("--json")
        notes = [line for line in answer.of_type("event") if line["kind"] == "note"]
        self.assertEqual([(note["code"], note["replica"]) for note in notes], [("hard_links", "a")])
        self.assertIn("40 files", notes[0]["message"])
        self.assertEqual(answer.summary()["problems"], 0)
        self.assertEqual(len(self.names(self.b)), 40)
        # Nothing is done, so there is nothing to remark.
        self.assertEqual(self.sync("--json").of_type("event"), [])
        self.write(self.a, "more", "more")
        self.assertIn("note: 40 files with several names", self.sync().out)
        self.write(self.a, "more", "still more")
        self.assertEqual(self.sync("-q").out, "")


class LostState(Lab):
    def setUp(self):
        super().setUp()
        for number in range(6):
            self.write(self.a, f"{number}", f"{number}", mtime=1_600_000_000 * SECOND)
        self.sync()

    def database(self):
        return next(os.path.join(self.state, name) for name in os.listdir(self.state) if name.endswith(".db"))

    def test_deleted(self):
        self.remove(self.a, "0")
        self.write(self.b, "1", "edited")
        shutil.rmtree(self.state)
        self.sync()
        self.assert_same(self.a, self.b)
        self.assertIn("0", self.names(self.a), "without a state nothing may be taken for deleted")
        self.assertIn(b"edited", lab.contents(self.a).values())
        self.assertIn(b"1", lab.contents(self.a).values())
        self.assert_quiet(self.a, self.b)

    def test_restored_from_an_older_copy(self):
        shutil.copytree(self.state, self.state + "-old")
        self.write(self.a, "new", "new")
        self.remove(self.a, "5")
        self.sync()
        shutil.rmtree(self.state)
        os.rename(self.state + "-old", self.state)
        answer = self.sync()
        self.assertIn("union", answer.out)
        self.assert_same(self.a, self.b)
        self.assertEqual(self.names(self.a), ["0", "1", "2", "3", "4", "new"])
        self.assert_quiet(self.a, self.b)

    def test_a_root_restored_from_an_older_copy(self):
        subprocess.run(["cp", "-a", self.b, self.b + "-old"], check=True)
        self.write(self.a, "new", "new")
        self.write(self.a, "1", "newer")
        self.sync()
        shutil.rmtree(self.b)
        os.rename(self.b + "-old", self.b)
        self.settles_as_a_union((self.a, self.b), b"0", b"newer", b"new")

    def many_roots(self, count):
        roots = [os.path.join(self.place, f"root-{number}-of-{count}") for number in range(count)]
        for root in roots:
            os.mkdir(root)
        for number in range(6):
            self.write(roots[0], f"{number}", f"{number}", mtime=1_600_000_000 * SECOND)
        self.sync(roots=roots)
        return roots

    def change(self, roots):
        """An edit, a delete and a rename, each on another side."""
        self.write(roots[0], "1", "edited")
        self.remove(roots[1], "0")
        os.rename(os.path.join(roots[-1], "2"), os.path.join(roots[-1], "renamed"))

    def settles_as_a_union(self, roots, *texts, told=True):
        answer = self.sync("--json", roots=roots)
        self.assertEqual("union" in answer.summary(), told, str(answer))
        self.assertEqual(answer.summary()["removed"], 0)
        self.assert_same(*roots)
        self.assertEqual(set(texts) - set(lab.contents(roots[0]).values()), set(), "lost")
        self.assert_quiet(*roots)
        self.assert_no_leftovers(*roots)

    def test_deleted_with_three_and_five_folders(self):
        for count in (3, 5):
            roots = self.many_roots(count)
            self.change(roots)
            shutil.rmtree(self.state)
            self.settles_as_a_union(roots, b"0", b"1", b"2", b"3", b"4", b"5", b"edited", told=False)

    def test_restored_from_an_older_copy_with_three_and_five_folders(self):
        for count in (3, 5):
            roots = self.many_roots(count)
            shutil.copytree(self.state, self.state + "-old")
            self.write(roots[1], "new", "new")
            self.write(roots[1], "3", "crossed before")
            self.sync(roots=roots)
            self.change(roots)
            shutil.rmtree(self.state)
            os.rename(self.state + "-old", self.state)
            self.settles_as_a_union(roots, b"0", b"1", b"2", b"crossed before", b"4", b"5", b"edited", b"new")

    def test_a_root_restored_from_an_older_copy_with_three_and_five_folders(self):
        for count in (3, 5):
            roots = self.many_roots(count)
            subprocess.run(["cp", "-a", roots[1], roots[1] + "-old"], check=True)
            self.write(roots[0], "new", "new")
            self.remove(roots[0], "3")
            self.write(roots[0], "4", "crossed before")
            self.sync(roots=roots)
            os.remove(os.path.join(roots[2], "5"))
            self.write(roots[2], "1", "edited")
            shutil.rmtree(roots[1])
            os.rename(roots[1] + "-old", roots[1])
            # The old version is an old version or an edit: it may stand beside the newer one, or give way.
            self.settles_as_a_union(roots, b"0", b"2", b"edited", b"crossed before", b"new")

    def test_damaged(self):
        with open(self.database(), "r+b") as file:
            file.write(b"this is no database at all, is it?" * 100)
        for words in (("sync", self.a, self.b), ("log", self.a, self.b), ("approve", self.a, self.b)):
            answer = self.run_program(*words, code=lab.STATE)
            self.assertIn("move the file away", answer.err)
        self.run_program("status", code=lab.STATE)
        self.assertEqual(len(self.names(self.a)), 6)
        os.remove(self.database())
        for name in os.listdir(self.state):
            if ".db-" in name:
                os.remove(os.path.join(self.state, name))
        self.sync()
        self.assert_same(self.a, self.b)

    def test_a_page_turned_over_is_noticed(self):
        connection = sqlite3.connect(self.database())
        body = bytearray(connection.execute("SELECT body FROM page").fetchone()[0])
        body[len(body) // 2] ^= 0xFF
        connection.execute("UPDATE page SET body = ?", (bytes(body),))
        connection.commit()
        connection.close()
        self.run_program("sync", self.a, self.b, code=lab.STATE)
        self.assertEqual(len(self.names(self.a)), 6)

    def test_of_a_newer_version(self):
        connection = sqlite3.connect(self.database())
        connection.execute("PRAGMA user_version = 999")
        connection.close()
        answer = self.run_program("sync", self.a, self.b, code=lab.STATE)
        self.assertIn("newer", answer.err)

    def test_a_state_folder_that_is_a_file(self):
        self.state = os.fsdecode(self.write(self.place, "file", "x"))
        self.run_program("sync", self.a, self.b, code=lab.STATE)


class VanishingRoots(Lab):
    def setUp(self):
        super().setUp()
        self.write(self.a, "one", "1")
        self.sync(roots=(self.a, self.b, self.c))

    def test_one_of_two(self):
        self.sync()
        os.rename(self.b, self.b + "-away")
        self.write(self.a, "two", "2")
        answer = self.run_program("sync", self.a, self.b, code=lab.ROOT)
        self.assertIn("mounted", answer.err)
        self.assertFalse(os.path.exists(self.b))
        os.rename(self.b + "-away", self.b)
        self.sync()
        self.assert_same(self.a, self.b)

    def test_one_of_three_is_late(self):
        os.rename(self.c, self.c + "-away")
        self.write(self.a, "one", "newer")
        self.write(self.b, "two", "2")
        answer = self.run_program("sync", self.a, self.b, self.c, code=lab.PARTLY)
        self.assertIn("away", answer.err)
        self.assert_same(self.a, self.b)
        self.write(self.c + "-away", "three", "3")
        os.rename(self.c + "-away", self.c)
        self.run_program("sync", self.a, self.b, self.c, code=lab.IN_SYNC)
        self.assert_same(self.a, self.b, self.c)
        self.assertEqual(lab.contents(self.c), {b"one": b"newer", b"two": b"2", b"three": b"3"})

    def test_created_again_by_mistake_it_is_held(self):
        os.rename(self.b, self.b + "-away")
        self.run_program("sync", self.a, self.b, self.c, "--create", code=lab.HELD)
        self.assertEqual(self.names(self.a), ["one"])
        self.assertEqual(self.names(self.c), ["one"])

    def vanish_in_the_middle(self, vanish):
        """What the run says whose folder `vanish` takes away, and how the other one stood."""
        self.sync()
        for number in range(100):
            self.write(self.a, f"{number % 10}/{number}", f"{number}\n" * 5000)
        before = lab.tree(self.a)
        process = self.start("sync", self.a, self.b, "--bwlimit", "500K")
        self.wait_until(lambda: len(self.staged_sizes(self.b)) > 10)
        vanish()
        answer = self.end_of(process)
        self.assertEqual(before, lab.tree(self.a))
        self.assertFalse(os.path.exists(self.b), "it was made anew")
        return answer, before

    def test_moved_away_in_the_middle_of_a_run(self):
        answer, before = self.vanish_in_the_middle(lambda: os.rename(self.b, self.b + "-away"))
        # What is open may be written on to, wherever it is now, but nothing less than all of it is in sync.
        if answer.code == lab.IN_SYNC:
            self.assertEqual(before, lab.tree(self.b + "-away"))
        else:
            self.assertIn(answer.code, (lab.PARTLY, lab.ROOT), str(answer))
            self.assertRegex(answer.err, r"(?m)^b\b")
        self.assertIn(self.b, self.run_program("sync", self.a, self.b, code=lab.ROOT).err)
        os.rename(self.b + "-away", self.b)
        self.sync()
        self.assertEqual(before, lab.tree(self.b))
        self.assert_no_leftovers(self.a, self.b)
        self.assert_quiet(self.a, self.b)

    def test_removed_in_the_middle_of_a_run(self):
        def vanish():
            while os.path.exists(self.b):  # what is written meanwhile may keep a directory
                shutil.rmtree(self.b, ignore_errors=True)

        answer, before = self.vanish_in_the_middle(vanish)
        self.assertIn(answer.code, (lab.PARTLY, lab.ROOT), str(answer))
        self.assertRegex(answer.err, r"(?m)^b\b")
        self.run_program("sync", self.a, self.b, code=lab.ROOT)
        os.mkdir(self.b)
        self.run_program("sync", self.a, self.b, code=lab.HELD)
        self.assertEqual(before, lab.tree(self.a))
        self.assertEqual(self.names(self.b), [])
        self.run_program("approve", self.a, self.b, code=lab.IN_SYNC)
        self.sync()
        self.assertEqual(before, lab.tree(self.b))


class BusyFiles(Lab):
    """Files that are rewritten during the copy: one version or another, never a mix, the last in the end.
    Every run tries twenty files; a hundred tries in all."""

    FILES, RUNS, SIZE = 20, 5, 60_000

    def rewrite(self, save):
        """`save(path, text, held)` is how the user's program saves; `held` is what it keeps open."""
        paths = [self.write(self.a, f"busy-{number}", bytes([1]) * self.SIZE) for number in range(self.FILES)]
        stop = threading.Event()
        written = {os.path.basename(path): [1] for path in paths}

        def work():
            # Nobody is to be stopped half-way through a store, or two readings may well agree on a mix.
            if lab.is_root():
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
            chance = random.Random(3)
            held = {path: save.hold(path) for path in paths}
            turn = 1
            while not stop.is_set():
                turn = turn % 255 + 1
                # The first are always being written, the last every now and then.
                for path in (path for number, path in enumerate(paths) if chance.random() < 0.7**number):
                    written[os.path.basename(path)].append(turn)
                    save(path, bytes([turn]) * self.SIZE, held[path])
                time.sleep(chance.choice((0.001, 0.01, 0.1)))
            for kept in held.values():
                save.let_go(kept)

        writer = threading.Thread(target=work)
        writer.start()
        self.crossed = set()
        try:
            for number in range(10 * self.RUNS):
                answer = self.run_program("sync", self.a, self.b)
                self.assertIn(answer.code, (lab.IN_SYNC, lab.PARTLY), str(answer))
                self.look_at_what_crossed(save, written)
                if number + 1 >= self.RUNS <= self.versions_that_crossed():
                    break
        finally:
            stop.set()
            writer.join()
        self.wait_until(lambda: self.run_program("sync", self.a, self.b).code == lab.IN_SYNC)
        self.sync()
        self.look_at_what_crossed(save, written)
        self.assertGreaterEqual(self.versions_that_crossed(), self.RUNS, "hardly anything was tried")
        last = {name: bytes(versions[-1:]) * self.SIZE for name, versions in written.items()}
        self.assertEqual(last, lab.contents(self.a), "the user's own files, and no more")
        self.assert_same(self.a, self.b)
        self.assert_no_leftovers(self.a, self.b)
        self.assert_quiet(self.a, self.b)

    def versions_that_crossed(self):
        return len({version for _, version in self.crossed})

    def look_at_what_crossed(self, save, written):
        for name, text in lab.contents(self.b).items():
            self.assertIn(len(text), save.sizes(self.SIZE), name)
            self.assertLessEqual(len(set(text)), 1, f"{name!r} is a mix of two versions")
            self.assertIn(name, written, "nobody has written such a file")
            self.assertLessEqual(set(text), set(written[name]), f"{name!r} was never so")
            self.crossed.add((name, text[:1]))

    def test_written_anew_each_time(self):
        self.rewrite(Truncating())

    def test_by_rename(self):
        self.rewrite(Renaming())

    def test_through_a_descriptor_held_open(self):
        self.rewrite(Holding())

    def test_through_a_mapping(self):
        self.rewrite(Mapping())


class Renaming:
    """Saves as editors do: a new file, renamed over the old one."""

    def hold(self, path):
        return None

    def let_go(self, held):
        pass

    def sizes(self, size):
        return (size,)

    def __call__(self, path, text, held):
        with open(path + b".new", "wb") as file:
            file.write(text)
        os.rename(path + b".new", path)


class Truncating(Renaming):
    """Saves as shells do: between the truncation and the write the file is empty, which is a version."""

    def sizes(self, size):
        return (0, size)

    def __call__(self, path, text, held):
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
        os.write(descriptor, text)
        os.close(descriptor)


class Holding(Renaming):
    def hold(self, path):
        return os.open(path, os.O_RDWR)

    def let_go(self, held):
        os.close(held)

    def __call__(self, path, text, held):
        os.pwrite(held, text, 0)


class Mapping(Renaming):
    def hold(self, path):
        with open(path, "r+b") as file:
            return mmap.mmap(file.fileno(), 0)

    def let_go(self, held):
        held.close()

    def __call__(self, path, text, held):
        held[:] = text


class VanishingFiles(Lab):
    def test_directories_that_come_and_go_during_the_scan(self):
        for number in range(300):
            self.write(self.a, f"stable/{number}", f"{number}")
        stop = threading.Event()

        def work():
            while not stop.is_set():
                for number in range(20):
                    self.write(self.a, f"shaky/{number}/x", "x")
                shutil.rmtree(os.path.join(self.a, "shaky"))

        worker = threading.Thread(target=work)
        worker.start()
        stood, changes = None, -300
        try:
            for _ in range(20):
                answer = self.run_program("sync", self.a, self.b, "--max-delete", "none", "--json")
                self.assertIn(answer.code, (lab.IN_SYNC, lab.PARTLY), str(answer))
                changes += answer.summary()["created"] + answer.summary()["removed"]
                # A delete that the next run repairs would show in the inode.
                stable = lab.identity(os.path.join(self.b, "stable"))
                self.assertEqual(len(stable), 300)
                self.assertEqual(stable, stood or stable)
                stood = stable
        finally:
            stop.set()
            worker.join()
        self.assertGreater(changes, 0, "nothing came or went, so nothing was tried")
        self.sync("--max-delete", "none")
        self.assert_same(self.a, self.b)
        self.assertEqual(stood, lab.identity(os.path.join(self.b, "stable")))
        self.assertLessEqual({*lab.trash_of(self.a), *lab.trash_of(self.b)}, {b"x"})


if __name__ == "__main__":
    lab.main()
