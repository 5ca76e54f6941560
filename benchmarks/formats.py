"""Write and read generated datasets in every format; compare with the libraries of their files.

    python benchmarks/formats.py [--only REGEX] [--sizes 2000,10000] [--work DIR]

For each format and each size, writing and then reading: items and MB a second, CPU time as a
multiple of what the files' libraries alone take (see libraries.py: reading every file once; writing
again what was read), and the largest resident memory of the process in MiB. Each figure comes from
a process of its own, one worker, after a warm-up with a few items, so that start-up is no part of
it. Formats that are read only are measured on what readonly.py makes; "-" is what cannot be. Formats
of volumes are measured by medical.py.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from libraries import bare
from readonly import MAKERS

from dsk import Dataset
from dsk.flow import PARTITION_ITEMS, Header, Source
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image, Media
from dsk.registry import registry
from dsk.testing import samples

ORDER = ("bbox", "polygon", "mask", "rotated_bbox", "label", "points", "skeleton", "caption")
LAST = ("cuboid_3d", "mask_3d")
PIXELS = {"cifar": (32, 32, 3), "mnist": (28, 28), "mnist_csv": (28, 28)}
"""Formats that hold pixels as numbers, and the shape of their images."""

HOLD_IMAGES = frozenset({"tf_detection_api", "image_dir", "image_zip", *PIXELS})
"""Formats whose files are nothing without the images: these are saved."""

OPTIONS = {"kitti_raw": {"reindex": True}}
"""What exporters need to be told about items without tracks."""

WARM_UP = 3
PART = ("items/s", "MB/s", "×lib", "MiB")
COLUMNS = ("format", "items", "MB", *(f"w {c}" for c in PART), *(f"r {c}" for c in PART))


class Made(Source):
    """Items that are made when they are read, so that memory shows what the format needs."""

    def __init__(self, name: str, count: int) -> None:
        self.recipe, self.count = recipe_for(name), count
        self.media = [samples.media_for(self.recipe, f"{n}", n) for n in range(6)]
        self.annotations = [samples.annotations_for(self.recipe, n) for n in range(600)]
        if name in PIXELS:
            rng = np.random.default_rng(1)
            arrays = [rng.integers(0, 256, PIXELS[name], np.uint8) for _ in range(6)]
            self.media = [Image.from_array(array, "a.png") for array in arrays]
        self.header = Header(
            categories=samples.categories(self.recipe),
            media=frozenset({samples.media_kind(self.recipe)}),
            subsets=("train",),
            items=count,
        )

    def partitions(self) -> Sequence[range]:
        """Return slices of numbers."""
        return [
            range(start, min(start + PARTITION_ITEMS, self.count))
            for start in range(0, self.count, PARTITION_ITEMS)
        ]

    def read(self, partition: range, ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """Make the items of a slice."""
        for n in partition:
            annotations = self.annotations[n % len(self.annotations)]
            yield DatasetItem(f"{n:08d}", "train", self._medium(n), annotations)

    def _medium(self, n: int) -> Media | None:
        media = self.media[n % 6]
        if isinstance(media, Image):
            size = media.size or (samples.HEIGHT, samples.WIDTH)
            return Image(path=f"{n:08d}{media.ext}", source=media.source, size=size)
        return media


def recipe_for(name: str) -> samples.Recipe:
    """Return what to write in a format: the first kind that it can write and read."""
    table = registry()
    holds = table.exporter(name).capabilities
    kinds = holds.annotations
    if table.importers.find(name):
        kinds &= table.importer(name).kinds
    kind = next((k for k in (*ORDER, *LAST) if k in kinds), None)
    return samples.Recipe(kinds=(kind,) if kind else (), media_kinds=tuple(sorted(holds.media)))


def write_format(name: str, count: int, folder: Path) -> float:
    """Write a dataset; return the CPU seconds without those that making the items takes."""
    if name in MAKERS:
        folder.mkdir()
        MAKERS[name](folder, count)
        return 0.0
    source = Made(name, count)
    started = time.process_time()
    for _ in source:
        pass
    making = time.process_time() - started
    started = time.process_time()
    given = OPTIONS.get(name, {})
    Dataset(source).export(folder, name, jobs=1, save_media=name in HOLD_IMAGES, **given)
    return time.process_time() - started - making


def read_format(name: str, folder: Path) -> float:
    """Read a dataset and look at every annotation, into every mask; return the CPU seconds."""
    seen = 0
    started = time.process_time()
    for item in Dataset.import_from(folder, name):
        for a in item.annotations:
            seen += 1
            if a.kind == "mask":
                _ = a.rle
    seconds = time.process_time() - started
    if not seen and registry().importer(name).kinds:
        sys.exit(f"{name}: nothing was read")
    return seconds


def peak_memory() -> float:
    """Return the largest resident memory so far in MiB; getrusage would count the parent's, too."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def child(job: str, name: str, count: int, folder: Path) -> None:
    """Do one job in this process and print its figures as JSON."""
    warm = folder.with_name(folder.name + "-warm")
    shutil.rmtree(warm, ignore_errors=True)
    seconds: Any
    if job == "bare":
        masks = "mvtec" in name or (name not in MAKERS and "mask" in recipe_for(name).kinds)
        seconds = bare(folder, masks=masks)
    else:
        write_format(name, WARM_UP, warm)
        if job == "write":
            seconds = write_format(name, count, folder)
        else:
            read_format(name, warm)
            seconds = read_format(name, folder)
    print(json.dumps({"seconds": seconds, "peak": peak_memory()}))


