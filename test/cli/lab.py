"""A place of its own for each test of the program: folders, state, and the program itself.

The program is the one that SYNCOXIDERS names. Paths are bytes, so that any name can be tried.
"""

import hashlib
import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.environ.get("SYNCOXIDERS", "build/dev/bin/syncoxiders")
OWN = b".syncoxiders"
# A child of a sanitizer build takes its time; a test that hangs shall still end.
PATIENCE_S = 300

IN_SYNC, UNEXPECTED, USAGE, HELD, PARTLY, ROOT, LOCKED, STATE, NOT_FOUND, DIFFERENT = range(10)
INTERRUPTED = 130

# What CTest takes for a test that could not be done.
SKIPPED = 77
# Programs with sanitizers are several times slower and larger.
SANITIZED = bool(os.environ.get("SANITIZED"))


class Answer:
    """What a run of the program said."""

    def __init__(self, arguments, done):
        self.arguments = arguments
        self.code = done.returncode
        self.out = done.stdout.decode(errors="surrogateescape")
        self.err = done.stderr.decode(errors="surrogateescape")

    def lines(self):
        """Every line of --json, parsed strictly."""
        return [json.loads(line) for line in self.out.splitlines()]

    def summary(self):
        return self.lines()[-1]

    def of_type(self, kind):
        return [line for line in self.lines() if line["type"] == kind]

    def __str__(self):
        return f"{self.arguments} answered {self.code}\nstdout:\n{self.out}\nstderr:\n{self.err}"


def as_bytes(path):
    return os.fsencode(path)


def entries_below(root):
    """Every path below a root but our own folder, sorted, relative, as bytes."""
    found = []
    root = as_bytes(root)
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name != OWN]
        for name in folders + files:
            found.append(os.path.relpath(os.path.join(folder, name), root))
    return sorted(found)


def describe(path):
    """What must be the same for two entries to be the same: bytes, mode, mtime of files."""
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return ("link", os.readlink(path))
    if stat.S_ISDIR(status.st_mode):
        return ("directory", stat.S_IMODE(status.st_mode))
    if not stat.S_ISREG(status.st_mode):
        return ("other", stat.S_IFMT(status.st_mode))
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    return ("file", stat.S_IMODE(status.st_mode), status.st_mtime_ns, digest)


def tree(root):
    """Path to description: equal for two trees that are the same."""
    root = as_bytes(root)
    return {path: describe(os.path.join(root, path)) for path in entries_below(root)}


def contents(root):
    """Path to bytes of the files, for tests that do not care for times."""
    root = as_bytes(root)
    found = {}
    for path in entries_below(root):
        whole = os.path.join(root, path)
        if stat.S_ISREG(os.lstat(whole).st_mode):
            found[path] = pathlib.Path(os.fsdecode(whole)).read_bytes()
    return found


def identity(root):
    """Inode, times and all of every entry: any write shows, however it was undone."""
    root = as_bytes(root)
    seen = {}
    for path in entries_below(root):
        status = os.lstat(os.path.join(root, path))
        seen[path] = (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)
    return seen


def trash_of(root):
    """Every content in a root's trash."""
    found = []
    for folder, _, files in os.walk(os.path.join(os.fsdecode(root), ".syncoxiders", "trash")):
        for name in files:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                found.append(pathlib.Path(path).read_bytes())
    return found


def kept_in(*roots):
    """Every content in the trees and trashes of roots."""
    return {text for root in roots for text in [*contents(root).values(), *trash_of(root)]}


