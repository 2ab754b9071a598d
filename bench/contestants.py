"""The programs that are measured, and how each is told to make B like A."""

import dataclasses
import os
import shutil
import subprocess

FIRST = "first copy"
NO_CHANGE = "no change"
MODIFIED = "1 % modified"
RENAMED = "1 % renamed"
DIRECTORY_RENAMED = "directory renamed"
OPERATIONS = (FIRST, NO_CHANGE, MODIFIED, RENAMED, DIRECTORY_RENAMED)


@dataclasses.dataclass
class Contestant:
    """`commands` maps an operation to the arguments that do it; `{a}`, `{b}` and `{state}` stand for
    folders. An operation that is missing is not that program's trade."""

    name: str
    commands: dict
    version: str
    environment: dict = dataclasses.field(default_factory=dict)
    # A program that keeps something of its own in A gets an A to itself.
    own_source: bool = False
    keeps_times: bool = True

    def command(self, operation, folders):
        template = self.commands.get(operation)
        return template and [part.format(**folders) for part in template]

    def environment_for(self, folders):
        """Nobody reads the caller's settings: home and configuration are this run's own."""
        values = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": folders["state"]}
        return values | {name: value.format(**folders) for name, value in self.environment.items()}


def _first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).split("\n")[0].strip() or "unknown version"


def _always(command):
    return {operation: command for operation in OPERATIONS}


def _without(commands, *operations):
    return {operation: command for operation, command in commands.items() if operation not in operations}


def _ours(binaries):
    program = str(binaries / "syncoxiders")
    command = [program, "sync", "{a}", "{b}", "--state", "{state}"]
    return Contestant("syncoxiders", _always(command), _first_line(program, "--version"), own_source=True)


def _floor(binaries):
    program = str(binaries / "floor")
    commands = {FIRST: [program, "copy", "{a}", "{b}"], NO_CHANGE: [program, "walk", "{a}", "{b}"]}
    return Contestant("floor", commands, "bench/floor.cpp")


def _rsync():
    # Without --delete the old names would stay after a rename, and the trees would differ.
    return Contestant("rsync -a", _always(["rsync", "-a", "--delete", "{a}/", "{b}/"]), _first_line("rsync", "--version"))


def _rclone(verb):
    command = ["rclone", verb, "{a}", "{b}", "--links", "--create-empty-src-dirs", "--quiet"]
    commands = _always(command)
    if verb == "copy":
        commands = _without(commands, RENAMED, DIRECTORY_RENAMED)
    settings = {"RCLONE_CONFIG": "{state}/rclone.conf"}
    return Contestant(f"rclone {verb}", commands, _first_line("rclone", "version"), settings)


def _unison():
    command = "unison -ui text -batch -auto -times -silent -logfile {state}/log {a} {b}".split()
    settings = {"UNISON": "{state}"}
    return Contestant("unison", _always(command), _first_line("unison", "-version"), settings)


def _cp():
    return Contestant(
        "cp -r", {FIRST: ["cp", "-r", "{a}/.", "{b}"]}, _first_line("cp", "--version"), keeps_times=False
    )


def all_contestants(binaries, only):
    """Those that are installed and wanted, in the order in which they run."""
    makers = {
        "syncoxiders": (binaries / "syncoxiders", lambda: _ours(binaries)),
        "rsync": ("rsync", _rsync),
        "rclone-sync": ("rclone", lambda: _rclone("sync")),
        "rclone-copy": ("rclone", lambda: _rclone("copy")),
        "unison": ("unison", _unison),
        "cp": ("cp", _cp),
        "floor": (binaries / "floor", lambda: _floor(binaries)),
    }
    unknown = set(only or ()) - set(makers)
    if unknown:
        raise ValueError(f"unknown program {', '.join(sorted(unknown))}; known are {', '.join(makers)}")
    found, missing = [], []
    for key, (program, make) in makers.items():
        if only and key not in only:
            continue
        if shutil.which(str(program)):
            found.append(make())
        else:
            missing.append(key)
    return found, missing
