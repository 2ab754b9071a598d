"""Says whether two trees are equal, and proves first that it would notice when they are not."""

import os
import pathlib
import shutil
import subprocess


def difference(binaries, first, second, with_times):
    """Empty when both trees hold the same, else the first difference."""
    times = ["--times"] if with_times else []
    done = subprocess.run(
        [binaries / "compare", *times, first, second], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else (done.stdout + done.stderr).split("\n")[0]


def _lay_sample(folder):
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "file").write_bytes(b"bytes")
    (folder / "link").symlink_to("below/file")
    os.utime(folder / "below" / "file", (1_000_000_000, 1_000_000_000))


def _other_bytes_same_time(folder):
    (folder / "below" / "file").write_bytes(b"Bytes")
    os.utime(folder / "below" / "file", (1_000_000_000, 1_000_000_000))


def _file_for_a_directory(folder):
    shutil.rmtree(folder / "below")
    (folder / "below").write_bytes(b"")


def _other_link(folder):
    (folder / "link").unlink()
    (folder / "link").symlink_to("below")


DAMAGES = {
    "other bytes": _other_bytes_same_time,
    "another size": lambda folder: (folder / "below" / "file").write_bytes(b"longer bytes"),
    "another kind": _file_for_a_directory,
    "another link": _other_link,
    "another time": lambda folder: os.utime(folder / "below" / "file", (1, 1)),
    "one file less": lambda folder: (folder / "below" / "file").unlink(),
    "one file more": lambda folder: (folder / "below" / "new").write_bytes(b""),
    "an empty directory more": lambda folder: (folder / "empty").mkdir(),
}


def prove(binaries, work):
    """Ends the run when the comparison lets any damage pass, on either side, or sees one where none is."""
    first, second = pathlib.Path(work) / "judge" / "first", pathlib.Path(work) / "judge" / "second"
    for name, damage in {"nothing": lambda folder: None, **DAMAGES}.items():
        for left, right in ((first, second), (second, first)):
            _lay_sample(first)
            _lay_sample(second)
            damage(first)
            if bool(difference(binaries, left, right, with_times=True)) != (name != "nothing"):
                raise SystemExit(f"bench: the comparison judges wrongly: {name}")
            shutil.rmtree(first.parent)
