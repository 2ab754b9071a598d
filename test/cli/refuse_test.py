"""What is refused: with a clear message, an exit code of its own, and nothing changed."""

import os
import subprocess

import lab
from lab import Lab


class Roots(Lab):
    def setUp(self):
        super().setUp()
        self.write(self.a, "one", "1")
        self.write(self.b, "two", "2")

    def refused(self, *roots, code, says, more=(), cwd=None):
        before = lab.identity(self.place)
        answer = self.run_program("sync", *roots, *more, code=code, cwd=cwd)
        self.assertIn(says, answer.err)
        self.assertEqual(answer.out, "")
        self.assertEqual(before, lab.identity(self.place), "something was changed")
        self.assert_nothing_ours(self.a, self.b)

    def test_fewer_than_two(self):
        self.refused(self.a, code=lab.USAGE, says="two folders")
        self.refused(code=lab.USAGE, says="two folders")

    def test_too_many(self):
        roots = []
        for number in range(17):
            roots.append(os.path.join(self.place, f"root-{number}"))
            os.mkdir(roots[-1])
        self.refused(*roots, code=lab.USAGE, says="at most 16")

    def test_the_same_twice(self):
        self.refused(self.a, self.a, code=lab.USAGE, says="twice")
        self.refused(self.a, self.a + "/", code=lab.USAGE, says="twice")
        self.refused(self.a, os.path.join(self.b, "..", "a"), code=lab.USAGE, says="twice")
        self.refused("a", self.a, code=lab.USAGE, says="twice", cwd=self.place)
        os.symlink(self.a, os.path.join(self.place, "link"))
        self.refused(self.a, self.b, os.path.join(self.place, "link"), code=lab.USAGE, says="twice")

    def test_one_inside_the_other(self):
        os.mkdir(os.path.join(self.a, "inner"))
        self.refused(self.a, os.path.join(self.a, "inner"), code=lab.USAGE, says="inside")
        self.refused(os.path.join(self.a, "inner"), self.a, code=lab.USAGE, says="inside")
        os.symlink(os.path.join(self.a, "inner"), os.path.join(self.place, "link"))
        self.refused(self.a, os.path.join(self.place, "link"), code=lab.USAGE, says="inside")
        self.refused(self.a, os.path.join(self.a, "not", "yet"), code=lab.USAGE, says="inside", more=["--create"])
        # A name that merely begins alike is another folder.
        os.mkdir(self.a + "-more")
        self.sync(roots=(self.a, self.a + "-more"))

    def test_a_missing_one(self):
        missing = os.path.join(self.place, "not", "there")
        self.refused(self.a, missing, code=lab.ROOT, says="is not there")
        self.sync("--create", roots=(self.a, missing))
        self.assert_same(self.a, missing)

    def test_a_file(self):
        path = self.write(self.place, "file", "x")
        self.refused(self.a, path, code=lab.ROOT, says="file")
        self.refused(self.a, path + b"/below", code=lab.ROOT, says="is not there")

    def test_a_state_folder_inside_a_root(self):
        self.state = os.path.join(self.a, "state")
        self.refused(self.a, self.b, code=lab.USAGE, says="--state")
        self.assertFalse(os.path.exists(self.state))

    def test_a_folder_that_nobody_may_read(self):
        if not lab.is_root():
            before = None
        else:
            before = lab.run_as_nobody
            os.chmod(self.place, 0o777)
            for folder in (self.a, self.b):
                os.chmod(folder, 0o777)
        os.chmod(self.b, 0)
        answer = self.run_program("sync", self.a, self.b, code=lab.ROOT, before=before)
        self.assertIn("/b", answer.err)


