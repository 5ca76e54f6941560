"""Reading KITTI raw recordings."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.annotations import Cuboid3d
from dsk.categories import Categories, LabelCategory
from dsk.engines import collector_off
from dsk.errors import InputError, OptionError, RecordError
from dsk.flow import PARTITION_ITEMS, Header, Importer, Source
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.media import Image, PointCloud
from dsk.metafile import read_meta
from dsk_pointcloud.cameras import camera_extra, numbers_by_key
from dsk_pointcloud.frames import note_boxes
from dsk_pointcloud.kitti_raw import layout
from dsk_pointcloud.kitti_raw.convention import CONVENTIONS, made_by_datumaro, to_box
from dsk_pointcloud.kitti_raw.grammar import Pose, Tracklet, read_tracklets
from dsk_pointcloud.kitti_raw.oxts import read_oxts
from dsk_pointcloud.kitti_raw.regular import read_regular
from dsk_pointcloud.kitti_raw.xmltext import document_text, parse_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["KittiRawImporter", "visible_poses"]

_READ = {
    "kitti": "boxes read as KITTI's: bottom centre; h, w, l; lidar frame, +x ahead",
    "datumaro": "boxes read as Datumaro's: position; w, h, l along x, y, z",
    "datumaro-hwl": "boxes read as Datumaro's since 1.10: position; h, w, l along x, y, z",
}


Box = tuple[Tracklet, Pose, bool]
"""A pose that is shown: its tracklet, itself, and whether it is occluded."""


class Frame(Struct):
    """One frame of a drive and what belongs to it."""

    id: str
    number: int | None
    cloud: str = ""
    images: list[tuple[str, str]] = []
    boxes: list[Box] = []


def visible_poses(track: Tracklet, *, everything: bool) -> Iterator[tuple[int, Box]]:
    """Yield (frame, box) of a tracklet's poses.

    Poses outside or behind the image are left out unless ``everything``. An occlusion that is not
    set is that of the last pose marked as a key for it.
    """
    key = False
    for frame, pose in enumerate(track.poses, track.first):  # hot
        state = pose[2]
        occluded = state.occluded
        if state.relative:
            if state.occlusion_kf == 1:
                key = occluded
            else:
                occluded = key
        if everything or not state.outside:
            yield frame, (track, pose, occluded)


class KittiRawImporter(Importer):
    """Opens recordings with ``tracklet_labels.xml``.

    Args:
        cuboid_convention: What the numbers mean, see ``convention.CONVENTIONS``; "auto" asks the
            file who wrote it.
        all_poses: Read poses outside the image too.
        oxts: Give items the vehicle's place and motion as attributes.
    """

    def __init__(
        self, *, cuboid_convention: str = "kitti", all_poses: bool = False, oxts: bool = False
    ) -> None:
        if cuboid_convention not in ("auto", *CONVENTIONS):
            raise OptionError(f"cuboid_convention is auto, {', '.join(CONVENTIONS)}")
        self._convention = cuboid_convention
        self._all = all_poses
        self._oxts = oxts

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        drives = layout.find_drives(root)
        if not drives:
            raise InputError(
                "there is no tracklet_labels.xml and no velodyne_points folder",
                where=root.path,
                hint="give the folder of a drive (…_sync), or the one above",
            )
        if not self._oxts:
            for drive in drives:
                drive.oxts = ""
        with collector_off():
            return KittiRawSource(root, drives, self._convention, ledger, everything=self._all)


class KittiRawSource(Source):
    """Drives, indexed by frame."""

    def __init__(
        self,
        root: InputRoot,
        drives: list[layout.Drive],
        convention: str,
        ledger: Ledger,
        *,
        everything: bool,
    ) -> None:
        self._root = root
        self._drives: list[tuple[layout.Drive, str, str, list[Frame]]] = []
        names: set[str] = set()
        attributes: dict[str, dict[str, None]] = {}
        common = {"occluded": None}
        self._skipped = 0
        for drive in drives:
            tracks, kind = self._tracklets(drive, convention, ledger)
            common |= _note(tracks, names, attributes, everything=everything)
            frames = self._frames(drive, tracks, kind, ledger, everything=everything)
            subset = DEFAULT_SUBSET if len(drives) == 1 else _subset(drive)
            self._drives.append((drive, subset, kind, frames))
        if self._skipped:
            ledger.warn(
                f"{self._skipped} poses outside the image left out; -I all_poses=true reads them"
            )
        self._categories(names, attributes, common)

    def _tracklets(
        self, drive: layout.Drive, convention: str, ledger: Ledger
    ) -> tuple[list[Tracklet], str]:
        if not drive.tracklets:
            ledger.warn(f"{drive.folder or self._root.path}: no tracklets, so there are no boxes")
            return [], "kitti"
        where = self._root.show(drive.tracklets)
        data = self._root.read(drive.tracklets)
        foreign = made_by_datumaro(data[: 1 << 16])
        kind = ("datumaro" if foreign else "kitti") if convention == "auto" else convention
        if foreign and convention == "kitti":
            ledger.warn(
                f"{where}: written by Datumaro or CVAT, whose h, w, l may be in another order "
                "and whose point the centre; -I cuboid_convention=auto reads them so"
            )
        tracks = read_regular(data)
        if tracks is None:
            tracks = read_tracklets(parse_root(document_text(data, where), where), where, ledger)
        if any(rx or ry for track in tracks for _, (rx, ry, _), _ in track.poses):
            ledger.warn(f"{where}: boxes have roll or pitch, which KITTI itself never has")
        return tracks, kind

    def _frames(
        self,
        drive: layout.Drive,
        tracks: list[Tracklet],
        kind: str,
        ledger: Ledger,
        *,
        everything: bool,
    ) -> list[Frame]:
        """Return a drive's frames in order: those of boxes, the list, clouds and images."""
        root = self._root
        names = layout.read_frame_list(root, drive.folder, ledger)
        clouds = layout.clouds_by_stem(root, drive.velodyne)
        images = layout.images_by_stem(root, drive.cameras)
        numbers = {name: number for number, name in names.items()}
        boxes: defaultdict[int, list[Box]] = defaultdict(list)
        poses = 0
        for track in tracks:
            for number, box in visible_poses(track, everything=everything):
                boxes[number].append(box)
                poses += 1
        note_boxes(ledger, _READ[kind], poses)
        self._skipped += sum(len(t.poses) for t in tracks) - poses
        for stem in (*clouds, *images):
            number = int(stem) if re.fullmatch("[0-9]{1,10}", stem) else -1
            if stem not in numbers and number >= 0 and number not in names:
                names[number] = stem
                numbers[stem] = number
        for number in boxes:
            if number not in names:
                names[number] = f"{number:010d}"
                numbers[names[number]] = number
        frames = [
            Frame(names[n], n, clouds.get(names[n], ""), images.get(names[n], []), boxes.get(n, []))
            for n in sorted(names)
        ]
        frames += [
            Frame(stem, None, clouds.get(stem, ""), images.get(stem, []))
            for stem in sorted({*clouds, *images} - set(numbers))
        ]
        return frames

    def _categories(
        self, names: set[str], attributes: dict[str, dict[str, None]], common: dict[str, None]
    ) -> None:
        meta = read_meta(self._root)
        order = meta[0].names if meta is not None else []
        order += sorted(names - set(order))
        labels = tuple(
            LabelCategory(name, attributes=tuple(attributes.get(name, ()))) for name in order
        )
        self._label = {name: number for number, name in enumerate(order)}
        subsets = tuple(dict.fromkeys(subset for _, subset, _, _ in self._drives))
        self.header = Header(
            categories=Categories(labels=labels, attributes=tuple(common)),
            media=frozenset({"point_cloud"}),
            subsets=subsets,
            items=sum(len(frames) for *_, frames in self._drives),
        )

    def partitions(self) -> Sequence[Any]:
        """Return (drive, start, stop)."""
        return [
            (number, start, min(start + PARTITION_ITEMS, len(frames)))
            for number, (*_, frames) in enumerate(self._drives)
            for start in range(0, len(frames), PARTITION_ITEMS)
        ]

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """Yield the items of some frames."""
        number, start, stop = partition
        drive, subset, kind, frames = self._drives[number]
        cameras = self._calibrated(drive)
        for frame in frames[start:stop]:
            yield DatasetItem(
                frame.id,
                subset,
                self._medium(drive, frame, cameras),
                self._cuboids(frame.boxes, kind),
                self._attributes(drive, frame, ledger),
            )

    def _attributes(self, drive: layout.Drive, frame: Frame, ledger: Ledger) -> dict[str, Any]:
        attributes: dict[str, Any] = {} if frame.number is None else {"frame": frame.number}
        name = f"{drive.oxts}/{frame.id}.txt"
        if drive.oxts and self._root.is_file(name):
            try:
                attributes |= read_oxts(self._root, name)
            except RecordError as error:
                ledger.bad_record(error)
        return attributes

    def _medium(
        self, drive: layout.Drive, frame: Frame, cameras: dict[str, Any]
    ) -> PointCloud | Image | None:
        locate = self._root.locate
        images = tuple(
            Image(file, locate(file), cameras.get(camera)) for camera, file in frame.images
        )
        if frame.cloud:
            return PointCloud(frame.cloud, locate(frame.cloud), None, images)
        if not images:
            return None
        folder = drive.velodyne or posixpath.join(drive.folder, "velodyne_points/data")
        return PointCloud(f"{folder}/{frame.id}.pcd", None, None, images)

    def _calibrated(self, drive: layout.Drive) -> dict[str, Any]:
        """Return the extra fields of a drive's images by camera."""
        texts = {}
        for name in ("calib_velo_to_cam.txt", "calib_cam_to_cam.txt"):
            for folder in (drive.folder, posixpath.dirname(drive.folder)):
                full = posixpath.join(folder, name)
                if name not in texts and self._root.is_file(full):
                    texts[name] = numbers_by_key(self._root.text(full))
        velo, cams = texts.get("calib_velo_to_cam.txt"), texts.get("calib_cam_to_cam.txt")
        found = {}
        for folder in drive.cameras:
            camera = posixpath.basename(folder)
            matrices = None
            if velo and cams:
                from dsk_pointcloud.calib import raw_camera

                matrices = raw_camera(velo, cams, camera[-2:])
            found[camera] = camera_extra(camera.lower(), matrices)
        return found

    def _cuboids(self, boxes: list[Box], kind: str) -> list[Annotation]:
        found: list[Annotation] = []
        labels = self._label
        for track, (translation, rotation, state), occluded in boxes:  # hot
            if kind == "kitti" and not rotation[0] and not rotation[1]:
                height, width, length = track.size
                x, y, z = translation
                position, scale = (x, y, z + height / 2), (length, width, height)
            else:
                position, scale = to_box(kind, translation, rotation, track.size)
            attributes: dict[str, Any] = {"track_id": track.number, "occluded": occluded}
            if track.attributes:
                attributes |= track.attributes
            if state.attributes:
                attributes |= state.attributes
            if state.more:
                attributes |= state.more
            extra = state.extra
            if track.finished != 1:
                mine = extra["kitti_raw"] if extra else {}
                extra = {"kitti_raw": mine | {"finished": track.finished}}
            found.append(
                Cuboid3d(
                    position,
                    rotation,
                    scale,
                    label=labels[track.label],
                    attributes=attributes,
                    extra=extra,
                )
            )
        return found


def _note(
    tracks: list[Tracklet],
    names: set[str],
    attributes: dict[str, dict[str, None]],
    *,
    everything: bool,
) -> dict[str, None]:
    """Collect the labels and the names of their attributes.

    Returns:
        The attributes that a label's boxes have whatever the label.
    """
    common: dict[str, None] = {}
    for track in tracks:
        names.add(track.label)
        mine = attributes.setdefault(track.label, {})
        states = {id(state): state for _, _, state in track.poses}.values()
        for source in (track.attributes, *(s.attributes for s in states if s.attributes)):
            mine |= dict.fromkeys(n for n in source if n not in ("track_id", "occluded"))
        for state in states:
            if state.more and (everything or not state.outside):
                common |= dict.fromkeys(state.more)
    return common


def _subset(drive: layout.Drive) -> str:
    """Return a drive's name where there are several."""
    return posixpath.basename(drive.folder) or DEFAULT_SUBSET
