"""The rows of nuScenes' tables for frames of other formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import Struct

from dsk_pointcloud.frames import is_finite
from dsk_pointcloud.rotations import invert, quaternion_matrix, quaternion_of, rigid
from dsk_pointcloud.tokens import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FAMILY", "LEVELS", "Annotation", "Camera", "Frame", "all_tables"]

FAMILY = "nuscenes"
LEVELS = {"1": "v0-40", "2": "v40-60", "3": "v60-80", "4": "v80-100"}
TABLES = (
    *("category", "attribute", "visibility", "instance", "sensor", "calibrated_sensor"),
    *("ego_pose", "log", "scene", "sample", "sample_data", "sample_annotation", "map"),
)
_STEP = 500_000  # keyframes come twice a second; microseconds

Row = dict[str, Any]


class Camera(Struct):
    """An image: channel, file, lidar→camera (12), lens (9), height and width."""

    channel: str
    file: str
    outer: list[float]
    inner: list[float]
    size: tuple[int, int]


class Annotation(Struct):
    """A box: its pose is a 4×4 matrix to the global frame, size is w, l, h."""

    label: int
    track: int | None
    instance: str
    pose: list[float]
    size: tuple[float, float, float]
    attributes: list[str]
    visibility: str
    points: int
    radar: int


class Frame(Struct):
    """A keyframe; ``lidar`` and ``ego`` are translation and quaternion."""

    id: str
    subset: str
    scene: str
    cloud: str
    lidar: Any
    ego: Any
    cameras: list[Camera]
    annotations: list[Annotation]
    order: Any
    timestamp: Any
    empty: bool


class _Tables:
    """Rows by table, those with a token once each; chains of rows that follow one another."""

    def __init__(self) -> None:
        self.chains: dict[str, list[Row]] = {}
        self.rows: dict[str, dict[str, Row]] = {}

    def add(self, table: str, *names: object, **fields: Any) -> str:
        """Add a row unless it is there; return its token."""
        token = key_of(table, *names)
        self.rows.setdefault(table, {}).setdefault(token, {"token": token, **fields})
        return token


def all_tables(frames: list[Frame], labels: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each table."""
    tables = _Tables()
    categories = [tables.add("category", name, name=name, description="") for name in labels]
    tables.rows["visibility"] = {
        token: {"token": token, "level": level, "description": ""}
        for token, level in LEVELS.items()
    }
    scenes: dict[tuple[str, str], list[Frame]] = {}
    for frame in frames:
        scenes.setdefault((frame.subset, frame.scene), []).append(frame)
    names = [name for _, name in scenes]
    for (subset, name), members in scenes.items():
        unique = name if names.count(name) == 1 else f"{subset}/{name}"
        _scene(tables, subset, unique, _ordered(members), categories)
    for name in TABLES:
        rows = list(tables.rows.get(name, {}).values())
        yield name, msgspec.json.format(msgspec.json.encode(rows), indent=0)


def _ordered(members: list[Frame]) -> list[Frame]:
    numbers = [f.order for f in members]
    if all(type(n) is int for n in numbers) and len(set(numbers)) == len(numbers):
        return sorted(members, key=lambda f: int(f.order))
    return members


def _scene(
    tables: _Tables, subset: str, name: str, members: list[Frame], categories: list[str]
) -> None:
    tokens = [key_of("sample", f.subset, f.id) for f in members]
    log = tables.add("log", name, logfile="", vehicle="", date_captured="", location="")
    scene = tables.add(
        "scene",
        name,
        name=name,
        description="",
        log_token=log,
        nbr_samples=len(members),
        first_sample_token=tokens[0],
        last_sample_token=tokens[-1],
    )
    tables.add("map", name, log_tokens=[log], category="semantic_prior", filename="")
    tables.chains = {}
    start = len(tables.rows.get("sample", ()))  # no two scenes begin at one time
    for number, frame in enumerate(members):
        stamp = _stamp(frame.timestamp, (start + number) * _STEP)
        tables.add(
            "sample",
            frame.subset,
            frame.id,
            timestamp=stamp,
            prev=tokens[number - 1] if number else "",
            next=tokens[number + 1] if number + 1 < len(tokens) else "",
            scene_token=scene,
            dsk={"id": frame.id, "subset": subset, "frame": frame.order, "empty": frame.empty},
        )
        _data(tables, frame, tokens[number], stamp)
        _boxes(tables, frame, tokens[number], (subset, name), categories)
    for rows in tables.chains.values():
        for row, before, after in zip(rows, [None, *rows], [*rows[1:], None], strict=False):
            row["prev"] = before["token"] if before else ""
            row["next"] = after["token"] if after else ""


