"""What a person can ask: status, log, conflicts, why, rules; in text and in JSON."""

import base64
import os
import re

import lab
from lab import Lab

SECOND = 1_000_000_000
LONG_AGO = 1_600_000_000 * SECOND


class Asking(Lab):
    def setUp(self):
        super().setUp()
        self.write(self.a, "one", "1", mtime=LONG_AGO)
        self.write(self.a, "dir/two", "2", mtime=LONG_AGO)
        self.sync()

    def ask(self, *words, code=lab.IN_SYNC, cwd=None):
        text = self.run_program(*words, code=code, cwd=cwd)
        self.assertNotEqual(text.out + text.err, "")
        answer = self.run_program(*words, "--json", code=code, cwd=cwd)
        self.assertEqual(answer.summary()["type"], "summary")
        self.assertEqual(answer.summary()["exit_code"], code)
        self.assertEqual(answer.summary()["command"], words[0])
        return answer

    def test_nothing_known_yet(self):
        self.state = os.path.join(self.place, "another")
        for words in (("status",), ("log",), ("conflicts",), ("approve",), ("undo", "1"), ("why", "one")):
            self.ask(*words, code=lab.NOT_FOUND)
        self.assertFalse(os.path.exists(self.state))
        self.assertEqual(self.ask("rules").summary().get("rules", 0), 0)

    def test_status(self):
        rule = self.ask("status").of_type("rule")[0]
        self.assertEqual([root["path"] for root in rule["roots"]], [self.a, self.b])
        self.assertEqual([root["label"] for root in rule["roots"]], ["a", "b"])
        self.assertEqual(rule["mode"], "two-way")
        self.assertEqual(rule["entries"], 3)
        self.assertEqual(rule["last_run"]["outcome"], "in_sync")
        self.assertFalse(rule["running"])
        os.rename(self.b, self.b + "-away")
        rule = self.ask("status", self.a).of_type("rule")[0]
        self.assertEqual([root["present"] for root in rule["roots"]], [True, False])

    def test_log(self):
        self.write(self.b, "one", "edited")
        self.sync()
        os.rename(os.path.join(self.a, "dir"), os.path.join(self.a, "moved"))
        self.sync()
        self.sync()
        runs = self.ask("log").of_type("run")
        self.assertEqual([run["run"] for run in runs], [3, 2, 1], "a run that did nothing is no entry")
        self.assertEqual([run["actions"] for run in runs], [1, 1, 3])
        actions = self.ask("log", "3").of_type("action")
        self.assertEqual(
            [(action["action"], action["replica"], action["path"], action["from"]) for action in actions],
            [("move", "b", "moved", "dir")],
        )
        self.assertEqual(self.ask("log", "2", self.a).of_type("action")[0]["action"], "update")
        self.ask("log", "99", code=lab.NOT_FOUND)
        self.assertEqual(len(self.run_program("log", "--limit", "1", "--json").of_type("run")), 1)

    def test_conflicts(self):
        self.assertEqual(self.ask("conflicts").summary()["conflicts"], 0)
        self.write(self.a, "one", "by a", mtime=LONG_AGO + 100 * SECOND)
        self.write(self.b, "one", "by b", mtime=LONG_AGO + 200 * SECOND)
        self.sync()
        conflict = self.ask("conflicts").of_type("conflict")[0]
        self.assertEqual((conflict["path"], conflict["winner"], conflict["loser"]), ("one", "b", "a"))
        self.assertTrue(conflict["copy_stands"])
        for root in (self.a, self.b):
            os.remove(os.path.join(root, conflict["copy"]))
        self.assertFalse(self.ask("conflicts").of_type("conflict")[0]["copy_stands"])

    def test_why_in_sync(self):
        answer = self.ask("why", os.path.join(self.a, "one"))
        self.assertEqual([root["in_sync"] for root in answer.of_type("root")], [True, True])
        self.assertEqual(answer.of_type("agreed")[0]["size"], 1)
        self.assertEqual(answer.summary()["next"], 0)
        self.assertEqual(self.ask("why", "two", cwd=os.path.join(self.b, "dir")).of_type("agreed")[0]["path"], "dir/two")
        self.ask("why", os.path.join(self.a, "dir"))
        self.ask("why", self.a)

    def test_why_what_is_next(self):
        self.write(self.b, "one", "edited")
        before = lab.identity(self.a), lab.identity(self.b)
        answer = self.ask("why", "one")
        self.assertEqual([root["in_sync"] for root in answer.of_type("root")], [True, False])
        event = answer.of_type("event")[0]
        self.assertEqual((event["kind"], event["action"], event["replica"]), ("planned", "update", "a"))
        self.assertEqual(before, (lab.identity(self.a), lab.identity(self.b)))
        self.remove(self.b, "dir")
        self.assertEqual(self.ask("why", "dir/two").of_type("event")[0]["action"], "delete")
        self.write(self.a, "new", "new")
        self.assertEqual(self.ask("why", "new").of_type("event")[0]["action"], "create")
        self.ask("why", "never", code=lab.NOT_FOUND)

    def test_why_a_filter_hides_it(self):
        self.write(self.a, ".syncignore", "# what we leave out\n*.tmp\n!keep.tmp\n")
        self.sync()
        self.write(self.a, "dir/x.tmp", "x")
        self.write(self.a, "keep.tmp", "x")
        answer = self.ask("why", "dir/x.tmp")
        pattern = answer.of_type("root")[0]["pattern"]
        self.assertEqual((pattern["pattern"], pattern["line"], pattern["origin"]), ("*.tmp", 2, ".syncignore"))
        self.assertTrue(pattern["excludes"])
        self.assertEqual(answer.of_type("root")[0]["filter"], "pattern")
        self.assertEqual(answer.summary()["next"], 0)
        answer = self.ask("why", "keep.tmp")
        self.assertFalse(answer.of_type("root")[0]["pattern"]["excludes"])
        self.assertEqual(answer.summary()["next"], 1)
        text = self.run_program("why", "dir/x.tmp").out
        self.assertIn("line 2 of .syncignore", text)

    def test_why_a_special_file_stays(self):
        os.mkfifo(os.path.join(self.a, "pipe"))
        self.sync()
        answer = self.ask("why", "pipe")
        self.assertEqual(answer.of_type("root")[0]["kind"], "special")
        self.assertEqual(answer.of_type("event")[0]["code"], "special")

    def test_which_rule_is_meant(self):
        self.write(self.c, "three", "3")
        other = os.path.join(self.place, "d")
        os.mkdir(other)
        self.sync(roots=(self.c, other))
        answer = self.ask("log", code=lab.USAGE)
        self.assertIn(self.c, answer.out)
        self.assertEqual(self.ask("log", self.c).summary()["runs"], 1)
        self.assertEqual(self.ask("log", cwd=other).summary()["runs"], 1)
        self.assertEqual(self.ask("status").summary()["rules"], 2)
        self.sync(roots=(self.a, self.c))
        self.ask("log", self.c, code=lab.USAGE)
        self.ask("log", self.c, self.a)
        self.ask("log", os.path.join(self.place, "nowhere"), code=lab.NOT_FOUND)


