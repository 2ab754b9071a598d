"""Which files tidy reads, and what it knows of each."""

import os

from tidy_rules import lexer

SKIPPED_FOLDERS = {".git", ".cache", "build", "node_modules", "__pycache__"}


def files_below(root):
    """Root-relative paths of all files, in a fixed order, without what builds leave behind."""
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(
            name for name in subfolders if name not in SKIPPED_FOLDERS and not name.startswith("build-")
        )
        for name in sorted(names):
            full = os.path.join(folder, name)
            # In a second work tree of one repository .git is a file.
            if name not in SKIPPED_FOLDERS and not os.path.islink(full):
                yield os.path.relpath(full, root)


class SourceFile:
    """One text file. `path` is relative to the root, `room_path` to src/ (None outside it)."""

    def __init__(self, path, content):
        self.path = path
        self.content = content
        self.lines = content.split("\n")
        self.top = path.split("/")[0]
        self.name = os.path.basename(path)
        self.is_header = self.name.endswith(".h")
        self.is_cpp = self.name.endswith((".h", ".cpp")) and self.top in ("src", "test", "bench")
        self.room_path = path[len("src/") :] if self.top == "src" else None
        self.is_test = self.top == "test" or "_test." in self.name
        self._code = None

    @staticmethod
    def load(root, path):
        """None for a file that is not text."""
        with open(os.path.join(root, path), "rb") as opened:
            raw = opened.read()
        if b"\0" in raw:
            return None
        return SourceFile(path, raw.decode("utf-8", errors="replace"))

    @property
    def code(self):
        """The content with comments and the insides of literals blanked; places stay the same."""
        if self._code is None:
            self._code = lexer.blank_comments_and_literals(self.content)
        return self._code

    def includes(self):
        """Yields (line, name, is_quoted) of every include."""
        for number, line in enumerate(self.code.split("\n")):
            if lexer.INCLUDE.match(line):
                found = lexer.INCLUDE_NAME.match(self.lines[number])
                if found:
                    yield number + 1, found.group(2), found.group(1) == '"'

    def find(self, pattern):
        """Yields (line, matched text) for every match in the code."""
        for match in pattern.finditer(self.code):
            yield self.code.count("\n", 0, match.start()) + 1, match.group(0)
