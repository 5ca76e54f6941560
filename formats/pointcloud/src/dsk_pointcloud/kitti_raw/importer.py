"""Reading KITTI raw recordings."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from dsk.categories import Categories, GrowingLabels
from dsk.errors import InputError, OptionError, RecordError
from dsk.flow import Header, Importer, Source, slices
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.media import Image, PointCloud
from dsk.metafile import stated_labels
from dsk_pointcloud.cameras import camera_extra, numbers_by_key
from dsk_pointcloud.frames import note_boxes
from dsk_pointcloud.kitti_raw import layout
from dsk_pointcloud.kitti_raw.boxes import STEP, Boxes, Shown, shown
from dsk_pointcloud.kitti_raw.convention import CONVENTIONS, made_by_datumaro
from dsk_pointcloud.kitti_raw.grammar import Tracklet, read_tracklets
from dsk_pointcloud.kitti_raw.oxts import read_oxts
from dsk_pointcloud.kitti_raw.regular import read_regular
from dsk_pointcloud.kitti_raw.xmltext import document_text, parse_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["KittiRawImporter"]

_READ = {
    "kitti": "boxes read as KITTI's: bottom centre; h, w, l; lidar frame, +x ahead",
    "datumaro": "boxes read as Datumaro's: position; w, h, l along x, y, z",
    "datumaro-hwl": "boxes read as Datumaro's since 1.10: position; h, w, l along x, y, z",
}


class Frame(Struct):
    """One frame of a drive and what belongs to it."""

    id: str
    number: int | None
    cloud: str = ""
    images: list[tuple[str, str]] = []


class Recording(Struct):
    """A drive as it is read: its subset, its frames in order and their boxes."""

    drive: layout.Drive
    subset: str
    frames: list[Frame]
    boxes: Boxes


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
                "no file here holds tracklets, as tracklet_labels.xml does, "
                "and there is no velodyne_points folder",
                where=root.path,
                hint="give the folder of a drive (…_sync), or the one above",
            )
        if not self._oxts:
            if any(drive.oxts for drive in drives):
                ledger.warn("oxts are not read; -I oxts=true gives them to the items")
            for drive in drives:
                drive.oxts = ""
        return KittiRawSource(root, drives, self._convention, ledger, everything=self._all)


class KittiRawSource(Source):
    """Drives, indexed by frame."""

    finite = True
    partition_items = STEP

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
        self._drives: list[Recording] = []
        names: set[str] = set()
        attributes: dict[str, dict[str, None]] = {}
        common = {"occluded": None}
        self._skipped = 0
        for drive in drives:
            found, kind = self._tracklets(drive, convention, ledger)
            tracks = [shown(track, everything=everything) for track in found]
            poses = sum(len(one.frames) for one in tracks)
            note_boxes(ledger, _READ[kind], poses)
            self._skipped += sum(map(_readable, tracks)) - poses
            common |= _note(tracks, names, attributes, everything=everything)
            frames = self._frames(drive, tracks, ledger)
            boxes = Boxes(tracks, kind, [f.number for f in frames if f.number is not None])
            subset = _subset(drive, drives)
            self._drives.append(Recording(drive, subset, frames, boxes))
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
        for name in layout.other_tracklets(self._root, drive):
            hint = "give the file instead of the folder to read it"
            ledger.warn(f"{self._root.show(name)}: tracklets that are not read; {hint}")
        data = self._root.read(drive.tracklets)
        foreign = made_by_datumaro(data[: 1 << 16])
        kind = ("datumaro" if foreign else "kitti") if convention == "auto" else convention
        if foreign and convention == "auto":
            ledger.warn(
                f"{where}: written by Datumaro or CVAT, read in CVAT's order; newer versions of "
                "Datumaro have another one, which -I cuboid_convention=datumaro-hwl reads"
            )
        if foreign and convention == "kitti":
            ledger.warn(
                f"{where}: written by Datumaro or CVAT, whose h, w, l may be in another order "
                "and whose point the centre; -I cuboid_convention=auto reads them so"
            )
        tracks = read_regular(data)
        if tracks is None:
            tracks = read_tracklets(parse_root(document_text(data, where), where), where, ledger)
        if any(any(t.places[3::6]) or any(t.places[4::6]) for t in tracks):
            ledger.warn(f"{where}: boxes have roll or pitch, which KITTI itself never has")
        return tracks, kind

    def _frames(self, drive: layout.Drive, tracks: list[Shown], ledger: Ledger) -> list[Frame]:
        """Return a drive's frames in order: those of boxes, the list, clouds and images."""
        root = self._root
        names = layout.read_frame_list(root, drive.folder, ledger)
        clouds = layout.clouds_by_stem(root, drive.velodyne)
        images = layout.images_by_stem(root, drive.cameras)
        numbers = {name: number for number, name in names.items()}
        for stem in (*clouds, *images):
            number = int(stem) if re.fullmatch("[0-9]{1,10}", stem) else -1
            if stem not in numbers and number >= 0 and number not in names:
                names[number] = stem
                numbers[stem] = number
        for number in set[int]().union(*[one.frames for one in tracks]) - names.keys():
            names[number] = f"{number:010d}"
            if names[number] in numbers:
                raise InputError(
                    f"frame {number} is not named, and its own name is that of frame "
                    f"{numbers[names[number]]}",
                    where=root.show(posixpath.join(drive.folder, "frame_list.txt")),
                )
            numbers[names[number]] = number
        frames = [
            Frame(names[n], n, clouds.get(names[n], ""), images.get(names[n], []))
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
        # An archive may wrap the drive in a folder, with the labels beside its tracklets.
        folders = dict.fromkeys(["", *(recording.drive.folder for recording in self._drives)])
        stated = Categories(attributes=tuple(common))
        for folder in folders:
            stated, _ = stated.merged(stated_labels(self._root, folder))
        labels = GrowingLabels(stated)
        self._label = {name: labels.number(name) for name in sorted(names)}
        categories = labels.categories()
        categories = categories.with_labels(
            replace(label, attributes=tuple(attributes.get(label.name, ())))
            for label in categories.labels
        )
        subsets = tuple(dict.fromkeys(recording.subset for recording in self._drives))
        self.header = Header(
            categories=categories,
            media=frozenset({"point_cloud"}),
            subsets=subsets,
            items=sum(len(recording.frames) for recording in self._drives),
        )

    def partitions(self) -> Sequence[Any]:
        """Return (drive, start, stop)."""
        size = -(-self.partition_items // STEP) * STEP
        return slices((len(recording.frames) for recording in self._drives), size)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """Yield the items of some frames."""
        number, start, stop = partition
        recording = self._drives[number]
        cameras = self._calibrated(recording.drive)
        for first in range(start, stop, STEP):
            frames = recording.frames[first : min(first + STEP, stop)]
            numbers = [frame.number for frame in frames if frame.number is not None]
            boxes = recording.boxes.of_frames(first // STEP, numbers, self._label)
            for frame in frames:
                yield DatasetItem(
                    frame.id,
                    recording.subset,
                    self._medium(recording.drive, frame, cameras),
                    boxes.pop(frame.number, []),
                    self._attributes(recording.drive, frame, ledger),
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
        name = f"{drive.velodyne}/{frame.id}.bin" if drive.velodyne else ""
        return PointCloud(name, None, None, images)

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


def _note(
    tracks: list[Shown],
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
    for one in tracks:
        track = one.track
        names.add(track.label)
        mine = attributes.setdefault(track.label, {})
        for source in (track.attributes, *(s.attributes for s in one.kinds if s.attributes)):
            mine |= dict.fromkeys(n for n in source if n not in ("track_id", "occluded"))
        for state in one.kinds:
            if state.more and (everything or not state.outside):
                common |= dict.fromkeys(state.more)
    return common


def _readable(one: Shown) -> int:
    """Return how many poses of a track could be read."""
    states = one.track.states
    damaged = any(kind.damaged for kind in one.kinds)
    return sum(not state.damaged for state in states) if damaged else len(states)


def _subset(drive: layout.Drive, drives: list[layout.Drive]) -> str:
    """Return a drive's name where there are several, with its folders if others have it, too."""
    if len(drives) == 1:
        return DEFAULT_SUBSET
    own = posixpath.basename(drive.folder)
    alone = sum(posixpath.basename(other.folder) == own for other in drives) == 1
    return (own if alone else drive.folder) or DEFAULT_SUBSET
