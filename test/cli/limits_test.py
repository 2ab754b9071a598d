"""What a machine may keep from us: descriptors, threads, memory, somebody who reads."""

import os
import resource
import subprocess
import unittest

import lab
from lab import Lab


class Streams(Lab):
    def close(self, *numbers):
        def before():
            for number in numbers:
                os.close(number)

        return before

    def run_closed(self, numbers, *words, code):
        """With descriptors closed, not merely empty: the next file opened gets their numbers."""
        done = subprocess.run(
            self.command(*words), preexec_fn=self.close(*numbers), env=self.environment(),
            timeout=lab.PATIENCE_S, check=False, capture_output=True,
        )
        self.assertEqual(done.returncode, code, done)
        return done

    def fill(self):
        for number in range(40):
            self.write(self.a, f"{number}", f"content {number}")

    def test_nothing_said_goes_into_a_file(self):
        for numbers in ((0,), (1,), (2,), (0, 1, 2)):
            self.fill()
            before = lab.contents(self.a)
            self.run_closed(numbers, "sync", self.a, self.b, "-v", code=lab.IN_SYNC)
            self.assertEqual(before, lab.contents(self.a))
            self.assertEqual(before, lab.contents(self.b))
            self.run_program("status", code=lab.IN_SYNC)
            for name in os.listdir(self.state):
                if name.endswith(".lock"):
                    self.assertRegex(self.read(self.state, name), rb"\Apid [^\n]*\n\Z")
            for number in range(40):
                self.remove(self.b, f"{number}")
            self.run_closed(numbers, "sync", self.a, self.b, "-v", "--max-delete", "0", code=lab.HELD)
            self.assertEqual(before, lab.contents(self.a))
            self.run_closed(numbers, "approve", code=lab.IN_SYNC)
            self.sync()
            self.assertEqual(self.names(self.a), [])

    def test_nothing_is_asked(self):
        """Whatever a person has to decide is an exit code, at once."""
        self.fill()
        self.sync()
        for number in range(40):
            self.remove(self.b, f"{number}")
        answer = self.run_program("sync", self.a, self.b, "--max-delete", "0", code=lab.HELD)
        self.assertIn("approve", answer.err)
        self.assertNotIn("?", answer.err)
        self.run_closed((0,), "sync", self.a, self.b + "-missing", code=lab.ROOT)

    def test_a_full_stdout_is_told(self):
        self.fill()
        with open("/dev/full", "wb") as full:
            done = subprocess.run(self.command("sync", self.a, self.b, "--json"), stdout=full,
                                  stderr=subprocess.PIPE, env=self.environment(), check=False)
        self.assertEqual(done.returncode, lab.UNEXPECTED)
        self.assertIn(b"could not be written", done.stderr)
        self.assert_same(self.a, self.b)

    def test_a_reader_that_leaves_stops_nothing(self):
        for number in range(3000):
            self.write(self.a, f"{number}", "x")
        process = self.start("sync", self.a, self.b, "-v")
        process.stdout.close()
        process.stdout = None
        _, err = process.communicate(timeout=lab.PATIENCE_S)
        self.assertEqual(process.returncode, lab.IN_SYNC, err)
        self.assertEqual(err, b"")
        self.assert_same(self.a, self.b)


class Limits(Lab):
    def limited(self, which, amount, *more, code=None):
        return self.run_program("sync", self.a, self.b, *more, code=code,
                                before=lambda: resource.setrlimit(which, (amount, amount)))

    def test_of_the_size_of_files(self):
        self.write(self.a, "large", b"x" * 3_000_000)
        for number in range(20):
            self.write(self.a, f"{number}", f"{number}")
        answer = self.limited(resource.RLIMIT_FSIZE, 2_000_000, code=lab.PARTLY)
        self.assertIn("large: write: File too large", answer.err)
        self.assertEqual(len(self.names(self.b)), 20)
        self.sync()
        self.assert_same(self.a, self.b)
        self.assert_no_leftovers(self.a, self.b)

    def test_of_descriptors(self):
        for number in range(300):
            self.write(self.a, f"{number % 20}/{number}", f"{number}")
        before = lab.tree(self.a)
        for amount in (8, 12, 16, 20, 24, 32, 64):
            answer = self.limited(resource.RLIMIT_NOFILE, amount)
            self.assertGreaterEqual(answer.code, 0, f"killed with {amount} descriptors: {answer}")
            if answer.code != lab.IN_SYNC:
                self.assertNotEqual(answer.err, "")
            self.assertEqual(before, lab.tree(self.a))
        self.sync()
        self.assert_same(self.a, self.b)
        self.assert_no_leftovers(self.a, self.b)

    @unittest.skipUnless(lab.is_root() and not lab.SANITIZED, "needs root, and sanitizers have threads of their own")
    def test_of_threads(self):
        """Counted for a user who has no other processes."""
        os.chmod(self.place, 0o777)
        for folder in (self.a, self.b):
            os.chmod(folder, 0o777)
        self.write(self.a, "one", "1", mode=0o644)
        self.state = os.path.join(self.place, "a state of its own")
        for amount in range(1, 8):
            def before(amount=amount):
                os.setgroups([])
                os.setgid(61234)
                os.setuid(61234)
                resource.setrlimit(resource.RLIMIT_NPROC, (amount, amount))

            answer = self.run_program("sync", self.a, self.b, before=before)
            self.assertIn(answer.code, (lab.IN_SYNC, lab.UNEXPECTED), str(answer))
            if answer.code == lab.UNEXPECTED:
                self.assertIn("no memory or no threads", answer.err)
        self.assertEqual(answer.code, lab.IN_SYNC)
        self.assertEqual(self.names(self.b), ["one"])


if __name__ == "__main__":
    lab.main()
