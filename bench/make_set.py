#!/usr/bin/env python3
"""Makes the sets of files that the benchmarks run on, and changes them: the same each time.

    bench/make_set.py small|big|share FOLDER [--scale NUMBER]

small   100,000 files of 0 to 16 KiB in 5,000 directories below 10 top directories
big     8 files of 512 MiB
share   a copy of /usr/share

`--scale` shrinks or grows a set: the number of files of `small` and `share`, the size of those of `big`.
"""

import argparse
import os
import pathlib
import random
import shutil
import stat
import sys

TOPS = 10
DIRECTORIES_PER_TOP = 500
FILES_PER_DIRECTORY = 20
MAX_SMALL_BYTES = 16 * 1024
BIG_FILES = 8
BIG_BYTES = 512 * 1024 * 1024
CHUNK = 1024 * 1024
SHARE = pathlib.Path("/usr/share")

# Far enough back that no program takes a file for one that may still be changing.
FIRST_MTIME = 1_700_000_000


def make_small(folder, scale):
    chance = random.Random("small")
    pool = chance.randbytes(CHUNK)
    number = 0
    for top in range(TOPS):
        for middle in range(max(1, round(DIRECTORIES_PER_TOP * scale))):
            directory = folder / f"top-{top:02}" / f"directory-{middle:04}"
            directory.mkdir(parents=True)
            for place in range(FILES_PER_DIRECTORY):
                size = chance.randint(0, MAX_SMALL_BYTES)
                start = chance.randrange(CHUNK - MAX_SMALL_BYTES)
                # The number first: no two files of eight bytes or more are the same.
                content = (number.to_bytes(8, "big") + pool[start : start + MAX_SMALL_BYTES])[:size]
                path = directory / f"file-{place:02}.dat"
                path.write_bytes(content)
                os.utime(path, (FIRST_MTIME + number, FIRST_MTIME + number))
                number += 1


def make_big(folder, scale):
    folder.mkdir(parents=True)
    chance = random.Random("big")
    for number in range(BIG_FILES):
        path = folder / f"big-{number}.dat"
        left = round(BIG_BYTES * scale)
        with open(path, "wb") as opened:
            while left > 0:
                piece = chance.randbytes(min(left, CHUNK))
                opened.write(piece)
                left -= len(piece)
        os.utime(path, (FIRST_MTIME + number, FIRST_MTIME + number))


def make_share(folder, scale):
    """Regular files, directories and links that the caller can read, up to `scale` of all files."""
    count = sum(len(names) for _, _, names in os.walk(SHARE))
    left = round(count * scale)
    for source, subfolders, names in os.walk(SHARE):
        subfolders.sort()
        target = folder / os.path.relpath(source, SHARE)
        target.mkdir(parents=True, exist_ok=True)
        for name in sorted(names + [name for name in subfolders if (pathlib.Path(source) / name).is_symlink()]):
            path = pathlib.Path(source) / name
            mode = path.lstat().st_mode
            if left > 0 and (stat.S_ISLNK(mode) or (stat.S_ISREG(mode) and os.access(path, os.R_OK))):
                shutil.copy2(path, target / name, follow_symlinks=False)
                left -= 1
        if left <= 0:
            return


MAKERS = {"small": make_small, "big": make_big, "share": make_share}


def files_in(folder):
    found = []
    for directory, subfolders, names in os.walk(folder):
        subfolders[:] = sorted(name for name in subfolders if name != ".syncoxiders")
        found += [os.path.join(directory, name) for name in sorted(names)]
    return found


def one_percent(folder, seed):
    files = files_in(folder)
    return random.Random(seed).sample(files, max(1, len(files) // 100))


def modify_one_percent(folder):
    """Other bytes and another size, as a program that saves a file leaves it."""
    for path in one_percent(folder, "modify"):
        size = os.path.getsize(path)
        with open(path, "wb") as opened:
            opened.write(random.Random(path[len(str(folder)) :]).randbytes(size + 1))


def rename_one_percent(folder):
    for path in one_percent(folder, "rename"):
        os.rename(path, path + ".renamed")


def rename_directory(folder):
    """In the set `small` at scale 1 this directory holds 10,000 files."""
    os.rename(folder / "top-00", folder / "top-00-renamed")


CHANGES = {
    "1 % modified": modify_one_percent,
    "1 % renamed": rename_one_percent,
    "directory renamed": rename_directory,
}


def main():
    parser = argparse.ArgumentParser(description="Makes a set of files for the benchmarks.")
    parser.add_argument("set", choices=MAKERS)
    parser.add_argument("folder", type=pathlib.Path, help="must not exist yet")
    parser.add_argument("--scale", type=float, default=1.0)
    chosen = parser.parse_args()
    if chosen.folder.exists():
        parser.error(f"{chosen.folder} exists")
    MAKERS[chosen.set](chosen.folder, chosen.scale)
    return 0


if __name__ == "__main__":
    sys.exit(main())
