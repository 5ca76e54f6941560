"""Convert a BraTS case to nnU-Net, to HDF5 slices and back, to PNG, and a study larger than memory.

    python benchmarks/medical.py [--rounds N] [--only REGEX] [--study MIB] [--work DIR]

The case is generated: 240 × 240 × 155, four modalities of int16 and a segmentation. Each figure
comes from processes of their own, which convert a tiny case first so that start-up is not part of
it, and is the median of the rounds. ``×bare`` is the CPU time over that of reading and writing the
same arrays with nibabel and h5py alone. For PNG the share of Pillow's encoder alone is printed, of
all and of what is left without unpacking gzip. Memory is what the conversion adds to the process at
most; a modality has 17 MiB. ``get_fdata`` raises in all of them. The study is converted with an
address space that it does not fit in.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dsk import Dataset
from dsk_medical.slices.pictures import Window
from dsk_medical.volume.arrays import ArrayView

FULL, TINY = (240, 240, 155), (24, 24, 5)
AFFINE = np.array([[-1.0, 0, 0, 0], [0, -1, 0, 239], [0, 0, 1, 0], [0, 0, 0, 1]])
CASE = "BraTS20_Training_001"
MODALITIES = ("flair", "t1", "t1ce", "t2")
MODALITY_MIB = 17
MEMORY = "/dev/shm"  # noqa: S108 - a new folder in it
ROOM_MIB = 256
"""What the study's conversion may add to the address space."""

SPEC: dict[str, tuple[str, str, dict[str, Any]]] = {
    "brats → nnunet": ("brats", "nnunet", {}),
    "brats → nnunet .nii": ("brats", "nnunet", {"file_ending": ".nii"}),
    "nnunet → brats": ("nnunet", "brats", {"layout": "original"}),
    "nnunet → brats 4D": ("nnunet", "brats", {"layout": "msd"}),
    "brats → hdf5": ("brats", "brats_hdf5", {}),
    "hdf5 → brats": ("brats_hdf5", "brats", {"layout": "msd"}),
}
PICTURES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "brats → png": ("brats", "image_dir", {}),
    "brats → png, window": ("brats", "image_dir", {"window": "0,900"}),
    "brats .nii → png": ("brats_nii", "image_dir", {}),
    "brats .nii → png, window": ("brats_nii", "image_dir", {"window": "0,900"}),
    "ct → png": ("ct", "image_dir", {}),
    "ct → png, window": ("ct", "image_dir", {"window": "-160,240"}),
}
JOBS = SPEC | PICTURES
READERS = {"brats_nii": "brats", "ct": "nifti"}
CT = (512, 512, 60)


# --- What is converted ----------------------------------------------------------------------------


def make_case(root: Path, shape: tuple[int, ...], ending: str = ".nii.gz") -> None:
    """Write a case that compresses like a real one: a noisy ellipsoid, 0 around it."""
    random = np.random.default_rng(0)
    i, j, k = (np.linspace(-1, 1, n) for n in shape)
    far = (i[:, None, None] / 0.67) ** 2 + (j[:, None] / 0.8) ** 2 + (k / 0.84) ** 2
    for n, name in enumerate(MODALITIES):
        values = 500 + 100 * n + 150 * np.cos(20 * i)[:, None, None] * np.cos(18 * j)[:, None]
        values = values + random.normal(0, 25, shape)
        save(root / CASE / f"{CASE}_{name}{ending}", np.where(far < 1, values, 0).astype(np.int16))
    tumor = np.select([far < 0.02, far < 0.04, far < 0.1], [4, 1, 2], 0).astype(np.uint8)
    save(root / CASE / f"{CASE}_seg{ending}", tumor)


def make_ct(root: Path, shape: tuple[int, ...]) -> None:
    """Write a scan with a mask: a noisy body in air."""
    random = np.random.default_rng(0)
    i, j, k = (np.linspace(-1, 1, n) for n in shape)
    far = (i[:, None, None] / 0.85) ** 2 + (j[:, None] / 0.7) ** 2 + 0 * k
    body = 40 + 60 * np.cos(9 * i)[:, None, None] * np.cos(7 * j)[:, None] + 0 * k
    values = np.where(far < 1, body, -1000) + random.normal(0, 12, shape)
    save(root / "scan.nii.gz", np.maximum(values, -1024).astype(np.int16))
    save(root / "scan" / "organ.nii.gz", (far + 4 * k**2 < 0.2).astype(np.uint8))


