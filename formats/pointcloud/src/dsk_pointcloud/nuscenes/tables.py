"""nuScenes' tables, row by row, and what is kept of them."""

from __future__ import annotations

import posixpath
import re
from codecs import BOM_UTF8
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from dsk.errors import InputError, RecordError
from dsk.jsonerrors import UNDECODABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = [
    "Box",
    "BoxStore",
    "Data",
    "Pose",
    "Sample",
    "Scene",
    "find_tables",
    "read_table",
]

T = TypeVar("T")
PIECE = 4 << 20
_BETWEEN = re.compile(rb"\}\s*,\s*\{")
_NAN = re.compile(rb'("\s*:\s*)NaN(?=\s*[,}])')
_pack = msgspec.msgpack.encode
_unpack = msgspec.msgpack.Decoder(tuple[Any, ...]).decode
_VERSION = re.compile(r"v\d+\.\d+.*")
Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]


class Named(Struct):
    """A row of category or attribute."""

    token: str
    name: str


class InstanceNote(Struct):
    """What dsk notes of a track that it writes: its number, and whether it had a token."""

    track_id: int | None = None
    token: bool = False


class SampleNote(Struct):
    """What dsk notes of an item that it writes."""

    id: str
    subset: str
    frame: Any = None
    empty: bool = False


class Instance(Struct):
    """A row of instance."""

    token: str
    category_token: str
    dsk: InstanceNote | None = None


class Sensor(Struct):
    """A row of sensor."""

    token: str
    channel: str
    modality: str = ""


class Pose(Struct):
    """A row of ego_pose, or of calibrated_sensor: to the global frame, or to the vehicle's."""

    token: str
    translation: Vector
    rotation: Quaternion
    sensor_token: str = ""
    camera_intrinsic: list[list[float]] | None = None


class Scene(Struct):
    """A row of scene."""

    token: str
    name: str
    first_sample_token: str = ""


class Sample(Struct):
    """A row of sample."""

    token: str
    scene_token: str
    timestamp: int | float = 0
    next: str = ""
    dsk: SampleNote | None = None


class Data(Struct):
    """A row of sample_data."""

    token: str
    sample_token: str
    ego_pose_token: str
    calibrated_sensor_token: str
    filename: str
    is_key_frame: bool = False
    width: int | float | None = None
    height: int | float | None = None
    timestamp: int | float = 0


class Level(Struct):
    """A row of visibility."""

    token: str
    level: str = ""


class Box(Struct):
    """A row of sample_annotation."""

    token: str
    sample_token: str
    instance_token: str
    translation: Vector
    size: Vector
    rotation: Quaternion
    attribute_tokens: list[str] = []
    visibility_token: str | None = None
    num_lidar_pts: int | None = None
    num_radar_pts: int | None = None


def find_tables(root: InputRoot, version: str = "") -> list[str]:
    """Return the folders of tables at the root or one level below it.

    Lyft's, as Kaggle has them, are called ``train_data`` and ``test_data``.
    """
    found = []
    for base in ("", *root.entries()[0]):
        inner, files = root.entries(base)
        folders = [base] if base and "sample_data.json" in files else []
        below = (posixpath.join(base, name) for name in inner if _VERSION.fullmatch(name))
        found += folders + [f for f in below if root.is_file(f"{f}/sample_data.json")]
    if not found and root.is_file("sample_data.json"):
        found = [""]
    found = list(dict.fromkeys(found))
    return [f for f in found if not version or posixpath.basename(f) == version]


class _Rows:
    """Decodes rows; a number that Python has written as NaN is not known.

    Rows are decoded one by one where they cannot be together: a bad one is told and left out.
    """

    def __init__(self, kind: type[Any], where: str, ledger: Ledger) -> None:
        self._decode = msgspec.json.Decoder(list[kind]).decode  # type: ignore[valid-type]
        self._decode_one = msgspec.json.Decoder(kind).decode
        self._where = where
        self._ledger = ledger
        self._seen = 0

    def __call__(self, data: bytes) -> list[Any]:
        """Return some rows.

        Raises:
            RecordError: A row is bad, and the run's policy is to stop.
            ValueError: It is no JSON.
        """
        try:
            found = self._decode(data)
        except UNDECODABLE:
            known = _NAN.sub(rb"\1null", data)
            try:
                found = self._decode(known)
            except UNDECODABLE:
                return self._one_by_one(known)
        self._seen += len(found)
        return found

    def _one_by_one(self, data: bytes) -> list[Any]:
        found = []
        for row in msgspec.json.decode(data, type=list[msgspec.Raw]):
            self._seen += 1
            try:
                found.append(self._decode_one(row))
            except UNDECODABLE as error:
                where = f"{self._where}: row {self._seen}"
                self._ledger.bad_record(RecordError(f"damaged row: {error}", where=where))
        return found


def read_table(
    root: InputRoot, folder: str, name: str, kind: type[T], ledger: Ledger, *, needed: bool
) -> Iterator[T]:
    """Yield the rows of a table, decoded piece by piece: tables have millions.

    Args:
        root: The dataset.
        folder: The folder of tables.
        name: The table's name.
        kind: What a row is.
        ledger: Where rows that are none are told.
        needed: Whether it must be there.

    Raises:
        InputError: It is missing or damaged.
    """
    full = posixpath.join(folder, f"{name}.json")
    if not needed and not root.is_file(full):
        return
    view = root.buffer(full)
    if bytes(view[:3]) == BOM_UTF8:
        view = view[3:]
    decode = _Rows(kind, root.show(full), ledger)
    start, head = 0, b""
    try:
        while (found := _BETWEEN.search(view, start + PIECE)) is not None:
            try:
                rows = decode(b"".join((head, view[start : found.start() + 1], b"]")))
            except UNDECODABLE:  # damage, or a cut inside a row: all that is left decides
                break
            yield from rows
            start, head = found.end() - 1, b"["
        yield from decode(b"".join((head, view[start:])))
    except UNDECODABLE as error:
        raise InputError(f"damaged table: {error}", where=root.show(full)) from error


class BoxStore:
    """The boxes of samples, packed: about a third of what their rows take."""

    def __init__(self) -> None:
        self._kept: dict[str, list[bytes | Box]] = {}

    def add(self, box: Box) -> None:
        """Keep a box."""
        sample, box.sample_token = box.sample_token, ""
        packed: bytes | Box
        try:
            packed = _pack(astuple(box))
        except OverflowError:  # a number of points of more than 64 bits, which JSON may state
            packed = box
        self._kept.setdefault(sample, []).append(packed)

    def of(self, sample: str) -> list[Box]:
        """Return the boxes of a sample, in the order of the table; they do not name it."""
        kept = self._kept.get(sample, ())
        return [one if isinstance(one, Box) else Box(*_unpack(one)) for one in kept]
