"""One run of the program beside the users' work: it can be looked at, stopped, and ended."""

import json
import os
import signal
import subprocess
import time

import lab

CODES_ALONE = {lab.IN_SYNC, lab.PARTLY}
# What a disk without room or rights may lead to.
CODES_IN_TROUBLE = {lab.IN_SYNC, lab.PARTLY, lab.ROOT, lab.STATE}
TICK_S = 0.002


class Run:
    def __init__(self, place, words, environment):
        self.words = words
        self.out, self.err = (open(os.path.join(place.place, name), "w+b") for name in ("out", "err"))
        self.process = subprocess.Popen(
            place.command(*words, "--json"),
            stdin=subprocess.DEVNULL,
            stdout=self.out,
            stderr=self.err,
            env=place.environment(**environment),
        )
        self.begun = time.monotonic()
        self.ended_s = None  # how long it took
        self.by_us = False
        self.stopped = False
        place.addCleanup(self.end_hard)

    def is_live(self):
        live = self.process.poll() is None
        if not live and self.ended_s is None:
            self.ended_s = time.monotonic() - self.begun
        return live

    def said(self):
        """All it said so far, on stdout and stderr."""
        text = b""
        for file in (self.out, self.err):
            text += os.pread(file.fileno(), 1 << 26, 0)
        return text.decode(errors="replace")

    def summary(self):
        for line in reversed(self.said().splitlines()):
            if line.startswith('{"type":"summary"'):
                return json.loads(line)
        return {}

    def wait_for(self, word, patience_s):
        end = time.monotonic() + patience_s
        while self.is_live() and word not in self.said() and time.monotonic() < end:
            time.sleep(TICK_S)
        return word in self.said()

    def wait_until(self, moment):
        """Sleeps to a moment of the monotonic clock, or to the end of the run if that is earlier."""
        while self.is_live() and time.monotonic() < moment:
            time.sleep(min(TICK_S, max(0, moment - time.monotonic())))

    def stop(self):
        """Whether it was at work and stands still now."""
        if not self.is_live():
            return False
        self.process.send_signal(signal.SIGSTOP)
        self.stopped = True
        return True

    def go_on(self):
        if self.stopped:
            self.process.send_signal(signal.SIGCONT)
            self.stopped = False

    def kill(self):
        """Whether it was still at work."""
        if self.is_live():
            self.process.kill()
        self.by_us = True
        return self.process.wait() == -signal.SIGKILL

    def interrupt(self):
        self.go_on()
        if self.is_live():
            self.process.send_signal(signal.SIGINT)

    def end(self):
        """False when it hangs."""
        self.go_on()
        try:
            self.process.wait(lab.PATIENCE_S)
        except subprocess.TimeoutExpired:
            return False
        self.is_live()
        return True

    def end_hard(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.out.close()
        self.err.close()

    def wrong_code(self, in_trouble):
        """What is wrong with how it ended by itself; None: nothing."""
        code = self.process.returncode
        if self.by_us and code == -signal.SIGKILL:
            return None
        allowed = set(CODES_IN_TROUBLE if in_trouble else CODES_ALONE)
        if self.words[0] == "watch":
            allowed.add(lab.INTERRUPTED)
        if code in allowed:
            return None
        return f"{self.words[0]} answered {code}:\n{self.said()[-3000:]}"
