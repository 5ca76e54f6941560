"""Make videos, and volumes with masks, in formats that can be read only."""

from __future__ import annotations

import functools
import gzip
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from readonly_maps import put

# --- Videos ---------------------------------------------------------------------------------------

HEIGHT, WIDTH = 96, 128
FRAMES, KEY = 500, 25
"""Frames of a video, and of what is between two of its key frames."""


@functools.cache
def film(frames: int) -> bytes:
    """Return an MP4 file in which a light wanders over a wall, and the wall changes at times."""
    import av

    y, x = np.mgrid[:HEIGHT, :WIDTH]
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = KEY
        for n in range(frames):
            light = 120 * np.exp(-((x - n % WIDTH) ** 2 + (y - n % HEIGHT) ** 2) / 200)
            wall = (x, y, WIDTH - x, HEIGHT - y)[n // 40 % 4]
            gray = np.clip(wall + light, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.stack([gray] * 3, axis=-1), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return file.getvalue()


def video_frames(folder: Path, count: int) -> None:
    for n, start in enumerate(range(0, count, FRAMES)):
        (folder / f"{n:05d}.mp4").write_bytes(film(min(FRAMES, count - start)))


def video_keyframes(folder: Path, count: int) -> None:
    video_frames(folder, count)


# --- Volumes --------------------------------------------------------------------------------------

SHAPE = (32, 32, 16)
VARIANTS = 6
AFFINE = np.diag([0.75, 0.75, 2.5, 1.0])


@functools.cache
def scan(n: int) -> NDArray[np.int16]:
    """Return a noisy body."""
    values = np.random.default_rng(n).normal(300, 12, SHAPE)
    i, j, _ = np.mgrid[-1:1:32j, -1:1:32j, -1:1:16j]
    return np.where(i**2 + j**2 < 0.8, values, 0).astype(np.int16)


@functools.cache
def organs(n: int) -> NDArray[np.uint8]:
    """Return two objects, 1 and 2, which do not touch."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[6 : 14 + n, 8:20, 3:9] = 1
    labels[21:26, 10 + n : 22, 4:14] = 2
    return labels


@functools.cache
def nifti(n: int, *, labels: bool) -> bytes:
    import nibabel as nib

    image = nib.Nifti1Image(organs(n) if labels else scan(n), AFFINE)
    return gzip.compress(image.to_bytes(), 6, mtime=0)


def bids_seg(folder: Path, count: int) -> None:
    about = {"Name": "study", "BIDSVersion": "1.8.0"}
    put(folder / "dataset_description.json", json.dumps(about).encode())
    derived = folder / "derivatives" / "seg"
    text = json.dumps({**about, "DatasetType": "derivative", "GeneratedBy": [{"Name": "x"}]})
    put(derived / "dataset_description.json", text.encode())
    put(derived / "dseg.tsv", b"index\tname\tcolor\n1\tliver\t#ff530b\n2\tspleen\t#0bff53\n")
    for n in range(count):
        name, place = f"sub-{n:06d}", f"sub-{n:06d}/anat"
        put(folder / place / f"{name}_T1w.nii.gz", nifti(n % VARIANTS, labels=False))
        put(derived / place / f"{name}_dseg.nii.gz", nifti(n % VARIANTS, labels=True))


def nrrd(array: NDArray[Any]) -> bytes:
    """Return an NRRD file."""
    kind = {"i": "int16", "u": "uint8"}[array.dtype.kind]
    lines = ["NRRD0004", f"type: {kind}", "dimension: 3", "space: left-posterior-superior"]
    lines.append(f"sizes: {' '.join(map(str, array.shape))}")
    lines.append("space directions: (0.75,0,0) (0,0.75,0) (0,0,2.5)")
    lines += ["kinds: domain domain domain", "endian: little", "encoding: gzip"]
    head = "\n".join([*lines, "space origin: (-12,-12,30.5)", "", ""])
    return head.encode() + gzip.compress(array.tobytes("F"), 6, mtime=0)


def sly_volume(folder: Path, count: int) -> None:
    classes = [{"title": t, "shape": "mask_3d", "color": "#0F8A62"} for t in ("liver", "spleen")]
    meta = {"classes": classes, "tags": [], "projectType": "volumes"}
    put(folder / "meta.json", json.dumps(meta).encode())
    scans = [nrrd(scan(n)) for n in range(VARIANTS)]
    masks = [[nrrd((organs(n) == v).astype(np.uint8)) for v in (1, 2)] for n in range(VARIANTS)]
    for n in range(count):
        name, figures, objects = f"{n:06d}.nrrd", [], []
        put(folder / "ds0/volume" / name, scans[n % VARIANTS])
        for k, mask in enumerate(masks[n % VARIANTS]):
            figure, owner = f"{2 * n + k:032x}", f"{2 * n + k + (1 << 90):032x}"
            put(folder / "ds0/mask" / name / f"{figure}.nrrd", mask)
            title = classes[k]["title"]
            objects.append({"key": owner, "classTitle": title, "tags": []})
            figures.append({"key": figure, "objectKey": owner, "geometryType": "mask_3d"})
        found = {"volumeMeta": {"ACS": "RAS"}, "key": f"{n:032x}", "tags": [], "planes": []}
        found |= {"objects": objects, "spatialFigures": figures}
        put(folder / "ds0/ann" / f"{name}.json", json.dumps(found).encode())


# --- DICOM ----------------------------------------------------------------------------------------

ROOT = "1.2.826.0.1.3680043.8.498."


def _slice(k: int, pixels: NDArray[np.uint16], series: str) -> Any:
    """Return a slice of a series."""
    import pydicom
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    d = pydicom.Dataset()
    d.file_meta = pydicom.dataset.FileMetaDataset()
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = CTImageStorage
    d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID = f"{series}.{k + 1}"
    d.StudyInstanceUID, d.SeriesInstanceUID = f"{series}.100", series
    d.FrameOfReferenceUID, d.StudyDate, d.StudyTime = f"{series}.101", "20200101", ""
    d.PatientID, d.PatientName, d.PatientBirthDate, d.PatientSex = "P1", "", "", ""
    d.AccessionNumber, d.StudyID, d.ReferringPhysicianName, d.Manufacturer = "", "", "", ""
    d.Modality, d.SeriesNumber, d.InstanceNumber, d.PositionReferenceIndicator = "CT", 1, k + 1, ""
    d.Rows, d.Columns, d.PixelSpacing, d.SliceThickness = *pixels.shape, [0.75, 0.75], 2.5
    d.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    d.ImagePositionPatient = [-12, -12, 30 + 2.5 * k]
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 12, 11, 0
    d.RescaleSlope, d.RescaleIntercept, d.PixelData = 1, -1024, pixels.tobytes()
    return d


def _segmentation(series: str, slices: list[Any], labels: NDArray[np.uint8]) -> Any:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    segments = [
        hd.seg.SegmentDescription(
            number, name, codes.SCT.Organ, kind, hd.seg.SegmentAlgorithmTypeValues.MANUAL
        )
        for number, name, kind in ((1, "liver", codes.SCT.Liver), (2, "spleen", codes.SCT.Spleen))
    ]
    uids = (f"{series}.900", 2, f"{series}.901", 1)
    return hd.seg.Segmentation(slices, labels, "BINARY", segments, *uids, "m", "mm", "1", "1")


@functools.cache
def _study(n: int) -> tuple[bytes, dict[str, bytes]]:
    """Return the number that begins all UIDs of a series and its segmentation, and their files."""
    import pydicom

    def encoded(found: Any) -> bytes:
        file = io.BytesIO()
        pydicom.dcmwrite(file, found, enforce_file_format=True)
        return file.getvalue()

    series = f"{ROOT}1{n:08d}"
    pixels = (scan(n) + 1024).astype(np.uint16).T.copy()
    slices = [_slice(k, plane, series) for k, plane in enumerate(pixels)]
    files = {f"{k:03d}.dcm": encoded(found) for k, found in enumerate(slices)}
    labels = organs(n).T.copy()
    return series.encode(), {**files, "seg.dcm": encoded(_segmentation(series, slices, labels))}


def dicom(folder: Path, count: int) -> None:
    for n in range(count):
        series, files = _study(n % VARIANTS)
        own = f"{ROOT}1{n:08d}".encode()
        for name, data in files.items():
            put(folder / f"case_{n:06d}" / name, data.replace(series, own))


MAKERS = (bids_seg, dicom, sly_volume, video_frames, video_keyframes)