class Json(Lab):
    def test_odd_names_come_with_their_bytes(self):
        name = b"odd \xff\nname"
        self.write(self.a, name, "x")
        answer = self.sync("--json")
        event = answer.of_type("event")[0]
        self.assertEqual(base64.b64decode(event["path_bytes"]), name)
        self.assertNotIn("path_bytes", str(self.sync("--json").lines()))
        text = self.run_program("log", "1").out
        self.assertIn("odd \\xff\\x0aname", text)

    def test_every_line_is_an_object_with_a_type(self):
        for number in range(50):
            self.write(self.a, f"{number}", "x" * number)
        lines = self.sync("--json", "-v").lines()
        self.assertTrue(all(isinstance(line, dict) and "type" in line for line in lines))
        self.assertEqual([line["type"] for line in lines].count("summary"), 1)
        self.assertEqual(lines[-1]["created"], 50)
        self.assertEqual(lines[-1]["bytes"], sum(range(50)))

    def test_an_error_is_told_before_the_summary(self):
        answer = self.run_program("sync", self.a, self.a, "--json", code=lab.USAGE)
        self.assertEqual([line["type"] for line in answer.lines()], ["error", "summary"])
        self.assertEqual(answer.lines()[0]["code"], "invalid_argument")

    def test_a_closed_output_does_not_stop_a_sync(self):
        for number in range(300):
            self.write(self.a, f"{number}", "x")
        process = self.start("sync", self.a, self.b, "--json", "-v")
        process.stdout.close()
        process.stderr.close()
        self.assertEqual(process.wait(lab.PATIENCE_S), lab.IN_SYNC)
        self.assert_same(self.a, self.b)

    def test_verbose_tells_every_change_and_otherwise_none_is_told(self):
        for number in range(5):
            self.write(self.a, f"dir/{number}", f"{number}")
        plain, told = self.sync(), None
        for number in range(5):
            self.write(self.a, f"dir/{number}", f"edited {number}")
        for name in ("new", "newer"):
            self.write(self.b, name, name)
        told = self.sync("-v")
        expected = [rf"update +b: dir/{number}" for number in range(5)] + [r"create +a: new", r"create +a: newer"]
        lines = told.out.splitlines()
        for pattern in expected:
            self.assertEqual(len([line for line in lines if re.fullmatch(pattern, line)]), 1, f"{pattern}: {told}")
        self.assertEqual(len(lines), len(expected) + 1, "a line for each change, and what came of it")
        self.assertEqual(len(plain.out.splitlines()), 1, str(plain))
        self.write(self.a, "new", "edited")
        self.assertRegex(self.sync("--verbose").out, r"(?m)^update +b: new$")

    def test_quiet_says_nothing_when_all_is_well(self):
        self.write(self.a, "one", "1")
        answer = self.sync("--quiet")
        self.assertEqual(answer.out + answer.err, "")


if __name__ == "__main__":
    lab.main()