def save(path: Path, array: NDArray[Any]) -> None:
    """Write a NIfTI file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, AFFINE), path)


def make_study(path: Path, mib: int) -> None:
    """Write a study over time of so many MiB, plane by plane."""
    header = nib.Nifti1Header()
    plane = np.random.default_rng(0).integers(0, 1000, (256, 256), np.int16)
    times = mib * (1 << 20) // (plane.nbytes * 100)
    header.set_data_dtype(np.int16)
    header.set_data_shape((256, 256, 100, times))
    header.set_sform(AFFINE, 1)
    header["magic"], header["vox_offset"] = b"n+1", 352
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(header.binaryblock + bytes(4))
        for n in range(100 * times):
            file.write(np.roll(plane, n).tobytes("F"))


# --- The same with the libraries alone ------------------------------------------------------------


def arrays(folder: Path) -> Iterator[tuple[Path, NDArray[Any]]]:
    """Read all NIfTI files of a folder."""
    for path in sorted([*folder.rglob("*.nii.gz"), *folder.rglob("*.nii")]):
        yield path, np.asanyarray(nib.load(path).dataobj)


def bare_nifti(source: Path, out: Path, ending: str = ".nii.gz") -> None:
    """Read and write every file."""
    for path, array in arrays(source):
        save(out / (path.name.split(".")[0] + ending), array)


def bare_stack(source: Path, out: Path) -> None:
    """Read every file; write the scans as one."""
    found = list(arrays(source))
    scans = [array for path, array in found if "images" in path.parent.name]
    save(out / "image.nii.gz", np.stack(scans, axis=-1))
    save(out / "label.nii.gz", next(a for path, a in found if "labels" in path.parent.name))


def bare_to_hdf5(source: Path, out: Path) -> None:
    """Read every file; write the slices' z-scores and masks."""
    found = {path.name.split(".")[0].rpartition("_")[2]: array for path, array in arrays(source)}
    stack = np.stack([found[name] for name in MODALITIES], axis=-1)
    out.mkdir(parents=True)
    for k in range(stack.shape[2]):
        image = stack[:, :, k].astype(np.float64)
        image -= image.mean(axis=(0, 1))
        deviation = image.std(axis=(0, 1))
        image /= np.where(deviation == 0, 1, deviation)
        mask = np.stack([found["seg"][:, :, k] == v for v in (1, 2, 4)], axis=-1).view(np.uint8)
        with h5py.File(out / f"volume_1_slice_{k}.h5", "w") as file:
            for key, array in (("image", image), ("mask", mask)):
                more = {"compression": "gzip", "compression_opts": 1, "chunks": array.shape}
                file.create_dataset(key, data=array, **more)


def bare_from_hdf5(source: Path, out: Path) -> None:
    """Read every slice; write image and labels as one volume each."""
    paths = {int(path.stem.rpartition("_")[2]): path for path in source.rglob("*.h5")}
    images, labels = [], []
    for _, path in sorted(paths.items()):
        with h5py.File(path) as file:
            images.append(file["image"][()])
            labels.append(file["mask"][()] @ np.array([1, 2, 4], np.uint8))
    save(out / "image.nii.gz", np.stack(images, axis=2))
    save(out / "label.nii.gz", np.stack(labels, axis=2))


def _shown(path: Path) -> bool:
    return "flair" in path.name or "scan" in path.name


def unpack(source: Path) -> None:
    """Unpack what becomes pictures and masks of them."""
    for path in sorted(source.rglob("*.nii.gz")):
        if _shown(path) or "seg" in path.name or "organ" in path.name:
            with gzip.open(path) as file:
                while file.read(1 << 20):
                    pass


def bare_png(source: Path, limits: tuple[float, float] | None) -> Callable[[], None]:
    """Return what encodes the slices, which are made here."""
    volume = next(array for path, array in arrays(source) if _shown(path))
    window = Window(ArrayView(volume), limits, (0.5, 99.5))
    slices = [np.ascontiguousarray(window.apply(volume[:, :, k])) for k in range(volume.shape[2])]

    def encode() -> None:
        for pixels in slices:
            Image.fromarray(pixels).save(io.BytesIO(), "PNG")

    return encode


def bare(name: str, source: Path, out: Path) -> Callable[[], None]:
    """Return what a job's libraries have to do."""
    if "png" in name:
        window = PICTURES[name][2].get("window")
        low, high = map(float, window.split(",")) if window else (0, 0)
        return bare_png(source, (low, high) if window else None)
    if name.endswith(".nii"):
        return lambda: bare_nifti(source, out, ".nii")
    if name.endswith("4D"):
        return lambda: bare_stack(source, out)
    if name == "brats → hdf5":
        return lambda: bare_to_hdf5(source, out)
    if name == "hdf5 → brats":
        return lambda: bare_from_hdf5(source, out)
    return lambda: bare_nifti(source, out)


# --- Measuring ------------------------------------------------------------------------------------


def convert(name: str, source: Path, out: Path) -> None:
    """Convert with dsk in this process."""
    reads, writes, options = JOBS[name]
    dataset = Dataset.import_from(source, READERS.get(reads, reads))
    if writes == "image_dir":
        dataset, options = dataset.transform("volumes_to_slices", **options), {}
    dataset.export(out, writes, save_media=True, jobs=1, **options)


def memory(field: str) -> float:
    """Return a field of this process's memory, in MiB."""
    text = Path("/proc/self/status").read_text()
    match = re.search(rf"{field}:\s+(\d+)", text)
    return int(match[1]) / 1024 if match else 0.0


