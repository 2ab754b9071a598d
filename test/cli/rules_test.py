"""Named rules: one TOML file, read strictly."""

import os
import resource

import lab
from lab import Lab


class Rules(Lab):
    def setUp(self):
        super().setUp()
        self.rules = os.path.join(self.place, ".config", "syncoxiders", "rules.toml")
        os.makedirs(os.path.dirname(self.rules))

    def configure(self, text):
        with open(self.rules, "w", encoding="utf-8") as file:
            file.write(text)

    def photos(self, more="", roots=None):
        names = ", ".join(f'"{root}"' for root in roots or (self.a, self.b))
        self.configure(f"[rules.photos]\nroots = [{names}]\n{more}")

    def test_a_rule_syncs_by_its_name(self):
        self.photos('ignore = ["*.tmp"]\n' + f'ignore_on."{self.b}" = ["*.raw"]\n')
        for name in ("x.tmp", "x.raw", "x.jpg"):
            self.write(self.a, name, name)
        self.write(self.b, "only.raw", "raw")
        self.sync(roots=("photos",))
        self.assertEqual(self.names(self.b), ["only.raw", "x.jpg"])
        self.assertEqual(self.names(self.a), ["x.jpg", "x.raw", "x.tmp"])
        self.assert_quiet("photos")
        for words in (("status", "photos"), ("log", "photos"), ("log",), ("check", "photos"), ("check",)):
            self.run_program(*words, code=lab.IN_SYNC, cwd=self.a)
        answer = self.run_program("why", "x.raw", "--json", cwd=self.a)
        self.assertIn("rule photos on", answer.of_type("root")[1]["pattern"]["origin"])

    def assert_quiet(self, *roots, more=()):
        before = lab.identity(self.a), lab.identity(self.b)
        self.sync(*more, roots=roots)
        self.assertEqual(before, (lab.identity(self.a), lab.identity(self.b)))

    def test_options_of_the_rule_and_over_it(self):
        self.photos('mode = "one-way"\nmax_delete = "none"\ntransfers = 2\nbwlimit = "10M"\nmirror = true\n')
        self.write(self.a, "one", "1")
        self.sync(roots=("photos",))
        self.write(self.b, "own", "own")
        self.sync(roots=("photos",))
        self.assertEqual(self.names(self.b), ["one"])
        self.sync("--mode", "one-way", roots=("photos",))
        self.run_program("sync", "photos", "--mode", "copy", code=lab.USAGE)

    def test_list_show_and_path(self):
        self.photos('keep_mode = "older"\n')
        self.write(self.a, "one", "1")
        self.sync(roots=(self.a, self.c))
        listed = self.run_program("rules", "--json", code=lab.IN_SYNC)
        self.assertEqual([line["name"] for line in listed.of_type("named_rule")], ["photos"])
        self.assertEqual(len(listed.of_type("known_rule")), 1)
        shown = self.run_program("rules", "show", "photos", "--json", code=lab.IN_SYNC)
        self.assertEqual(shown.of_type("named_rule")[0]["keep_mode"], "older")
        self.run_program("rules", "show", "videos", code=lab.NOT_FOUND)
        self.assertEqual(self.run_program("rules", "path", "--json").summary()["rules_file"], self.rules)
        other = os.path.join(self.place, "other.toml")
        self.assertEqual(self.run_program("rules", "list", "--rules", other, "--json").of_type("named_rule"), [])

    def test_the_file_is_read_strictly(self):
        two = f'roots = ["{self.a}", "{self.b}"]\n'
        for text, says in (
            ("[rules.x]\n" + two + "colour = 1\n", ":3: unknown key 'colour'"),
            ("[rule.x]\n" + two, ":1: unknown key 'rule'"),
            ("[rules.x]\n" + two + 'mode = "both"\n', ":3: 'both' is no mode"),
            ("[rules.x]\n" + two + "auto_merge = 1\n", ":3: 'auto_merge' must be true or false"),
            ("[rules.x]\n" + two + 'keep_mode = "newer"\nmode = "copy"\n', "keep-mode"),
            ("[rules.x]\n" + two + 'ignore = "*.o"\n', ":3: 'ignore' must be a list"),
            ("[rules.x]\n" + two + f'ignore_on."{self.c}" = ["x"]\n', "which is no root of rule x"),
            ("[rules.x]\nroots = [\"a\", \"b\"]\n", ":2: 'a' must be an absolute path"),
            (f'[rules.x]\nroots = ["{self.a}"]\n', "two roots"),
            ("[rules.12]\n" + two, "can't be a rule's name"),
            ("[rules.x\n", ":1:"),
            ("[.x]\n" + two, ":1:"),
            ("[rules.x]\n" + two + "[rules.x]\n" + two, ":3:"),
        ):
            self.configure(text)
            answer = self.run_program("sync", "x", code=lab.USAGE)
            self.assertIn(says, answer.err, text)
            self.assertIn("rules.toml", answer.err)
        self.assert_nothing_ours(self.a, self.b)

    def test_a_root_out_of_reach_is_trouble_of_its_own_rule(self):
        far = "/" + "n" * 300
        self.configure(
            f'[rules.far]\nroots = ["{self.a}", "{far}"]\n[rules.near]\nroots = ["{self.a}", "{self.b}"]\n'
        )
        self.write(self.a, "one", "1")
        self.sync(roots=("near",))
        self.run_program("status", "near", code=lab.IN_SYNC)
        answer = self.sync(roots=("far",), code=lab.ROOT)
        self.assertIn("can't be reached", answer.err)

    def test_home_and_create(self):
        self.configure(f'[rules.home]\nroots = ["~/a", "~/fresh/deep"]\ncreate = true\n')
        self.write(self.a, "one", "1")
        self.sync(roots=("home",))
        self.assertEqual(self.names(os.path.join(self.place, "fresh/deep")), ["one"])

    def test_an_unknown_name(self):
        self.photos()
        self.run_program("sync", "videos", code=lab.USAGE)
        self.run_program("log", "videos", code=lab.NOT_FOUND)

    def test_other_folders_under_the_same_name_are_a_union(self):
        self.photos()
        self.write(self.a, "one", "1")
        self.sync(roots=("photos",))
        self.remove(self.b, "one")
        self.photos(roots=(self.a, self.c))
        self.write(self.c, "three", "3")
        self.sync(roots=("photos",))
        self.assertEqual(self.names(self.a), ["one", "three"])
        self.assert_same(self.a, self.c)
        self.assertEqual(self.names(self.b), [])

    def test_on_failure_tells(self):
        told = os.path.join(self.place, "told")
        command = 'echo "$SYNCOXIDERS_RULE $SYNCOXIDERS_EXIT_CODE" > ' + told
        self.photos(f"on_failure = '''{command}; echo noise'''\n", roots=(self.a, os.path.join(self.place, "gone")))
        answer = self.sync("--json", roots=("photos",), code=lab.ROOT)
        self.assertEqual(answer.summary()["exit_code"], lab.ROOT)
        with open(told, encoding="utf-8") as file:
            self.assertEqual(file.read(), "photos 5\n")
        os.remove(told)
        self.photos(f"on_failure = '''{command}; exit 3'''\n")
        self.sync(roots=("photos",))
        self.assertFalse(os.path.exists(told))

    def told(self):
        """What on_failure was told since this was asked last; None when it was not run."""
        path = os.path.join(self.place, "told")
        if not os.path.exists(path):
            return None
        text = self.read(self.place, "told").decode()
        os.remove(path)
        return text.strip().split(" ", 2)

    def tell(self, more=""):
        command = 'echo "$SYNCOXIDERS_RULE $SYNCOXIDERS_EXIT_CODE $SYNCOXIDERS_MESSAGE" >> ' + self.place + "/told"
        self.photos(f'max_delete = "0"\nbwlimit = "200K"\non_failure = \'\'\'{command}; {more}\'\'\'\n')

    def test_on_failure_is_told_in_each_case_what_is_wrong(self):
        self.tell()
        for name in ("one", "two"):
            self.write(self.a, name, name)
        self.sync(roots=("photos",))
        self.assertIsNone(self.told(), "all was well")
        self.remove(self.a, "one")
        for words, code in (("--dry-run",), lab.HELD), (("-n", "--max-delete", "none"), lab.IN_SYNC):
            self.sync(*words, roots=("photos",), code=code)
        self.run_program("check", "photos", code=lab.DIFFERENT)
        self.assertIsNone(self.told(), "that was only to look")
        self.sync(roots=("photos",), code=lab.HELD)
        self.assertEqual(self.told()[:2], ["photos", "3"])
        self.write(self.a, "large", b"x" * 3_000_000)
        small = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
        self.run_program("sync", "photos", "--max-delete", "none", "--bwlimit", "1G", code=lab.PARTLY, before=small)
        self.assertEqual(self.told(), ["photos", "4", "write: File too large"])
        process = self.start("sync", "photos")
        self.wait_until(lambda: self.is_at_work(process))
        self.sync(roots=("photos",), code=lab.LOCKED)
        name, code, message = self.told()
        self.assertEqual((name, code), ("photos", "6"))
        self.assertIn(f"pid {process.pid}", message)
        self.assertEqual(self.stop(process).code, lab.INTERRUPTED)
        self.assertIsNone(self.told(), "who interrupts it knows")

    def test_on_failure_that_fails_changes_no_exit_code(self):
        self.tell("echo noise; exit 3")
        self.write(self.a, "one", "1")
        self.sync(roots=("photos",))
        self.remove(self.a, "one")
        answer = self.sync("--json", roots=("photos",), code=lab.HELD)
        self.assertEqual(answer.summary()["exit_code"], lab.HELD)
        self.assertIn("noise", answer.err)
        self.assertIn("on_failure", answer.of_type("error")[0]["message"])
        self.assertIn("on_failure", self.sync(roots=("photos",), code=lab.HELD).err)

    def test_on_failure_of_a_watch(self):
        self.tell()
        self.write(self.a, "one", "1")
        process = self.start("watch", "photos")
        self.wait_until(lambda: os.path.exists(os.path.join(self.b, "one")))
        self.remove(self.a, "one")
        self.wait_until(lambda: os.path.exists(os.path.join(self.place, "told")))
        self.assertEqual(self.stop(process).code, lab.INTERRUPTED)
        self.assertEqual(self.told()[:2], ["photos", "3"])


