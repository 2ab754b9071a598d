#!/usr/bin/env python3
"""Measures syncoxiders beside rsync, rclone, Unison, cp and what the machine itself takes.

    bench/run.py --bin build/bench/bin [--rounds 5] [--sets small,big,share] [--scale 1] [--quick]

In every round each program does each operation once, one program after the other, on the same set of
files, and each keeps a destination and a state of its own. After every measured command an own comparison
sees that both trees are equal, so that nobody wins by leaving work undone. Writes docs/benchmarks.md.
"""

import argparse
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import contestants  # noqa: E402
import delay  # noqa: E402
import judge  # noqa: E402
import make_set  # noqa: E402
import report  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The share of its full size at which a set is used by default; `small` is what our promises speak of.
DEFAULT_SCALES = {"small": 1.0, "big": 1.0, "share": 1.0}
QUICK_SCALES = {"small": 0.05, "big": 0.03125, "share": 0.1}
OPERATIONS_OF = {
    "small": contestants.OPERATIONS,
    "big": (contestants.FIRST, contestants.NO_CHANGE),
    "share": (contestants.FIRST, contestants.NO_CHANGE),
}
DROP_CACHES = pathlib.Path("/proc/sys/vm/drop_caches")


class Bench:
    """One run: its folders, its programs, and what was measured so far."""

    def __init__(self, options, work):
        self.options = options
        self.work = work
        self.binaries = options.bin.resolve()
        self.programs, self.missing = contestants.all_contestants(self.binaries, options.only)
        # (set, operation, program) -> one dict a round
        self.results = collections.defaultdict(list)
        self.failures = []
        self.sizes = {}
        self.may_drop_caches = drop_caches()
        self.deleted = False
        self.log = open(work / "log", "w", encoding="utf-8")

    def scale_of(self, set_name):
        scales = QUICK_SCALES if self.options.quick else DEFAULT_SCALES
        return scales[set_name] * self.options.scale

    def make_sets(self):
        for name in self.options.sets:
            say(f"making the set {name} at scale {self.scale_of(name):g}")
            make_set.MAKERS[name](self.work / "sets" / name, self.scale_of(name))
            self.sizes[name] = size_of(self.work / "sets" / name)
            needed = self.room_for_a_round(name)
            if needed > shutil.disk_usage(self.work).free:
                sys.exit(f"bench: the set {name} needs {needed >> 20} MiB in {self.work}; use --scale")

    def round(self, number, set_name):
        """All operations by all programs; the folders are as new at the start and gone at the end."""
        place = self.work / f"round-{number}-{set_name}"
        sources = self.prepare(place, set_name)
        failed = set()
        for operation in OPERATIONS_OF[set_name]:
            change = make_set.CHANGES.get(operation)
            for source in sources:
                if change:
                    change(source)
            for program in self.in_turn(number):
                folders = self.folders_of(place, program)
                command = program.command(operation, folders)
                if command is None or program.name in failed:
                    continue
                if not self.measure(number, set_name, operation, program, folders, command):
                    failed.add(program.name)
        self.retire(place, set_name)

    def in_turn(self, number):
        """Another one begins each round: who comes later meets a fuller disk and more in the caches."""
        first = (number - 1) * (len(self.programs) // 2) % len(self.programs)
        return self.programs[first:] + self.programs[:first]

    def room_for_a_round(self, set_name):
        """A copy for each program, two sources, and as much again as one for states and whatever else grows."""
        return self.sizes[set_name] * (len(self.programs) + 3)

    def retire(self, place, set_name):
        """ext4 searches past every inode deleted within the last minutes as long as it finds it in the page
        cache, which makes creating files up to five times slower, and most so for who comes last. So nothing
        is deleted before the end while there is room; where there is none the cache is dropped after it."""
        if shutil.disk_usage(self.work).free < 2 * self.room_for_a_round(set_name):
            shutil.rmtree(place)
            self.deleted = True
            self.forget_deleted()

    def forget_deleted(self):
        subprocess.run(["sync"], check=True)
        if self.may_drop_caches:
            drop_caches()

    def warm(self, folders):
        """Reads what the program will read. A kernel may page out by itself what nobody touched for a while, and
        a source of its own is touched by one program alone, while the others keep theirs warm for each other."""
        for folder in folders.values():
            if problem := judge.difference(self.binaries, folder, folder, with_times=False):
                sys.exit(f"bench: {folder} is not equal to itself: {problem}")

    def folders_of(self, place, program):
        source = "a-own" if program.own_source else "a"
        name = program.name.replace(" ", "-")
        return {"a": str(place / source), "b": str(place / name / "b"), "state": str(place / name / "state")}

    def prepare(self, place, set_name):
        sources = set()
        for program in self.programs:
            folders = self.folders_of(place, program)
            os.makedirs(folders["b"])
            os.makedirs(folders["state"])
            sources.add(pathlib.Path(folders["a"]))
        for source in sources:
            pristine = str(self.work / "sets" / set_name)
            subprocess.run(["cp", "-a", "--reflink=auto", pristine, str(source)], check=True)
        return sorted(sources)

    def measure(self, number, set_name, operation, program, folders, command):
        if self.options.cold:
            self.forget_deleted()
        else:
            self.warm(folders)
        answer = self.work / "answer.json"
        answer.unlink(missing_ok=True)
        subprocess.run(
            [self.binaries / "measure", answer, folders["b"], *command],
            env=program.environment_for(folders), stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log, check=False,
        )  # fmt: skip
        measured = json.loads(answer.read_text(encoding="utf-8"))
        problem = f"ended with {measured['exit']}" if measured["exit"] else ""
        if not problem:
            found = judge.difference(self.binaries, folders["a"], folders["b"], program.keeps_times)
            problem = found and f"left the trees different: {found}"
        say(f"round {number}, {set_name}, {operation}: {program.name} {measured['wall_s']:.2f} s {problem}")
        if problem:
            self.failures.append(f"round {number}, {set_name}, {operation}, {program.name}: {problem}")
            return False
        self.results[set_name, operation, program.name].append(measured)
        return True

    def run(self):
        """As many rounds as wanted, or as fit into the time; at least one."""
        started = time.monotonic()
        longest = 0.0
        for number in range(1, self.options.rounds + 1):
            before = time.monotonic()
            for set_name in self.options.sets:
                self.round(number, set_name)
            longest = max(longest, time.monotonic() - before)
            if number < self.options.rounds and time.monotonic() - started + longest > self.options.minutes * 60:
                say(f"no time for another round within {self.options.minutes} minutes")
                return number
        return self.options.rounds


def say(text):
    print(f"bench: {text}", flush=True)


def size_of(folder):
    return sum(os.lstat(path).st_size for path in make_set.files_in(folder))


def drop_caches():
    """False where only root may."""
    try:
        DROP_CACHES.write_text("3\n", encoding="ascii")
    except OSError:
        return False
    return True


def read_options():
    parser = argparse.ArgumentParser(description="Measures syncoxiders beside other programs.")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/bench/bin", help="folder of the built programs")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/bench", help="a temporary folder is made in it")
    parser.add_argument("--report", type=pathlib.Path, help="default: docs/benchmarks.md, with --quick build/bench/quick.md")
    parser.add_argument("--rounds", type=int, help="default: 5, with --quick 2")
    parser.add_argument("--minutes", type=float, default=20, help="no new round that would end later than this")
    parser.add_argument("--sets", type=lambda text: text.split(","), default=list(make_set.MAKERS))
    parser.add_argument("--only", type=lambda text: text.split(","), help="programs, separated by commas")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the size of every set")
    parser.add_argument("--quick", action="store_true", help="small sets")
    parser.add_argument("--cold", action="store_true", help="drop the page cache before each command (root)")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.report = options.report or ROOT / ("build/bench/quick.md" if options.quick else "docs/benchmarks.md")
    if unknown := set(options.sets) - set(make_set.MAKERS):
        parser.error(f"unknown set {', '.join(unknown)}")
    if options.cold and not drop_caches():
        parser.error("--cold needs the right to drop the page cache")
    return options


def main():
    options = read_options()
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    (options.work / "failed.log").unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=options.work, prefix="work-") as folder:
        try:
            bench = Bench(options, pathlib.Path(folder))
        except ValueError as error:
            sys.exit(f"bench: {error}")
        for name in bench.missing:
            say(f"{name} is not there and is left out")
        judge.prove(bench.binaries, bench.work)
        bench.make_sets()
        rounds = bench.run()
        say("saves while programs watch")
        report.write(bench, rounds, delay.measure(bench))
        if bench.failures:
            bench.log.flush()
            shutil.copy(pathlib.Path(folder) / "log", options.work / "failed.log")
            say(f"what the programs said: {options.work / 'failed.log'}")
    say(f"written {options.report}")
    for failure in bench.failures:
        say(f"FAILED {failure}")
    return 1 if bench.failures or bench.missing and not options.only else 0


if __name__ == "__main__":
    sys.exit(main())
