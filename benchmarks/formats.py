"""Write and read generated datasets in every format; compare with the libraries of their files.

    python benchmarks/formats.py [--only REGEX] [--sizes 2000,10000] [--scale N] [--work DIR]

For each format and each size, writing and then reading: items and MB a second, CPU time as a
multiple of what the files' libraries alone take (see libraries.py: reading every file once; writing
again what was read), and the largest resident memory of the process in MiB. Each figure comes from
a process of its own, one worker, after a warm-up with a few items, so that start-up is no part of
it. Images and masks are of 64 × 48 pixels, which tells what an item costs, or N times as many along
both sides: 10 is nearer to what users have. Formats that are read only are measured on what
readonly.py makes, at the one size it has; "-" is what cannot be. Items of videos are frames, all of
which are decoded. Of volumes, all of whose voxels are read, there are a tenth as many, of
32 × 32 × 16 voxels: these figures tell what an item costs. medical.py measures volumes of the size
of a patient's.

Needs what the tests of all formats need: pynrrd, pydicom and highdicom besides their own libraries.
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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from libraries import bare
from made import HOLD_IMAGES, Made, of_volumes
from readonly import MAKERS, MASKS

from dsk import Dataset
from dsk.item import DatasetItem
from dsk.media import Image, VideoFrame, Volume, is_decoded
from dsk.registry import registry
from dsk_medical.volume.arrays import open_volume

OPTIONS = {"kitti_raw": {"reindex": True}}
"""What exporters need to be told about items without tracks."""

WARM_UP = 3
VOLUMES = 10
"""Of volumes there are so many times fewer: each is 17 files in one of the formats."""

PART = ("items/s", "MB/s", "×lib", "MiB")
COLUMNS = ("format", "items", "MB", *(f"w {c}" for c in PART), *(f"r {c}" for c in PART))


def write_format(name: str, count: int, folder: Path, scale: int = 1) -> float:
    """Write a dataset; return the CPU seconds without those that making the items takes."""
    if name in MAKERS:
        folder.mkdir()
        MAKERS[name](folder, count)
        return 0.0
    if name == "dicom_seg":  # segmentations of series, which have to be there
        series = folder.with_name(folder.name + "-series")
        shutil.rmtree(series, ignore_errors=True)
        write_format("dicom", count, series)
        dataset = Dataset.import_from(series, "dicom")
    else:
        dataset = Dataset(Made(name, count, scale))
    started = time.process_time()
    for _ in dataset:
        pass
    making = time.process_time() - started
    started = time.process_time()
    given, saved = OPTIONS.get(name, {}), name in HOLD_IMAGES or of_volumes(name)
    dataset.export(folder, name, jobs=1, save_media=saved, **given)
    return time.process_time() - started - making


def look(item: DatasetItem) -> int:
    """Look at all that files of annotations hold, and into videos and volumes.

    Images that are files of their own are not decoded, as the libraries do not.
    """
    for a in item.annotations:
        if a.kind == "mask":
            _ = a.rle
        elif a.kind == "mask_3d":
            _ = np.asarray(a.source) == a.value
    if isinstance(item.media, VideoFrame):
        _ = item.media.data
    elif isinstance(item.media, Volume):
        _ = np.asarray(open_volume(item.media))
    for own in (item.extra or {}).values():
        for value in own.values() if isinstance(own, dict) else ():
            image = getattr(value, "image", None)
            if isinstance(image, Image) and is_decoded(image.source):
                _ = image.data
    return len(item.annotations)


def read_format(name: str, folder: Path) -> float:
    """Read a dataset and look at every annotation; return the CPU seconds."""
    started = time.process_time()
    seen = sum(map(look, Dataset.import_from(folder, name)))
    seconds = time.process_time() - started
    if not seen and registry().importer(name).kinds:
        sys.exit(f"{name}: nothing was read")
    return seconds


def masks_of(name: str) -> str:
    """Return an expression that the paths of pictures match that are masks.

    In formats that hold masks all are, those of boxes, too: images are not saved.
    """
    if name in MAKERS:
        return MASKS.get(name, "")
    holds = registry().exporter(name).capabilities.annotations
    return r"\.(png|bmp)$" if "mvtec" in name or "mask" in holds else ""


def peak_memory() -> float:
    """Return the largest resident memory so far in MiB; getrusage would count the parent's, too."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def child(job: str, name: str, count: int, folder: Path, scale: int) -> None:
    """Do one job in this process and print its figures as JSON."""
    warm = folder.with_name(folder.name + "-warm")
    shutil.rmtree(warm, ignore_errors=True)
    seconds: Any
    write_format(name, WARM_UP, warm, scale)
    if job == "bare":
        bare(warm, masks=masks_of(name))
        seconds = bare(folder, masks=masks_of(name))
    elif job == "write":
        seconds = write_format(name, count, folder, scale)
    else:
        read_format(name, warm)
        seconds = read_format(name, folder)
    print(json.dumps({"seconds": seconds, "peak": peak_memory()}))


def run(job: str, name: str, count: int, folder: Path, scale: int) -> dict[str, Any]:
    """Do one job in a new process.

    Raises:
        RuntimeError: It failed.
    """
    words = [sys.executable, __file__, "--child", job, name, str(count), str(folder), str(scale)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: {job} failed: {done.stderr.strip()[-800:]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def row(name: str, count: int, folder: Path, scale: int) -> list[str]:
    """Measure one format at one size."""
    wrote = run("write", name, count, folder, scale)
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6
    read = run("read", name, count, folder, scale) if registry().importers.find(name) else None
    reading, writing = run("bare", name, count, folder, scale)["seconds"]
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
        job, name, count, place, scale = sys.argv[2:]
        child(job, name, int(count), Path(place), int(scale))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="")
    parser.add_argument("--sizes", default="2000,10000")
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("/dev/shm/dsk-bench"))  # noqa: S108
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    folder = given.work / f"formats-{os.getpid()}"
    table = registry()
    written = {exporter.name for exporter in table.exporters}
    print(line(COLUMNS))
    for name in sorted(written | (set(MAKERS) if given.scale == 1 else set())):
        if not re.search(given.only, name):
            continue
        for size in map(int, given.sizes.split(",")):
            count = max(size // VOLUMES, 1) if of_volumes(name) else size
            try:
                print(line(row(name, count, folder, given.scale)), flush=True)
            except RuntimeError as error:
                print(error, flush=True)
            finally:
                clear(folder)
    others = {importer.name for importer in table.importers} - written - set(MAKERS)
    if others:
        print("Not measured, nothing here writes them:", ", ".join(sorted(others)))


if __name__ == "__main__":
    main()