class CommandLine(Lab):
    def test_wrong_ones_are_told_and_change_nothing(self):
        for words, says in (
            ((), "subcommand"),
            (("sink", self.a, self.b), "sink"),
            (("sync", self.a, self.b, "--mode", "three-way"), "three-way"),
            (("sync", self.a, self.b, "--compare", "size,colour"), "colour"),
            (("sync", self.a, self.b, "--keep-mode", "best"), "best"),
            (("sync", self.a, self.b, "--mode", "copy", "--keep-mode", "newer"), "keep-mode"),
            (("sync", self.a, self.b, "--mode", "move", "--keep-mode", "path1"), "keep-mode"),
            (("sync", self.a, self.b, "--mirror"), "mirror"),
            (("sync", self.a, self.b, "--max-delete", "150%"), "150%"),
            (("sync", self.a, self.b, "--transfers", "0"), "0"),
            (("sync", self.a, self.b, "--transfers", "many"), "many"),
            (("sync", self.a, self.b, "--bwlimit", "fast"), "fast"),
            (("sync", self.a, self.b, "--min-size", "2M", "--max-size", "1M"), "min-size"),
            (("sync", self.a, self.b, "--min-age", "-1d"), "-1d"),
            (("sync", self.a, self.b, "--filter-from", os.path.join(self.place, "none")), "none"),
            (("sync", self.a, self.b, "-q", "-v"), "quiet"),
            (("sync", self.a, self.b, "--no-such-option"), "--no-such-option"),
            (("undo",), "required"),
            (("sync", "", self.b), "empty path"),
        ):
            answer = self.run_program(*words, code=lab.USAGE)
            self.assertIn(says, answer.err, str(answer))
        self.assert_nothing_ours(self.a, self.b)
        self.assertFalse(os.path.exists(self.state))

    def test_wrong_ones_are_json_when_asked(self):
        answer = self.run_program("sync", self.a, "--mode", "x", "--json", code=lab.USAGE)
        self.assertEqual([line["type"] for line in answer.lines()], ["error", "summary"])
        self.assertEqual(answer.summary()["exit_code"], lab.USAGE)

    def test_wrong_ones_are_answered_under_their_own_name(self):
        for words in (("undo",), ("why",), ("log", "--limit", "x")):
            self.assertEqual(self.run_program(*words, "--json", code=lab.USAGE).summary()["command"], words[0])

    def test_help_and_version(self):
        for words in (("--help",), ("sync", "--help"), ("--version",), ("version",)):
            answer = self.run_program(*words, code=lab.IN_SYNC)
            self.assertNotEqual(answer.out, "")
        self.assertIn("Exit codes", self.run_program("--help").out)

    def test_folders_whose_names_begin_with_a_dash(self):
        os.mkdir(os.path.join(self.place, "--json"))
        self.write(self.a, "one", "1")
        done = subprocess.run(
            [lab.PROGRAM, "sync", "--state", self.state, "--", "a", "--json"],
            cwd=self.place, env=self.environment(), capture_output=True, check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.names(os.path.join(self.place, "--json")), ["one"])


class Spellings(Lab):
    def test_any_spelling_and_order_find_the_same_rule(self):
        self.write(self.a, "one", "1")
        self.sync()
        self.remove(self.a, "one")
        os.symlink(self.b, os.path.join(self.place, "to-b"))
        self.run_program("sync", "./to-b/", "../" + os.path.basename(self.place) + "/a", code=lab.IN_SYNC, cwd=self.place)
        self.assertEqual(self.names(self.b), [], "it was taken for a new rule and the file came back")

    def test_a_joining_folder_deletes_nothing(self):
        self.write(self.a, "one", "1")
        self.sync()
        self.sync(roots=(self.a, self.b, self.c))
        self.assert_same(self.a, self.b, self.c)
        self.assertEqual(self.names(self.c), ["one"])


class Lock(Lab):
    def test_two_runs_of_one_rule_do_not_meet(self):
        for number in range(3000):
            self.write(self.a, f"{number % 50}/{number}", "x" * 500)
        self.sync("--dry-run")
        process = self.start("sync", self.a, self.b, "--bwlimit", "100K")
        try:
            self.wait_until(lambda: os.path.exists(self.state) and any(
                name.endswith(".lock") for name in os.listdir(self.state)))
            self.wait_until(lambda: self.run_program("sync", self.a, self.b).code == lab.LOCKED)
            answer = self.run_program("sync", self.b, self.a, code=lab.LOCKED)
            self.assertIn(f"pid {process.pid}", answer.err)
        finally:
            stopped = self.stop(process)
        self.assertEqual(stopped.code, lab.INTERRUPTED, str(stopped))
        self.sync()
        self.assert_same(self.a, self.b)
        self.assert_no_leftovers(self.a, self.b)

    def test_whoever_changes_something_waits_and_whoever_asks_does_not(self):
        for text in ("first", "second"):
            self.write(self.a, "one", text)
            self.sync()
        self.write(self.a, "large", b"x" * 3_000_000)
        process = self.start("sync", self.a, self.b, "--bwlimit", "100K")
        try:
            self.wait_until(lambda: self.is_at_work(process) and self.staged_sizes(self.b))
            before = lab.identity(self.a), lab.identity(self.b)
            for words in (("undo", "2"), ("restore", "one@1"), ("approve",), ("watch", self.a, self.b)):
                answer = self.run_program(*words, code=lab.LOCKED)
                self.assertIn(f"pid {process.pid}", answer.err)
            for words in (("log",), ("log", "1"), ("status",), ("conflicts",), ("why", "one"), ("versions", "one"),
                          ("approve", "--list"), ("rules",)):
                self.run_program(*words, code=lab.IN_SYNC)
            self.run_program("check", self.a, self.b, code=lab.DIFFERENT)
            self.sync("--dry-run")
            self.assertEqual(before, (lab.identity(self.a), lab.identity(self.b)))
            self.assertIsNone(process.poll(), "it was over before all was asked")
        finally:
            self.stop(process)
        self.run_program("undo", "2", code=lab.IN_SYNC)
        self.assertEqual(self.read(self.b, "one"), b"first")


