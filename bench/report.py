"""Writes what bench/run.py measured as Markdown."""

import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

import delay
import make_set

OURS = "syncoxiders"
FLOOR = "floor"
NOTES = "## Notes\n"

EXPLANATION = """\
Every row is the median of the rounds, in brackets the least and the most. *Durable* is the wall time plus
the syncfs that follows it: rsync, rclone, Unison and cp leave that part to be paid later, syncoxiders and
the floor of the first copy pay it inside. *CPU* counts all processes and threads, *memory* is the peak of
the largest process. The last two columns divide *durable* by that of syncoxiders and by that of the floor.
The floor of a first copy is bench/floor.cpp: two threads read, SHA-256, write into a stage folder, syncfs,
rename, syncfs; that of a run without changes is a two-thread getdents64 and fstatat walk of both trees.
After every measured command both trees were compared (names, kinds, bytes, links, times). Before each one
everything written was synced; the page cache was {cache}.
{deleted}
"""


def notes_in(page):
    """What people wrote about earlier runs stays; they look at it again after each."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    at = text.find(NOTES)
    return "\n" + text[at:] if at >= 0 else ""


def write(bench, rounds, delays):
    options = bench.options
    text = [f"# Benchmarks\n\n{facts(bench, rounds)}\n", EXPLANATION.format(cache=cache_state(options), deleted=after_deleting(bench))]
    for set_name in options.sets:
        text.append(f"## {describe(bench, set_name)}\n")
        operations = dict.fromkeys(operation for found, operation, _ in bench.results if found == set_name)
        text += [table(bench, set_name, operation) for operation in operations]
    if delays:
        text.append(delay.table(delays, options.quick))
    text.append(goals(bench))
    text.append(parts(bench.binaries))
    if bench.failures:
        text.append("## Failed\n\n" + "\n".join(f"- {failure}" for failure in bench.failures) + "\n")
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text("\n".join(text) + notes_in(options.report), encoding="utf-8")


# What we measure, against what, and how much of it we want to need at most. Without durability: the others'
# wall time alone.
SMALL_COPY, SMALL_WALK, MOVED, BIG_COPY = (
    ("small", "first copy"),
    ("small", "no change"),
    ("small", "directory renamed"),
    ("big", "first copy"),
)
GOALS = [
    ("no change, of rsync's time", SMALL_WALK, "rsync -a", "wall_s", 1.0),
    ("no change, of Unison's time", SMALL_WALK, "unison", "wall_s", 1.0),
    ("no change, of the floor's time", SMALL_WALK, FLOOR, "wall_s", 1.5),
    ("first copy of small files, of the durable floor's time", SMALL_COPY, FLOOR, "wall_s", 1.25),
    ("… of rsync's without durability", SMALL_COPY, "rsync -a", "wall_s", 1.0),
    ("… of rclone's without durability", SMALL_COPY, "rclone sync", "wall_s", 1.0),
    ("… of Unison's without durability", SMALL_COPY, "unison", "wall_s", 1.0),
    ("first copy of big files, of cp's time and the syncfs after it", BIG_COPY, "cp -r", "durable", 1.1),
    ("files renamed by their directory, of rsync's time", MOVED, "rsync -a", "wall_s", 0.2),
]


def goals(bench):
    """Our durable time as a share of the others' time."""
    lines = ["## Goals\n", "| our time | goal | measured |", "|---|---|---|"]
    for text, (set_name, operation), program, which, most in GOALS:
        ours = median_of(bench, set_name, operation, OURS)
        rows = bench.results.get((set_name, operation, program))
        if ours is None or not rows:
            continue
        theirs = statistics.median(durable(row) if which == "durable" else row[which] for row in rows)
        missed = "" if ours / theirs <= most else ", missed"
        lines.append(f"| {text} | ≤ {most:g} | {ours / theirs:.2f}{missed} |")
    return "\n".join(lines) + "\n"


