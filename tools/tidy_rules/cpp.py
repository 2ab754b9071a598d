"""Rules for one C++ file by itself."""

import os
import re

from tidy_rules import lexer
from tidy_rules.rooms import PURE_ROOMS
from tidy_rules.text import MAX_FUNCTION_LINES

_PRAGMA_ONCE = re.compile(r"^#pragma once$", re.MULTILINE)
_STD_FORMAT = re.compile(
    r"\bstd\s*::\s*(?:v?format(?:_to|_to_n|ted_size)?|v?print(?:ln)?(?:_unicode)?)\b(?!\s*::)"
)
_THREADING = re.compile(
    r"\bstd\s*::\s*(?:(?:recursive_|shared_|timed_)*mutex|j?thread|async|condition_variable(?:_any)?"
    r"|lock_guard|unique_lock|scoped_lock|shared_lock)\b"
)
_DETACH = re.compile(r"(?:\.|->)\s*detach\s*\(\s*\)")

# What a header may take from outside the project: the standard library, nothing else.
_STANDARD_HEADERS = frozenset(
    """
    algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono
    cinttypes climits clocale cmath compare complex concepts condition_variable coroutine csetjmp
    csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception
    execution expected filesystem forward_list fstream functional future generator initializer_list
    iomanip ios iosfwd iostream istream iterator latch limits list locale map memory memory_resource
    mutex new numbers numeric optional ostream queue random ranges ratio regex scoped_allocator
    semaphore set shared_mutex source_location span sstream stack stacktrace stdexcept stop_token
    streambuf string string_view syncstream system_error thread tuple type_traits typeindex typeinfo
    unordered_map unordered_set utility valarray variant vector version
    """.split()
)
_TEST_FRAMEWORK = ("gtest/", "gmock/")


def check(file):
    yield from _check_includes(file)
    if file.is_header and not _PRAGMA_ONCE.search(file.code):
        yield file.path, 1, "a header without #pragma once"
    for line, found in file.find(_STD_FORMAT):
        yield file.path, line, f"{found}: the compiler's library has none, use fmt"
    if file.top in ("src", "test"):
        yield from _check_threading(file)
    scopes = lexer.Scopes(file.code)
    for first, last in scopes.functions:
        if last - first + 1 > MAX_FUNCTION_LINES:
            yield file.path, first, f"a function of {last - first + 1} lines; at most {MAX_FUNCTION_LINES}"
    for line, name in scopes.namespaces:
        if name and name != "ox" and not name.startswith("ox::"):
            yield file.path, line, f"namespace {name}; ours begin with ox"


def _may_make_threads(file):
    """rt itself, and the tests of rooms above rt, which cannot see it."""
    room = file.path.split("/")[1]
    return file.top == "src" and (room == "rt" or (file.is_test and room in PURE_ROOMS))


def _check_threading(file):
    if not _may_make_threads(file):
        for line, found in file.find(_THREADING):
            yield file.path, line, f"{found} outside src/rt: use rt::Mutex, rt::Pool, rt::TaskGroup"
    for line, _ in file.find(_DETACH):
        yield file.path, line, "nothing is detached: use rt::TaskGroup"


def _holds_tests(file):
    return file.is_test or "conformance" in file.path or "testing" in file.name


def _check_includes(file):
    includes = list(file.includes())
    for line, name, is_quoted in includes:
        if name in ("format", "print"):
            yield file.path, line, f"<{name}>: the compiler's library has none, use fmt"
        elif file.is_header and not is_quoted and name not in _STANDARD_HEADERS:
            if not (_holds_tests(file) and name.startswith(_TEST_FRAMEWORK)):
                yield file.path, line, f"<{name}> in a header: vendor headers belong into a .cpp"
    yield from _check_own_header(file, includes)


def _check_own_header(file, includes):
    if file.top != "src" or file.is_header or file.is_test or not includes:
        return
    own = os.path.splitext(file.room_path)[0] + ".h"
    for position, (line, name, is_quoted) in enumerate(includes):
        if is_quoted and name == own and position > 0:
            yield file.path, line, "its own header is not its first include"
