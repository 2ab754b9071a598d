"""kill -9 at random moments: the next plain run converges, nothing is lost or torn, nothing staged stays."""

import fcntl
import os
import random
import signal
import sys
import termios
import time

import lab
from lab import Lab

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "40"))
SEED = int(os.environ.get("CRASH_SEED", "1"))


class Killed(Lab):
    def setUp(self):
        super().setUp()
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # what nohup ignores would be ignored by the program, too
        self.random = random.Random(SEED)
        self.serial = 0
        self.roots = (self.a, self.b, self.c)
        self.alive = set()  # texts that nobody has replaced or deleted since

    def put(self, root, name):
        self.drop(root, name)
        text = self.text()
        self.write(root, name, text)
        self.alive.add(text.encode())

    def drop(self, root, name):
        """What stands there is given up by its user."""
        path = os.path.join(root, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                self.alive.discard(file.read())

    def nothing_is_lost(self):
        lost = self.alive - set(lab.contents(self.a).values())
        self.assertEqual({text.split(b"\n")[0] for text in lost}, set(), "lost")

    def text(self):
        self.serial += 1
        return f"token {self.serial}\n" * self.random.choice((1, 10, 2000))

    def change(self, root):
        names = [name for name in self.names(root) if os.path.isfile(os.path.join(root, name))]
        kind = self.random.choice(("create", "create", "edit", "edit", "delete", "rename", "rename directory"))
        if kind == "create" or not names:
            self.put(root, f"{self.random.randrange(8)}/{self.random.randrange(1000)}")
            return
        name = self.random.choice(names)
        if kind == "edit":
            self.put(root, name)
        elif kind == "delete":
            self.drop(root, name)
            os.remove(os.path.join(root, name))
        elif kind == "rename":
            self.drop(root, name + "r")
            os.rename(os.path.join(root, name), os.path.join(root, name + "r"))
        else:
            folder = os.path.join(root, os.path.dirname(name))
            target = os.path.join(root, f"moved-{self.serial}")
            self.serial += 1
            if os.path.dirname(name) and not os.path.exists(target):
                os.rename(folder, target)

    def kill_at_random(self, *words):
        """True when it was not done before."""
        process = self.start("sync", *words, "--max-delete", "none")
        killed = self.kill_after(process, self.random.random() ** 2 * 0.3)
        self.whole()
        return killed

    def whole(self):
        """Every file holds one text, whole: lines all alike."""
        for root in self.roots:
            for path, text in lab.contents(root).items():
                lines = set(text.decode().splitlines())
                self.assertEqual(len(lines), 1, f"{path!r} is torn")
                self.assertTrue(text.endswith(b"\n"), f"{path!r} is cut")

    def test_at_random_moments(self):
        for _ in range(60):
            self.change(self.random.choice(self.roots))
        killed = 0
        for turn in range(ROUNDS):
            for _ in range(self.random.randrange(1, 15)):
                self.change(self.random.choice(self.roots))
            killed += self.kill_at_random(*self.roots)
            if turn % 4 == 3:
                self.sync("--max-delete", "none", roots=self.roots)
                self.assert_same(*self.roots)
                self.nothing_is_lost()
                self.assert_no_leftovers(*self.roots)
                self.assert_quiet(*self.roots)
        self.sync("--max-delete", "none", roots=self.roots)
        self.assert_same(*self.roots)
        self.nothing_is_lost()
        self.whole()
        self.assertGreater(killed, 0, "no run was long enough to be killed")

    def test_while_moving_the_source_is_given_up_last(self):
        killed = 0
        for _ in range(ROUNDS // 2):
            for _ in range(self.random.randrange(5, 40)):
                self.put(self.a, f"{self.random.randrange(3)}/{self.random.randrange(40)}")
            killed += self.kill_at_random(self.a, self.b, "--mode", "move")
            self.assertEqual(self.alive - lab.kept_in(self.b) - set(lab.contents(self.a).values()), set())
        self.sync("--mode", "move", "--max-delete", "none")
        self.assertEqual(lab.contents(self.a), {})
        self.assertEqual(self.alive - lab.kept_in(self.b), set())
        self.assert_no_leftovers(self.a, self.b)
        self.assertGreater(killed, 0, "no run was long enough to be killed")

    def test_while_mirroring_the_source_is_not_touched(self):
        mirror = ("--mode", "one-way", "--mirror")
        killed, own = 0, set()
        for _ in range(ROUNDS // 2):
            for _ in range(self.random.randrange(5, 40)):
                self.change(self.a)
            for _ in range(self.random.randrange(1, 10)):
                text = self.text()
                self.write(self.b, f"own/{self.serial}", text)
                own.add(text.encode())
            before = lab.identity(self.a)
            killed += self.kill_at_random(self.a, self.b, *mirror)
            self.assertEqual(before, lab.identity(self.a))
            self.assertEqual(own - lab.kept_in(self.b), set(), "removed, and not into the trash")
        self.sync(*mirror, "--max-delete", "none")
        self.assert_same(self.a, self.b)
        self.assertEqual(own - set(lab.trash_of(self.b)), set())
        self.assert_no_leftovers(self.a, self.b)
        self.assertGreater(killed, 0, "no run was long enough to be killed")

    def test_of_a_watch(self):
        for _ in range(5):
            process = self.start("watch", self.a, self.b, "--max-delete", "none", "--json")
            while b'"watching"' not in process.stdout.readline():
                self.assertIsNone(process.poll())
            before = len(self.names(self.b))
            for _ in range(10):
                self.change(self.a)
            for number in range(150):
                self.put(self.a, f"{number % 7}/{self.serial}")
            self.wait_until(lambda: len(self.names(self.b)) > before)
            time.sleep(self.random.random() * 0.1)
            process.kill()
            process.communicate()
            self.whole()
        self.sync("--max-delete", "none")
        self.assert_same(self.a, self.b)
        self.nothing_is_lost()
        self.assert_no_leftovers(self.a, self.b)
        self.assert_quiet(self.a, self.b)

    def test_interrupted_it_stops_cleanly_and_goes_on(self):
        for number in range(3000):
            self.write(self.a, f"{number % 40}/{number}", f"token {number}\n" * 20)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process = self.start("sync", *self.roots, "--bwlimit", "200K", "--json")
            self.wait_until(lambda: self.is_at_work(process) and os.path.isdir(os.path.join(self.b, ".syncoxiders")))
            answer = self.stop(process, number)
            self.assertEqual(answer.code, lab.INTERRUPTED, str(answer))
            self.assertEqual(answer.summary()["exit_code"], lab.INTERRUPTED)
            self.whole()
        self.sync(roots=self.roots)
        self.assert_same(*self.roots)
        self.assert_no_leftovers(*self.roots)

    def test_a_second_signal_ends_it_at_once(self):
        """Even when nobody reads what it says, so that it can't stop cleanly."""
        for number in range(300):
            self.write(self.a, f"{number}", f"token {number}\n")
        for numbers in ((signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGHUP)):
            process = self.start("sync", *self.roots, "--json", "-v", "--max-delete", "none")
            room = fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
            self.wait_until(lambda: self.waiting_bytes(process.stdout) > room - 200)
            process.send_signal(numbers[0])
            time.sleep(0.2)
            self.assertIsNone(process.poll(), "it was not held up, so the second signal was not needed")
            process.send_signal(numbers[1])
            self.assertEqual(process.wait(lab.PATIENCE_S), lab.INTERRUPTED)
            process.communicate()
            for number in range(300):
                self.write(self.a, f"{number}", f"token {number} of {numbers}\n")
        self.sync("--max-delete", "none", roots=self.roots)
        self.assert_same(*self.roots)
        self.assert_no_leftovers(*self.roots)
        self.assert_quiet(*self.roots)

    def waiting_bytes(self, pipe):
        return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4), sys.byteorder)

    def test_a_large_file_goes_on_where_it_was(self):
        size = 96 * 1024 * 1024
        line = b"token 1\n"
        self.write(self.a, "large", line * (size // len(line)))
        # A file changed just now may change again unseen, and is never resumed.
        time.sleep(3)
        process = self.start("sync", self.a, self.b, "--bwlimit", "40M")
        self.wait_until(lambda: sum(self.staged_sizes(self.b)) > 40 * 1024 * 1024)
        process.kill()
        process.communicate()
        self.assertFalse(os.path.exists(os.path.join(self.b, "large")))
        answer = self.sync("--json")
        self.assertEqual(answer.summary()["created"], 1)
        self.assert_same(self.a, self.b)
        self.assert_no_leftovers(self.a, self.b)


if __name__ == "__main__":
    lab.main()
