"""What the library of a file's kind alone takes to read it, and to write again what it read.

Nothing is made of what is read: this is the least that any reader and writer of such files takes.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import pickle
import re
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Encode = Callable[[], bytes]
Decode = Callable[[bytes], Encode]

GZIP_LEVEL, PICKLE_PROTOCOL = 6, 4


def as_json(data: bytes) -> Encode:
    import msgspec

    found = msgspec.json.decode(data)
    return lambda: msgspec.json.encode(found)


def as_xml(data: bytes) -> Encode:
    from lxml import etree

    found = etree.fromstring(data)
    return lambda: etree.tostring(found, pretty_print=True)


def as_csv(data: bytes) -> Encode:
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))

    def encode() -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text).writerows(rows)
        return text.getvalue().encode()

    return encode


def as_text(data: bytes) -> Encode:
    rows = [line.split() for line in data.decode("utf-8", "replace").splitlines()]
    return lambda: "\n".join(map(" ".join, rows)).encode()


def as_picture(data: bytes) -> Encode:
    import numpy as np
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        array, kind = np.asarray(image), image.format

    def encode() -> bytes:
        file = io.BytesIO()
        Image.fromarray(array).save(file, kind)
        return file.getvalue()

    return encode


def as_gzip(data: bytes) -> Encode:
    found = gzip.decompress(data)
    return lambda: gzip.compress(found, GZIP_LEVEL)


def as_pickle(data: bytes) -> Encode:
    found = pickle.loads(data)  # noqa: S301 - written by this benchmark
    return lambda: pickle.dumps(found, PICKLE_PROTOCOL)


def as_zip(data: bytes) -> Encode:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]

    def encode() -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as again:
            for name, content in members:
                again.writestr(name, content)
        return file.getvalue()

    return encode


def as_hdf5(data: bytes) -> Encode:
    import h5py

    found: dict[str, Any] = {}
    kept = ("chunks", "compression", "compression_opts")

    def note(name: str, one: Any) -> None:
        if getattr(one, "shape", None):
            found[name] = one[()], {key: getattr(one, key) for key in kept}

    with h5py.File(io.BytesIO(data)) as file:
        file.visititems(note)

    def encode() -> bytes:
        out = io.BytesIO()
        with h5py.File(out, "w") as again:
            for name, (array, more) in found.items():
                again.create_dataset(name, data=array, **more)
        return out.getvalue()

    return encode


def as_mat(data: bytes) -> Encode:
    from scipy import io as matlab

    matlab.loadmat(io.BytesIO(data), struct_as_record=False, squeeze_me=True)
    return lambda: data


def as_records(data: bytes) -> Encode:
    """TFRecord: frames with checksums, in each a tf.train.Example by the protobuf library."""
    import google_crc32c

    example, found, place = _example(), [], 0
    while place < len(data):
        (length,) = struct.unpack_from("<Q", data, place)
        record = data[place + 12 : place + 12 + length]
        google_crc32c.value(record)
        found.append(example.FromString(record))
        place += length + 16

    def encode() -> bytes:
        parts = []
        for one in found:
            record = one.SerializeToString(deterministic=True)
            parts += [struct.pack("<QI", len(record), 0), record]
            parts.append(struct.pack("<I", google_crc32c.value(record)))
        return b"".join(parts)

    return encode


def _example() -> Any:
    """Return the message class of tensorflow/core/example/example.proto."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kinds = {"bytes": 12, "float": 2, "int64": 3, "string": 9, "message": 11}
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="t", syntax="proto3")

    def message(parent: Any, name: str, *fields: tuple[str, str, int, bool]) -> Any:
        made = parent.add(name=name)
        for number, (field, kind, _, repeated) in enumerate(fields, 1):
            one = made.field.add(name=field, number=number, label=3 if repeated else 1)
            one.type = kinds.get(kind, kinds["message"])
            if kind not in kinds:
                one.type_name = f".t.{kind}"
        return made

    for kind in ("bytes", "float", "int64"):
        message(file.message_type, f"{kind}_list", ("value", kind, 1, True))
    lists = [(f"{kind}s", f"{kind}_list", 1, False) for kind in ("bytes", "float", "int64")]
    message(file.message_type, "Feature", *lists)
    features = message(file.message_type, "Features", ("feature", "Features.Entry", 1, True))
    pair = ("key", "string", 1, False), ("value", "Feature", 2, False)
    message(features.nested_type, "Entry", *pair).options.map_entry = True
    message(file.message_type, "Example", ("features", "Features", 1, False))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Example"))


