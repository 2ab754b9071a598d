"""An episode: fresh folders on one ground, some rounds of edits and trouble, and quiet, in which all must be well."""

import os
import random
import shutil
import tempfile
import time

import clocks
import disks
import lab
import mounts
import oracle
import plan
import runs
import texts
import user
from grounds import GROUNDS, STATE_GROUNDS

PLAIN = ("--max-delete", "none")
MOST_PLAIN_RUNS = 5
WATCH_S = 0.7  # the time that fractions of a watch are fractions of
STOPPED_AT_LEAST_S = 0.02


class Violation(Exception):
    """What must never be. Its text says it all."""


class Episode(mounts.MountLab):
    """A lab that nobody runs as a test: it has the means of one."""

    def __init__(self, ground, seed, rounds, allowed, tally, tamper=None):
        super().__init__()
        self.ground, self.seed, self.rounds, self.allowed, self.tally = GROUNDS[ground], seed, rounds, allowed, tally
        self.tamper = tamper  # shows that the oracle sees what it is to see
        self.steps = []
        self.number = 0

    def runTest(self):
        pass

    # From first to last ---------------------------------------------------------------------------

    def play(self):
        """None, or what was violated. Raises SkipTest where this machine has no such ground."""
        self.setUp()
        try:
            self.lay_out()
            self.fill()
            for self.number in range(1, self.rounds + 1):
                self.play_round(plan.draw(self.chance, len(self.roots), self.allowed, self.large))
                self.tally["rounds"] += 1
                if self.chance.random() < 0.2 or self.number == self.rounds:
                    self.come_to_rest()
                    self.calm_lap()
        except Violation as violation:
            return f"{violation}\n{self.keep()}"
        finally:
            self.doCleanups()
        return None

    def lay_out(self):
        self.chance = random.Random(f"{self.seed} {self.ground.name}")
        self.disk = self.state_disk = None
        folder, disk = (os.path.join(self.place, name) for name in ("folder", "disk"))
        os.makedirs(os.path.join(folder, "bin"))
        if self.ground.is_disk:
            self.disk = disks.Disk(self, self.ground, disk)
            os.makedirs(os.path.join(disk, "bin"))
        self.roots = []
        for label in "abcd"[: self.chance.choice((2, 2, 3, 4))]:
            there = bool(self.disk) and (label == "a" or self.chance.random() < 0.5)
            home = disk if there else folder
            path = os.path.join(home, label)
            os.mkdir(path)
            self.roots.append(user.Root(path, self.ground if there else GROUNDS["folder"], os.path.join(home, "bin")))
        self.lay_out_state()
        self.paths = [root.path for root in self.roots]
        self.oracle = oracle.Oracle()
        self.user = user.User(self.roots, self.oracle)
        self.clock = clocks.Clock(self.place)
        self.large = 3 << 20 if self.disk else 20 << 20
        self.usual_s = 0.1  # what a run takes here
        self.shift_s = 0

    def lay_out_state(self):
        kind, apart = self.chance.choice(STATE_GROUNDS), self.chance.random() < 0.7
        if not apart or not {"full", "read-only"} & set(self.allowed):
            return
        where = os.path.join(self.place, "statedisk")
        try:
            self.state_disk = disks.Disk(self, GROUNDS[kind], where)
        except lab.unittest.SkipTest:
            return
        self.state = os.path.join(where, "state")

    def fill(self):
        for _ in range(self.chance.randrange(10, 30)):
            edit = user.Edit.draw(self.chance, len(self.roots), ("create", "create", "create", "link"), 200_000)
            self.do(edit)

    def step(self, text):
        self.steps.append(f"round {self.number}: {text}")

    def do(self, edit):
        self.user.clock_shift_s = self.shift_s
        self.step(self.user.do(edit))
        self.tally["edits"] += 1
        if not self.user.alone:
            self.tally["edits during a run"] += 1

    # One round ------------------------------------------------------------------------------------

    def play_round(self, round_):
        self.shift_s = round_.shift_s
        if not round_.lasts:
            self.heal()
        target = (self.state_disk or self.disk) if round_.on_state else (self.disk or self.state_disk)
        if not target:
            round_.strike = ""
        for edit in round_.before:
            self.do(edit)
        if round_.strike and round_.strike_at is None:
            self.strike(round_, target, None)
        environment = {}
        if round_.shift_s:
            self.clock.set(round_.shift_s)
            environment = self.clock.environment
            self.step(f"the clock is off by {round_.shift_s} s")
        in_trouble = self.in_trouble()
        run = self.begin(round_, environment)
        self.user.alone = False
        for moment, what in self.events(round_, run):
            run.wait_until(moment)
            in_trouble |= bool(self.happen(what, round_, target, run))
        self.end(round_, run)
        self.user.alone = True
        self.judge(round_, run, in_trouble or self.in_trouble())

    def in_trouble(self):
        return any(disk and (disk.full or disk.frozen) for disk in (self.disk, self.state_disk))

    def begin(self, round_, environment):
        run = runs.Run(self, (round_.command, *self.paths, *PLAIN, *round_.manner), environment)
        self.step(f"{round_.command} {' '.join(round_.manner)} begins")
        if round_.command == "watch" and round_.waits:
            run.wait_for('"type":"watching"', lab.PATIENCE_S)
        return run

    def events(self, round_, run):
        """(moment, what), in their order."""
        takes = WATCH_S if round_.command == "watch" else self.usual_s * 1.1
        begun = time.monotonic() if round_.command == "watch" else run.begun
        events = [(edit.at, edit) for edit in round_.during]
        events += [(at, "look") for at in (0.4, 0.9)]
        if round_.strike and round_.strike_at is not None:
            events.append((round_.strike_at, "strike"))
        if round_.strike and round_.relief_at is not None:
            events.append((round_.relief_at, "relief"))
        if round_.shift_later_s is not None:
            events.append((round_.shift_at, "clock"))
        if round_.kill is not None:
            events.append((round_.kill, "kill"))
        if round_.stop is not None:
            events += [(round_.stop[0], "stop"), (round_.stop[1], "go on")]
        return [(begun + at * takes, what) for at, what in sorted(events, key=lambda event: event[0])]

    def happen(self, what, round_, target, run):
        """True when a disk was in trouble meanwhile."""
        if isinstance(what, user.Edit):
            self.do(what)
        elif what == "look":
            self.nothing_is_torn()
        elif what == "strike":
            return self.strike(round_, target, run)
        elif what == "relief" and target.frozen != "broken":
            target.heal()
            self.step(f"{target} is well again")
        elif what == "clock" and run.is_live():
            self.clock.set(round_.shift_later_s)
            self.shift_s = round_.shift_later_s
            self.step(f"the clock is off by {round_.shift_later_s} s now")
            self.tally["clock: changed during a run"] += 1
        elif what == "kill" and run.kill():
            self.step("killed")
            self.tally[f"kill: hit a {round_.command}"] += 1
        elif what == "stop" and run.stop():
            self.step("stopped")
            self.tally[f"stop: hit a {round_.command}"] += 1
            time.sleep(STOPPED_AT_LEAST_S)
        elif what == "go on":
            run.go_on()
        return False

    def strike(self, round_, target, run):
        """During a run, or before it when there is none. True when it struck."""
        when = "before a run" if run is None else "during a run"
        if run is not None and not run.is_live():
            return False
        if round_.strike == "full" and not target.frozen and not target.full:
            target.fill(round_.leave)
        elif round_.strike == "read-only" and not target.frozen:
            end = time.monotonic() + 0.05
            while not target.freeze() and time.monotonic() < end:
                time.sleep(0.0005)
            if not target.frozen and not target.break_down():
                self.tally["read-only: refused, files were open"] += 1
                return False
            when += f", {target.frozen}"
        else:
            return False
        what = "state" if target is self.state_disk else "root"
        if run is None or run.is_live():
            self.tally[f"{round_.strike}: disk of a {what}, {when}"] += 1
        self.step(f"{target} is {round_.strike}, {when}")
        return True

    def end(self, round_, run):
        run.go_on()
        if round_.command == "watch" and not run.by_us:
            run.interrupt()
        if not run.end():
            raise Violation(f"{round_.command} hangs: {run.said()[-3000:]}")
        if round_.command == "sync" and not run.by_us and not round_.manner and not round_.stop:
            self.usual_s = 0.8 * self.usual_s + 0.2 * run.ended_s
        if round_.shift_s:
            clocks.Clock.clean_up(run.process.pid)

    def judge(self, round_, run, in_trouble):
        self.step(f"it ended with {run.process.returncode} after {time.monotonic() - run.begun:.3f} s")
        wrong = run.wrong_code(in_trouble)
        if wrong:
            raise Violation(wrong)
        said = run.said()
        for kind, code in (("full", "no_space"), ("read-only", "read_only")):
            if f'"code":"{code}"' in said:
                self.tally[f"{kind}: a run met it"] += 1
        if in_trouble or '"union"' in said:
            self.oracle.deletes_may_be_undone()
        if round_.shift_s and not self.in_trouble():
            record = clocks.last_run(self)
            if record and abs(clocks.shift_seen(record) - round_.shift_s) < clocks.NEAR_S:
                self.tally["clock: seen set back" if round_.shift_s < 0 else "clock: seen set forward"] += 1
        self.user.look_into_bins()
        self.nothing_is_torn()
        self.none(self.oracle.lost(self.paths))
        run.end_hard()

    def none(self, complaints):
        complaints = list(complaints)
        if complaints:
            raise Violation("\n".join(complaints[:10]))

    def nothing_is_torn(self):
        self.none(self.oracle.torn(self.paths))
        self.tally["looks"] += 1

    def heal(self):
        for disk in (self.disk, self.state_disk):
            if disk and (disk.full or disk.frozen):
                self.step(f"{disk} is well again")
                disk.heal()

    # Quiet ----------------------------------------------------------------------------------------

    def come_to_rest(self):
        """All trouble is over: plain runs make all the same, and then do nothing."""
        self.heal()
        self.shift_s = 0
        self.user.empty_bins()
        self.runs_until_in_sync()
        if self.tamper:
            self.tamper(self)
        step_ns = max(root.ground.step_ns for root in self.roots)
        self.nothing_is_torn()
        self.none(oracle.different(self.paths, step_ns, all(root.ground.modes for root in self.roots)))
        self.none(oracle.leftovers(self.paths))
        self.none(self.oracle.lost(self.paths))
        self.none(self.oracle.hidden(self.paths))
        self.none(self.oracle.came_back(self.paths))
        self.tally["deletes that had to stick"] += len(self.oracle.deleted)
        self.nothing_is_done()
        self.oracle.all_in_sync(self.paths[0])
        self.tally["times at rest"] += 1

    def runs_until_in_sync(self):
        for _ in range(MOST_PLAIN_RUNS):
            answer = self.run_program("sync", *self.paths, *PLAIN, "--json")
            self.step(f"plain sync: {answer.code}")
            if answer.code == lab.IN_SYNC:
                if '"union"' in answer.out:
                    self.oracle.deletes_may_be_undone()
                return
            if answer.code not in runs.CODES_IN_TROUBLE:
                break
        raise Violation(f"it does not come to rest: {answer}")

    def nothing_is_done(self):
        before = {path: lab.identity(path) for path in self.paths}
        answer = self.run_program("sync", *self.paths, *PLAIN, "--json")
        after = {path: lab.identity(path) for path in self.paths}
        if answer.code != lab.IN_SYNC:
            raise Violation(f"another run answered {answer.code}: {answer}")
        self.none(oracle.stirred(before, after, answer.summary()))

    def calm_lap(self):
        """One-sided changes of files that nobody else touches: exactly these cross, and nothing conflicts."""
        expected = lab.contents(self.paths[0])
        files = sorted(os.fsdecode(path) for path in expected if expected[path])
        if len(files) < 5:
            return
        chance = random.Random(f"{self.seed} calm {self.number}")
        deleted, edited, saved, moved = chance.sample(files, 4)
        target = f"calm-{self.number}"
        for kind, path, other in (
            ("delete", deleted, ""),
            ("edit in place", edited, ""),
            ("save", saved, ""),
            ("move", moved, target),
        ):
            edit = user.Edit(kind, chance.randrange(len(self.roots)), path, other, 0.7, 1000, 0)
            self.do(edit)
            root = self.paths[edit.root]
            for name in (path, other):
                expected.pop(os.fsencode(name), None)
                if name and oracle.is_regular(os.path.join(root, name)):
                    expected[os.fsencode(name)] = texts.read(os.path.join(root, name))
        answer = self.run_program("sync", *self.paths, *PLAIN, "--json")
        self.step(f"plain sync: {answer.code}")
        if answer.code != lab.IN_SYNC or answer.summary()["conflicts"]:
            raise Violation(f"one-sided changes after all was quiet: {answer}")
        for path in self.paths:
            if lab.contents(path) != expected:
                raise Violation(f"one-sided changes crossed otherwise to {path}: {self.both(expected, path)}")
        self.user.empty_bins()
        self.nothing_is_done()
        self.oracle.all_in_sync(self.paths[0])

    def both(self, expected, path):
        short = {name: texts.token_of(text) for name, text in expected.items()}
        there = {name: texts.token_of(text) for name, text in lab.contents(path).items()}
        return sorted(short.items() ^ there.items())

    # For whoever looks into it --------------------------------------------------------------------

    def keep(self):
        """Copies of all folders and of the state, and the steps; mounts do not outlive us."""
        kept = tempfile.mkdtemp(prefix=f"syncoxiders-soak-{self.seed}-{self.ground.name}-")
        for path in (*self.paths, self.state):
            try:
                shutil.copytree(path, os.path.join(kept, os.path.basename(path)), symlinks=True)
            except (OSError, shutil.Error) as error:
                self.step(f"could not keep {path}: {error}")
        for name in ("out", "err"):
            if os.path.exists(os.path.join(self.place, name)):
                shutil.copy(os.path.join(self.place, name), kept)
        with open(os.path.join(kept, "steps"), "w", encoding="utf-8", errors="surrogateescape") as file:
            file.writelines(step + "\n" for step in self.steps)
        return f"The folders are kept in {kept}"
