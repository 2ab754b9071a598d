"""Just enough of C++'s lexical grammar to know comments, literals, scopes and functions."""

import re

INCLUDE = re.compile(r"^\s*#\s*include\b")
INCLUDE_NAME = re.compile(r'^\s*#\s*include\s*([<"])([^>"]*)[>"]')
_RAW_STRING = re.compile(r'R"([^()\\\s]{0,16})\(')
_ACCESS_LABEL = re.compile(r"\s*(?:public|private|protected)\s*:(?!:)")
_CLASS_KEY = re.compile(r"^(?:(?:typedef|static|constexpr|const|inline)\s+)*(?:class|struct|union|enum)\b")
_NAMESPACE = re.compile(r"^(?:inline\s+)?namespace\b\s*([\w:]*)")
_MEMBER_INITIALISERS = re.compile(r"\)\s*(?:noexcept\s*)?:(?!:)")


def _end_of_quoted(text, start, quote):
    at = start + 1
    while at < len(text) and text[at] != quote and text[at] != "\n":
        at += 2 if text[at] == "\\" else 1
    return min(at + 1, len(text))


def _is_digit_separator(text, at):
    """Whether the quote at `at` stands inside a number, as in 1'000."""
    start = at
    while start > 0 and (text[start - 1].isalnum() or text[start - 1] in "_'"):
        start -= 1
    return start < at and text[start].isdigit()


def _end_of_token(text, at):
    """The end of the comment or literal that begins at `at`, or `at` itself when none does."""
    if text.startswith("//", at):
        end = text.find("\n", at)
        return len(text) if end < 0 else end
    if text.startswith("/*", at):
        end = text.find("*/", at + 2)
        return len(text) if end < 0 else end + 2
    raw = _RAW_STRING.match(text, at)
    if raw:
        end = text.find(")" + raw.group(1) + '"', raw.end())
        return len(text) if end < 0 else end + len(raw.group(1)) + 2
    if text[at] == '"':
        return _end_of_quoted(text, at, '"')
    if text[at] == "'" and not _is_digit_separator(text, at):
        return _end_of_quoted(text, at, "'")
    return at


def blank_comments_and_literals(text):
    pieces = []
    at = 0
    while at < len(text):
        end = _end_of_token(text, at)
        if end == at:
            pieces.append(text[at])
            at += 1
            continue
        blanked = re.sub(r"[^\n]", " ", text[at:end])
        if text[at] in "\"'":
            blanked = text[at] + blanked[1:-1] + text[end - 1]
        pieces.append(blanked)
        at = end
    return "".join(pieces)


def _blank_directives(code):
    lines = code.split("\n")
    continued = False
    for number, line in enumerate(lines):
        if continued or line.lstrip().startswith("#"):
            continued = line.endswith("\\")
            lines[number] = " " * len(line)
        else:
            continued = False
    return "\n".join(lines)


def _without_balanced(text, opening, closing, keep=""):
    """Removes the text between balanced brackets, the brackets too, leaving `keep`."""
    kept = []
    depth = 0
    for character in text:
        if character == opening:
            depth += 1
        elif character == closing and depth > 0:
            depth -= 1
            if depth == 0:
                kept.append(keep)
        elif depth == 0:
            kept.append(character)
    return "".join(kept)


def _plain_header(header):
    """The declaration before a brace: without labels, attributes and template parameters."""
    text = _without_balanced(header, "{", "}", keep="{}")
    text = re.sub(r"\[\[.*?\]\]", " ", text, flags=re.DOTALL)
    while _ACCESS_LABEL.match(text):
        text = _ACCESS_LABEL.sub("", text, count=1)
    text = text.strip()
    while text.startswith("template"):
        depth = 0
        for place, character in enumerate(text):
            depth += (character == "<") - (character == ">" and text[place - 1] != "-")
            if character == ">" and depth == 0:
                text = text[place + 1 :].strip()
                break
        else:
            break
    return text


def _kind_of_brace(header):
    text = _plain_header(header)
    if _NAMESPACE.match(text) or re.match(r'^extern\s*"[^"]*"$', text):
        return "scope"
    without_macros = re.sub(r"\b(?:[A-Z][A-Z0-9_]+|alignas|__attribute__)\s*\([^()]*(?:\([^()]*\)[^()]*)*\)", " ", text)
    if _CLASS_KEY.match(text) and "(" not in without_macros:
        return "scope"
    if "(" not in text or text.endswith("="):
        return "initialiser"
    if _MEMBER_INITIALISERS.search(text) and re.search(r"[\w>]$", text):
        return "initialiser"
    return "function"


def _first_character(code, start):
    while True:
        label = _ACCESS_LABEL.match(code, start)
        if not label:
            break
        start = label.end()
    while start < len(code) and code[start].isspace():
        start += 1
    return start


class Scopes:
    """What the braces of a file enclose.

    `functions` holds (first line, last line) of every function body with its signature; a lambda or a
    local class belongs to the function it stands in. `namespaces` holds (line, name) of outermost
    namespaces, the name empty for an anonymous one.
    """

    def __init__(self, code):
        self.functions = []
        self.namespaces = []
        self._code = _blank_directives(code)
        self._stack = []
        self._header = 0
        for place, character in enumerate(self._code):
            if character == "{":
                self._open(place)
            elif character == "}" and self._stack:
                self._close(place)
            elif character == ";" and self._at_declarations():
                self._header = place + 1

    def _at_declarations(self):
        return not self._stack or self._stack[-1][0] == "scope"

    def _line(self, place):
        return self._code.count("\n", 0, place) + 1

    def _open(self, place):
        if not self._at_declarations():
            self._stack.append(("inside", place))
            return
        header = self._code[self._header : place]
        kind = _kind_of_brace(header)
        first = _first_character(self._code, self._header)
        named = _NAMESPACE.match(_plain_header(header))
        if named and not self._stack:
            self.namespaces.append((self._line(first), named.group(1)))
        self._stack.append((kind, first))
        if kind == "scope":
            self._header = place + 1

    def _close(self, place):
        kind, first = self._stack.pop()
        if kind == "function":
            self.functions.append((self._line(first), self._line(place)))
        if kind in ("function", "scope"):
            self._header = place + 1
