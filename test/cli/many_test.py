"""Very many entries: the memory of a run does not grow with the tree.

MANY says how many (`make many` tries a million); CI is content with fewer.
"""

import os
import signal
import time

import lab
import mounts

MANY = int(os.environ.get("MANY", "6000" if lab.SANITIZED else "100000"))
MOST_KIB = 200 * 1024
PER_FOLDER = 250


class Many(mounts.MountLab):
    def setUp(self):
        super().setUp()
        # In memory: the test is of our memory and not of a disk.
        self.need("mount", "-t", "tmpfs", "-o", "size=90%,nr_inodes=0", "none", self.place)
        self.unmount_at_the_end(self.place)
        for folder in (self.a, self.b):
            os.mkdir(folder)

    def measured(self, *words, code=lab.IN_SYNC):
        """Runs the program and holds its peak memory to the promise."""
        process = self.start(*words, "--json", "-q")
        signal.alarm(3600)
        out, err = process.stdout.read(), process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        signal.alarm(0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        process.stderr.close()
        answer = lab.Answer(words, lab.subprocess.CompletedProcess(words, process.returncode, out, err))
        self.assertEqual(answer.code, code, str(answer)[-2000:])
        print(f"{' '.join(words[:1])}: {usage.ru_maxrss / 1024:.0f} MiB, {usage.ru_utime + usage.ru_stime:.1f} s", flush=True)
        if not lab.SANITIZED:
            self.assertLessEqual(usage.ru_maxrss, MOST_KIB)
        return answer.summary()

    def sync_measured(self, **more):
        return self.measured("sync", self.a, self.b, "--max-delete", "none", **more)

    def count(self, root):
        return sum(len(folders) + len(files) for _, folders, files in os.walk(root)) - self.own(root)

    def own(self, root):
        own = os.path.join(root, ".syncoxiders")
        return 1 + sum(len(folders) + len(files) for _, folders, files in os.walk(own))

    def make_tree(self):
        made = 0
        for folder in range(0, MANY // (PER_FOLDER + 1)):
            place = os.path.join(self.a, f"{folder // 100}", f"{folder}")
            os.makedirs(place)
            for number in range(PER_FOLDER):
                descriptor = os.open(os.path.join(place, f"a name of some length {number}"), os.O_CREAT | os.O_WRONLY)
                if number % 50 == 0:
                    os.write(descriptor, b"%d/%d" % (folder, number))
                os.close(descriptor)
                made += 1
        return made

    @lab.unittest.skipIf(MANY < 30000, "so few entries are made visible in one batch")
    def test_an_interrupted_first_copy(self):
        made = self.make_tree()
        first = self.start("sync", self.a, self.b, "--max-delete", "none", "-q")
        last = os.path.join(self.b, "0", f"{min(60, MANY // (PER_FOLDER + 1) // 2)}")
        while not os.path.exists(last) and first.poll() is None:
            time.sleep(0.01)
        first.kill()
        first.communicate()
        summary = self.sync_measured()
        self.assertTrue(0 < summary["created"] < made, summary)
        self.assertEqual(self.count(self.a), self.count(self.b))
        self.assertEqual(self.sync_measured()["created"], 0)

    def test_a_first_copy_and_changes(self):
        made = self.make_tree()
        self.assertEqual(self.sync_measured()["created"], made)
        self.assertEqual(self.count(self.a), self.count(self.b))
        summary = self.sync_measured()
        self.assertEqual((summary["created"], summary["updated"], summary["removed"]), (0, 0, 0))
        # A large directory moves, in one rename; some files change here and there.
        os.rename(os.path.join(self.a, "0"), os.path.join(self.a, "moved"))
        for folder in range(100, MANY // (PER_FOLDER + 1), 7):
            self.write(self.b, f"{folder // 100}/{folder}/new", f"new in {folder}")
        summary = self.sync_measured()
        self.assertEqual((summary["moved"], summary["removed"]), (1, 0))
        self.assertEqual(self.count(self.a), self.count(self.b))
        self.measured("sync", self.a, self.b)


if __name__ == "__main__":
    mounts.main()
