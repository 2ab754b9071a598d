"""Staying and syncing on change."""

import os
import shutil
import signal
import time

import lab
from watching import WatchLab


class Watching(WatchLab):
    def test_what_stood_before_is_synced_first(self):
        self.write(self.a, "before", "1")
        self.begin()
        self.assert_same(self.a, self.b)
        self.end()

    def test_changes_of_either_side_cross(self):
        self.begin()
        self.write(self.a, "one", "1")
        self.wait_until(lambda: os.path.exists(os.path.join(self.b, "one")))
        self.write(self.b, "dir/deep/two", "2")
        self.wait_until(lambda: os.path.exists(os.path.join(self.a, "dir/deep/two")))
        self.write(self.b, "dir/deep/two", "edited below a new directory")
        self.wait_until(lambda: self.read(self.a, "dir/deep/two").startswith(b"edited"))
        os.rename(os.path.join(self.a, "dir"), os.path.join(self.a, "moved"))
        self.wait_until(lambda: os.path.exists(os.path.join(self.b, "moved/deep/two")))
        self.remove(self.b, "one")
        self.wait_until(lambda: not os.path.exists(os.path.join(self.a, "one")))
        self.settles()
        self.end()
        self.assert_quiet(self.a, self.b)

    def test_only_the_first_run_is_called_the_first(self):
        self.begin()
        self.write(self.a, "one", "1")
        self.wait_until(lambda: len(self.said("synced")) > 1)
        self.end()
        first, *others = [line["first_run"] for line in self.said("synced")]
        self.assertTrue(first)
        self.assertNotIn(True, others)

    def test_many_at_once(self):
        self.begin()
        for number in range(1000):
            self.write(self.a if number % 2 else self.b, f"{number % 7}/{number}", f"{number}")
        self.settles()
        self.wait_until(lambda: len(self.names(self.a)) == 1007)
        self.end(signal.SIGTERM)

    def test_it_does_not_chase_its_own_writes(self):
        self.begin()
        self.write(self.a, "one", "1")
        self.wait_until(lambda: os.path.exists(os.path.join(self.b, "one")))
        self.settles()
        count = self.run_count()
        for _ in range(3):
            self.write(self.a, "more", str(_))
            self.wait_until(lambda: os.path.exists(os.path.join(self.b, "more")))
        self.settles()
        self.end()
        self.assertLessEqual(self.run_count() - count, 6)

    def run_count(self):
        return self.run_program("log", "--json", "--limit", "1000").summary()["runs"]

    def test_asking_while_it_watches(self):
        self.begin()
        self.write(self.a, "one", "1")
        self.settles()
        self.assertTrue(self.run_program("status", "--json").of_type("rule")[0]["running"])
        for words in (("log",), ("check", self.a, self.b), ("sync", self.a, self.b, "--dry-run"), ("why", "one")):
            self.run_program(*words, code=lab.IN_SYNC)
        self.run_program("sync", self.a, self.b, code=lab.LOCKED)
        self.end()

    def test_a_folder_that_goes_and_comes_back(self):
        self.write(self.a, "one", "1")
        self.begin()
        os.rename(self.b, self.b + "-away")
        self.wait_until(lambda: any(line["exit_code"] == lab.ROOT for line in self.said("synced")))
        self.write(self.a, "meanwhile", "2")
        os.rename(self.b + "-away", self.b)
        self.wait_until(lambda: os.path.exists(os.path.join(self.b, "meanwhile")))
        self.assertEqual(self.names(self.a), ["meanwhile", "one"])
        self.write(self.b, "after", "3")
        self.wait_until(lambda: os.path.exists(os.path.join(self.a, "after")))
        self.end()

    def test_one_of_three_goes_and_the_others_go_on(self):
        self.begin(self.a, self.b, self.c)
        shutil.move(self.c, self.c + "-away")
        self.write(self.a, "one", "1")
        self.wait_until(lambda: os.path.exists(os.path.join(self.b, "one")))
        shutil.move(self.c + "-away", self.c)
        self.wait_until(lambda: os.path.exists(os.path.join(self.c, "one")))
        self.end()

    def test_a_new_syncignore_counts_at_once(self):
        self.begin()
        self.write(self.a, ".syncignore", "*.tmp\n")
        self.wait_until(lambda: os.path.exists(os.path.join(self.b, ".syncignore")))
        self.settles()
        self.write(self.a, "x.tmp", "x")
        self.write(self.a, "y", "y")
        self.wait_until(lambda: os.path.exists(os.path.join(self.b, "y")))
        self.end()
        self.assertNotIn("x.tmp", self.names(self.b))

    def test_lost_notifications_lead_to_a_full_look(self):
        with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
            limit = int(file.read())
        if limit > 200_000:
            self.skipTest(f"filling a queue of {limit} notifications takes too long")
        for name in ("one", "two", "gone", "old/deep/file"):
            self.write(self.a, name, name)
        self.begin()
        self.process.send_signal(signal.SIGSTOP)
        # Two by turns: the kernel drops what is like the one before.
        for number in range(limit // 2 + 100):
            for name in ("one", "two"):
                os.chmod(os.path.join(self.a, name), 0o600 + number % 2)
        self.write(self.a, "lost/deep/new", "new")
        os.rename(os.path.join(self.a, "old"), os.path.join(self.a, "moved"))
        self.remove(self.a, "gone")
        self.process.send_signal(signal.SIGCONT)
        self.settles()
        self.assertNotIn("gone", self.names(self.b))
        # Nobody has told of these directories: they are watched only after a look at everything. Until it
        # rests, what it wrote itself would make it look again.
        time.sleep(2)
        for name in ("lost/deep/more", "moved/deep/file"):
            self.write(self.a, name, "written after all was lost")
            self.settles()
        self.end()


if __name__ == "__main__":
    lab.main()