def parts(binaries):
    """What the Google Benchmark programs say of single parts, measured now."""
    lines = [
        "## Parts\n",
        "Google Benchmark, one process, wall and CPU of one round. Of the planner two replicas are in sync "
        "but for what the case changes on one of them; the walk compares two real trees with the state.\n",
        "| part | entries | wall ms | CPU ms |",
        "|---|---|---|---|",
    ]
    for program in sorted(binaries.glob("*_bench")):
        done = subprocess.run([program, "--benchmark_format=json"], capture_output=True, check=True)
        for row in json.loads(done.stdout)["benchmarks"]:
            # "no_change/10000" or "scan_without_changes/10000/real_time"
            case, count = row["name"].split("/")[:2]
            name = f"{program.name.removesuffix('_bench')}: {case.replace('_', ' ')}"
            lines.append(f"| {name} | {int(count):,} | {row['real_time']:.1f} | {row['cpu_time']:.1f} |")
    return "\n".join(lines) + "\n"


def cache_state(options):
    return "dropped before each one" if options.cold else "warmed by reading all that the program will read"


def after_deleting(bench):
    begins = "Another program began each round."
    if not bench.deleted:
        return f"{begins} Nothing was deleted before the end, as ext4 creates files slowly while it remembers deleted ones."
    if bench.may_drop_caches:
        return f"{begins} The disk had no room for all rounds: their folders were deleted and the cache dropped in between."
    return f"{begins} The disk had no room for all rounds: after deleting their folders ext4 creates files slowly."


def facts(bench, rounds):
    command = " ".join(["bench/run.py", *without_values_of_paths(sys.argv[1:])])
    lines = [
        f"- Command: `{command}`",
        f"- Date: {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC; rounds: {rounds}",
        f"- Machine: {os.cpu_count()} cores ({processor()}), {memory_gib():.0f} GiB of memory, "
        f"Linux {platform.release()}, file system {file_system(bench.work)}",
        "- Programs: " + "; ".join(f"{program.name} ({program.version})" for program in bench.programs),
    ]
    return "\n".join(lines) + "\n"


def without_values_of_paths(arguments):
    """A path that lies elsewhere than in the checkout says something of one machine only."""
    return ["PATH" if argument.startswith("/") else argument for argument in arguments]


def processor():
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n"):
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.machine()


def memory_gib():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)


def file_system(folder):
    """The type of the file system that holds `folder`: that of the longest mount point above it."""
    best = ("", "unknown")
    for line in pathlib.Path("/proc/mounts").read_text(encoding="utf-8").split("\n"):
        parts = line.split()
        if len(parts) > 2 and pathlib.Path(folder).resolve().is_relative_to(parts[1]):
            best = max(best, (parts[1], parts[2]), key=lambda mount: len(mount[0]))
    return best[1]


def describe(bench, set_name):
    paths = make_set.files_in(bench.work / "sets" / set_name)
    size = sum(os.lstat(path).st_size for path in paths)
    what = {"small": "Small files", "big": "Big files", "share": "A copy of /usr/share"}[set_name]
    return f"{what}: {len(paths):,} files, {size / (1 << 20):,.0f} MiB"


def durable(measured):
    return measured["wall_s"] + measured["flush_s"]


def median_of(bench, set_name, operation, program):
    rows = bench.results.get((set_name, operation, program))
    return statistics.median(durable(row) for row in rows) if rows else None


def ratio(value, base):
    return f"{value / base:.2f}" if base else "–"


def table(bench, set_name, operation):
    ours = median_of(bench, set_name, operation, OURS)
    floor = median_of(bench, set_name, operation, FLOOR)
    lines = [
        f"### {operation[0].upper()}{operation[1:]}\n",
        "| program | wall s | durable s | CPU s | memory MiB | ÷ syncoxiders | ÷ floor |",
        "|---|---|---|---|---|---|---|",
    ]
    for program in bench.programs:
        rows = bench.results.get((set_name, operation, program.name))
        if not rows:
            continue
        walls = [row["wall_s"] for row in rows]
        whole = statistics.median(durable(row) for row in rows)
        processor_seconds = statistics.median(row["cpu_s"] for row in rows)
        memory = statistics.median(row["peak_rss_kib"] for row in rows) / 1024
        lines.append(
            f"| {program.name} | {statistics.median(walls):.2f} ({min(walls):.2f}–{max(walls):.2f}) "
            f"| {whole:.2f} | {processor_seconds:.2f} | {memory:.0f} "
            f"| {ratio(whole, ours)} | {ratio(whole, floor)} |"
        )
    return "\n".join(lines) + "\n"
