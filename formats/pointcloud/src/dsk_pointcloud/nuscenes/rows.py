"""The rows of nuScenes' tables for keyframes of other formats."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from dsk.rotations import invert, quaternion_matrix, quaternion_of, rigid
from dsk_pointcloud.frames import is_finite
from dsk_pointcloud.nuscenes.chains import Chains
from dsk_pointcloud.nuscenes.keyframes import FrameReader
from dsk_pointcloud.tokens import key_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.output import WriteContext
    from dsk_pointcloud.nuscenes.keyframes import Frame, Place

__all__ = ["FAMILY", "LEVELS", "write_tables"]

FAMILY = "nuscenes"
LEVELS = {"1": "v0-40", "2": "v40-60", "3": "v60-80", "4": "v80-100"}
TABLES = (
    *("category", "attribute", "visibility", "instance", "sensor", "calibrated_sensor"),
    *("ego_pose", "log", "scene", "sample", "sample_data", "sample_annotation", "map"),
)
_STEP = 500_000  # keyframes come twice a second; microseconds
_TOKENS = {level: token for token, level in LEVELS.items()}

Row = dict[str, Any]


class _Tables:
    """The files of the tables, which grow row by row.

    Args:
        ctx: Where they are written.
        folder: Their folder there.
        labels: The categories' names.
    """

    def __init__(self, ctx: WriteContext, folder: str, labels: Sequence[str]) -> None:
        self._files = {name: ctx.out.open(f"{folder}/{name}.json") for name in TABLES}
        self._known: set[str] = set()
        self.counts = Counter[str]()
        self.instances: dict[str, Row] = {}
        """Those whose tokens the source states: other scenes may have them, too."""
        self.categories = [self.add("category", name, name=name, description="") for name in labels]
        for token, level in LEVELS.items():
            self.put("visibility", {"token": token, "level": level, "description": ""})

    def put(self, table: str, row: Row) -> None:
        """Write a row."""
        text = msgspec.json.format(msgspec.json.encode(row), indent=0)
        self._files[table].write((b", " if self.counts[table] else b"[") + text)
        self.counts[table] += 1

    def add(self, table: str, *names: object, **fields: Any) -> str:
        """Write a row unless it is there; return its token."""
        token = key_of(table, *names)
        if token not in self._known:
            self._known.add(token)
            self.put(table, {"token": token, **fields})
        return token

    def close(self) -> None:
        """Finish the files."""
        for row in self.instances.values():
            self.put("instance", row)
        for name, file in self._files.items():
            with file:
                file.write(b"]" if self.counts[name] else b"[]")


def write_tables(
    places: Sequence[Place], folder: str, labels: Sequence[str], ctx: WriteContext
) -> None:
    """Write all tables, scene by scene.

    Args:
        places: Where the keyframes wait.
        folder: Name of the tables' folder.
        labels: Names of the labels.
        ctx: Where they wait and where the tables go.
    """
    scenes: dict[tuple[str, str], list[Place]] = {}
    for place in places:
        scenes.setdefault((place.subset, place.scene), []).append(place)
    names = Counter(name for _, name in scenes)
    tables, reader = _Tables(ctx, folder, labels), FrameReader(ctx)
    try:
        for (subset, name), members in scenes.items():
            unique = name if names[name] == 1 else f"{subset}/{name}"
            _Scene(tables, reader, (subset, unique), _ordered(members)).write()
    finally:
        reader.close()
    tables.close()


def _ordered(members: list[Place]) -> list[Place]:
    numbers = [place.order for place in members]
    if None not in numbers and len(set(numbers)) == len(numbers):
        return sorted(members, key=lambda place: place.order or 0)
    return members


class _Scene:
    """The rows of one scene.

    Args:
        tables: Where they go.
        reader: For the keyframes.
        name: (subset, name).
        places: Where its keyframes wait, in their order.
    """

    def __init__(
        self, tables: _Tables, reader: FrameReader, name: tuple[str, str], places: list[Place]
    ) -> None:
        self._tables = tables
        self._reader = reader
        self._name = name
        self._places = places
        self._tokens: list[str] = []
        self._boxes, self._files = Chains(), Chains()
        self._instances: dict[str, Row] = {}

    def write(self) -> None:
        """Read the keyframes twice: for what comes before and after each row, and for the rows."""
        for frame in self._reader.read(self._places):
            self._follow(frame)
        self._boxes.close()
        self._files.close()
        tables, tokens = self._tables, self._tokens
        subset, name = self._name
        log = tables.add("log", name, logfile="", vehicle="", date_captured="", location="")
        scene = tables.add(
            "scene",
            name,
            name=name,
            description="",
            log_token=log,
            nbr_samples=len(tokens),
            first_sample_token=tokens[0],
            last_sample_token=tokens[-1],
        )
        tables.add("map", name, log_tokens=[log], category="semantic_prior", filename="")
        start = tables.counts["sample"]  # no two scenes begin at one time
        for number, frame in enumerate(self._reader.read(self._places)):
            stamp = _stamp(frame.timestamp, (start + number) * _STEP)
            row = {
                "token": tokens[number],
                "timestamp": stamp,
                "prev": tokens[number - 1] if number else "",
                "next": tokens[number + 1] if number + 1 < len(tokens) else "",
                "scene_token": scene,
                "dsk": {
                    "id": frame.id,
                    "subset": subset,
                    "frame": frame.order,
                    "empty": frame.empty,
                },
            }
            tables.put("sample", row)
            self._write_files(frame, tokens[number], stamp)
            self._write_boxes(frame, tokens[number])
        for row in self._instances.values():
            tables.put("instance", row)

    def _follow(self, frame: Frame) -> None:
        sample = key_of("sample", frame.subset, frame.id)
        self._tokens.append(sample)
        self._files.frame()
        for channel in _channels(frame):
            self._files.add(channel)
        self._boxes.frame()
        for a in frame.annotations:
            stated = a.instance or a.track is not None
            self._boxes.add(self._instance(a, sample, 0) if stated else None)

    def _instance(self, a: Any, sample: str, number: int) -> str:
        track = (sample, number) if a.track is None else (a.track,)
        return a.instance or key_of("instance", *self._name, a.label, *track)

    def _write_files(self, frame: Frame, sample: str, stamp: int) -> None:
        """Write the rows of the frame's cloud and images."""
        tables = self._tables
        translation, rotation = frame.ego
        ego = key_of("ego_pose", sample)
        row: Row = {"translation": list(translation), "rotation": list(rotation)}
        tables.put("ego_pose", {"token": ego, "timestamp": stamp, **row})
        lidar = _sensor(tables, "LIDAR_TOP", "lidar", frame.lidar, [])
        files = [(frame.cloud, "pcd", lidar, (0, 0))]
        for camera in frame.cameras:
            # The camera stands where the vehicle is when the lidar looks: one pose for both.
            outer = np.array(camera.outer).reshape(3, 4)
            pose = _matrix(frame.lidar) @ invert(rigid(outer[:, :3], outer[:, 3]))
            inner = np.array(camera.inner).reshape(3, 3).tolist()
            turn, move = list(quaternion_of(pose[:3, :3])), pose[:3, 3].tolist()
            sensor = _sensor(tables, camera.channel, "camera", (move, turn), inner)
            kind = camera.file.rpartition(".")[2].lower()
            files.append((camera.file, kind, sensor, camera.size))
        for channel, file in zip(_channels(frame), files, strict=True):
            name, kind, sensor, (height, width) = file
            before, after = [
                key_of("sample_data", self._tokens[place[0]], channel) if place else ""
                for place in self._files.next_row()
            ]
            row = {
                "token": key_of("sample_data", sample, channel),
                "sample_token": sample,
                "ego_pose_token": ego,
                "calibrated_sensor_token": sensor,
                "timestamp": stamp,
                "fileformat": kind,
                "is_key_frame": True,
                "height": height,
                "width": width,
                "filename": name,
                "prev": before,
                "next": after,
            }
            tables.put("sample_data", row)

    def _write_boxes(self, frame: Frame, sample: str) -> None:
        tables = self._tables
        for number, a in enumerate(frame.annotations):
            pose = np.array(a.pose).reshape(4, 4)
            token, instance = _box_token(sample, number), self._instance(a, sample, number)
            before, after = [
                _box_token(self._tokens[place[0]], place[1]) if place else ""
                for place in self._boxes.next_row()
            ]
            row = {
                "token": token,
                "sample_token": sample,
                "instance_token": instance,
                "visibility_token": _TOKENS.get(a.visibility, ""),
                "attribute_tokens": [
                    tables.add("attribute", name, name=name, description="")
                    for name in a.attributes
                ],
                "translation": pose[:3, 3].tolist(),
                "size": list(a.size),
                "rotation": list(quaternion_of(pose[:3, :3])),
                "num_lidar_pts": a.points,
                "num_radar_pts": a.radar,
                "prev": before,
                "next": after,
            }
            tables.put("sample_annotation", row)
            self._count(a, instance, token)

    def _count(self, a: Any, instance: str, token: str) -> None:
        """Count a box for its instance; one without a track has no other."""
        rows = self._tables.instances if a.instance else self._instances
        known = rows.get(instance)
        if known is None:
            known = {
                "token": instance,
                "category_token": self._tables.categories[a.label],
                "nbr_annotations": 0,
                "first_annotation_token": token,
                "last_annotation_token": token,
                "dsk": {"track_id": a.track, "token": bool(a.instance)},
            }
            if a.instance or a.track is not None:
                rows[instance] = known
        known["nbr_annotations"] += 1
        known["last_annotation_token"] = token
        if not a.instance and a.track is None:
            self._tables.put("instance", known)


def _box_token(sample: str, number: int) -> str:
    return key_of("sample_annotation", sample, number)


def _channels(frame: Frame) -> list[str]:
    return ["LIDAR_TOP", *(camera.channel for camera in frame.cameras)]


def _stamp(stated: Any, default: int) -> int:
    """Return a time in whole microseconds; Lyft's tables have fractions."""
    known = type(stated) in (int, float) and is_finite(stated)
    return int(stated) if known else default


def _matrix(known: Any) -> Any:
    translation, rotation = known
    return rigid(quaternion_matrix(tuple(rotation)), tuple(translation))


def _sensor(
    tables: _Tables, channel: str, modality: str, pose: Any, lens: list[list[float]]
) -> str:
    sensor = tables.add("sensor", channel, channel=channel, modality=modality)
    move, turn = map(list, pose)
    return tables.add(
        "calibrated_sensor",
        channel,
        move,
        turn,
        lens,
        sensor_token=sensor,
        translation=move,
        rotation=turn,
        camera_intrinsic=lens,
    )