def _stamp(stated: Any, default: int) -> int:
    """Return a time in whole microseconds; Lyft's tables have fractions."""
    known = type(stated) in (int, float) and is_finite(stated)
    return int(stated) if known else default


def _data(tables: _Tables, frame: Frame, sample: str, stamp: int) -> None:
    """Add the frame's cloud and images."""
    translation, rotation = frame.ego
    ego = tables.add(
        "ego_pose",
        sample,
        timestamp=stamp,
        translation=list(translation),
        rotation=list(rotation),
    )
    lidar = _sensor(tables, "LIDAR_TOP", "lidar", frame.lidar, [])
    files = [("LIDAR_TOP", frame.cloud, "pcd", lidar, (0, 0))]
    for camera in frame.cameras:
        # The camera stands where the vehicle is when the lidar looks: one pose for both.
        outer = rigid(
            np.array(camera.outer).reshape(3, 4)[:, :3], np.array(camera.outer).reshape(3, 4)[:, 3]
        )
        pose = _matrix(frame.lidar) @ invert(outer)
        inner = np.array(camera.inner).reshape(3, 3).tolist()
        turn, move = list(quaternion_of(pose[:3, :3])), pose[:3, 3].tolist()
        sensor = _sensor(tables, camera.channel, "camera", (move, turn), inner)
        kind = camera.file.rpartition(".")[2].lower()
        files.append((camera.channel, camera.file, kind, sensor, camera.size))
    for channel, file, kind, sensor, (height, width) in files:
        token = tables.add(
            "sample_data",
            sample,
            channel,
            sample_token=sample,
            ego_pose_token=ego,
            calibrated_sensor_token=sensor,
            timestamp=stamp,
            fileformat=kind,
            is_key_frame=True,
            height=height,
            width=width,
            filename=file,
            prev="",
            next="",
        )
        tables.chains.setdefault(f"data {channel}", []).append(tables.rows["sample_data"][token])


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


def _boxes(
    tables: _Tables,
    frame: Frame,
    sample: str,
    scene: tuple[str, str],
    categories: list[str],
) -> None:
    levels = {level: token for token, level in LEVELS.items()}
    for number, a in enumerate(frame.annotations):
        track = (sample, number) if a.track is None else (a.track,)
        category = categories[a.label]
        instance = a.instance or key_of("instance", *scene, a.label, *track)
        pose = np.array(a.pose).reshape(4, 4)
        row = {
            "sample_token": sample,
            "instance_token": instance,
            "visibility_token": levels.get(a.visibility, ""),
            "attribute_tokens": [
                tables.add("attribute", name, name=name, description="") for name in a.attributes
            ],
            "translation": pose[:3, 3].tolist(),
            "size": list(a.size),
            "rotation": list(quaternion_of(pose[:3, :3])),
            "num_lidar_pts": a.points,
            "num_radar_pts": a.radar,
            "prev": "",
            "next": "",
        }
        token = tables.add("sample_annotation", sample, number, **row)
        known = tables.rows.setdefault("instance", {}).setdefault(
            instance,
            {
                "token": instance,
                "category_token": category,
                "nbr_annotations": 0,
                "first_annotation_token": token,
                "last_annotation_token": token,
                "dsk": {"track_id": a.track, "token": bool(a.instance)},
            },
        )
        known["nbr_annotations"] += 1
        known["last_annotation_token"] = token
        tables.chains.setdefault(f"box {instance}", []).append(
            tables.rows["sample_annotation"][token]
        )
