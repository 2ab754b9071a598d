"""What the users of the folders do, before, between and during runs.

A user knows what he replaces or deletes, whatever the engine does at that moment: what is to go is renamed into
a bin beside the root, in one step, and looked at there. So no race between user and engine can make the oracle
demand a text that was seen and given up, or forget one that was not.
"""

import dataclasses
import errno
import os
import shutil
import stat
import time

import mounts
import texts

FOLDERS = ("", "one", "two", "one/deep", "two/deep")
NAMES = tuple(f"f{number}" for number in range(8))
# More files than that, and creating becomes deleting.
MOST_FILES = 50
# Written by one store into one page: whoever reads sees all of it or nothing.
MOST_IN_THE_OPEN = 4096
MODES = (0o644, 0o600, 0o755, 0o640)
FOLDER_MODES = (0o755, 0o700, 0o750)
# What a disk in trouble, or an engine at work on the same names, may refuse to a user.
EXPECTED = {
    getattr(errno, name)
    for name in "ENOENT EEXIST ENOTDIR EISDIR ENOTEMPTY EAGAIN ENOSPC EROFS EINVAL ELOOP EBUSY EXDEV".split()
}


@dataclasses.dataclass
class Root:
    path: str
    ground: object
    bin: str


@dataclasses.dataclass
class Edit:
    """All of an edit is drawn beforehand, so that a seed plays the same deeds whatever the timing."""

    kind: str
    root: int
    spot: str
    other: str
    pick: float
    size: int
    at: float

    @staticmethod
    def draw(chance, roots, kinds, large):
        spot, other = (os.path.join(chance.choice(FOLDERS), chance.choice(NAMES)) for _ in range(2))
        size = chance.choice((0, 50, 50, 200, 2000, 2000, 2000, 20_000, 200_000))
        if chance.random() < 0.03:
            size = large
        return Edit(chance.choice(kinds), chance.randrange(roots), spot, other, chance.random(), size, chance.random())


def is_no_folder(mode):
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


