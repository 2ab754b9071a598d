#!/usr/bin/env python3
"""Real runs on real disks: edits, kill -9, full disks, disks that become read-only, clocks that jump, for hours.

    test/soak/soak.py --rounds N --seed S [--only NAME...] [--minutes M]

NAME is a ground or a trouble; without any, all are played. An episode is a ground and some rounds; each has a seed of
its own, S, S+1, ..., so that one that failed can be played by itself. Moments are drawn, yet what the program has
come to by then is the machine's affair: a replay does the same deeds and may have to be tried more than once.
"""

import argparse
import collections
import os
import pathlib
import sys
import time
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli")]

import clocks  # noqa: E402
import episode  # noqa: E402
import lab  # noqa: E402
import mounts  # noqa: E402
import plan  # noqa: E402
from grounds import GROUNDS  # noqa: E402

ROUNDS_OF_AN_EPISODE = range(3, 11)
# A trouble that has not struck in so many rounds has not been tried at all.
LONG = 500
MOST_VIOLATIONS = 10
TOLD_AFTER_EPISODES = 20
STRUCK = {
    "kill": "kill: hit",
    "stop": "stop: hit",
    "full": "full: a run met",
    "read-only": "read-only: a run met",
    "clock": "clock: seen",
}


def read_arguments():
    parser = argparse.ArgumentParser(description="Real runs on real disks in trouble.")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", choices=[*GROUNDS, *plan.TROUBLES])
    parser.add_argument("--minutes", type=float, default=0, help="end with the episode that is under way by then")
    return parser.parse_args()


class Soak:
    def __init__(self, arguments):
        self.arguments = arguments
        self.grounds = [name for name in GROUNDS if name in arguments.only] or list(GROUNDS)
        self.troubles = [name for name in plan.TROUBLES if name in arguments.only] or list(plan.TROUBLES)
        self.missing = {}  # name -> why it is not to be had
        self.tally = collections.Counter()
        self.violations = 0

    def play(self):
        self.try_clock()
        rounds = self.rounds_of_an_episode()
        number, end = 0, time.monotonic() + self.arguments.minutes * 60
        while self.tally["rounds"] < self.arguments.rounds and self.violations < MOST_VIOLATIONS:
            if set(self.grounds) <= set(self.missing) or (self.arguments.minutes and time.monotonic() > end):
                break
            ground = self.grounds[number % len(self.grounds)]
            if ground not in self.missing:
                left = self.arguments.rounds - self.tally["rounds"]
                self.play_episode(ground, self.arguments.seed + number, min(rounds, left))
                self.tell(number)
            number += 1
        return self.report()

    def tell(self, number):
        """That it is still alive, every now and then."""
        if number % TOLD_AFTER_EPISODES == TOLD_AFTER_EPISODES - 1:
            print(f"{self.tally['rounds']} rounds, {self.violations} violations so far", file=sys.stderr, flush=True)

    def rounds_of_an_episode(self):
        """Few rounds are shared out among all grounds."""
        share = self.arguments.rounds // len(self.grounds)
        return max(ROUNDS_OF_AN_EPISODE[0], min(share, ROUNDS_OF_AN_EPISODE[-1]))

    def try_clock(self):
        if "clock" not in self.troubles:
            return
        place = episode.Episode("folder", 0, 0, (), self.tally)
        place.setUp()
        why = clocks.why_not(place)
        place.doCleanups()
        if why:
            self.missing["clock"] = why

    def play_episode(self, ground, seed, rounds):
        allowed = [name for name in self.troubles if name not in self.missing]
        begun = self.tally["rounds"]
        one = episode.Episode(ground, seed, rounds, allowed, self.tally)
        try:
            violation = one.play()
        except unittest.SkipTest as reason:
            self.missing[ground] = str(reason)
            return
        self.tally[f"ground {ground}"] += self.tally["rounds"] - begun
        if violation:
            self.violations += 1
            only = " ".join([ground, *(name for name in self.arguments.only if name in plan.TROUBLES)])
            print(f"VIOLATION on {ground}, seed {seed}, round {one.number}:\n{violation}")
            print(f"Again: test/soak/soak.py --seed {seed} --only {only} --rounds {rounds}")
            print("Steps:", *one.steps, sep="\n  ", flush=True)

    def report(self):
        for name, why in self.missing.items():
            print(f"SKIPPED soak, {name}: not on this machine: {why}")
        for what, count in sorted(self.tally.items()):
            print(f"  {what}: {count}")
        bad = self.violations > 0 or self.tally["rounds"] == 0
        for name in self.troubles:
            struck = sum(count for what, count in self.tally.items() if what.startswith(STRUCK[name]))
            if not struck and name not in self.missing and self.tally["rounds"] >= LONG:
                print(f"{name} never struck, so nothing was tried", file=sys.stderr)
                bad = True
        print(f"{self.tally['rounds']} rounds, {self.violations} violations", flush=True)
        return 1 if bad else 0


if __name__ == "__main__":
    if not os.access(lab.PROGRAM, os.X_OK):
        sys.exit(f"there is no program {lab.PROGRAM}: build it, or name one with SYNCOXIDERS")
    mounts.enter_own_namespace()
    sys.exit(Soak(read_arguments()).play())
