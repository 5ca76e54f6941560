"""Write and read generated datasets in every format; compare with the bytes' own libraries.

    python benchmarks/formats.py [--only REGEX] [--sizes 2000,10000] [--work DIR]

For each format that can be read and written, and each size: items and MB a second, the ratio to
the bare library of its files (decoding every annotation file once; writing every file again from
what was decoded), and the largest resident memory of the process. Each figure comes from a process
of its own, after a warm-up with a few items, so that start-up is not part of it.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dsk import Dataset
from dsk.flow import PARTITION_ITEMS, Header, Source
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image, Media
from dsk.registry import registry
from dsk.testing import samples

ORDER = ("bbox", "polygon", "mask", "rotated_bbox", "points", "skeleton", "label", "caption")
LAST = ("cuboid_3d", "mask_3d")
WARM_UP = 3
MEDIA = frozenset({".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".pcd", ".bin", ".mp4", ".zip"})
COLUMNS = ("format", "items", "MB", "write/s", "MB/s", "×bare", "MiB", "read/s", "MB/s", "×bare")


class Made(Source):
    """Items that are made when they are read, so that memory shows what the format needs."""

    def __init__(self, recipe: samples.Recipe, count: int) -> None:
        self.recipe, self.count = recipe, count
        self.media = [samples.media_for(recipe, f"{n}", n) for n in range(6)]
        kind = samples.media_kind(recipe)
        self.header = Header(
            categories=samples.categories(recipe),
            media=frozenset({kind}),
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
            yield DatasetItem(
                f"{n:08d}",
                subset="train",
                media=self._medium(n),
                annotations=samples.annotations_for(self.recipe, n % 600),
            )

    def _medium(self, n: int) -> Media | None:
        media = self.media[n % 6]
        if isinstance(media, Image):
            return Image(
                path=f"{n:08d}{Path(media.path).suffix}", source=media.source, size=(48, 64)
            )
        return media


def recipe_for(name: str) -> samples.Recipe:
    """Return what to write in a format: the first kind that it can write and read."""
    holds = registry().exporter(name).capabilities
    both = holds.annotations & registry().importer(name).kinds
    kind = next((k for k in (*ORDER, *LAST) if k in both), None)
    return samples.Recipe(kinds=(kind,) if kind else (), media_kinds=tuple(sorted(holds.media)))


def write_format(name: str, count: int, folder: Path) -> float:
    """Write a dataset; return the seconds without those that making the items takes."""
    source = Made(recipe_for(name), count)
    started = time.perf_counter()
    for _ in source:
        pass
    making = time.perf_counter() - started
    started = time.perf_counter()
    Dataset(source).export(folder, name)
    return time.perf_counter() - started - making


def read_format(name: str, folder: Path) -> float:
    """Read a dataset and look at every annotation; return the seconds."""
    started = time.perf_counter()
    seen = sum(len(item.annotations) for item in Dataset.import_from(folder, name))
    seconds = time.perf_counter() - started
    if not seen and recipe_for(name).kinds:
        sys.exit(f"{name}: nothing was read")
    return seconds


def decoders() -> dict[str, Callable[[bytes], Callable[[], bytes]]]:
    """Return by file ending: decode now, and give back what encodes it again."""
    import msgspec
    import numpy as np
    from lxml import etree
    from PIL import Image as PilImage

    def as_json(data: bytes) -> Callable[[], bytes]:
        found = msgspec.json.decode(data)
        return lambda: msgspec.json.encode(found)

    def as_xml(data: bytes) -> Callable[[], bytes]:
        found = etree.fromstring(data)
        return lambda: etree.tostring(found, pretty_print=True)

    def as_csv(data: bytes) -> Callable[[], bytes]:
        rows = list(csv.reader(io.StringIO(data.decode(), newline="")))

        def encode() -> bytes:
            text = io.StringIO(newline="")
            csv.writer(text).writerows(rows)
            return text.getvalue().encode()

        return encode

    def as_text(data: bytes) -> Callable[[], bytes]:
        rows = [line.split() for line in data.decode("utf-8", "replace").splitlines()]
        return lambda: "\n".join(map(" ".join, rows)).encode()

    def as_png(data: bytes) -> Callable[[], bytes]:
        with PilImage.open(io.BytesIO(data)) as image:
            array = np.asarray(image)

        def encode() -> bytes:
            file = io.BytesIO()
            PilImage.fromarray(array).save(file, "png")
            return file.getvalue()

        return encode

    return {".json": as_json, ".xml": as_xml, ".csv": as_csv, ".txt": as_text, ".png": as_png}


def bare(folder: Path) -> tuple[float, float]:
    """Decode every file of a folder and write it again elsewhere; return both times in seconds."""
    known = decoders()
    again = folder.with_name(folder.name + "-again")
    reading = writing = 0.0
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        started = time.perf_counter()
        data = path.read_bytes()
        decode = known.get(path.suffix.lower())
        encode = decode(data) if decode else (lambda data=data: data)
        middle = time.perf_counter()
        place = again / path.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(encode())
        reading += middle - started
        writing += time.perf_counter() - middle
    shutil.rmtree(again, ignore_errors=True)
    return reading, writing


def child(job: str, name: str, count: int, folder: Path) -> None:
    """Do one job in this process and print its figures as JSON."""
    warm = folder.with_name(folder.name + "-warm")
    if job == "bare":
        seconds: Any = bare(folder)
    else:
        write_format(name, WARM_UP, warm)
        read_format(name, warm)
        seconds = write_format(name, count, folder) if job == "write" else read_format(name, folder)
    shutil.rmtree(warm, ignore_errors=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak": peak}))


def run(job: str, name: str, count: int, folder: Path) -> dict[str, Any]:
    """Do one job in a new process."""
    words = [sys.executable, __file__, "--child", job, name, str(count), str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name}: {job} failed: {done.stderr.strip()[-800:]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def row(name: str, count: int, folder: Path) -> list[str]:
    """Measure one format at one size."""
    shutil.rmtree(folder, ignore_errors=True)
    wrote = run("write", name, count, folder)
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6
    read = run("read", name, count, folder)
    reading, writing = run("bare", name, count, folder)["seconds"]
    shutil.rmtree(folder, ignore_errors=True)
    cells = [name, str(count), f"{size:.1f}"]
    for figures, limit in ((wrote, writing), (read, reading)):
        seconds = max(figures["seconds"], 1e-6)
        ratio = f"{seconds / limit:.2f}" if limit else "-"
        cells += [
            f"{count / seconds:.0f}",
            f"{size / seconds:.1f}",
            ratio,
            f"{figures['peak']:.0f}",
        ]
    return cells


def line(cells: Sequence[str]) -> str:
    """Return a line of the table."""
    return f"{cells[0]:32}" + "".join(f"{cell:>9}" for cell in cells[1:])


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == ["--child"]:
        job, name, count, folder = sys.argv[2:]
        child(job, name, int(count), Path(folder))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="")
    parser.add_argument("--sizes", default="2000,10000")
    parser.add_argument("--work", type=Path, default=Path("/dev/shm/dsk-bench"))  # noqa: S108
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    table = registry()
    names = sorted(e.name for e in table.exporters if table.importers.find(e.name))
    print(line((*COLUMNS, "MiB")))
    for name in names:
        if not re.search(given.only, name):
            continue
        for count in map(int, given.sizes.split(",")):
            cells = row(name, count, given.work / f"formats-{os.getpid()}")
            print(line(cells), flush=True)


if __name__ == "__main__":
    main()
