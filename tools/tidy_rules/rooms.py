"""The order of rooms: who may include whom. The order itself stands in src/CMakeLists.txt."""

import os
import re

_ROOM = re.compile(r"^\s*ox_room\s*\(\s*([\w/]+)", re.MULTILINE)

PURE_ROOMS = ("base", "crypto", "tree", "plan")
_IMPURE_ROOMS = ("rt", "fs")
_IMPURE_HEADERS = frozenset(
    "thread mutex shared_mutex condition_variable future random filesystem fstream unistd.h fcntl.h".split()
)
_CLOCK = re.compile(r"\b(?:\w+_clock\s*::|std\s*::\s*random_device\b|clock_gettime\b|\w*\s*::\s*now\s*\()")
FACES = ("api", "mount", "cli")
_SIBLINGS_APART = ("fs", "provider")


def read_order(root):
    """Room -> its place. `main` sees every room."""
    try:
        with open(os.path.join(root, "src/CMakeLists.txt"), encoding="utf-8") as opened:
            lists = re.sub(r"#[^\n]*", "", opened.read())
    except FileNotFoundError:
        lists = ""
    order = {name: place for place, name in enumerate(_ROOM.findall(lists))}
    order["main"] = len(order)
    return order


def _room_of(path, order):
    """The innermost known room that holds the src-relative `path`."""
    folder = os.path.dirname(path)
    while folder:
        if folder in order:
            return folder
        folder = os.path.dirname(folder)
    return None


def _top(room):
    return room.split("/")[0]


def check(file, order, root):
    includes = list(file.includes())
    for line, name, is_quoted in includes:
        if is_quoted and not _stands_at_a_root(file, name, root):
            yield file.path, line, f'"{name}" is not a path from src/'
    if file.room_path is None:
        return
    room = _room_of(file.room_path, order)
    if room is None or os.path.dirname(file.room_path) not in order:
        yield file.path, 1, "stands in no room of src/CMakeLists.txt"
        return
    for line, name, is_quoted in includes:
        other = _room_of(name, order) if is_quoted else None
        if other is not None:
            for message in _complaints(file, room, other, order):
                yield file.path, line, message
    if _top(room) in PURE_ROOMS and not file.is_test:
        yield from _check_purity(file, room, includes)


def _stands_at_a_root(file, name, root):
    roots = ("src", "test") if file.top == "test" else ("src", "bench") if file.top == "bench" else ("src",)
    return any(os.path.isfile(os.path.join(root, top, name)) for top in roots)


def _complaints(file, room, other, order):
    if other == room:
        return
    if _top(room) in FACES and _top(other) in FACES and _top(room) != _top(other):
        yield f"face {room} includes face {other}"
    elif _top(room) in PURE_ROOMS and _top(other) in _IMPURE_ROOMS:
        yield f"{room} is pure and must not include {other}"
    elif _are_siblings(room, other):
        # A test may put two implementations side by side; the implementations know nothing of it.
        if not file.is_test:
            yield f"{room} includes {other}: implementations do not know each other"
    elif order[other] > order[room]:
        yield f"{room} includes {other}, which stands below it in src/CMakeLists.txt"


def _are_siblings(room, other):
    return room != other and "/" in room and "/" in other and _top(room) == _top(other) in _SIBLINGS_APART


def _check_purity(file, room, includes):
    for line, name, is_quoted in includes:
        if not is_quoted and (name in _IMPURE_HEADERS or name.startswith("sys/")):
            yield file.path, line, f"<{name}> in {room}, which knows no clock, disk, network or thread"
    for line, found in file.find(_CLOCK):
        yield file.path, line, f"{found.strip()} in {room}, which knows no clock and no randomness"
