"""A clock that is set back and forward, for one run, by libfaketime.

Only what asks the C library for the time of day is told the shifted one. The kernel's own stamps (mtime and ctime of
what is written, inotify) and the monotonic clock go on as they are: this is a machine whose disk, as a server
would, has another clock. What users save bears the shifted time, as it would on a machine set wrong.
"""

import calendar
import glob
import os
import time

import lab

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400
SHIFTS_S = tuple(sign * far for far in (7 * MINUTE, 3 * HOUR, 2 * DAY, 40 * DAY, YEAR, 10 * YEAR) for sign in (-1, 1))
NEAR_S = 5 * MINUTE


def library():
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    return found[0] if found else None


class Clock:
    def __init__(self, place):
        self.file = os.path.join(place, "clock")
        self.environment = {
            "LD_PRELOAD": library() or "",
            "FAKETIME_TIMESTAMP_FILE": self.file,
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set(self, shift_s):
        """Also under a run: it asks the file each time."""
        with open(self.file + ".new", "w", encoding="ascii") as file:
            file.write(f"{shift_s:+d}\n")
        os.rename(self.file + ".new", self.file)

    @staticmethod
    def clean_up(process):
        """What a killed process leaves of the library's in shared memory."""
        for name in ("faketime_shm_", "sem.faketime_sem_"):
            for path in glob.glob(f"/dev/shm/{name}{process}"):
                os.remove(path)


def last_run(place):
    """The last run that the state knows of."""
    answer = place.run_program("log", "--json", "--limit", "1")
    runs = answer.of_type("run") if answer.code == lab.IN_SYNC else []
    return runs[-1] if runs else None


def shift_seen(record):
    """By how many seconds the clock of a recorded run was off when it began."""
    return calendar.timegm(time.strptime(record["started"][:19], "%Y-%m-%dT%H:%M:%S")) - time.time()


def why_not(place):
    """Why the program can't be given such a clock here; empty: it can."""
    if library() is None:
        return "libfaketime is not installed"
    clock = Clock(place.place)
    clock.set(-10 * YEAR)
    place.run_program("sync", place.a, place.b, **clock.environment)
    record = last_run(place)
    if record is None or abs(shift_seen(record) + 10 * YEAR) > NEAR_S:
        return "the program does not see the clock of libfaketime"
    return ""
