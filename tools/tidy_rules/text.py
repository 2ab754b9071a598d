"""Rules for every text file: white space, length, leftovers, and names of machines."""

import ast
import re

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 70

# Spelt in pieces, or this file would break its own rules.
_LEFTOVER = re.compile(r"\b(?:%s)\b" % "|".join(("FIX" + "ME", "TO" + "DO", "X" * 3)))
_HOST_PATH = re.compile(r"(?<![\w.~}\])*/-])/(?:home|root|work)/")
_TEMPORARY_PATH = re.compile(r"(?<![\w.~}\])*/-])/tmp/")
_REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("crates", "io"),
        ("golang", "org"),
        ("deb", "debian", "org"),
        ("rubygems", "org"),
        ("maven", "apache", "org"),
        ("maven", "org"),
    )
)
_REGISTRY = re.compile(r"(?<![\w])(?:%s)\b" % "|".join(re.escape(host) for host in _REGISTRIES))
_CODE = re.compile(r"(?:\.(?:cpp|h|py|cmake|sh|ts|tsx|js|proto|sql)|CMakeLists\.txt|Makefile)$")


def _is_code(file):
    return bool(_CODE.search(file.name)) or file.content.startswith("#!")


def _is_foreign(file):
    """Texts kept byte for byte as somebody else wrote or made them."""
    return file.path == "LICENSE" or file.path.startswith(("test/vectors/", "test/fuzz/corpus/"))


def check(file):
    if _is_foreign(file):
        return
    yield from _check_white_space(file)
    yield from _check_names(file)
    if _is_code(file):
        yield from _check_length(file)
    if file.name.endswith(".py") or (file.content.startswith("#!") and "python3" in file.lines[0]):
        yield from _check_python_functions(file)


def _check_white_space(file):
    may_have_tabs = file.name == "Makefile" or file.name.endswith(".mk")
    for number, line in enumerate(file.lines, start=1):
        if "\t" in line and not may_have_tabs:
            yield file.path, number, "a tab"
        if line.endswith((" ", "\t", "\r")):
            yield file.path, number, "white space at the end of the line"
    if file.content and not file.content.endswith("\n"):
        yield file.path, len(file.lines), "no newline at the end of the file"
    if file.content.endswith("\n\n"):
        yield file.path, len(file.lines), "empty lines at the end of the file"


def _check_names(file):
    is_code = _is_code(file)
    for number, line in enumerate(file.lines, start=1):
        if is_code and _LEFTOVER.search(line):
            yield file.path, number, f"leftover {_LEFTOVER.search(line).group(0)}"
        if _HOST_PATH.search(line):
            yield file.path, number, "a path of one machine"
        if _TEMPORARY_PATH.search(line) and not (file.is_test or file.top == "test"):
            yield file.path, number, "a fixed temporary path (only tests may name one)"
        if _REGISTRY.search(line):
            yield file.path, number, f"names the package registry {_REGISTRY.search(line).group(0)}"


def _check_length(file):
    count = len(file.lines) - 1
    if count > MAX_FILE_LINES:
        yield file.path, count, f"{count} lines; a file has at most {MAX_FILE_LINES}"


def _check_python_functions(file):
    try:
        tree = ast.parse(file.content)
    except SyntaxError as error:
        yield file.path, error.lineno or 1, "not Python"
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                yield file.path, node.lineno, f"a function of {length} lines; at most {MAX_FUNCTION_LINES}"
