"""Reading nuScenes."""

from __future__ import annotations

import posixpath
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from dsk.annotations import Cuboid3d
from dsk.categories import Categories
from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.flow import HEAVY_ITEMS, Header, Importer, Source, spans
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.media import Image, PointCloud
from dsk.names import clean_name
from dsk.rotations import angles_of, invert, quaternion_matrix, rigid
from dsk_pointcloud.cameras import camera_extra
from dsk_pointcloud.clouds.names import five_columns
from dsk_pointcloud.frames import NO_SIZE, is_finite, note_boxes
from dsk_pointcloud.nuscenes import tables
from dsk_pointcloud.nuscenes.tables import Box, BoxStore, Data, Pose, Sample, Scene, read_table
from dsk_pointcloud.tracks import whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["NuscenesImporter"]

LIDAR = "LIDAR_TOP"
_READ = "boxes brought from the global frame to the lidar's, whatever its axes; l, w, h, +x ahead"


class Key(Struct):
    """A keyframe: its place, its data by channel, and names and times of the sweeps before it."""

    id: str
    index: int
    sample: Sample
    data: dict[str, Data]
    sweeps: list[tuple[str, int | float]]

    @property
    def subset(self) -> str:
        """The subset that dsk noted, as nuScenes itself has none."""
        return self.sample.dsk.subset if self.sample.dsk else DEFAULT_SUBSET


_BOXES = "sample_annotation"


class NuscenesImporter(Importer):
    """Opens a folder with ``v1.0-*`` tables.

    Args:
        version: The folder of tables; needed when there are several.
    """

    def __init__(self, *, version: str = "") -> None:
        self._version = version

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        found = tables.find_tables(root, self._version)
        if not found:
            raise InputError(
                "there is no folder of nuScenes tables"
                + (f" {self._version}" * bool(self._version)),
                where=root.path,
                hint="give the folder that holds v1.0-mini, v1.0-trainval or the like",
            )
        if len(found) > 1:
            names = ", ".join(posixpath.basename(f) for f in found)
            raise InputError(
                f"there are several versions: {names}",
                where=root.path,
                hint="-I version=… names one",
            )
        return NuscenesSource(root, found[0], ledger)


