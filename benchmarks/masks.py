"""Measure maps of instances to run lengths and back, beside the reading and writing of the maps alone.

    python benchmarks/masks.py [--maps 500] [--rounds 3] [--work DIR]

Maps like those of Cityscapes (2048×1024, 16 bits, 36 instances each) become COCO run lengths, and
these become maps again, both by the `dsk` command in processes of their own. The measure is the time to
decode every PNG that is read, with Pillow, and to encode every PNG that is written, with dsk's writer.
CPU seconds, medians.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from dsk.labelmaps import encode_map

if TYPE_CHECKING:
    from collections.abc import Callable

SHAPE = (1024, 2048)
INSTANCES = 36
CITY = "gtFine/train/town"


def make(folder: Path, count: int) -> None:
    """Write maps of streets: areas without instances, and ellipses of cars and people on them."""
    target = folder / CITY
    target.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    rows, columns = np.ogrid[: SHAPE[0], : SHAPE[1]]
    for n in range(count):
        pixels = np.full(SHAPE, 7, np.uint16)  # road
        pixels[: SHAPE[0] // 2] = 11  # building
        for k in range(INSTANCES):
            y, x = rng.integers(0, SHAPE[0]), rng.integers(0, SHAPE[1])
            tall, wide = rng.integers(10, 120, 2)
            inside = ((rows - y) / tall) ** 2 + ((columns - x) / wide) ** 2 <= 1
            pixels[inside] = (24000 if k % 3 else 26000) + k
        name = f"town_{n:06d}_000019_gtFine"
        (target / f"{name}_instanceIds.png").write_bytes(encode_map(pixels))
        labels = np.where(pixels < 1000, pixels, pixels // 1000).astype(np.uint8)
        (target / f"{name}_labelIds.png").write_bytes(encode_map(labels))


def cpu_of(command: list[str]) -> float:
    """Run a command; return its CPU seconds."""
    before = os.times()
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def cpu(function: Callable[[], None]) -> float:
    started = time.process_time()
    function()
    return time.process_time() - started


def read_all(folder: Path) -> None:
    for path in sorted(folder.rglob("*_instanceIds.png")):
        with Image.open(path) as image:
            np.asarray(image)


def write_all(maps: list[Path]) -> float:
    """Return the CPU seconds of encoding all pixels and writing the files anew."""
    seconds = 0.0
    for path in maps:
        with Image.open(path) as image:
            colors = image.getpalette() if image.mode == "P" else None
            pixels = np.asarray(image)
        pixels = pixels.astype(np.uint16) if pixels.dtype.itemsize > 2 else pixels
        table = list(zip(*[iter(colors)] * 3, strict=True)) if colors else None
        seconds += cpu(lambda p=pixels, t=table, to=path: to.write_bytes(encode_map(p, t)))
    return seconds


def rounds(work: Path, maps: int, count: int) -> dict[str, float]:
    """Return the median seconds of each step."""
    source, coco, back = (work / name for name in ("maps", "coco", "back"))
    make(source, maps)
    results: dict[str, list[float]] = {}
    convert = [sys.executable, "-m", "dsk", "convert"]
    for _ in range(count):
        for folder in (coco, back):
            shutil.rmtree(folder, ignore_errors=True)
        there = [*convert, "-i", str(source), "-if", "cityscapes", "-f", "coco", "-o", str(coco)]
        again = [*convert, "-i", str(coco), "-if", "coco", "-f", "cityscapes", "-o", str(back)]
        times = {
            "decode PNGs": cpu(lambda: read_all(source)),
            "maps to run lengths": cpu_of(there),
            "run lengths to maps": cpu_of(again),
        }
        times["encode PNGs"] = write_all(sorted(back.rglob("*.png")))
        for name, seconds in times.items():
            results.setdefault(name, []).append(seconds)
    return {name: statistics.median(found) for name, found in results.items()}


def report(medians: dict[str, float]) -> None:
    """Print the seconds and their ratio."""
    for name, seconds in medians.items():
        print(f"{name:20} {seconds:7.2f} s")
    bare = medians["decode PNGs"] + medians["encode PNGs"]
    both = medians["maps to run lengths"] + medians["run lengths to maps"]
    print(f"{'both ways / bare':20} {both / bare:7.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--maps", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", type=Path, default=Path("/dev/shm"))  # noqa: S108
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    # What is there already is somebody's: all is made in a folder of its own.
    with tempfile.TemporaryDirectory(prefix="dsk-", dir=given.work) as work:
        report(rounds(Path(work), given.maps, given.rounds))


if __name__ == "__main__":
    main()
