"""What docs/cli.md and docs/json.md promise is what the program takes and prints, and the other way round."""

import os
import pathlib
import re
import resource
import sqlite3

import lab
from lab import Lab
from watching import WatchLab

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
TICKED = re.compile(r"`([^`]*)`")
LONG_AGO = 1_600_000_000 * 10**9
DAY = 86400 * 10**9
WORD = re.compile(r"`(\w+)`")


def rows_below(text, heading):
    """The cells of the table rows from a heading to the next."""
    section = text.split(heading, 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip(" |") for cell in row] for row in rows]


def options_in(text):
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text))


class Options(Lab):
    def setUp(self):
        super().setUp()
        self.text = (DOCS / "cli.md").read_text(encoding="utf-8")

    def promised(self):
        """Command to options, those of every command under ""."""
        usage = re.findall(r"^    syncoxiders (\w+)(.*)", self.text, re.MULTILINE)
        options = {command: options_in(" ".join(re.findall(r"\[(--[^]]*)\]", rest))) for command, rest in usage}
        for title in re.findall(r"^## Options of (.*)$", self.text, re.MULTILINE):
            if title == "every command":
                section = self.text.split("## Options of " + title, 1)[1].split("\n\n", 2)[1]
                options[""] = options_in(" ".join(TICKED.findall(section)))
                continue
            for name, meaning, _ in rows_below(self.text, "## Options of " + title + "\n"):
                only = re.match(r"(\w+) only: ", meaning)
                for command in [only[1]] if only else re.findall(r"\w+", title.replace(" and ", " ")):
                    options[command] |= options_in(name)
        return options

    def helped(self, command):
        """The options of a --help, and the commands that it names."""
        answer = self.run_program(*command.split(), "--help", code=lab.IN_SYNC).out
        options = re.findall(r"^  (-\S+) ", answer, re.MULTILINE)
        names = answer.split("\nSubcommands:\n")[1].split("\n\n")[0] if "\nSubcommands:\n" in answer else ""
        return set(",".join(options).split(",")) - {""}, re.findall(r"^  (\w+) ", names, re.MULTILINE)

    def test_each_stands_in_the_help_and_each_of_the_help_in_the_docs(self):
        promised = self.promised()
        self.assertGreater(len(promised["sync"]), 15, "the tables of docs/cli.md could not be read")
        options, commands = self.helped("")
        self.assertEqual(options, promised.pop(""))
        self.assertEqual(set(commands), set(promised))
        for command in commands:
            options, below = self.helped(command)
            self.assertEqual(options - {"-h", "--help"}, promised[command], command)
            for word in below:
                self.assertIn(word, self.text)
                self.assertEqual(self.helped(f"{command} {word}")[0], {"-h", "--help"}, word)

    def test_what_only_does_something_is_no_option_of_looking(self):
        promised = self.promised()
        for option in sorted(promised["sync"] - promised["check"]):
            answer = self.run_program("check", self.a, self.b, option, code=lab.USAGE)
            self.assertIn(f"was not expected: {option}", answer.err)

    def test_those_of_every_command_stand_before_and_behind_it(self):
        for words in (("version", "--json"), ("--json", "version"), ("-v", "version", "--json")):
            self.assertEqual(self.run_program(*words, code=lab.IN_SYNC).summary()["command"], "version")


class Documented:
    """The tables of docs/json.md. A cell is a list of fields. `field`: `one`, `another` are its values up to the
    next semicolon, and what stands in brackets behind a field are the fields of its objects."""

    def __init__(self, text):
        self.commands, self.fields, self.values = {}, {}, {}
        for types, of, cell in rows_below(text, "## Lines\n")[1:]:
            for kind in WORD.findall(types):
                self.commands[kind] = set(re.findall(r"[a-z]+", of.split(":")[0]))
                self.read(cell, kind)
        for commands, cell in re.findall(r"^\| ([a-z, ]+) \| (`.*) \|$", text.split("## Summaries", 1)[1], re.MULTILINE):
            for command in commands.split(", "):
                self.read(cell, f"summary of {command}")
        self.fields["synced"] |= self.fields["summary of sync"]
        self.values[("action", "action")] = self.values[("event", "action")]
        for kind in ("synced", "summary of sync", "summary of check", "summary of watch"):
            self.values[(kind, "outcome")] = self.values[("run", "outcome")]

    def read(self, cell, kind):
        fields = self.fields.setdefault(kind, set())
        for name, inner in re.findall(r"`(\w+)` \(([^()]*)\)", cell):
            like = re.match(r"as in `(\w+)`", inner)
            fields |= {f"{name}.{below}" for below in WORD.findall(inner)} if not like else {f"{name} like {like[1]}"}
        for part in re.sub(r"\([^()]*\)", "", cell).split(";"):
            values = re.fullmatch(r"\s*`(\w+)`: (.*)", part)
            if values:
                self.values[(kind, values[1])] = set(WORD.findall(values[2]))
            fields |= {values[1]} if values else set(WORD.findall(part))