def run(job: str, name: str, count: int, folder: Path) -> dict[str, Any]:
    """Do one job in a new process.

    Raises:
        RuntimeError: It failed.
    """
    words = [sys.executable, __file__, "--child", job, name, str(count), str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: {job} failed: {done.stderr.strip()[-800:]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def row(name: str, count: int, folder: Path) -> list[str]:
    """Measure one format at one size."""
    wrote = run("write", name, count, folder)
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6
    read = run("read", name, count, folder) if registry().importers.find(name) else None
    reading, writing = run("bare", name, count, folder)["seconds"]
    cells = [name, str(count), f"{size:.1f}"]
    for figures, limit in ((None if name in MAKERS else wrote, writing), (read, reading)):
        if figures is None:
            cells += ["-"] * len(PART)
            continue
        seconds = max(figures["seconds"], 1e-6)
        cells += [f"{count / seconds:.0f}", f"{size / seconds:.1f}"]
        cells += [f"{seconds / max(limit, 1e-6):.2f}", f"{figures['peak']:.0f}"]
    return cells


def line(cells: Sequence[str]) -> str:
    """Return a line of the table."""
    return f"{cells[0]:28}" + "".join(f"{cell:>10}" for cell in cells[1:])


def clear(folder: Path) -> None:
    """Remove a dataset and what was made beside it."""
    for path in folder.parent.glob(folder.name + "*"):
        shutil.rmtree(path, ignore_errors=True)


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == ["--child"]:
        job, name, count, place = sys.argv[2:]
        child(job, name, int(count), Path(place))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="")
    parser.add_argument("--sizes", default="2000,10000")
    parser.add_argument("--work", type=Path, default=Path("/dev/shm/dsk-bench"))  # noqa: S108
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    folder = given.work / f"formats-{os.getpid()}"
    table = registry()
    exporters = [e for e in table.exporters if e.capabilities.media != {"volume"}]
    written = {exporter.name for exporter in exporters}
    volumes = sorted({exporter.name for exporter in table.exporters} - written)
    others = sorted({importer.name for importer in table.importers} - written - set(MAKERS))
    print(line(COLUMNS))
    for name in sorted(written | set(MAKERS)):
        if not re.search(given.only, name):
            continue
        for count in map(int, given.sizes.split(",")):
            try:
                print(line(row(name, count, folder)), flush=True)
            except RuntimeError as error:
                print(error, flush=True)
            finally:
                clear(folder)
    print("Volumes, measured by medical.py:", ", ".join(volumes))
    print("Not measured, nothing here writes them:", ", ".join(sorted({*others} - {*volumes})))


if __name__ == "__main__":
    main()
