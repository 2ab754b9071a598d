"""What docs/cli.md and docs/json.md promise is what the program takes and prints, and the other way round."""

import pathlib
import re

import lab
from lab import Lab

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
TICKED = re.compile(r"`([^`]*)`")


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


if __name__ == "__main__":
    lab.main()