class ExitCodes(Lab):
    """Each command in each trouble: the numbers are a promise of docs/cli.md."""

    def setUp(self):
        super().setUp()
        for text in ("first", "second"):
            self.write(self.a, "one", text)
            self.sync()

    def commands(self):
        both = (self.a, self.b)
        return {
            "sync": ("sync", *both), "dry run": ("sync", "-n", *both), "check": ("check", *both), "watch": ("watch", *both),
            "status": ("status", *both), "log": ("log", *both), "log RUN": ("log", "1", *both),
            "conflicts": ("conflicts", *both), "why": ("why", "one", *both), "undo": ("undo", "2", *both),
            "versions": ("versions", "one", *both), "restore": ("restore", os.path.join(self.b, "one"), *both),
            "approve": ("approve", *both), "approve --list": ("approve", "--list", *both), "rules": ("rules",),
            "version": ("version",),
        }

    def check(self, code, *wrong, told=True):
        """`code` for the commands that are named, 0 for all others."""
        before = lab.tree(self.a)
        for name, words in self.commands().items():
            with self.subTest(command=name):
                answer = self.run_program(*words, "--json", code=code if name in wrong else lab.IN_SYNC)
                self.assertEqual(answer.summary()["exit_code"], answer.code)
                if told and name in wrong:
                    self.assertIn("error", {line["type"] for line in answer.lines()})
        self.assertEqual(before, lab.tree(self.a), "something was changed")

    CHANGING = ("sync", "watch", "undo", "restore", "approve")
    KNOWING = (*CHANGING, "dry run", "check", "status", "log", "log RUN", "conflicts", "why", "versions", "approve --list")

    def test_of_a_missing_folder(self):
        os.rename(self.b, self.b + "-away")
        # What is only remembered can be asked for; the trash of b is away with it.
        self.assertEqual(self.run_program("versions", "one", self.a, self.b, code=lab.NOT_FOUND).out, "")
        for name in ("sync", "dry run", "check", "watch", "why"):
            self.run_program(*self.commands()[name], code=lab.ROOT)
        for name in ("status", "log", "log RUN", "conflicts", "approve --list", "rules"):
            self.run_program(*self.commands()[name], code=lab.IN_SYNC)
        self.assertFalse(os.path.exists(self.b))

    def test_of_a_damaged_state(self):
        for name in os.listdir(self.state):
            if name.endswith(".db"):
                self.write(self.state, name, "this is no database at all, is it?" * 100)
        self.check(lab.STATE, *self.KNOWING)

    def test_of_a_rule_that_never_ran(self):
        self.state = os.path.join(self.place, "another")
        never = {"status", "log", "log RUN", "conflicts", "undo", "versions", "restore", "approve", "approve --list"}
        for name, words in self.commands().items():
            if name in never:
                self.run_program(*words, code=lab.NOT_FOUND)
        self.run_program("check", self.a, self.b, code=lab.IN_SYNC)
        self.write(self.b, "two", "2")
        self.run_program("check", self.a, self.b, code=lab.DIFFERENT)
        self.assertFalse(os.path.exists(self.state))

    def test_of_a_locked_rule(self):
        process = self.start("watch", self.a, self.b)
        try:
            self.wait_until(lambda: self.is_at_work(process))
            self.check(lab.LOCKED, *self.CHANGING)
        finally:
            self.stop(process)

    def test_of_what_is_unknown(self):
        for words in (("log", "77"), ("undo", "77"), ("why", "nothing"), ("versions", "nothing"), ("restore", "nothing"),
                      ("restore", "one@7"), ("rules", "show", "nothing"), ("status", os.path.join(self.place, "nothing"))):
            self.run_program(*words, code=lab.NOT_FOUND)

    def test_of_a_check_that_can_only_be_partly(self):
        roots = (self.c, os.path.join(self.place, "d"))
        os.mkdir(roots[1])
        for folder in (self.place, *roots):
            os.chmod(folder, 0o777)
        self.write(self.c, "secret/below", "s")
        os.chmod(os.path.join(self.c, "secret"), 0)
        self.write(self.c, "plain", "p", mode=0o644)
        self.state = os.path.join(self.place, "of nobody")
        before = lab.run_as_nobody if lab.is_root() else None
        for code in (lab.DIFFERENT, lab.PARTLY):  # a difference counts for more
            answer = self.run_program("check", *roots, "--json", code=code, before=before)
            self.assertIn("secret", {line["path"] for line in answer.of_type("event")})
            self.run_program("sync", *roots, code=lab.PARTLY, before=before)


if __name__ == "__main__":
    lab.main()
