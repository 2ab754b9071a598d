"""From a save to the moment at which the other folder shows it, while a program watches both."""

import os
import pathlib
import random
import shutil
import statistics
import subprocess
import time

SAVES = 200
QUICK_SAVES = 40
FILES = 10_000
QUICK_FILES = 1_000
PER_FOLDER = 100
LONGEST_S = 30
LOOK_EVERY_S = 0.001


def watchers(binaries, programs):
    """Those of the programs that can stay: name -> command."""
    wanted = {program.name for program in programs}
    found = {}
    if "syncoxiders" in wanted:
        found["syncoxiders watch"] = [str(binaries / "syncoxiders"), "watch", "{a}", "{b}", "--state", "{state}"]
    if "unison" in wanted and shutil.which("unison-fsmonitor"):
        found["unison -repeat watch"] = "unison -ui text -batch -auto -times -repeat watch -logfile {state}/log {a} {b}".split()
    return found


def measure(bench):
    """Name of a program -> seconds of every save; a program that does not show one in time is a failure."""
    quick = bench.options.quick
    delays = {}
    for name, template in watchers(bench.binaries, bench.programs).items():
        place = bench.work / ("delay-" + name.replace(" ", ""))
        folders = {key: str(place / key) for key in ("a", "b", "state")}
        for folder in folders.values():
            os.makedirs(folder)
        _fill(pathlib.Path(folders["a"]), QUICK_FILES if quick else FILES)
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": folders["state"], "UNISON": folders["state"]}
        process = subprocess.Popen(
            [part.format(**folders) for part in template],
            env=environment, stdin=subprocess.DEVNULL, stdout=bench.log, stderr=bench.log,
        )  # fmt: skip
        try:
            delays[name] = _save_many(folders, QUICK_SAVES if quick else SAVES)
        except TimeoutError as error:
            bench.failures.append(f"{name}: {error}")
        finally:
            process.terminate()
            process.wait()
    return delays


def _fill(root, files):
    for number in range(files):
        folder = root / f"{number // PER_FOLDER}"
        folder.mkdir(exist_ok=True)
        (folder / f"file {number}").write_text(f"{number}\n" * 100, encoding="ascii")


def _save_many(folders, saves):
    """Edits of either side, as editors save them: in place, by a rename over the old one, as a new file."""
    random.seed(1)
    _until_shown(folders["b"], "0/file 1", ("1\n" * 100).encode(), longest=300)
    time.sleep(3)
    delays = []
    for number in range(saves):
        side, other = ("a", "b") if random.random() < 0.5 else ("b", "a")
        known = f"{random.randrange(10)}/file {number}"
        name = known if number % 3 == 0 else f"{random.randrange(10)}/{random.choice(('new', 'again'))} {number % 20}"
        data = os.urandom(random.randrange(1, 20_000))
        path = os.path.join(folders[side], name)
        begun = time.monotonic()
        if number % 2:
            with open(path + ".saving", "wb") as file:
                file.write(data)
            os.rename(path + ".saving", path)
        else:
            with open(path, "wb") as file:
                file.write(data)
        _until_shown(folders[other], name, data)
        delays.append(time.monotonic() - begun)
        time.sleep(random.random() / 2)
    return delays


def _until_shown(root, name, data, longest=LONGEST_S):
    path = os.path.join(root, name)
    end = time.monotonic() + longest
    while time.monotonic() < end:
        try:
            with open(path, "rb") as file:
                if file.read() == data:
                    return
        except FileNotFoundError:
            pass
        time.sleep(LOOK_EVERY_S)
    raise TimeoutError(f"{name} was not shown within {longest} s")


def percentile(delays, percent):
    return statistics.quantiles(delays, n=100, method="inclusive")[percent - 1]


def table(delays, quick):
    files = QUICK_FILES if quick else FILES
    lines = [
        "## From a save to its being seen\n",
        f"Two watched folders of {files:,} files; files are saved on either side, in place, by a rename over the old one "
        "and as new ones, and the other side is looked at every millisecond until it shows the bytes.\n",
        "| program | saves | median s | p95 s | most s |",
        "|---|---|---|---|---|",
    ]
    for name, seconds in delays.items():
        values = (statistics.median(seconds), percentile(seconds, 95), max(seconds))
        lines.append(f"| {name} | {len(seconds)} | " + " | ".join(f"{value:.3f}" for value in values) + " |")
    ours = delays.get("syncoxiders watch")
    if ours:
        p95 = percentile(ours, 95)
        lines.append(f"\nGoal: p95 of ours below 1 s: {p95:.2f} s{'' if p95 < 1 else ', missed'}.")
    return "\n".join(lines) + "\n"