class Lab(unittest.TestCase):
    """A fresh temporary place; self.a, self.b and self.c are folders in it."""

    def setUp(self):
        self.place = tempfile.mkdtemp(prefix="syncoxiders-cli-")
        self.addCleanup(self.remove_place)
        self.state = os.path.join(self.place, "state")
        self.a, self.b, self.c = (os.path.join(self.place, name) for name in "abc")
        for folder in (self.a, self.b, self.c):
            os.mkdir(folder)

    def remove_place(self):
        subprocess.run(["chmod", "-R", "u+rwx", self.place], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(as_bytes(self.place), ignore_errors=True)

    # The program --------------------------------------------------------------------------------

    def environment(self, **more):
        values = {name: value for name, value in os.environ.items() if "XDG" not in name}
        values["HOME"] = self.place
        values["LC_ALL"] = "C.UTF-8"
        return values | more

    def command(self, *words):
        state = [] if self.state is None else [b"--state", as_bytes(self.state)]
        return [as_bytes(PROGRAM), *(as_bytes(word) for word in words), *state]

    def run_program(self, *words, code=None, before=None, cwd=None, **environment):
        done = subprocess.run(
            self.command(*words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_S,
            preexec_fn=before,
            cwd=cwd,
            env=self.environment(**environment),
            check=False,
        )
        answer = Answer(words, done)
        if code is not None:
            self.assertEqual(answer.code, code, str(answer))
        return answer

    def sync(self, *more, roots=None, code=IN_SYNC, **environment):
        return self.run_program("sync", *(roots or (self.a, self.b)), *more, code=code, **environment)

    def start(self, *words, **environment):
        return subprocess.Popen(
            self.command(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(**environment),
        )

    # Files --------------------------------------------------------------------------------------

    def write(self, root, path, text="text", mtime=None, mode=None):
        whole = os.path.join(as_bytes(root), as_bytes(path))
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        if mtime is not None:
            os.utime(whole, ns=(mtime, mtime))
        if mode is not None:
            os.chmod(whole, mode)
        return whole

    def read(self, root, path):
        with open(os.path.join(as_bytes(root), as_bytes(path)), "rb") as file:
            return file.read()

    def remove(self, root, path):
        whole = os.path.join(as_bytes(root), as_bytes(path))
        if os.path.isdir(whole) and not os.path.islink(whole):
            shutil.rmtree(whole)
        else:
            os.remove(whole)

    def names(self, root):
        return [os.fsdecode(path) for path in entries_below(root)]

    def staged_sizes(self, root):
        """The sizes of the files that a run has staged so far (the clock file of a rule is none)."""
        sizes = []
        for folder, _, files in os.walk(os.path.join(root, ".syncoxiders", "stage")):
            for name in set(files) - {"clock"}:
                try:
                    sizes.append(os.stat(os.path.join(folder, name)).st_size)
                except FileNotFoundError:
                    pass
        return sizes

    # Promises -----------------------------------------------------------------------------------

    def assert_same(self, *roots):
        first = tree(roots[0])
        for other in roots[1:]:
            self.assertEqual(first, tree(other), f"{roots[0]} and {other} differ")

    def assert_quiet(self, *roots, more=()):
        """Another run changes nothing at all."""
        before = [identity(root) for root in roots]
        answer = self.sync(*more, "--json", roots=roots)
        self.assertEqual(before, [identity(root) for root in roots], str(answer))
        summary = answer.summary()
        for what in ("created", "updated", "moved", "removed", "directories", "attributes"):
            self.assertEqual(summary[what], 0, str(answer))

    def assert_no_leftovers(self, *roots):
        """Nothing staged stands in our own folders (the clock file of a rule does)."""
        for root in roots:
            stage = os.path.join(root, ".syncoxiders", "stage")
            for folder, folders, files in os.walk(stage):
                self.assertEqual([name for name in files if name != "clock"], [], folder)
                if folder != stage:
                    self.assertEqual(folders, [], folder)

    def assert_nothing_ours(self, *roots):
        for root in roots:
            self.assertFalse(os.path.exists(os.path.join(root, ".syncoxiders")), root)

    def wait_until(self, true, seconds=60):
        """Time never decides what is right, only how long we wait for it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if true():
                return
            time.sleep(0.02)
        self.fail("it did not come to that")

    def is_at_work(self, process):
        """Its name stands in the lock of a rule, so it no longer merely starts."""
        locks = [name for name in os.listdir(self.state) if name.endswith(".lock")] if os.path.exists(self.state) else []
        return any(self.read(self.state, name).startswith(b"pid %d," % process.pid) for name in locks)

    def stop(self, process, number=signal.SIGINT):
        process.send_signal(number)
        return self.end_of(process)

    def end_of(self, process):
        """What it said, once it has ended."""
        out, err = process.communicate(timeout=PATIENCE_S)
        return Answer(process.args, subprocess.CompletedProcess(process.args, process.returncode, out, err))

    def kill_after(self, process, seconds):
        """True when it was not done before."""
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        return process.returncode < 0


def is_root():
    return os.geteuid() == 0


def run_as_nobody():
    """Before exec: give up root, so that permissions mean something."""
    if is_root():
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


def main():
    """Answers 77 when all that was to run had to be skipped, which CTest shows as such."""
    sys.dont_write_bytecode = True
    result = unittest.main(verbosity=2, exit=False).result
    for test, reason in result.skipped:
        print(f"SKIPPED {test.id()}: {reason}", flush=True)
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.testsRun == len(result.skipped) > 0 else 0)
