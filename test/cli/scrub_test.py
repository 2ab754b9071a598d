"""Bytes that changed while no time stamp did, found by reading all files again."""

import time

import lab
import mounts

RIGHT, DAMAGED = b"the only photo\n" * 300, b"THE only photo\n" * 300


class Scrub(mounts.MountLab):
    """b is a disk of its own whose blocks are changed behind the file system's back."""

    def setUp(self):
        super().setUp()
        self.image = self.mount_ext4(self.b, 8)
        self.write(self.a, "photo", RIGHT)
        self.write(self.a, "other", "other")
        self.sync()
        self.let_times_grow_old()
        self.assert_quiet(self.a, self.b)

    def let_times_grow_old(self):
        time.sleep(3)
        self.sync()

    def damage(self):
        self.need("umount", self.b)
        with open(self.image, "r+b") as disk:
            place = disk.read().index(RIGHT)
            disk.seek(place)
            disk.write(DAMAGED)
        self.mount(self.b, "-o", "loop", self.image)
        self.assertEqual(self.read(self.b, "photo"), DAMAGED)

    def test_damage_is_found_told_and_taken_back(self):
        self.damage()
        self.assert_quiet(self.a, self.b)
        answer = self.run_program("check", self.a, self.b, "--scrub", code=lab.DIFFERENT)
        self.assertIn("photo", answer.err + answer.out)
        self.assertEqual(self.read(self.a, "photo"), RIGHT)

        answer = self.sync("--scrub", "--json")
        told = [line for line in answer.of_type("event") if line.get("code") == "changed_unseen"]
        self.assertEqual([line["path"] for line in told], ["photo"], str(answer))
        self.assertEqual(answer.summary()["read_again"], 3)
        self.assertEqual(self.read(self.a, "photo"), DAMAGED)

        self.run_program("undo", str(answer.summary()["run"]), self.a, self.b, code=lab.IN_SYNC)
        self.sync()
        for root in (self.a, self.b):
            self.assertEqual(self.read(root, "photo"), RIGHT)

    def test_a_scrub_that_is_due_comes_by_itself(self):
        self.damage()
        self.sync("--scrub-every", "30d")
        self.assertEqual(self.read(self.a, "photo"), DAMAGED)
        self.assertEqual(self.sync("--scrub-every", "30d", "--json").summary()["read_again"], 0)

    def test_when_all_is_right_it_says_so(self):
        answer = self.sync("--scrub")
        self.assertIn("4 files were read again and found right", answer.out)
        self.run_program("sync", self.a, self.b, "--scrub", "--compare", "size", code=lab.USAGE)


if __name__ == "__main__":
    mounts.main()
