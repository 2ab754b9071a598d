"""Unusually many deletes wait for a person, and so does an empty folder."""

import os
import shutil

import lab
from lab import Lab


class Budget(Lab):
    def setUp(self):
        super().setUp()
        for number in range(30):
            self.write(self.a, f"dir/{number}", f"{number}")
        self.sync()

    def test_many_deletes_are_held_until_approved(self):
        limit = ("--max-delete", "10,30%")
        self.remove(self.a, "dir")
        self.write(self.a, "new", "new")
        answer = self.sync(*limit, "--json", code=lab.HELD)
        self.assertGreaterEqual(len(answer.summary()["held"]), 30)
        self.assertIn("delete dir/7", answer.summary()["held"])
        self.assertEqual(len(self.names(self.b)), 32, "nothing held is done, all else is")
        self.sync(*limit, code=lab.HELD)
        listed = self.run_program("approve", "--list", "--json", code=lab.IN_SYNC)
        self.assertEqual(listed.summary()["approved"], 0)
        self.assertEqual(sorted(line["name"] for line in listed.of_type("held")), sorted(answer.summary()["held"]))
        self.assertEqual(self.run_program("why", "dir/7", "--json").summary()["held"], ["delete dir/7"])
        self.sync(*limit, code=lab.HELD)
        self.assertGreaterEqual(self.run_program("approve", "--json", code=lab.IN_SYNC).summary()["approved"], 30)
        self.sync(*limit)
        self.assertEqual(self.names(self.b), ["new"])
        self.assertEqual(self.run_program("approve", "--json").summary()["held"], 0)
        self.assert_quiet(self.a, self.b, more=limit)

    def test_an_approval_covers_what_was_shown_and_no_more(self):
        limit = ("--max-delete", "10,30%")
        for number in range(15):
            self.remove(self.a, f"dir/{number}")
        self.sync(*limit, code=lab.HELD)
        self.run_program("approve", code=lab.IN_SYNC)
        for number in range(15, 28):
            self.remove(self.a, f"dir/{number}")
        self.sync(*limit, code=lab.HELD)
        self.assertEqual(len(self.names(self.b)), 31)

    def test_a_budget_can_be_switched_off(self):
        self.remove(self.a, "dir")
        self.sync("--max-delete", "0", code=lab.HELD)
        self.sync("--max-delete", "none")
        self.assertEqual(self.names(self.b), [])

    def test_renames_are_no_deletes(self):
        os.rename(os.path.join(self.a, "dir"), os.path.join(self.a, "moved"))
        self.sync("--max-delete", "0")
        self.assertEqual(len(self.names(self.b)), 31)


class EmptyRoot(Lab):
    def test_an_emptied_folder_without_our_mark_is_held(self):
        for number in range(3):
            self.write(self.a, f"{number}", f"{number}")
        self.sync()
        shutil.rmtree(self.b)
        os.mkdir(self.b)
        answer = self.sync(code=lab.HELD)
        self.assertIn("mounted", answer.err)
        self.assertEqual(len(self.names(self.a)), 3)
        self.assertEqual(self.names(self.b), [])
        self.run_program("approve", code=lab.IN_SYNC)
        self.sync()
        self.assertEqual(len(self.names(self.b)), 3, "a union: the files come back, none is deleted")
        self.assert_quiet(self.a, self.b)

    def test_a_folder_that_a_person_emptied_is_emptied(self):
        self.write(self.a, "one", "1")
        self.sync()
        self.remove(self.b, "one")
        self.sync()
        self.assertEqual(self.names(self.a), [])


if __name__ == "__main__":
    lab.main()
