"""Texts that say of themselves whether they are whole, and which text they are.

A text repeats one line, which names the text, its size, and a digest of both, up to that size: a cut, a mix of
two texts and a changed byte all show.
"""

import errno
import hashlib
import os
import re
import stat

OWN = b".syncoxiders"
EMPTY = 0
_LINE = re.compile(rb"text (\d{7}) of (\d{9}) bytes, ([0-9a-f]{16})\n")
_LINK = re.compile(r"to-text-(\d{7})")


def _line(token, size):
    head = b"text %07d of %09d bytes, " % (token, size)
    return head + hashlib.sha256(head).hexdigest()[:16].encode() + b"\n"


LINE_BYTES = len(_line(1, 1))


def make(token, size):
    """Empty, or at least one line long."""
    assert size == 0 or size >= LINE_BYTES
    line = _line(token, size)
    return (line * (size // len(line) + 1))[:size]


def make_link(token):
    return f"to-text-{token:07}"


def token_of(text):
    """The token of a whole text, EMPTY for an empty one, None for what nobody wrote like this."""
    if not text:
        return EMPTY
    found = _LINE.match(text)
    if found is None:
        return None
    token, size = int(found.group(1)), int(found.group(2))
    return token if len(text) == size >= LINE_BYTES and text == make(token, size) else None


def token_of_link(target):
    found = _LINK.fullmatch(os.fsdecode(target))
    return int(found.group(1)) if found else None


def read(path):
    """What a name holds at this moment: bytes of a file, target of a symlink as text; None: neither."""
    try:
        kind = os.lstat(path).st_mode
        if stat.S_ISLNK(kind):
            return os.fsdecode(os.readlink(path))
        if not stat.S_ISREG(kind):
            return None
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            return file.read()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return None
        raise


def below(folder, own=False):
    """Every name below a folder, our own folder's among them if asked for, while others may be at work there."""
    folder = os.fsencode(folder)
    for place, folders, files in os.walk(folder):
        if not own:
            folders[:] = [name for name in folders if name != OWN]
        for name in folders + files:
            yield os.path.join(place, name)


def tokens_below(path, own=False):
    """The tokens of all whole texts and links that stand at or below a path, as often as they do."""
    path = os.fsencode(path)
    for name in (path, *below(path, own)):
        what = read(name)
        token = None if what is None else token_of_link(what) if isinstance(what, str) else token_of(what)
        if token:
            yield token


def tokens_in(path, own=False):
    return set(tokens_below(path, own))
