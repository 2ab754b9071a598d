"""A disk that is full: said once and clearly, nothing torn, nothing lost, and room is all it takes."""

import errno
import os

import lab
import mounts

MEBIBYTE = 1 << 20


class Full(mounts.MountLab):
    def whole(self):
        """What stands on both sides is the same on both, and the source has all it had."""
        there = lab.contents(self.a)
        for path, text in lab.contents(self.b).items():
            self.assertEqual(text, there.get(path, text), f"{path!r} is torn")

    def comes_in_sync(self, *more):
        """What is replaced stays in the trash of its run, so room may take a run or two."""
        for _ in range(4):
            if self.sync("--max-delete", "none", *more, code=None).code == lab.IN_SYNC:
                break
        else:
            self.fail("room was made, but it never came in sync")
        self.assertEqual(lab.contents(self.a), lab.contents(self.b))
        self.assert_no_leftovers(self.a, self.b)
        self.assert_quiet(self.a, self.b, more=("--max-delete", "none"))

    def fill_and_make_room(self):
        self.write(self.b, "own", "own")
        for number in range(14):
            self.write(self.a, f"{number}", os.urandom(MEBIBYTE))
        before = lab.contents(self.a)
        for _ in range(2):
            answer = self.sync(code=lab.PARTLY)
            self.assertEqual(answer.err.count("No space left on device"), 1, str(answer))
            self.assertIn("b: ", answer.err)
            self.assertIn("make room", answer.err)
            self.assertEqual(before, {path: text for path, text in lab.contents(self.a).items() if path != b"own"})
            self.whole()
        problems = self.run_program("status", "--json").of_type("rule")[0]["problems"]
        self.assertEqual([(problem["code"], problem["replica"]) for problem in problems], [("no_space", "b")])
        for number in range(10):
            self.remove(self.a, f"{number}")
        self.comes_in_sync("--trash-size", "0")
        self.assertEqual(self.read(self.b, "own"), b"own")

    def test_tmpfs(self):
        self.mount_tmpfs(self.b, "8m")
        self.fill_and_make_room()

    def test_ext4(self):
        self.mount_ext4(self.b, 10)
        self.fill_and_make_room()

    def test_to_the_last_block(self):
        """Not even our own mark can be renewed: nothing is done to that folder."""
        self.mount_ext4(self.b, 8)
        self.write(self.a, "one", "1")
        self.sync()
        self.fill_up()
        self.write(self.a, "two", "2")
        answer = self.sync(code=lab.PARTLY)
        self.assertEqual(answer.err.count("No space left on device"), 1, str(answer))
        self.assertIn("b: ", answer.err)
        self.assertNotIn("two", self.names(self.b))
        os.remove(os.path.join(self.b, "filler"))
        self.comes_in_sync()
        self.assertEqual(self.names(self.b), ["one", "two"])

    def test_to_the_last_block_of_one_of_three(self):
        self.mount_ext4(self.b, 8)
        roots = (self.a, self.b, self.c)
        self.write(self.a, "one", "1")
        self.sync(roots=roots)
        self.fill_up()
        self.write(self.a, "two", "2")
        self.sync(roots=roots, code=lab.PARTLY)
        self.assertEqual(self.names(self.c), ["one", "two"], "the others go on")
        os.remove(os.path.join(self.b, "filler"))
        self.sync(roots=roots)
        self.assert_same(*roots)

    def test_of_one_of_three_does_not_stop_the_others(self):
        self.mount_tmpfs(self.b, "2m")
        roots = (self.a, self.b, self.c)
        for number in range(8):
            self.write(self.a, f"{number}", os.urandom(500_000))
        self.write(self.c, "small", "small")
        answer = self.sync("--json", roots=roots, code=lab.PARTLY)
        self.assertEqual(lab.contents(self.a), lab.contents(self.c))
        self.assertEqual(len(lab.contents(self.a)), 9)
        self.assertIn("no_space", {line.get("code") for line in answer.of_type("event")})
        whole = lab.contents(self.a)
        for path, text in lab.contents(self.b).items():
            self.assertEqual(text, whole[path], "a torn file")
        self.need("mount", "-o", "remount,size=16m", self.b)
        self.sync(roots=roots)
        self.assertEqual(lab.contents(self.a), lab.contents(self.b))

    def fill_up(self, where=None):
        with open(os.path.join(where or self.b, "filler"), "wb", buffering=0) as file:
            for size in (MEBIBYTE, 4096, 512):
                try:
                    while file.write(b"x" * size) == size:
                        pass
                except OSError as error:
                    self.assertEqual(error.errno, errno.ENOSPC)
            os.fsync(file.fileno())

    def test_of_our_own_trash(self):
        self.mount_ext4(self.b, 10)
        for turn in range(6):
            self.write(self.a, "big", os.urandom(2 * MEBIBYTE))
            answer = self.sync("--trash-size", "3M", code=None)
            self.assertIn(answer.code, (lab.IN_SYNC, lab.PARTLY), str(answer))
        self.comes_in_sync("--trash-size", "0")

    def test_of_the_state(self):
        self.state = self.c
        self.mount_tmpfs(self.c, "64k")
        self.write(self.c, "filler", b"x" * 60_000)
        for number in range(50):
            self.write(self.a, f"{number}", f"{number}")
        answer = self.run_program("sync", self.a, self.b, code=lab.STATE)
        self.assertIn("no space", answer.err)
        self.assertIn("make room", answer.err)
        self.assertNotIn("move the file away", answer.err)
        self.assertEqual(len(lab.contents(self.a)), 50)
        self.whole()
        os.remove(os.path.join(self.c, "filler"))
        self.need("mount", "-o", "remount,size=8m", self.c)
        self.sync()
        self.assert_same(self.a, self.b)
        # And while it knows much already.
        room = os.statvfs(self.c)
        used = (room.f_blocks - room.f_bfree) * room.f_frsize
        self.need("mount", "-o", f"remount,size={used + 65536}", self.c)
        for number in range(4000):
            self.write(self.a, f"many/{number % 40}/{number}", f"{number}")
        answer = self.run_program("sync", self.a, self.b, code=lab.STATE)
        self.assertIn("make room", answer.err)
        self.assertNotIn("move the file away", answer.err)
        self.whole()
        self.need("mount", "-o", "remount,size=64m", self.c)
        self.sync()
        self.assert_same(self.a, self.b)
        self.assert_quiet(self.a, self.b)

    def test_of_the_state_where_each_store_takes_room(self):
        """What is mapped is no exception there: the process gets a SIGBUS, and shall say more than that."""
        self.state = self.c
        self.mount(self.c, "-t", "btrfs", "-o", "loop", self.image(160, "mkfs.btrfs", "-q"))
        self.write(self.a, "one", "1")
        process = self.start("watch", self.a, self.b)
        self.wait_until(lambda: "one" in self.names(self.b))
        self.fill_up(self.c)
        for number in range(200):
            self.write(self.a, f"{number}", f"{number}")
        answer = self.end_of(process)
        self.assertEqual(answer.code, lab.STATE, str(answer))
        self.assertIn("make room", answer.err)
        os.remove(os.path.join(self.c, "filler"))
        self.need("sync", "-f", self.c)
        self.comes_in_sync()


if __name__ == "__main__":
    mounts.main()
