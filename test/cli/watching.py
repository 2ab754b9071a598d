"""A watch that runs beside a test."""

import json
import signal
import threading

import lab


class WatchLab(lab.Lab):
    def begin(self, *words):
        """Starts a watch and waits until it has said that it is watching."""
        self.process = self.start("watch", *(words or (self.a, self.b)), "--json")
        self.addCleanup(self.end_hard)
        self.lines = []
        self.reader = threading.Thread(target=self.read_lines, daemon=True)
        self.reader.start()
        self.wait_until(lambda: self.said("watching"))

    def read_lines(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def said(self, kind):
        return [line for line in list(self.lines) if line["type"] == kind]

    def end_hard(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        code = self.process.wait(lab.PATIENCE_S)
        self.reader.join()
        self.assertEqual(code, lab.INTERRUPTED)
        self.assertEqual(self.lines[-1]["type"], "summary")

    def settles(self):
        def same():
            try:
                return lab.tree(self.a) == lab.tree(self.b)
            except FileNotFoundError:  # it was moved while we looked
                return False

        self.wait_until(same)
