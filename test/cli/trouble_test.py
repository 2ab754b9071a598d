"""What goes wrong in the world: each has a clear message, an exit code, and loses nothing."""

import mmap
import os
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


class FullDisk(Lab):
    def mount(self, size):
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", self.b],
                                 capture_output=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("mounting is not permitted here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.b], check=False)

    def test_of_the_other_side(self):
        self.mount("2m")
        self.write(self.b, "own", "own")
        for number in range(8):
            self.write(self.a, f"{number}", os.urandom(500_000))
        answer = self.sync(code=None)
        self.assertNotIn(answer.code, (lab.IN_SYNC, 139), str(answer))
        self.assertIn("space", (answer.err + answer.out).lower())
        self.assertEqual(len([name for name in self.names(self.a) if name.isdigit()]), 8)
        whole = lab.contents(self.a)
        for path, text in lab.contents(self.b).items():
            self.assertEqual(text, whole.get(path, text), "a torn file")
        for number in range(6):
            self.remove(self.a, f"{number}")
        for _ in range(4):
            if self.sync("--max-delete", "none", "--trash-size", "0", code=None).code == lab.IN_SYNC:
                break
        else:
            self.fail("room was made, but it never came in sync")
        self.assertEqual(lab.contents(self.a), lab.contents(self.b))

    def test_of_one_of_three_does_not_stop_the_others(self):
        self.mount("2m")
        for number in range(8):
            self.write(self.a, f"{number}", os.urandom(500_000))
        self.write(self.c, "small", "small")
        answer = self.sync("--json", roots=(self.a, self.b, self.c), code=lab.PARTLY)
        self.assertEqual(lab.contents(self.a), lab.contents(self.c))
        self.assertEqual(len(lab.contents(self.a)), 9)
        self.assertIn("no_space", {line.get("code") for line in answer.of_type("event")})
        whole = lab.contents(self.a)
        for path, text in lab.contents(self.b).items():
            self.assertEqual(text, whole[path], "a torn file")
        subprocess.run(["mount", "-o", "remount,size=16m", self.b], check=True)
        self.sync(roots=(self.a, self.b, self.c))
        self.assertEqual(lab.contents(self.a), lab.contents(self.b))

    def test_of_the_state(self):
        self.state = self.b
        self.mount("64k")
        self.write(self.b, "filler", b"x" * 60_000)
        for number in range(50):
            self.write(self.a, f"{number}", f"{number}")
        answer = self.run_program("sync", self.a, self.c)
        self.assertNotIn(answer.code, (lab.IN_SYNC, 139), str(answer))
        self.assertNotEqual(answer.err, "")
        self.assertEqual(len(lab.contents(self.a)), 50)
        os.remove(os.path.join(self.b, "filler"))
        subprocess.run(["mount", "-o", "remount,size=8m", self.b], check=True)
        self.run_program("sync", self.a, self.c, code=lab.IN_SYNC)
        self.assert_same(self.a, self.c)


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
        self.sync()
        self.assert_same(self.a, self.b)
        self.assertIn("new", self.names(self.a))
        self.assertIn(b"newer", lab.contents(self.a).values())

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


class BusyFiles(Lab):
    """A file that is rewritten during the copy: one version or another, never a mix."""

    def rewrite(self, method):
        path = self.write(self.a, "busy", bytes([0]) * 300_000)
        stop = threading.Event()

        def work():
            turn = 0
            with open(path, "r+b", buffering=0) as held:
                mapped = mmap.mmap(held.fileno(), 300_000) if method == "mmap" else None
                while not stop.is_set():
                    turn = (turn + 1) % 256
                    text = bytes([turn]) * 300_000
                    if method == "mmap":
                        mapped[:] = text
                    elif method == "held":
                        os.pwrite(held.fileno(), text, 0)
                    else:
                        with open(path + b".new", "wb") as file:
                            file.write(text)
                        os.rename(path + b".new", path)
                    time.sleep(0.001)

        writer = threading.Thread(target=work)
        writer.start()
        try:
            for _ in range(10):
                answer = self.run_program("sync", self.a, self.b)
                self.assertIn(answer.code, (lab.IN_SYNC, lab.PARTLY), str(answer))
                for name, text in lab.contents(self.b).items():
                    if name == b"busy":
                        self.assertEqual(len(set(text)), 1, "a mix of two versions")
        finally:
            stop.set()
            writer.join()
        self.wait_until(lambda: self.run_program("sync", self.a, self.b).code == lab.IN_SYNC)
        self.run_program("sync", self.a, self.b)
        self.assertEqual(self.read(self.b, "busy"), self.read(self.a, "busy"))

    def test_by_rename(self):
        self.rewrite("rename")

    def test_through_a_descriptor_held_open(self):
        self.rewrite("held")

    def test_through_a_mapping(self):
        self.rewrite("mmap")


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
        try:
            for _ in range(5):
                answer = self.run_program("sync", self.a, self.b, "--max-delete", "none")
                self.assertIn(answer.code, (lab.IN_SYNC, lab.PARTLY), str(answer))
        finally:
            stop.set()
            worker.join()
        self.sync("--max-delete", "none")
        self.assert_same(self.a, self.b)
        self.assertEqual(len([name for name in self.names(self.b) if name.startswith("stable/")]), 300)


if __name__ == "__main__":
    lab.main()
