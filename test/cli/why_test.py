"""`why PATH` says for each case how the path stands, why, and what the next run does to it."""

import os
import subprocess

import lab
from lab import Lab

SECOND = 1_000_000_000
LONG_AGO = 1_600_000_000 * SECOND


class Why(Lab):
    def setUp(self):
        super().setUp()
        os.chmod(self.place, 0o777)
        self.roots = [self.a, self.b]
        for root in (self.a, self.b, self.c):
            os.chmod(root, 0o777)
        self.write(self.a, "one", "1", mtime=LONG_AGO)
        self.write(self.a, "dir/two", "2", mtime=LONG_AGO)
        self.before = None

    def sync_all(self, *more, code=lab.IN_SYNC):
        return self.run_program("sync", *self.roots, *more, before=self.before, code=code)

    def why(self, path, code=lab.IN_SYNC):
        """The JSON answer; the text must have something to say and changes nothing."""
        seen = [lab.identity(root) for root in self.roots]
        text = self.run_program("why", path, *self.roots, before=self.before, code=code)
        answer = self.run_program("why", path, *self.roots, "--json", before=self.before, code=code)
        self.assertEqual(seen, [lab.identity(root) for root in self.roots])
        self.text = text.out + text.err
        self.assertNotEqual(self.text, "")
        return answer

    def as_nobody(self):
        if lab.is_root():
            subprocess.run(["chown", "-R", "65534:65534", self.place], check=True)
            self.before = lab.run_as_nobody

    def codes(self, answer):
        return {line["code"] for line in answer.of_type("event") + answer.of_type("problem") if "code" in line}

    def test_in_sync(self):
        self.sync_all()
        answer = self.why("one")
        self.assertEqual([root["in_sync"] for root in answer.of_type("root")], [True, True])
        self.assertEqual(answer.summary()["next"], 0)
        self.assertIn("leaves it as it is", self.text)

    def test_excluded(self):
        self.write(self.a, ".syncignore", "*.tmp\n")
        self.sync_all()
        self.write(self.a, "x.tmp", "x")
        answer = self.why("x.tmp")
        self.assertEqual(answer.of_type("root")[0]["filter"], "pattern")
        self.assertEqual(answer.summary()["next"], 0)
        self.assertIn("*.tmp", self.text)

    def test_unreadable_file(self):
        self.as_nobody()
        self.sync_all()
        self.write(self.a, "secret", "s", mode=0)
        if lab.is_root():
            os.chown(os.path.join(self.a, "secret"), 65534, 65534)
        self.sync_all(code=lab.PARTLY)
        answer = self.why("secret")
        self.assertIn("permission_denied", self.codes(answer))
        self.assertIn("Last run:", self.text)
        self.assertEqual(answer.summary()["next"], 1, "the next run tries again")

    def test_below_an_unreadable_folder(self):
        self.as_nobody()
        self.sync_all()
        os.chmod(os.path.join(self.a, "dir"), 0)
        self.sync_all(code=lab.PARTLY)
        os.chmod(os.path.join(self.b, "dir"), 0o755)
        answer = self.why("dir/two")
        self.assertNotEqual(answer.of_type("root")[0].get("trouble", ""), "")
        self.assertIn("unreadable", self.codes(answer))
        os.chmod(os.path.join(self.a, "dir"), 0o755)

    def test_special(self):
        os.mkfifo(os.path.join(self.a, "pipe"))
        self.sync_all()
        answer = self.why("pipe")
        self.assertEqual(answer.of_type("root")[0]["kind"], "special")
        self.assertIn("special", self.codes(answer))

    def test_a_delete_that_waits(self):
        self.as_nobody()
        self.sync_all()
        self.remove(self.a, "dir/two")
        os.chmod(os.path.join(self.b, "dir"), 0)
        answer = self.why("dir/two")
        self.assertIn("waiting", self.codes(answer))
        self.assertIn("waits", self.text)
        os.chmod(os.path.join(self.b, "dir"), 0o755)

    def test_a_folder_that_is_away(self):
        self.roots = [self.a, self.b, self.c]
        self.sync_all()
        os.rename(self.c, self.c + "-away")
        answer = self.why("one")
        self.assertEqual([root["online"] for root in answer.of_type("root")], [True, True, False])
        self.assertNotEqual(answer.of_type("root")[2].get("trouble", ""), "")
        os.rename(self.c + "-away", self.c)

    def test_held(self):
        for number in range(120):
            self.write(self.a, f"many/{number}", f"{number}", mtime=LONG_AGO)
        self.sync_all()
        self.remove(self.a, "many")
        self.sync_all(code=lab.HELD)
        answer = self.why("many/7")
        self.assertEqual(answer.summary()["held"], ["delete many/7"])
        self.assertIn("approve", self.text)

    def test_held_by_a_mirror(self):
        self.sync_all("--mode", "one-way")
        self.write(self.b, "own", "of b", mtime=LONG_AGO)
        self.sync_all("--mode", "one-way", "--mirror", "--max-delete", "0", code=lab.HELD)
        answer = self.why("own")
        self.assertEqual(answer.summary()["held"], ["delete own on b"])
        self.assertIn("approve", self.text)

    def test_conflict_and_its_copy(self):
        self.sync_all()
        self.write(self.a, "one", "of a", mtime=LONG_AGO + 10 * SECOND)
        self.write(self.b, "one", "of b", mtime=LONG_AGO + 99 * SECOND)
        self.sync_all()
        copy = next(name for name in self.names(self.a) if ".conflict-" in name)
        answer = self.why(copy)
        conflict = answer.of_type("conflict")[0]
        self.assertEqual((conflict["path"], conflict["copy"], conflict["winner"]), ("one", copy, "b"))
        self.assertIn("other version of a conflict", self.text)
        self.assertEqual(answer.summary()["next"], 0)
        self.assertEqual(self.why("one").of_type("conflict")[0]["copy"], copy)
        self.assertEqual(self.why("dir/two").of_type("conflict"), [])


if __name__ == "__main__":
    lab.main()
