"""Convert a drive of boxes beside Datumaro, and clouds beside plain copies and LZF libraries.

    python benchmarks/pointcloud.py [--frames 1000] [--boxes 20] [--datumaro PYTHON] [--work DIR]

A drive of frames with tracks of boxes goes from kitti_raw to sly_pointcloud without clouds, and one
of 50 frames with clouds of 120 000 points, in PCD, which both programs copy. ``--datumaro`` names
the interpreter of an environment that has Datumaro; without it dsk stands alone. Figures are CPU
seconds (user and system): of the whole command, and of the conversion alone in a process that has
done a small one before. What each program wrote is listed beside its time.

Clouds: ``.bin`` to binary PCD against copying the file, and to binary_compressed against the LZF
libraries that are installed (python-neo-lzf, python-lzf, imagecodecs).
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from dsk import Dataset
from dsk.annotations import Cuboid3d
from dsk.item import DatasetItem
from dsk.media import PointCloud
from dsk_pointcloud.clouds.files import encode, load
from dsk_pointcloud.clouds.pcd import write_pcd
from dsk_pointcloud.clouds.velodyne import read_bin

POINTS = 120_000
TRACK = 50
REPEAT = 5
LABELS = ["Car", "Van", "Truck", "Pedestrian", "Cyclist"]

DSK = """
from dsk import Dataset
def convert(source, target):
    Dataset.import_from(source, "kitti_raw").export(target, "sly_pointcloud", save_media=MEDIA, jobs=1)
"""
DATUMARO = """
import datumaro
def convert(source, target):
    data = datumaro.Dataset.import_from(source, "kitti_raw")
    data.export(target, "sly_pointcloud", save_media=MEDIA)
"""
TIMING = """
import sys, time
small, source, *targets = sys.argv[1:]
convert(small, targets[0])
for target in targets[1:]:
    start = time.process_time()
    convert(source, target)
    print("seconds", time.process_time() - start)
"""


def scan(rng: np.random.Generator, count: int = POINTS) -> np.ndarray:
    """Return points as a spinning lidar gives them, millimetres, reflectance in hundredths."""
    angle = np.sort(rng.uniform(-np.pi, np.pi, count))
    distance = rng.uniform(3, 70, count)
    height = rng.uniform(-2, 1, count)
    columns = [distance * np.cos(angle), distance * np.sin(angle), height]
    points = np.stack([*(c.round(3) for c in columns), rng.random(count).round(2)], axis=1)
    return points.astype("<f4")


def drive(folder: Path, frames: int, boxes: int, *, clouds: bool) -> Path:
    """Write a drive; tracks last 50 frames, clouds are PCD."""
    rng = np.random.default_rng(1)
    cloud = write_pcd(read_bin(scan(rng).tobytes())) if clouds else b""

    def items() -> Iterator[DatasetItem]:
        for frame in range(frames):
            found = []
            for number in range(boxes):
                track = frame // TRACK * boxes + number
                start = np.random.default_rng(track)
                size = tuple(start.uniform(1, 4, 3).tolist())
                place = (*(start.uniform(-60, 60, 2) + frame % TRACK * 0.51).tolist(), -1.0)
                facts = {"track_id": track + 1, "occluded": bool(rng.random() < 0.3)}
                yaw = float(rng.uniform(-3, 3))
                label = track % len(LABELS)
                found.append(Cuboid3d(place, (0.0, 0.0, yaw), size, label=label, attributes=facts))
            media = PointCloud("a.pcd", cloud) if clouds else None
            name = f"{frame:010d}"
            yield DatasetItem(name, "default", media, found, {"frame": frame})

    data = Dataset.from_iterable(items(), categories=LABELS)
    data.export(folder, "kitti_raw", save_media=True)
    return folder


def cpu(command: list[str]) -> tuple[float, str]:
    """Run a command; return its CPU seconds and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, done.stdout


