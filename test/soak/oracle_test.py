"""The oracle is shown what it is to see: folders in which all is well, and then is not."""

import collections
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli")]

import episode  # noqa: E402
import lab  # noqa: E402
import oracle  # noqa: E402
import texts  # noqa: E402


def files_of(one, least=1):
    """Paths of living texts in the first root, the same in all, that stand nowhere else."""
    trashed = {text for root in one.paths for text in lab.trash_of(root)}
    found = lab.contents(one.paths[0])
    standing = collections.Counter(found.values())
    return sorted(
        path
        for path, text in found.items()
        if len(text) >= least and texts.token_of(text) in one.oracle.living and standing[text] == 1 and text not in trashed
    )


def wholes(one, path):
    return [os.path.join(os.fsencode(root), path) for root in one.paths]


class Tampered(unittest.TestCase):
    """A short episode of the real program, in which somebody tampers with the folders just before they are judged."""

    def setUp(self):
        place = tempfile.mkdtemp(prefix="syncoxiders-oracle-")
        self.addCleanup(shutil.rmtree, place)
        self.addCleanup(setattr, tempfile, "tempdir", tempfile.tempdir)
        tempfile.tempdir = place  # what a violation keeps goes with it

    def verdict(self, tamper, seed=5):
        return episode.Episode("folder", seed, 3, (), collections.Counter(), tamper).play()

    def assert_seen(self, words, tamper):
        verdict = self.verdict(tamper)
        self.assertIsNotNone(verdict, "it was not seen")
        self.assertIn(words, verdict)

    def test_nothing_is_seen_where_nothing_is(self):
        self.assertIsNone(self.verdict(lambda one: None))

    def test_a_cut_file(self):
        self.assert_seen("holds what nobody wrote", lambda one: os.truncate(wholes(one, files_of(one, 40)[0])[0], 40))

    def test_a_file_cut_to_whole_lines(self):
        def tamper(one):
            path = wholes(one, files_of(one, 2 * texts.LINE_BYTES)[0])[0]
            os.truncate(path, texts.LINE_BYTES)

        self.assert_seen("holds what nobody wrote", tamper)

    def test_a_changed_byte(self):
        def tamper(one):
            for path in wholes(one, files_of(one)[0]):
                status = os.stat(path)
                with open(path, "r+b") as file:
                    file.seek(status.st_size // 2)
                    byte = file.read(1)
                    file.seek(-1, os.SEEK_CUR)
                    file.write(bytes([byte[0] ^ 1]))
                os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

        self.assert_seen("holds what nobody wrote", tamper)

    def test_a_mix_of_two_texts(self):
        def tamper(one):
            path = wholes(one, files_of(one, 2 * texts.LINE_BYTES)[0])[0]
            with open(path, "r+b") as file:
                file.seek(texts.LINE_BYTES)
                file.write(texts.make(1, texts.LINE_BYTES))

        self.assert_seen("holds what nobody wrote", tamper)

    def test_what_nobody_wrote(self):
        def tamper(one):
            for path in wholes(one, b"stranger"):
                pathlib.Path(os.fsdecode(path)).write_bytes(texts.make(9_999_999, 1000))

        self.assert_seen("holds what nobody wrote", tamper)

    def test_the_only_copy_is_deleted(self):
        """From every root, so that all are the same."""

        def tamper(one):
            for path in wholes(one, files_of(one)[0]):
                os.remove(path)

        self.assert_seen("is lost", tamper)

    def test_an_edit_is_taken_back(self):
        """An older version, whole, in place of the newer one, everywhere."""

        def tamper(one):
            for path in wholes(one, files_of(one)[0]):
                pathlib.Path(os.fsdecode(path)).write_bytes(texts.make(1, 1000))
                os.utime(path, (1, 1))
                os.chmod(path, 0o644)

        self.assert_seen("is lost", tamper)

    def test_a_version_that_was_put_away(self):
        """It is not lost, but no tree shows it: in a trash, or still in a stage."""
        for place, name in (("trash", "kept"), ("stage", "resume-kept")):

            def tamper(one, place=place, name=name):
                first, *others = wholes(one, files_of(one)[0])
                away = os.path.join(one.paths[0], ".syncoxiders", place)
                os.makedirs(away, exist_ok=True)
                os.rename(first, os.fsencode(os.path.join(away, name)))
                for path in others:
                    os.remove(path)

            self.assert_seen("stands in no tree", tamper)

    def test_one_root_lacks_a_file(self):
        self.assert_seen("None in", lambda one: os.remove(wholes(one, files_of(one)[0])[1]))

    def test_other_times_and_modes(self):
        self.assert_seen("1000000000, ", lambda one: os.utime(wholes(one, files_of(one)[0])[1], (1, 1)))
        self.assert_seen(f"{0o707}, ", lambda one: os.chmod(wholes(one, files_of(one)[0])[1], 0o707))

    def test_a_staged_leftover(self):
        def tamper(one):
            stage = os.path.join(one.paths[0], ".syncoxiders", "stage")
            batch = os.path.join(stage, os.listdir(stage)[0], "batch-0123456789abcdef")
            os.mkdir(batch)
            pathlib.Path(batch, "1").write_bytes(texts.make(1, 100))

        self.assert_seen("was left behind", tamper)

    def test_a_delete_that_did_not_stick(self):
        def tamper(one):
            token = texts.token_of(lab.contents(one.paths[0])[files_of(one)[0]])
            one.oracle.deleted[token] = "a deleted it"

        self.assert_seen("but: a deleted it", tamper)

    def test_a_program_that_fails(self):
        self.addCleanup(setattr, lab, "PROGRAM", lab.PROGRAM)
        lab.PROGRAM = shutil.which("false")
        self.assertIn("answered 1", self.verdict(lambda one: None))


class Bookkeeping(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="syncoxiders-oracle-")
        self.addCleanup(shutil.rmtree, self.root)
        self.oracle = oracle.Oracle()

    def write(self, name, text):
        pathlib.Path(self.root, name).write_bytes(text)

    def test_what_was_replaced_by_one_who_had_seen_it_may_go(self):
        self.oracle.count = 2
        self.oracle.wrote(1)
        self.assertEqual(len(list(self.oracle.lost([self.root]))), 1)
        self.oracle.gave_up({1})
        self.oracle.wrote(2)
        self.write("two", texts.make(2, 100))
        self.assertEqual(list(self.oracle.lost([self.root])), [])

    def test_what_a_full_disk_took_of_the_users_own_write_is_no_torn_file(self):
        self.oracle.count = 1
        self.write("cut", texts.make(1, 100)[:30])
        self.assertEqual(len(list(self.oracle.torn([self.root]))), 1)
        self.oracle.was_cut(1, 100)
        self.assertEqual(list(self.oracle.torn([self.root])), [])

    def test_a_delete_that_somebody_opposed_may_be_undone(self):
        self.oracle.count = 2
        for token in (1, 2):
            self.write(f"{token}", texts.make(token, 100))
        self.oracle.all_in_sync(self.root)
        self.oracle.deleted_one({1, 2}, "deleted")
        self.oracle.touched({2})
        self.assertEqual(len(list(self.oracle.came_back([self.root]))), 1)

    def test_a_run_with_nothing_to_do(self):
        before = {"a": {b"file": (1, 2, 3, 4)}}
        self.assertEqual(list(oracle.stirred(before, before, {"created": 0})), [])
        self.assertEqual(len(list(oracle.stirred(before, {"a": {b"file": (9, 2, 3, 4)}}, {}))), 1)
        self.assertEqual(len(list(oracle.stirred(before, before, {"updated": 1}))), 1)

    def test_times_within_the_step_of_the_disk(self):
        other = tempfile.mkdtemp(prefix="syncoxiders-oracle-")
        self.addCleanup(shutil.rmtree, other)
        for root, second in ((self.root, 100), (other, 101)):
            path = os.path.join(root, "file")
            pathlib.Path(path).write_bytes(b"")
            os.utime(path, (second, second))
        self.assertEqual(len(list(oracle.different([self.root, other], 1, True))), 1)
        self.assertEqual(list(oracle.different([self.root, other], 2 * 10**9, True)), [])


if __name__ == "__main__":
    lab.main()