class Places(Lab):
    """Where the state and the rules are when nobody says so on the command line."""

    def setUp(self):
        super().setUp()
        self.state = None
        self.write(self.a, "one", "1")
        self.home = os.path.join(self.place, "home")
        self.xdg = os.path.join(self.place, "xdg")
        for folder in (self.home, self.xdg):
            os.mkdir(folder)

    def kept_in(self, folder, **environment):
        """Syncs, and proves that the state is there and nowhere else."""
        self.sync(HOME=self.home, **environment)
        found = {at for at, _, names in os.walk(self.place) for name in names if name.endswith((".db", ".lock"))}
        self.assertEqual(found, {folder})
        told = self.run_program("rules", "path", "--json", HOME=self.home, **environment).summary()
        self.assertEqual(told["state_folder"], folder)
        self.assertEqual(len(self.run_program("log", "--json", HOME=self.home, **environment).of_type("run")), 1)
        lab.shutil.rmtree(folder)
        self.remove(self.b, "one")

    def test_the_state(self):
        at_home = os.path.join(self.home, ".local/state/syncoxiders")
        self.kept_in(at_home)
        self.kept_in(os.path.join(self.xdg, "syncoxiders"), XDG_STATE_HOME=self.xdg)
        # The specification says that a relative path is to be ignored.
        for relative in ("relative", "", "./xdg"):
            self.kept_in(at_home, XDG_STATE_HOME=relative)
        self.assertIn("HOME", self.run_program("sync", self.a, self.b, HOME="", code=lab.USAGE).err)
        self.assertEqual(self.names(self.b), [])

    def test_the_rules(self):
        for folder, environment in (
            (os.path.join(self.home, ".config"), {}),
            (self.xdg, {"XDG_CONFIG_HOME": self.xdg}),
            (os.path.join(self.home, ".config"), {"XDG_CONFIG_HOME": "relative"}),
        ):
            rules = os.path.join(folder, "syncoxiders/rules.toml")
            self.write(self.place, rules, f'[rules.photos]\nroots = ["{self.a}", "{self.b}"]\n')
            self.sync(roots=("photos",), HOME=self.home, **environment)
            self.assertEqual(self.names(self.b), ["one"])
            told = self.run_program("rules", "path", "--json", HOME=self.home, **environment).summary()
            self.assertEqual(told["rules_file"], rules)
            os.remove(rules)
            self.sync(roots=("photos",), HOME=self.home, **environment, code=lab.USAGE)


if __name__ == "__main__":
    lab.main()
