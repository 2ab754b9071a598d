"""What is left out: by files of patterns, .syncignore, size and age; what is hidden is never touched."""

import os
import time

import lab
from lab import Lab


class Patterns(Lab):
    def patterns(self, text):
        return os.fsdecode(self.write(self.place, "patterns", text))

    def test_a_file_of_patterns(self):
        for name in ("a.o", "a.c", "build/x", "deep/build/y", "deep/z", "keep.o"):
            self.write(self.a, name, name)
        self.write(self.b, "b.o", "stays on b alone")
        self.sync("--filter-from", self.patterns("*.o\n!keep.o\nbuild/\n"))
        self.assertEqual(self.names(self.b), ["a.c", "b.o", "deep", "deep/z", "keep.o"])
        self.assertNotIn("b.o", self.names(self.a))

    def test_what_a_later_filter_hides_is_left_alone(self):
        for name in ("dir/one.o", "dir/two.c", "three.o"):
            self.write(self.a, name, name)
        self.sync()
        out = self.patterns("*.o\n")
        self.write(self.a, "three.o", "edited while hidden")
        self.sync("--filter-from", out)
        self.assertEqual(self.read(self.b, "three.o"), b"three.o")
        self.remove(self.a, "dir")
        self.sync("--filter-from", out)
        self.assertEqual(self.names(self.b), ["dir", "dir/one.o", "three.o"], "the folder stays for what is hidden in it")
        # Let in again, it is new: a union, nothing is deleted.
        self.sync()
        self.assertIn("dir/one.o", self.names(self.a))

    def test_syncignore_on_the_first_run_and_later(self):
        self.write(self.a, ".syncignore", "*.tmp\n")
        self.write(self.a, "x.tmp", "x")
        self.write(self.b, "y.tmp", "y")
        self.write(self.b, "text", "t")
        self.sync()
        self.assertEqual(self.names(self.a), [".syncignore", "text", "x.tmp"])
        self.assertEqual(self.names(self.b), [".syncignore", "text", "y.tmp"])
        self.write(self.b, "sub/.syncignore", "secret\n")
        self.sync()
        self.write(self.a, "sub/secret", "s")
        self.write(self.a, "secret", "s")
        self.sync()
        self.assertEqual(self.names(self.b), [".syncignore", "secret", "sub", "sub/.syncignore", "text", "y.tmp"])
        # An edit of the file itself crosses, and counts from the next run on.
        self.write(self.a, ".syncignore", "")
        self.sync()
        self.assertNotIn("x.tmp", self.names(self.b))
        self.sync()
        self.assertIn("x.tmp", self.names(self.b))
        self.assertIn("y.tmp", self.names(self.a))
        self.assert_quiet(self.a, self.b)

    def test_a_syncignore_that_is_no_text_is_told(self):
        self.write(self.a, ".syncignore", b"*\0.tmp")
        self.write(self.a, "one", "1")
        self.sync()
        answer = self.sync("--json")
        self.assertEqual({line["code"] for line in answer.of_type("event")}, {"ignore_file"})

    def test_sizes(self):
        for size in (0, 999, 1000, 1024, 5000):
            self.write(self.a, f"{size}", "x" * size)
        self.sync("--min-size", "1000", "--max-size", "1K")
        self.assertEqual(self.names(self.b), ["1000", "1024"])

    def test_ages(self):
        now = time.time_ns()
        for days in (0, 5, 20):
            self.write(self.a, f"{days}", "x", mtime=now - days * 86400 * 10**9)
        self.sync("--min-age", "1d", "--max-age", "1w")
        self.assertEqual(self.names(self.b), ["5"])

    def test_our_own_folder_never_crosses(self):
        self.write(self.a, "sub/.syncoxiders/trash/x", "of another rule")
        self.write(self.a, "one", "1")
        self.sync()
        self.assertEqual(self.names(self.b), ["one", "sub"])
        self.assertFalse(os.path.exists(os.path.join(self.b, "sub/.syncoxiders")))


class Mirrors(Lab):
    """The dangerous pair: what only a destination has is removed, and what is left out is never touched."""

    MIRROR = ("--mode", "one-way", "--mirror")

    def setUp(self):
        super().setUp()
        self.write(self.a, "one", "1")

    def check(self, *words, roots=None, hidden="own/x.tmp"):
        for _ in range(2):
            self.write(self.b, hidden, "hidden " * 300)
            self.write(self.b, "own/y", "removed")
            before = lab.describe(os.path.join(self.b, hidden))
            for _ in range(2):
                self.sync(*words, roots=roots)
                self.assertNotIn("own/y", self.names(self.b))
                self.assertIn(b"removed", lab.trash_of(self.b))
                self.assertEqual(before, lab.describe(os.path.join(self.b, hidden)))
            self.write(self.b, "own/y", "removed")
        self.assertNotIn(b"hidden " * 300, lab.trash_of(self.b))

    def test_remove_nothing_that_a_file_of_patterns_leaves_out(self):
        self.check(*self.MIRROR, "--filter-from", self.write(self.place, "patterns", "*.tmp\n"))

    def test_remove_nothing_that_a_syncignore_leaves_out(self):
        self.write(self.a, ".syncignore", "*.tmp\n")
        self.check(*self.MIRROR)

    def test_remove_nothing_that_is_too_large(self):
        self.check(*self.MIRROR, "--max-size", "1K", hidden="own/large")

    def test_remove_nothing_that_is_left_out_on_one_folder(self):
        rules = os.path.join(self.place, ".config/syncoxiders/rules.toml")
        self.write(self.place, rules, f'[rules.x]\nroots = ["{self.a}", "{self.b}", "{self.c}"]\nmode = "one-way"\n'
                   f'mirror = true\nignore_on."{self.b}" = ["*.tmp"]\n')
        self.write(self.a, "z.tmp", "z")
        self.check(roots=("x",))
        self.assertEqual(lab.contents(self.c), {b"one": b"1", b"z.tmp": b"z"})
        self.write(self.c, "own/x.tmp", "hidden from b alone")
        self.sync(roots=("x",))
        self.assertNotIn("own/x.tmp", self.names(self.c))


if __name__ == "__main__":
    lab.main()