class NuscenesSource(Source):
    """The keyframes of all scenes."""

    partition_items = HEAVY_ITEMS

    def __init__(self, root: InputRoot, folder: str, ledger: Ledger) -> None:
        self._root = root
        self._base = posixpath.dirname(folder)
        self._folder = folder
        # Kaggle has train_images and train_lidar beside train_data, and tables that say images.
        called = posixpath.basename(folder)
        self._part = called.removesuffix("data") if called.endswith("_data") else ""
        self._tops = {posixpath.join(self._base, name) for name in root.entries(self._base)[0]}

        def rows(name: str, kind: Any, *, needed: bool = True) -> dict[str, Any]:
            found = read_table(root, folder, name, kind, ledger, needed=needed)
            return {row.token: row for row in found}

        categories = rows("category", tables.Named, needed=False)
        self._attributes = rows("attribute", tables.Named, needed=False)
        self._levels = rows("visibility", tables.Level, needed=False)
        self._instances = rows("instance", tables.Instance, needed=False)
        self._sensors = rows("sensor", tables.Sensor)
        self._calibrated: dict[str, Pose] = rows("calibrated_sensor", Pose)
        names = [category.name for category in categories.values()]
        self._label = {token: number for number, token in enumerate(categories)}
        self._tracks = {token: number for number, token in enumerate(self._instances, 1)}
        self._keys = self._keyframes(rows("scene", Scene), rows("sample", Sample), ledger)
        used = {data.ego_pose_token for key in self._keys for data in key.data.values()}
        poses = read_table(root, folder, "ego_pose", Pose, ledger, needed=True)
        self._egos = {pose.token: pose for pose in poses if pose.token in used}  # sweeps have most
        self._boxes_of = BoxStore()
        if not root.is_file(posixpath.join(folder, _BOXES + ".json")):
            ledger.warn(f"{root.show(folder)}: there is no {_BOXES}.json, so there are no boxes")
        for box in read_table(root, folder, _BOXES, Box, ledger, needed=False):
            self._boxes_of.add(box)
        self.header = Header(
            categories=Categories.from_names(names),
            media=frozenset({"point_cloud"}),
            subsets=tuple(dict.fromkeys(key.subset for key in self._keys)) or (DEFAULT_SUBSET,),
            items=len(self._keys),
        )

    def _keyframes(
        self, scenes: dict[str, Scene], samples: dict[str, Sample], ledger: Ledger
    ) -> list[Key]:
        root, folder = self._root, self._folder
        data: dict[str, dict[str, Data]] = {}
        sweeps: dict[str, list[tuple[str, int | float]]] = {}
        for row in read_table(root, folder, "sample_data", Data, ledger, needed=True):
            calibrated = self._calibrated.get(row.calibrated_sensor_token)
            sensor = self._sensors.get(calibrated.sensor_token) if calibrated is not None else None
            if sensor is not None and row.is_key_frame:
                data.setdefault(row.sample_token, {})[sensor.channel] = row
            elif sensor is not None and sensor.channel == LIDAR:
                sweeps.setdefault(row.sample_token, []).append((row.filename, row.timestamp))
        found = []
        for scene, members in _by_scene(scenes, samples, root.show(folder), ledger):
            for index, sample in enumerate(members):
                name = sample.dsk.id if sample.dsk else f"{scene}/{index:04d}"
                key = Key(
                    clean_name(name, root.show(folder)),
                    index,
                    sample,
                    data.get(sample.token, {}),
                    sorted(sweeps.get(sample.token, ()), key=itemgetter(1)),
                )
                found.append(key)
        self._tell_unread({channel for row in data.values() for channel in row}, ledger)
        return found

    def _tell_unread(self, channels: set[str], ledger: Ledger) -> None:
        """Warn of what no item has: radars, further lidars, classes of points."""
        cameras = {s.channel for s in self._sensors.values() if s.modality == "camera"}
        unread = channels - cameras - {LIDAR}
        for name in ("lidarseg", "panoptic"):
            if self._root.is_file(posixpath.join(self._folder, f"{name}.json")):
                ledger.warn(f"{name}.json: classes of points are not read")
        if unread:
            ledger.warn(f"sensors that are not read: {', '.join(sorted(unread))}")

    def partitions(self) -> Sequence[Any]:
        """Return slices of the keyframes."""
        return spans(len(self._keys), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """Yield some keyframes."""
        start, stop = partition
        for key in self._keys[start:stop]:
            lidar = key.data.get(LIDAR)
            try:
                to_global = self._to_global(lidar) if lidar is not None else None
                medium = self._medium(key, lidar, to_global)
            except (KeyError, ValueError) as error:
                text = f"keyframe {key.sample.token}: a pose or sensor is missing: {error}"
                where = self._root.show(self._folder)
                ledger.bad_record(RecordError(text, where=where, item=key.id))
                continue
            boxes = self._boxes(key, to_global, ledger)
            note = key.sample.dsk
            frame = note.frame if note else key.index
            attributes = {"frame": frame} if type(frame) is int else {}
            if note and note.empty:
                medium = None
            extra = {"nuscenes": self._facts(key, lidar)}
            note_boxes(ledger, _READ, len(boxes))
            yield DatasetItem(key.id, key.subset, medium, boxes, attributes, extra)

    def _facts(self, key: Key, lidar: Data | None) -> dict[str, Any]:
        """Return what an export to nuScenes writes back, and the sweeps before the keyframe.

        Sweeps are named, with their time in microseconds; poses are translation and quaternion.
        """
        facts: dict[str, Any] = {"timestamp": key.sample.timestamp}
        if lidar is not None:
            for name, pose in (
                ("lidar", self._calibrated[lidar.calibrated_sensor_token]),
                ("ego", self._egos[lidar.ego_pose_token]),
            ):
                facts[name] = (pose.translation, pose.rotation)
        if key.sweeps:
            facts["sweeps"] = key.sweeps
        return facts

    def _to_global(self, data: Data) -> NDArray[np.float64]:
        """Return the 4×4 matrix from a sensor's frame to the global one."""
        chain = np.eye(4)
        for pose in (
            self._egos[data.ego_pose_token],
            self._calibrated[data.calibrated_sensor_token],
        ):
            if not is_finite(*pose.translation, *pose.rotation):
                raise ValueError("a number is not finite")
            chain = chain @ rigid(quaternion_matrix(pose.rotation), pose.translation)
        return chain

    def _medium(
        self, key: Key, lidar: Data | None, to_global: NDArray[np.float64] | None
    ) -> PointCloud | None:
        images = []
        for channel in sorted(key.data):
            data = key.data[channel]
            calibrated = self._calibrated[data.calibrated_sensor_token]
            if self._sensors[calibrated.sensor_token].modality != "camera":
                continue
            matrices = None
            lens = [float(v) for row in calibrated.camera_intrinsic or () for v in row]
            if to_global is not None and len(lens) == 9:
                outer = invert(self._to_global(data)) @ to_global
                matrices = ([float(v) for v in outer[:3].ravel()], lens)
            size = _size_of(data)
            name = self._name(data)
            extra = camera_extra(channel, matrices)
            images.append(Image(name, self._source(name), extra, size))
        if lidar is None:
            return PointCloud("", None, None, tuple(images)) if images else None
        name = self._name(lidar)
        return PointCloud(five_columns(name), self._source(name), None, tuple(images))

    def _name(self, data: Data) -> str:
        name = data.filename
        top = name.partition("/")[0]
        if self._part and posixpath.join(self._base, f"{self._part}{top}") in self._tops:
            name = f"{self._part}{name}"
        return clean_name(posixpath.join(self._base, name), self._root.show(self._folder))

    def _source(self, name: str) -> Any:
        """Return where a file is; downloads of a part of the dataset lack many."""
        return self._root.locate(name) if self._root.is_file(name) else None

    def _boxes(self, key: Key, to_global: NDArray[np.float64] | None, ledger: Ledger) -> list[Any]:
        boxes = self._boxes_of.of(key.sample.token)
        if to_global is None:
            if boxes:
                ledger.warn(f"keyframes without {LIDAR} have no boxes")
            return []
        to_lidar = invert(to_global)
        found = []
        for box in boxes:
            try:
                found.append(self._box(box, to_lidar))
                if min(box.size) <= 0:
                    ledger.warn(NO_SIZE)
            except (KeyError, ValueError, UnsafePathError) as error:
                where = f"{self._root.show(self._folder)}/sample_annotation.json#{box.token}"
                text = f"no row {error}" if isinstance(error, KeyError) else str(error)
                text = f"damaged box: {text}"
                ledger.bad_record(RecordError(text, where=where, item=key.id))
        return found

    def _box(self, box: Box, to_lidar: NDArray[np.float64]) -> Cuboid3d:
        if not is_finite(*box.translation, *box.size, *box.rotation):
            raise ValueError("a number is not finite")
        centre = to_lidar @ np.array([*box.translation, 1.0])
        turn = to_lidar[:3, :3] @ quaternion_matrix(box.rotation)
        width, length, height = box.size
        note = self._instances[box.instance_token].dsk
        attributes: dict[str, Any] = {}
        if note is None or note.track_id is not None:
            attributes["track_id"] = note.track_id if note else self._tracks[box.instance_token]
        if note is None or note.token:
            attributes["instance_token"] = box.instance_token
        for token in box.attribute_tokens:
            name, _, value = self._attributes[token].name.rpartition(".")
            attributes[name or value] = value if name else True
        level = self._levels.get(box.visibility_token or "")
        if level is not None:
            attributes["visibility"] = level.level or level.token
        if box.num_lidar_pts is not None and box.num_lidar_pts >= 0:  # Lyft states -1: not known
            attributes["num_lidar_pts"] = box.num_lidar_pts
        if box.num_radar_pts:  # none is what writers state who have no radar
            attributes["num_radar_pts"] = box.num_radar_pts
        return Cuboid3d(
            (float(centre[0]), float(centre[1]), float(centre[2])),
            angles_of(turn),
            (length, width, height),
            label=self._label[self._instances[box.instance_token].category_token],
            attributes=attributes,
        )


def _by_scene(
    scenes: dict[str, Scene], samples: dict[str, Sample], where: str, ledger: Ledger
) -> Iterator[tuple[str, list[Sample]]]:
    """Yield the names of scenes and their samples: as they follow one another, others by time.

    Tables that were cut lack the beginning of scenes, or scenes.
    """
    members: dict[str, dict[str, Sample]] = {}
    for sample in samples.values():
        members.setdefault(sample.scene_token, {})[sample.token] = sample
    lost = members.keys() - scenes.keys()
    if lost:
        ledger.warn(f"{where}: {len(lost)} scenes of samples are missing; tokens name them")
    everywhere = [*scenes.values(), *(Scene(token, token) for token in lost)]
    for scene in sorted(everywhere, key=lambda s: s.name):
        own = members.get(scene.token, {})
        token, chain = scene.first_sample_token, []
        while token in own:
            chain.append(own.pop(token))
            token = chain[-1].next
        if (token or own) and scene.token not in lost:
            ledger.warn(f"{where}: samples of scene {scene.name} are missing or not in one chain")
        yield scene.name, chain + sorted(own.values(), key=lambda s: s.timestamp)


def _size_of(data: Data) -> tuple[int, int] | None:
    """Return (height, width) of an image, if they are stated; some write them as 1080.0."""
    sides = [whole(side) for side in (data.height, data.width)]
    height, width = (side if side is not None and side > 0 else 0 for side in sides)
    return (height, width) if height and width else None