class Schema(WatchLab):
    """One scenario with each command, each kind of change and each kind of trouble; all its lines are kept."""

    def setUp(self):
        super().setUp()
        self.seen = []
        self.roots = (self.a, self.b)

    def ask(self, *words, code=None, before=None):
        answer = self.run_program(*words, "--json", code=code, before=before)
        self.seen += [(answer.summary()["command"], line) for line in answer.lines()]
        return answer

    def both(self, path, text_a, text_b=None, days=0):
        for root, text in ((self.a, text_a), (self.b, text_b or text_a)):
            self.write(root, path, text, mtime=LONG_AGO + days * DAY)
            days += 1 if text_b else 0

    def fill(self):
        lines = "".join(f"line {number}\n" for number in range(20))
        for name in ("edited", "moved", "deleted", "left", "right", "modes", "many 1", "many 2", "dir/gone"):
            self.both(name, name)
        for name in ("both", "merged", "back", "place 1", "place 2"):
            self.both(name, lines)
        self.write(self.a, b"odd \xff\nname", "odd")
        os.symlink("edited", os.path.join(self.a, "link"))
        os.link(os.path.join(self.a, "many 1"), os.path.join(self.a, "many 3"))
        os.mkfifo(os.path.join(self.a, "pipe"))
        self.write(self.a, ".syncignore", "*.tmp\n")
        self.write(self.a, "x.tmp", "x")
        return lines

    def change(self, lines):
        for old, new in (("left", "x"), ("right", "left"), ("x", "right"), ("moved", "moved away")):
            os.rename(os.path.join(self.a, old), os.path.join(self.a, new))
        self.write(self.a, "edited", "edited again")
        self.remove(self.a, "deleted")
        self.remove(self.a, "dir")
        os.mkdir(os.path.join(self.a, "new"))
        os.chmod(os.path.join(self.b, "modes"), 0o700)
        self.both("both", "by a", "by b", days=1)
        self.both("merged", lines.replace("line 2\n", "two\n"), lines.replace("line 17\n", "seventeen\n"), days=1)
        self.write(self.a, "kind", "a file")
        self.write(self.b, "kind/below", "a directory")
        self.remove(self.a, "back")
        self.write(self.b, "back", "still wanted")
        os.rename(os.path.join(self.a, "place 1"), os.path.join(self.a, "place"))
        os.rename(os.path.join(self.b, "place 2"), os.path.join(self.b, "place"))
        self.write(self.a, "large", b"x" * 4_000_000)

    def sync_in_every_way(self):
        self.ask("log", *self.roots, code=lab.NOT_FOUND)
        self.ask("sync", self.a, code=lab.USAGE)
        lines = self.fill()
        self.ask("sync", *self.roots)
        self.ask("sync", self.a, self.c, "--mode", "copy")
        self.ask("sync", self.a, self.c, "--mode", "two-way")
        self.change(lines)
        self.ask("sync", *self.roots, "-n", "--auto-merge")
        self.ask("check", *self.roots, "--auto-merge", code=lab.DIFFERENT)
        small = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
        self.ask("sync", *self.roots, "--auto-merge", code=lab.PARTLY, before=small)

    def go_back_and_ask(self):
        last = str(self.ask("log", *self.roots).of_type("run")[0]["run"])
        for run in ("1", last):
            self.ask("log", run, *self.roots)
        self.ask("status")
        self.ask("conflicts", *self.roots)
        for path in ("edited", "link", "pipe", "x.tmp", "large", "both", "kind"):
            self.ask("why", path, *self.roots)
        for limit in (("--min-size", "1M"), ("--max-size", "1"), ("--min-age", "100y"), ("--max-age", "1d")):
            self.ask("why", "many 1", *self.roots, *limit)
        self.ask("versions", "edited", *self.roots)
        self.write(self.b, "new/meanwhile", "taken")
        self.ask("undo", last, *self.roots, code=lab.PARTLY)
        self.ask("restore", os.path.join(self.b, "edited"), *self.roots)
        self.ask("sync", *self.roots, "--max-delete", "0", code=lab.HELD)
        self.ask("approve", "--list", *self.roots)
        self.ask("why", "moved away", *self.roots)
        self.ask("approve", *self.roots)
        self.ask("sync", *self.roots, self.c)
        os.rename(self.c, self.c + "-away")
        self.ask("why", "edited", *self.roots, self.c)

    def break_off(self):
        self.write(self.a, "slow", b"x" * 2_000_000)
        process = self.start("sync", *self.roots, "--bwlimit", "200K", "--transfers", "1")
        self.wait_until(lambda: self.ask("log", *self.roots).of_type("run")[0]["outcome"] == "running")
        process.kill()
        process.communicate()
        self.assertEqual(self.ask("log", *self.roots).of_type("run")[0]["outcome"], "interrupted")

    def ask_for_rules(self):
        self.ask("version")
        self.ask("rules", "path")
        rules = os.path.join(self.place, ".config/syncoxiders/rules.toml")
        self.write(self.place, rules, f'[rules.x]\nroots = ["{self.a}", "{self.b}"]\nkeep_mode = "older"\n'
                   f'ignore = ["*.o"]\nignore_on."{self.a}" = ["*.x"]\non_failure = "true"\n')
        self.ask("rules", "show", "x")
        self.ask("rules")
        for name in os.listdir(self.state):
            if name.endswith(".db"):
                self.write(self.state, name, "this is no database at all" * 100)
        self.ask("rules")
        self.ask("status", code=lab.STATE)
        self.ask("status", *self.roots, code=lab.STATE)

    def watch(self):
        """Trouble of its own: a state that is held, and no descriptors left to watch with."""
        self.state += "-of-watch"
        self.begin()
        name = next(name for name in os.listdir(self.state) if name.endswith(".db"))
        holder = sqlite3.connect(os.path.join(self.state, name), isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        self.write(self.a, "held up", "x")
        self.wait_until(lambda: self.said("failed"))
        holder.execute("ROLLBACK")
        holder.close()
        self.wait_until(lambda: os.path.exists(os.path.join(self.b, "held up")))
        most = resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (3, most))
        self.write(self.a, "no descriptors", "x")
        self.wait_until(lambda: self.said("unwatched"))
        self.ask("status", *self.roots)
        self.end()
        self.seen += [("watch", line) for line in self.lines]

    def flat(self, line, kind, documented):
        """The fields of a line; those of objects behind the name of their field."""
        fields = {}
        for key, value in line.items():
            like = [name.split(" like ")[1] for name in documented.fields[kind] if name.startswith(f"{key} like ")]
            for below in value if isinstance(value, list) else [value]:
                if isinstance(below, dict) and like:
                    self.check_line(None, {"type": like[0], **below}, documented)
                elif isinstance(below, dict) and key != "ignore_on":
                    fields |= {f"{key}.{name}": inner for name, inner in below.items()}
            fields[key] = value
        return {name: value for name, value in fields.items() if not name.endswith("_bytes")}

    def check_line(self, command, line, documented):
        kind = line["type"]
        self.assertIn(kind, {*documented.fields, "summary"}, line)
        if kind == "summary":
            kind = f"summary of {line['command']}"
            line = {name: value for name, value in line.items() if name not in ("command", "exit_code")}
        elif command is not None and documented.commands[kind] != {"all"}:
            self.assertIn(command, documented.commands[kind], line)
            self.found.add((kind, f"of {command}"))
        fields = self.flat({name: value for name, value in line.items() if name != "type"}, kind, documented)
        self.assertEqual(set(fields) - documented.fields[kind], set(), f"{line} has what docs/json.md does not name")
        for name, value in fields.items():
            if (kind, name) in documented.values and not isinstance(value, dict):
                self.assertIn(value, documented.values[(kind, name)], f"{name} of {line}")
                self.found.add((kind, name, value))
            self.found.add((kind, name))
        self.found.add(kind)

    def test_what_is_printed_is_documented_and_what_is_documented_is_printed(self):
        self.sync_in_every_way()
        self.go_back_and_ask()
        self.break_off()
        self.watch()
        self.ask_for_rules()
        documented = Documented((DOCS / "json.md").read_text(encoding="utf-8"))
        self.found = set()
        for command, line in self.seen:
            self.check_line(command, line, documented)
        self.assertEqual(set(documented.fields) - self.found, set(), "documented types that were not seen")
        givers = {(kind, f"of {command}") for kind, commands in documented.commands.items() for command in commands}
        self.assertEqual(givers - self.found - {("error", "of all")}, set(), "not seen")
        # A summary of sync has seen what those of check and watch are documented to share with it.
        alike = {"synced", "summary of check", "summary of watch"}
        fields = {(kind, name) for kind, names in documented.fields.items() for name in names if " like " not in name}
        self.assertEqual({field for field in fields - self.found if field[0] not in alike}, set(), "not seen")
        values = {(kind, name, value) for (kind, name), values in documented.values.items() for value in values
                  if (kind, name) != ("error", "code") and name != "outcome"}
        self.assertEqual(values - self.found, set(), "not seen")
        outcomes = {what[2] for what in self.found if what[1:2] == ("outcome",) and len(what) == 3}
        self.assertEqual(outcomes, documented.values[("run", "outcome")])


if __name__ == "__main__":
    lab.main()