def timed(run: Callable[[], None]) -> dict[str, float]:
    """Run something; return CPU seconds and the memory it added at most."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before, started = memory("VmRSS"), time.process_time()
    run()
    return {"cpu": time.process_time() - started, "mib": memory("VmHWM") - before}


def refuse(*_: object, **__: object) -> None:
    """Stand in for ``get_fdata``, which makes eight bytes of every voxel."""
    raise AssertionError("get_fdata was called")


def one(kind: str, name: str, work: Path) -> dict[str, float]:
    """Measure one run in this process, after a warm-up."""
    nib.dataobj_images.DataobjImage.get_fdata = refuse  # type: ignore[method-assign]
    out = work / "out"
    for size in ("tiny", "full"):
        source = work / size / JOBS[name][0]
        shutil.rmtree(out, ignore_errors=True)
        if kind == "gzip":
            found = timed(lambda source=source: unpack(source))  # type: ignore[misc]
        elif kind == "dsk":
            found = timed(lambda source=source: convert(name, source, out))  # type: ignore[misc]
        else:
            found = timed(bare(name, source, out))
    return found


def study(work: Path, target: str) -> dict[str, float]:
    """Convert the large study with an address space that it does not fit in."""
    tiny = work / "tiny" / "study"
    save(tiny / "a.nii", np.zeros((4, 4, 3, 2), np.int16))
    options = {"ext": "nii.gz"} if target == "nifti" else {"encoding": "raw"}

    def run(source: Path, out: Path) -> None:
        shutil.rmtree(out, ignore_errors=True)
        dataset = Dataset.import_from(source, "nifti")
        if target == "image_dir":
            dataset.transform("volumes_to_slices").export(out, target, save_media=True, jobs=1)
        else:
            dataset.export(out, target, jobs=1, **options)

    run(tiny, work / "out")
    most = int((memory("VmSize") + ROOM_MIB) * (1 << 20))
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    return timed(lambda: run(work / "study", work / "out"))


def prepare(work: Path) -> None:
    """Write the sources of all jobs."""
    for size, shape in (("tiny", TINY), ("full", FULL)):
        make_case(work / size / "brats", shape)
        make_case(work / size / "brats_nii", shape, ".nii")
        make_ct(work / size / "ct", CT if size == "full" else shape)
        convert("brats → nnunet", work / size / "brats", work / size / "nnunet")
        convert("brats → hdf5", work / size / "brats", work / size / "brats_hdf5")


def child(work: Path, *words: str) -> dict[str, float]:
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--work", str(work), "--one", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words)} failed: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def rounds_of(work: Path, name: str, rounds: int, *kinds: str) -> dict[str, list[Any]]:
    """Measure a job's kinds in turn, so that all see the same machine."""
    runs: dict[str, list[Any]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind, found in runs.items():
            found.append(child(work, kind, name))
    return runs


def middle(runs: dict[str, list[Any]]) -> dict[str, float]:
    """Return the median CPU time of each kind."""
    return {kind: statistics.median(r["cpu"] for r in found) for kind, found in runs.items()}


def report(work: Path, rounds: int, only: str) -> None:
    """Print the table of volumes, and that of pictures."""
    print("| | CPU s | ×bare | memory MiB | in modalities |\n|---|---|---|---|---|")
    for name in (name for name in SPEC if re.search(only, name)):
        runs = rounds_of(work, name, rounds, "dsk", "bare")
        cpu, peak = middle(runs), max(r["mib"] for r in runs["dsk"])
        ratio, share = cpu["dsk"] / cpu["bare"], peak / MODALITY_MIB
        print(f"| {name} | {cpu['dsk']:.2f} | {ratio:.2f} | {peak:.0f} | {share:.1f} |", flush=True)
    print("\n| | CPU s | encoder | without gzip | memory MiB |\n|---|---|---|---|---|")
    for name in (name for name in PICTURES if re.search(only, name)):
        runs = rounds_of(work, name, rounds, "dsk", "bare", "gzip")
        cpu, peak = middle(runs), max(r["mib"] for r in runs["dsk"])
        share, rest = cpu["bare"] / cpu["dsk"], cpu["bare"] / (cpu["dsk"] - cpu["gzip"])
        print(f"| {name} | {cpu['dsk']:.2f} | {share:.0%} | {rest:.0%} | {peak:.0f} |", flush=True)


def report_study(work: Path, mib: int) -> None:
    """Print what becomes of a study that is larger than the memory."""
    make_study(work / "study" / "a.nii", mib)
    print(f"\nA study of {mib} MiB with {ROOM_MIB} MiB of address space left:\n")
    print("| nifti → | CPU s | memory MiB |\n|---|---|---|")
    for target in ("nifti", "nrrd", "image_dir"):
        found = child(work, "study", target)
        print(f"| {target} | {found['cpu']:.1f} | {found['mib']:.0f} |", flush=True)


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--study", type=int, default=0, metavar="MIB")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        kind, name = given.one
        found = study(given.work, name) if kind == "study" else one(kind, name, given.work)
        print(json.dumps(found))
        return
    with tempfile.TemporaryDirectory(dir=given.work or MEMORY) as folder:
        prepare(Path(folder))
        report(Path(folder), given.rounds, given.only)
        if given.study:
            report_study(Path(folder), given.study)


if __name__ == "__main__":
    main()