def as_nifti(data: bytes) -> Encode:
    import nibabel as nib
    import numpy as np

    packed = data[:2] == b"\x1f\x8b"
    image = nib.Nifti1Image.from_bytes(gzip.decompress(data) if packed else data)
    again = nib.Nifti1Image(np.asarray(image.dataobj), image.affine)
    return lambda: gzip.compress(again.to_bytes(), 1) if packed else again.to_bytes()


def as_nrrd(data: bytes) -> Encode:
    import nrrd

    file = io.BytesIO(data)
    header = nrrd.read_header(file)
    array = nrrd.read_data(header, file, None)

    def encode() -> bytes:
        out = io.BytesIO()
        nrrd.write(out, array, header, compression_level=1)
        return out.getvalue()

    return encode


def as_npy(data: bytes) -> Encode:
    import numpy as np

    array = np.load(io.BytesIO(data))

    def encode() -> bytes:
        out = io.BytesIO()
        np.save(out, array)
        return out.getvalue()

    return encode


def as_dicom(data: bytes) -> Encode:
    """DICOM: images by pydicom, segmentations by highdicom, which parts them by segment."""
    import pydicom

    found = pydicom.dcmread(io.BytesIO(data))
    if "SegmentSequence" in found:
        from highdicom.seg import Segmentation

        Segmentation.from_dataset(found, copy=False).get_volume()
    else:
        _ = found.pixel_array

    def encode() -> bytes:
        out = io.BytesIO()
        pydicom.dcmwrite(out, found)
        return out.getvalue()

    return encode


def as_video(data: bytes) -> Encode:
    """Videos: every frame as an array of RGB."""
    import av

    with av.open(io.BytesIO(data)) as container:
        for frame in container.decode(video=0):
            frame.to_ndarray(format="rgb24")
    return lambda: data


DECODERS: dict[str, Decode] = {
    ".json": as_json,
    ".xml": as_xml,
    ".csv": as_csv,
    ".txt": as_text,
    ".gz": as_gzip,
    ".zip": as_zip,
    ".h5": as_hdf5,
    ".mat": as_mat,
    ".tfrecord": as_records,
    ".nii": as_nifti,
    ".nrrd": as_nrrd,
    ".npy": as_npy,
    ".p": as_pickle,
    ".dcm": as_dicom,
    ".mp4": as_video,
}
MEDIA = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".pcd", ".bin"})


def decoder(path: Path, data: bytes, masks: str) -> Decode | None:
    """Return what reads a file, None if a copy is all there is."""
    ending = path.suffix.lower()
    if masks and re.search(masks, path.as_posix()):
        return as_picture
    if path.name.endswith(".nii.gz"):
        return as_nifti
    return as_pickle if not ending and data[:1] == b"\x80" else DECODERS.get(ending)


def bare(folder: Path, *, masks: str) -> tuple[float, float]:
    """Read every file of a folder and write it again elsewhere; return both CPU times in seconds.

    Media that are no annotations are listed when reading, and copied when writing.

    Args:
        folder: A dataset.
        masks: An expression that the paths of pictures match that are masks; "": none are.
    """
    again = folder.with_name(folder.name + "-again")
    started = time.process_time()
    paths = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]  # noqa: PTH118
    reading, writing = time.process_time() - started, 0.0
    for path in map(Path, paths):
        started = time.process_time()
        data = path.read_bytes()
        decode = decoder(path, data, masks)
        encode = decode(data) if decode else (lambda data=data: data)
        middle = time.process_time()
        if decode or path.suffix.lower() not in MEDIA:
            reading += middle - started
        place = again / path.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        middle = time.process_time()
        place.write_bytes(encode())
        writing += time.process_time() - middle
    return reading, writing
