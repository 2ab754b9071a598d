"""The progress line: on a terminal, with rate and time left, and never in the way of a reader."""

import os
import pty
import re
import subprocess
import threading
import time

import lab
from lab import Lab


class Progress(Lab):
    def watch_terminal(self, *words):
        """Runs a sync whose stderr is a terminal; what that showed, and the answer."""
        ours, theirs = pty.openpty()
        shown = bytearray()

        def read():
            while True:
                try:
                    piece = os.read(ours, 4096)
                except OSError:  # the other end is closed
                    return
                if not piece:
                    return
                shown.extend(piece)

        process = subprocess.Popen(
            self.command("sync", self.a, self.b, *words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=self.environment(),
        )
        os.close(theirs)
        reader = threading.Thread(target=read)
        reader.start()
        out, _ = process.communicate(timeout=lab.PATIENCE_S)
        reader.join(lab.PATIENCE_S)
        os.close(ours)
        done = subprocess.CompletedProcess(words, process.returncode, out, b"")
        return bytes(shown), lab.Answer(words, done)

    def setUp(self):
        super().setUp()
        for number in range(3):
            self.write(self.a, f"large-{number}", os.urandom(1_500_000))

    def test_a_terminal_sees_files_bytes_rate_and_time_left(self):
        shown, answer = self.watch_terminal("--bwlimit", "1M")
        self.assertEqual(answer.code, lab.IN_SYNC)
        line = rb"transferring  \d/3 files  [0-9.]+ \w+ of [0-9.]+ \w+  [0-9.]+ \w+/s  \d+ ?s left  large-"
        self.assertRegex(shown, line, shown)
        rates = [float(rate) for rate in re.findall(rb"  ([0-9.]+) \w+/s", shown)]
        self.assertGreater(max(rates), 0)
        # The line is taken away again, and stdout has never seen it.
        self.assertTrue(shown.endswith(b"\r\x1b[K"), shown[-40:])
        self.assertNotIn("transferring", answer.out)
        self.assertNotIn("\x1b", answer.out)

    def test_quiet_and_json_draw_nothing(self):
        for word in ("-q", "--json"):
            self.write(self.a, "large-0", os.urandom(1_500_000))
            shown, answer = self.watch_terminal("--bwlimit", "1M", word)
            self.assertEqual(answer.code, lab.IN_SYNC)
            self.assertEqual(shown, b"", word)
        self.assertEqual(answer.summary()["updated"], 1)

    def test_a_limit_of_the_rate_is_kept(self):
        """4.5 MB at 2 MiB a second; the first second's worth may go at once. How slow it may be, no machine is asked."""
        start = time.monotonic()
        self.sync("--bwlimit", "2M")
        self.assertGreater(time.monotonic() - start, 4_500_000 / 2**21 - 1.1)
        self.assert_same(self.a, self.b)

    def test_without_a_terminal_nothing_is_drawn(self):
        answer = self.sync("--bwlimit", "4M")
        self.assertEqual(answer.err, "")


if __name__ == "__main__":
    lab.main()