class User:
    def __init__(self, roots, oracle):
        self.roots, self.oracle = roots, oracle
        # Where ctime tells nothing, two texts of one size and time could change places unseen.
        self.sizes = None if all(root.ground.ctime for root in roots) else {0}
        # A root that holds no links goes without, and is not the same then.
        self.links = all(root.ground.links for root in roots)
        self.alone = True  # no run is under way, so nobody sees him in the middle of a deed
        self.clock_shift_s = 0
        self.binned = 0

    def do(self, edit):
        """What came of it, in words."""
        root = self.roots[edit.root]
        before = self.oracle.count
        try:
            done = getattr(self, edit.kind.replace(" ", "_"))(root, edit)
        except OSError as error:
            if error.errno not in EXPECTED:
                raise
            done = f"refused, {errno.errorcode[error.errno]}"
        new = f", text {self.oracle.count}" if self.oracle.count > before else ""
        return f"{os.path.basename(root.path)}: {edit.kind}: {done}{new}"

    # Means ----------------------------------------------------------------------------------------

    def at(self, root, path):
        return os.path.join(root.path, path)

    def all_of(self, root, wanted):
        found = []
        for name in texts.below(root.path):
            try:
                if wanted(os.lstat(name).st_mode):
                    found.append(os.path.relpath(os.fsdecode(name), root.path))
            except OSError:
                pass
        return sorted(found)

    def picked(self, root, edit, wanted=stat.S_ISREG):
        """What stands at the drawn spot, else one of what there is; None: nothing."""
        found = self.all_of(root, wanted)
        if edit.spot in found:
            return edit.spot
        return found[int(edit.pick * len(found))] if found else None

    def rename(self, root, old, new, flag=mounts.RENAME_NOREPLACE):
        """Never over what nobody has looked at."""
        if root.ground.flags:
            number = mounts.rename_with(old, new, flag)
            if number:
                raise OSError(number, old)
        elif flag == mounts.RENAME_EXCHANGE or not self.alone or os.path.lexists(new):
            raise OSError(errno.EINVAL, old)
        else:
            os.rename(old, new)

    def to_bin(self, root, path, deed=None):
        """With a deed it is a delete, which has to stick; without, the user puts something in its place."""
        self.binned += 1
        slot = os.path.join(root.bin, str(self.binned))
        os.rename(path, slot)
        tokens = texts.tokens_in(slot)
        if deed is None:
            self.oracle.touched(tokens)
            self.oracle.gave_up(tokens)
        else:
            self.oracle.deleted_one(tokens, deed)

    def look_into_bins(self):
        """What was put into a folder while it went is given up with it."""
        for place in {root.bin for root in self.roots}:
            self.oracle.gave_up(texts.tokens_in(place))

    def empty_bins(self):
        """Only when nobody is at work."""
        self.look_into_bins()
        for place in {root.bin for root in self.roots}:
            for name in os.listdir(place):
                whole = os.path.join(place, name)
                if os.path.isdir(whole) and not os.path.islink(whole):
                    shutil.rmtree(whole)
                else:
                    os.remove(whole)

    def touch(self, path):
        self.oracle.touched(texts.tokens_in(path))

    def set_time(self, root, where):
        """A clock that is set wrong shows in what its user saves."""
        if self.clock_shift_s and root.ground.ctime:
            now = time.time_ns() + self.clock_shift_s * 10**9
            os.utime(where, ns=(now, now))

    def fit(self, size, in_the_open=False):
        if in_the_open and not self.alone:
            size = min(size, MOST_IN_THE_OPEN - 1000)
        size = size and max(size, texts.LINE_BYTES)
        if self.sizes is not None:
            while size and size in self.sizes:
                size += 1
            self.sizes.add(size)
        return size

    def prepare(self, root, size):
        """A new text in a file that nobody sees yet."""
        token, size = self.oracle.next_token(), self.fit(size)
        self.binned += 1
        path = os.path.join(root.bin, f"new-{self.binned}")
        try:
            with open(path, "xb") as file:
                file.write(texts.make(token, size))
            self.set_time(root, path)
        except OSError:
            if os.path.exists(path):
                os.truncate(path, 0)
                os.remove(path)
            raise
        return token, path

    def has_put(self, token, size):
        if size:
            self.oracle.wrote(token)

    def put(self, root, descriptor, size):
        """Stores a text where everybody sees it."""
        token = self.oracle.next_token()
        text = texts.make(token, size)
        try:
            done = 0
            while done < size:
                done += os.write(descriptor, text[done:])
        except OSError:
            self.oracle.was_cut(token, size)
            os.ftruncate(descriptor, 0)
            raise
        self.set_time(root, descriptor)
        self.has_put(token, size)

    def open_for_writing(self, path):
        """An engine that is stopped while it has a lease would keep us waiting for good."""
        for patience in (*[0.01] * 20, None):
            try:
                return os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            except BlockingIOError:
                if patience is None:
                    raise
                time.sleep(patience)

    # Deeds ----------------------------------------------------------------------------------------

    def create(self, root, edit):
        if len(self.all_of(root, stat.S_ISREG)) > MOST_FILES:
            return self.delete(root, edit)
        path = self.at(root, edit.spot)
        if os.path.lexists(path):
            return self.edit_in_place(root, edit)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if edit.pick < 0.5:
            token, new = self.prepare(root, edit.size)
            self.rename(root, new, path)
            self.has_put(token, edit.size)
            return f"{edit.spot}, by rename"
        size = self.fit(edit.size, in_the_open=True)
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        try:
            self.put(root, descriptor, size)
        finally:
            os.close(descriptor)
        return edit.spot

    def edit_in_place(self, root, edit):
        """Half of them keep the size, where ctime tells them all the same."""
        path = self.picked(root, edit)
        if path is None:
            return "nothing there"
        descriptor = self.open_for_writing(self.at(root, path))
        try:
            old = os.read(descriptor, 1 << 26)
            seen = {texts.token_of(old)} - {None, texts.EMPTY}
            self.oracle.touched(seen)
            keeps = self.sizes is None and edit.pick < 0.5 and texts.LINE_BYTES <= len(old)
            size = len(old) if keeps else self.fit(edit.size, in_the_open=True)
            if not self.alone and size > MOST_IN_THE_OPEN:
                return f"{path} is too large for that now"
            self.oracle.gave_up(seen)
            os.lseek(descriptor, 0, os.SEEK_SET)
            if not keeps:
                os.ftruncate(descriptor, 0)
            self.put(root, descriptor, size)
        finally:
            os.close(descriptor)
        return f"{path}, was {sorted(seen)}, {'same size' if keeps else 'truncated'}"

    def save(self, root, edit):
        """As editors do: a new file beside the old one takes its name."""
        path = self.picked(root, edit)
        if path is None:
            return "nothing there"
        if not root.ground.flags and not self.alone:
            return self.edit_in_place(root, edit)
        whole = self.at(root, path)
        token, new = self.prepare(root, edit.size)
        if edit.pick < 0.5:
            # A file of the editor's own stands in the folder for a moment.
            beside = whole + "~"
            self.rename(root, new, beside)
            new = beside
        if root.ground.flags:
            self.rename(root, new, whole, mounts.RENAME_EXCHANGE)
            self.has_put(token, edit.size)
            self.to_bin(root, new)
        else:
            self.to_bin(root, whole)
            self.rename(root, new, whole)
            self.has_put(token, edit.size)
        return path

    def delete(self, root, edit):
        path = self.picked(root, edit, is_no_folder)
        if path is None:
            return "nothing there"
        self.to_bin(root, self.at(root, path), f"{os.path.basename(root.path)} deleted {path}")
        return path

    def delete_folder(self, root, edit):
        path = self.picked(root, edit, stat.S_ISDIR)
        if path is None:
            return "nothing there"
        self.to_bin(root, self.at(root, path), f"{os.path.basename(root.path)} deleted the folder {path}")
        return path

    def move(self, root, edit):
        path = self.picked(root, edit, is_no_folder)
        if path is None or path == edit.other:
            return "nothing there"
        return self._move(root, path, edit.other)

    def move_over(self, root, edit):
        path = self.picked(root, edit)
        if path is None or path == edit.other:
            return "nothing there"
        if os.path.lexists(self.at(root, edit.other)):
            self.to_bin(root, self.at(root, edit.other))
        return self._move(root, path, edit.other)

    def move_folder(self, root, edit):
        path = self.picked(root, edit, stat.S_ISDIR)
        target = os.path.dirname(edit.other) or "three"
        if path is None or path == target:
            return "nothing there"
        return self._move(root, path, target)

    def _move(self, root, path, target):
        self.touch(self.at(root, path))
        os.makedirs(os.path.dirname(self.at(root, target)), exist_ok=True)
        self.rename(root, self.at(root, path), self.at(root, target))
        self.touch(self.at(root, target))
        return f"{path} to {target}"

    def swap(self, root, edit):
        path = self.picked(root, edit)
        if path is None or path == edit.other or not os.path.isfile(self.at(root, edit.other)):
            return "nothing there"
        one, two = self.at(root, path), self.at(root, edit.other)
        self.touch(one)
        self.touch(two)
        if root.ground.flags:
            self.rename(root, one, two, mounts.RENAME_EXCHANGE)
        else:
            self.rename(root, one, one + "~")
            self.rename(root, two, one)
            self.rename(root, one + "~", two)
        self.touch(one)
        self.touch(two)
        return f"{path} and {edit.other}"

    def chmod(self, root, edit):
        wants_folder = edit.pick > 0.8
        path = self.picked(root, edit, stat.S_ISDIR if wants_folder else stat.S_ISREG)
        if path is None or not root.ground.modes:
            return "nothing there"
        modes = FOLDER_MODES if wants_folder else MODES
        mode = modes[int(edit.pick * 1000) % len(modes)]
        self.touch(self.at(root, path))
        os.chmod(self.at(root, path), mode)
        self.touch(self.at(root, path))
        return f"{path} {mode:o}"

    def link(self, root, edit):
        if not self.links:
            return "no links here"
        path = self.at(root, edit.spot)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        token = self.oracle.next_token()
        os.symlink(texts.make_link(token), path)
        self.oracle.wrote(token)
        return edit.spot

    def change_kind(self, root, edit):
        """A file becomes a folder with a file in it, or a link; a folder becomes a file."""
        folder = edit.pick > 0.7
        path = self.picked(root, edit, stat.S_ISDIR if folder else stat.S_ISREG)
        if path is None:
            return "nothing there"
        self.to_bin(root, self.at(root, path))
        inner = path if folder else os.path.join(path, os.path.basename(edit.other))
        if not folder and edit.pick < 0.2 and self.links:
            return self.link(root, dataclasses.replace(edit, spot=path)) + ", a link now"
        token, new = self.prepare(root, edit.size)
        os.makedirs(os.path.dirname(self.at(root, inner)), exist_ok=True)
        self.rename(root, new, self.at(root, inner))
        self.has_put(token, edit.size)
        return f"{path}, a {'file' if folder else 'folder'} now"


COMMON = ("create", "create", "create", "edit in place", "edit in place", "save", "save", "delete", "delete", "move")
ALL = (*COMMON, "move", "move over", "move folder", "move folder", "delete folder", "swap", "swap", "chmod", "link", "change kind")
