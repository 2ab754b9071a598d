"""The way of syncing changes between two runs: nothing is taken for deleted, nothing is lost."""

import itertools
import os

import lab
from lab import Lab

SECOND = 1_000_000_000
LONG_AGO = 1_600_000_000 * SECOND
MODES = ("two-way", "one-way", "copy", "move")


class Changes(Lab):
    def tokens(self):
        return {text for root in (self.a, self.b) for text in lab.contents(root).values()}

    def fill(self):
        for number in range(6):
            self.write(self.a, f"dir/{number}", f"from a {number}", mtime=LONG_AGO)
            self.write(self.b, f"own/{number}", f"from b {number}", mtime=LONG_AGO)

    def user_changes(self):
        """Each side edits, deletes and adds; in the mode of before some of it would cross as a delete."""
        for root, other in ((self.a, "dir"), (self.b, "own")):
            for number, path in enumerate(sorted(self.names(root))):
                whole = os.path.join(root, path)
                if os.path.isfile(whole) and number % 3 == 1:
                    os.remove(whole)
                elif os.path.isfile(whole) and number % 3 == 2:
                    self.write(root, path, f"edited {path} on {root}")
            self.write(root, f"{other}/new", f"new on {root}")

    def check(self, before, after, *more):
        self.fill()
        self.sync("--mode", before)
        self.user_changes()
        tokens = self.tokens()
        answer = self.sync("--mode", after, *more)
        self.assertIn("union", answer.out, "a changed mode is to be said")
        self.assertEqual(tokens - self.tokens(), set(), f"{before} then {after} lost something")
        # From now on the new mode is the rule's, and a second run has nothing to do.
        seen = lab.identity(self.a), lab.identity(self.b)
        answer = self.sync("--mode", after, *more)
        self.assertNotIn("union", answer.out)
        self.assertEqual(seen, (lab.identity(self.a), lab.identity(self.b)), f"{before} then {after}")
        self.assert_no_leftovers(self.a, self.b)

    def again(self):
        """A fresh place for the next pair."""
        for folder in (self.a, self.b, self.state):
            lab.shutil.rmtree(folder)
        for folder in (self.a, self.b):
            os.mkdir(folder)

    def test_from_every_mode_to_every_other(self):
        for before, after in itertools.permutations(MODES, 2):
            with self.subTest(before=before, after=after):
                self.check(before, after)
            self.again()

    def test_to_another_source(self):
        for mode in MODES[1:]:
            with self.subTest(mode=mode):
                self.fill()
                self.sync("--mode", mode)
                self.user_changes()
                tokens = self.tokens()
                answer = self.sync("--mode", mode, roots=(self.b, self.a))
                self.assertIn("union", answer.out)
                self.assertEqual(tokens - self.tokens(), set())
            self.again()

    def test_limits_that_come_and_go(self):
        """What a limit hides is neither deleted nor touched, and what it lets in again is new."""
        for size in (10, 1000, 100_000):
            self.write(self.a, f"{size}", "x" * size, mtime=LONG_AGO)
        self.sync()
        self.sync("--max-size", "5000")
        self.assertEqual(self.names(self.b), ["10", "1000", "100000"])
        self.remove(self.a, "100000")
        self.remove(self.a, "10")
        self.sync("--max-size", "5000", "--min-size", "100")
        self.assertEqual(self.names(self.b), ["10", "1000", "100000"])
        self.sync()
        self.assert_same(self.a, self.b)
        self.assertEqual(self.names(self.a), ["10", "1000", "100000"])
        self.assert_quiet(self.a, self.b)

    def test_compare_modes_that_change(self):
        self.write(self.a, "one", "1111", mtime=LONG_AGO)
        self.write(self.b, "one", "2222", mtime=LONG_AGO)
        self.sync("--compare", "size,modtime")
        before = self.tokens()
        self.assertEqual(before, {b"1111", b"2222"}, "taken for equal, as was asked")
        self.remove(self.a, "one")
        self.sync("--compare", "size,modtime")
        self.assertIn(b"2222", self.tokens(), "an equality that nobody has seen licenses no delete")
        self.sync()
        self.assert_same(self.a, self.b)


if __name__ == "__main__":
    lab.main()