def written(folder: Path) -> str:
    """Say how many files of how many bytes a folder holds."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return f"{len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB"


def timed(name: str, python: str, code: str, paths: tuple[Path, Path]) -> list[float]:
    """Print and return the CPU seconds of a program: of the whole process, of the conversion."""
    small, source = paths
    work = source.parent
    targets = [work / f"{name}-{number}" for number in range(REPEAT)]
    _, text = cpu([python, "-c", code + TIMING, str(small), str(source), *map(str, targets)])
    inside = min(float(line.split()[1]) for line in text.splitlines() if line.startswith("seconds"))
    once = work / f"{name}-whole"
    line = f"import sys\n{code}\nconvert(*sys.argv[1:])"
    whole = min(_whole(python, line, source, once) for _ in range(3))
    print(f"  {name:9} process {whole:6.2f} s  conversion {inside:6.2f} s  {written(once)}")
    for folder in (*targets, once):
        shutil.rmtree(folder, ignore_errors=True)
    return [whole, inside]


def _whole(python: str, code: str, source: Path, target: Path) -> float:
    shutil.rmtree(target, ignore_errors=True)
    return cpu([python, "-c", code, str(source), str(target)])[0]


def boxes(arguments: argparse.Namespace, work: Path) -> None:
    """Time kitti_raw → sly_pointcloud."""
    for frames, clouds in ((arguments.frames, False), (50, True)):
        media = f"MEDIA = {clouds}\n"
        small = drive(work / f"small-{clouds}", 3, 2, clouds=clouds)
        source = drive(work / f"drive-{clouds}", frames, arguments.boxes, clouds=clouds)
        count = frames * arguments.boxes
        print(f"{frames} frames, {count} boxes" + f", a cloud of {POINTS} points each" * clouds)
        mine = timed("dsk", sys.executable, media + DSK, (small, source))
        if arguments.datumaro:
            theirs = timed("datumaro", arguments.datumaro, media + DATUMARO, (small, source))
            ratios = [b / a for a, b in zip(mine, theirs, strict=True)]
            print(f"  ratio     process {ratios[0]:6.1f}    conversion {ratios[1]:6.1f}")
        shutil.rmtree(source)


def least(call: Callable[[], object]) -> float:
    """Return the least CPU seconds of a call among some."""
    best = float("inf")
    for _ in range(4 * REPEAT):
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    return best


def put(name: Path, data: bytes) -> None:
    """Write a new file."""
    name.unlink(missing_ok=True)
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    os.write(descriptor, data)
    os.close(descriptor)


def clouds(work: Path) -> None:
    """Time re-encoding of a Velodyne scan."""
    source, target = work / "a.bin", work / "b.pcd"
    source.write_bytes(scan(np.random.default_rng(1)).tobytes())
    media = PointCloud(source.name, str(source))
    copied = least(lambda: put(target, source.read_bytes()))
    encoded = least(lambda: put(target, encode(load(media), ".pcd")))
    print(f".bin to binary PCD: {encoded * 1e3:.2f} ms, copy {copied * 1e3:.2f} ms", end="")
    print(f", ratio {encoded / copied:.2f}")
    cloud = load(media)
    plain = b"".join(np.ascontiguousarray(cloud.points[n]).tobytes() for n in cloud.names)
    times = {name: least(lambda f=f: f(plain)) for name, f in compressors().items()}
    mine = least(lambda: write_pcd(cloud, "binary_compressed"))
    words = ", ".join(f"{name} {value * 1e3:.2f} ms" for name, value in times.items())
    print(f"binary_compressed: {mine * 1e3:.2f} ms, {words}", end="")
    print(f", ratio to the fastest {mine / min(times.values()):.2f}")


def compressors() -> dict[str, Callable[[bytes], object]]:
    """Return the LZF libraries that are installed; two of them are called lzf."""
    found: dict[str, Callable[[bytes], object]] = {"lzf": importlib.import_module("lzf").compress}
    with contextlib.suppress(ImportError):
        found["imagecodecs"] = importlib.import_module("imagecodecs").lzf_encode
    return found


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--boxes", type=int, default=20, help="per frame")
    parser.add_argument("--datumaro", default="", help="interpreter of Datumaro's environment")
    parser.add_argument("--work", default=None, help="folder for what is made")
    arguments = parser.parse_args()
    # Without bytecode dsk would be compiled in every run, and peers that pip compiled would not.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        clouds(Path(folder))
        boxes(arguments, Path(folder))


if __name__ == "__main__":
    main()
