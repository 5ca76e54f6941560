"""Measure what transforms and the filter add to a conversion, and shapes against libraries alone.

    python benchmarks/transforms.py [--size S|M] [--rounds N] [--only REGEX] [--work DIR]

Conversions are whole processes, in turn, from COCO to the named format: without a step, then with it.
Shapes are turned in one process, image by image, against pycocotools (outline to runs) and OpenCV
(runs to outline, as exact pixels; skipped where it is not installed). All ratios are of CPU time.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import re
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import data  # noqa: E402 - lies beside this file
import run  # noqa: E402 - lies beside this file

STEPS = {
    "coco": {
        "filter": ["-e", "area > 1000"],
        "remap, shapes_to_boxes": ["-t", "remap_labels -l c1:other", "-t", "shapes_to_boxes"],
    },
    "yolo": {"random_split": ["-t", "random_split -s train:.8 -s val:.2"]},
}
"""Steps by target format."""


def conversions(source: Path, work: Path, rounds: int, only: str) -> None:
    """Print what each step adds to a conversion."""
    for target, steps in STEPS.items():
        out = work / f"out-{os.getpid()}"
        plain = [sys.executable, "-m", "dsk", "convert", "-i", str(source), "-f", target]
        plain += ["-o", str(out)]
        commands = {f"to {target}": plain}
        commands |= {k: plain + more for k, more in steps.items() if re.search(only, k)}
        if len(commands) == 1:
            continue
        results = {name: run.Runs() for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                run.measure(command, results[name], out)
        first = statistics.median(results[f"to {target}"].cpu)
        for name, runs in results.items():
            cpu = statistics.median(runs.cpu)
            print(f"{name:24} {cpu:8.2f} s CPU {cpu / first:6.2f}", flush=True)


def best(work: Callable[[], Any], rounds: int) -> float:
    """Return the lowest CPU time of several rounds."""
    times = []
    for _ in range(rounds):
        gc.collect()
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def shapes(source: Path, rounds: int, only: str) -> None:
    """Print the time of turning outlines into masks and back beside that of a library alone."""
    from msgspec.structs import replace

    from dsk import Dataset, Polygon
    from dsk.masks import encode_counts
    from dsk.rle import counts_of

    items = [
        item.replace(
            annotations=[
                replace(a, points=[list(ring) for ring in a.rings])
                for a in item.annotations
                if type(a) is Polygon
            ]
        )
        for item in itertools.islice(Dataset.import_from(source, "coco"), 4000)
    ]
    lazy = Dataset.from_iterable(items, Dataset.import_from(source, "coco").categories())
    masks = list(lazy.transform("polygons_to_masks"))
    if re.search(only, "polygons_to_masks"):
        compare("polygons_to_masks", lazy, lambda: bare_masks(items), rounds)
    if re.search(only, "masks_to_polygons"):
        back = Dataset.from_iterable(masks, lazy.categories())
        try:
            import cv2  # noqa: F401 - only to see whether it is there
        except ImportError:
            print("masks_to_polygons         OpenCV is not installed")
            return
        runs = [
            {"size": list(a.rle.size), "counts": encode_counts(counts_of(a.rle))}
            for item in masks
            for a in item.annotations
        ]
        compare("masks_to_polygons", back, lambda: bare_outlines(runs), rounds)


def compare(name: str, dataset: Any, bare: Callable[[], Any], rounds: int) -> None:
    """Print the time of a transform, which makes shapes at once, and that of a bare loop."""

    def whole() -> None:
        deque(dataset.transform(name), 0)

    first, second = best(bare, rounds), best(whole, rounds)
    print(f"{name:24} {first:8.2f} s bare {second:8.2f} s {second / first:6.2f}", flush=True)


def bare_masks(items: list[Any]) -> None:
    """Turn outlines into runs with pycocotools alone."""
    from pycocotools import mask as library

    for item in items:
        height, width = item.media.size
        for a in item.annotations:
            library.merge(library.frPyObjects(a.rings, height, width))


def bare_outlines(masks: list[dict[str, Any]]) -> None:
    """Turn runs into outlines with pycocotools and OpenCV alone."""
    import cv2
    from pycocotools import mask as library

    for mask in masks:
        cv2.findContours(library.decode(mask), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=sorted(data.SIZES), default="S")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--work", type=Path, default=Path("/dev/shm/dsk-bench"))  # noqa: S108
    given = parser.parse_args()
    source = data.make(given.work, given.size) / "coco"
    conversions(source, given.work, given.rounds, given.only)
    shapes(source, given.rounds, given.only)


if __name__ == "__main__":
    main()
