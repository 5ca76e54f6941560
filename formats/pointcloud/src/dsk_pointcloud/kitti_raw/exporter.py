"""Writing KITTI raw recordings."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk.annotations import Cuboid3d
from dsk.errors import OptionError, OutputError
from dsk.flow import Exporter
from dsk.item import DEFAULT_SUBSET
from dsk.media import Image, PointCloud
from dsk.metafile import META_NAME, meta_text
from dsk.truth import truth_of
from dsk_pointcloud.axes import facing_ahead, quarter_turns
from dsk_pointcloud.cameras import CAMERA, matrices_of
from dsk_pointcloud.clouds.saver import CloudSaver
from dsk_pointcloud.frames import is_upright, note_boxes, note_frames, turned
from dsk_pointcloud.kitti_raw.convention import CONVENTIONS, from_box
from dsk_pointcloud.kitti_raw.grammar import value_of
from dsk_pointcloud.kitti_raw.states import AMT, NO_AMT, OCCLUSION, TRUNCATION, enum_value
from dsk_pointcloud.kitti_raw.writing import (
    PoseRow,
    Track,
    attribute_text,
    tracklets_xml,
    xml_text,
)
from dsk_pointcloud.plugin import KITTI_RAW_ATTRIBUTES, kitti_raw_capabilities
from dsk_pointcloud.tracks import frame_of, track_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.descriptors import Capabilities
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext
    from dsk_pointcloud.kitti_raw.calibs import Matrices

__all__ = ["KittiRawExporter"]

_CAMERA = re.compile(r"image_\d\d")
_OUT_IMAGE = 2


@dataclass(slots=True)
class _Row:
    """One box of an item, as ``finish`` needs it."""

    track: int | None
    label: str
    size: tuple[float, float, float]
    finished: int
    pose: PoseRow


@dataclass(slots=True)
class _Written:
    """One item: its name, its frame if it states one, its boxes, its cameras' matrices."""

    id: str
    frame: int | None
    rows: list[_Row] = field(default_factory=list)
    cameras: Matrices = field(default_factory=dict)


class KittiRawExporter(Exporter):
    """Writes ``tracklet_labels.xml``, ``frame_list.txt``, clouds and images.

    Args:
        reindex: Number frames from 0 anew; boxes without track_id become tracks of one frame.
        allow_attrs: Write custom attributes, which the development kit cannot read.
        cuboid_convention: What the numbers shall mean, see ``convention.CONVENTIONS``.
        split_tracks: A track whose size or label changes becomes several.
        cloud_ext: Ending that clouds shall have: "", "pcd" or "bin".
        pcd_encoding: How PCD files shall store points: keep, ascii, binary, binary_compressed.
        save_dataset_meta: Write ``dataset_meta.json`` with the labels.
    """

    def __init__(
        self,
        *,
        reindex: bool = False,
        allow_attrs: bool = False,
        cuboid_convention: str = "kitti",
        split_tracks: bool = False,
        cloud_ext: str = "",
        pcd_encoding: str = "keep",
        save_dataset_meta: bool = False,
    ) -> None:
        if cuboid_convention not in CONVENTIONS:
            raise OptionError(f"cuboid_convention is {', '.join(CONVENTIONS)}")
        ext = f".{cloud_ext.removeprefix('.').lower()}" if cloud_ext else ""
        if ext not in ("", ".pcd", ".bin"):
            raise OptionError(f"cloud_ext is pcd or bin, not {cloud_ext!r}")
        self._reindex = reindex
        self._allow = allow_attrs
        self._convention = cuboid_convention
        self._split = split_tracks
        self._meta = save_dataset_meta
        self._clouds = CloudSaver(ext, pcd_encoding)
        self._labels: list[str] = []
        self._first: Matrices = {}

    def capabilities(self, header: Header) -> Capabilities:  # noqa: ARG002
        """See ``Exporter.capabilities``: without ``allow_attrs`` only KITTI's own attributes."""
        return kitti_raw_capabilities(attributes=self._allow)

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._labels = header.categories.names
        for name in self._labels:
            if not name.strip() or name != name.strip("\r\n\t"):
                raise OutputError(
                    f"label {name!r} is blank or has line ends around it", hint="rename the label"
                )
            try:
                xml_text(name)
            except ValueError as error:
                raise OutputError(f"label {name!r}: {error}", hint="rename the label") from error
        ctx.ledger.equal_names(self._labels)
        subsets = [name for name in header.subsets if name != DEFAULT_SUBSET]
        if len(header.subsets) > 1 or subsets:
            ctx.ledger.warn("KITTI raw knows no subsets; they are joined in one recording")
        if self._allow:
            ctx.ledger.warn(
                "custom attributes are written; the KITTI development kit cannot read such a file"
            )
        if self._meta:
            ctx.write(META_NAME, meta_text(header.categories))

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> list[_Written]:
        """Write clouds and images; boxes go to ``finish``, because tracks run over items."""
        written = []
        for given in items:
            turns = quarter_turns(given)
            item = facing_ahead(given, turns, ctx.ledger)
            self._check_id(item)
            frame = frame_of(item, ctx.ledger)
            done = _Written(item.id, None if self._reindex else frame)
            if item.media is not None and ctx.save_media:
                done.cameras = self._media(item, turns, ctx)
            boxes = [a for a in item.annotations if isinstance(a, Cuboid3d)]
            note_frames(ctx.ledger, item, boxes)
            done.rows = [self._row(item, a, ctx) for a in boxes]
            written.append(done)
        return written

    def _check_id(self, item: DatasetItem) -> None:
        if item.id != item.id.strip() or len(item.id.splitlines()) != 1:
            raise OutputError(
                f"frame_list.txt cannot hold the name {item.id!r}", hint="rename the item"
            )

    def _media(self, item: DatasetItem, turns: int, ctx: WriteContext) -> Matrices:
        media = item.media
        found: Matrices = {}
        if not isinstance(media, PointCloud):
            return found
        ext = self._clouds.suffix(media)
        if not self._clouds.ext and ext.lower() not in (".pcd", ".bin"):
            ext = ".bin" if ext.lower() == ".pcd.bin" else ".pcd"
        self._clouds.save(item, media, f"velodyne_points/data/{item.id}{ext}", ctx, turns)
        for folder, image in _cameras(media.extra_images):
            ext = ctx.media.image_ext or image.ext or ".png"
            ctx.save_image(item.replace(media=image), f"{folder}/data/{item.id}{ext}")
            matrices = matrices_of(image)
            if matrices is not None:
                key = tuple(matrices[0]), tuple(matrices[1])
                same = self._first.setdefault(folder, key) == key
                found[folder] = self._first[folder] if same else None
        return found

    def _row(self, item: DatasetItem, a: Cuboid3d, ctx: WriteContext) -> _Row:
        if min(a.scale) <= 0:
            ctx.ledger.warn("boxes with sizes of 0 or less are written as they are")
        if self._convention == "kitti" and a.forward == "+y":
            a = turned(a, "+x")
            note_boxes(ctx.ledger, "boxes turned: +x ahead instead of +y", 1)
        if not is_upright(a.rotation):
            ctx.ledger.warn("boxes have roll or pitch, which KITTI's own readers leave out")
        attributes = a.attributes
        try:
            occlusion, truncation = _states(attributes)
            custom = self._custom(item, a, ctx)
        except ValueError as error:
            raise OutputError(str(error), where=_place(item, a)) from error
        translation, size = from_box(self._convention, a.position, a.rotation, a.scale)
        mine = (a.extra or {}).get("kitti_raw") or {}
        amt = tuple(mine.get(name, -1.0) for name in AMT)
        if mine.get("occlusion") == -1 and "occlusion" not in attributes:
            occlusion = -1
        if mine.get("truncation") == -1 and "truncation" not in attributes:
            truncation = -1
        pose = PoseRow(
            -1,
            (*map(float, translation), *map(float, a.rotation)),  # type: ignore[arg-type]
            int(mine.get("state", 2)),
            occlusion,
            int(_is_true(attributes.get("keyframe"))),
            truncation,
            amt,
            custom,
        )
        number = _track(item, a, reindex=self._reindex)
        label = self._labels[a.label or 0]
        height, width, length = map(float, size)
        return _Row(number, label, (height, width, length), int(mine.get("finished", 1)), pose)

    def _custom(self, item: DatasetItem, a: Cuboid3d, ctx: WriteContext) -> list[tuple[str, str]]:
        """Return the attributes that tracklets have no place for, as text."""
        pairs: list[tuple[str, str]] = []
        for name, value in a.attributes.items() if self._allow else ():
            if name in KITTI_RAW_ATTRIBUTES:
                continue
            text = attribute_text(value)
            xml_text(name)
            xml_text(text)
            pairs.append((name, text))
            read = value_of(text)
            if type(read) is not type(value) or read != value:
                what = f"{name}: read back as another type"
                ctx.ledger.add_at("DSK-L004", what, item, a)
        return pairs

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """Join the boxes to tracks and write the files that all frames share."""
        frames: dict[int, str] = {}
        tracks: dict[Any, Track] = {}
        for index, written in enumerate(w for state in states for w in state):
            frame = index if written.frame is None else written.frame
            if frame < 0:
                raise OutputError(
                    f"item {written.id}: frame {frame} is below 0",
                    hint="--reindex numbers the frames anew",
                )
            if frame in frames:
                raise OutputError(
                    f"item {written.id}: frame id {frame} is repeated, {frames[frame]} has it too",
                    hint="--reindex numbers the frames anew",
                )
            frames[frame] = written.id
            for row in written.rows:
                self._join(row, frame, written.id, tracks)
        names = list(frames.values())
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise OutputError(
                f"item {twice} is there in several subsets, which KITTI raw cannot hold",
                hint="convert the subsets one by one, or rename the items",
            )
        order = sorted(tracks)
        done = [_filled(tracks[key]) for key in order]
        # What numbers a track is its place in the file.
        moved = sum(key[0] == 0 and key[1] != place for place, key in enumerate(order, 1))
        if moved:
            ctx.ledger.add("DSK-L015", "track_id", kind="cuboid_3d", count=moved)
        with ctx.out.open("tracklet_labels.xml") as file:
            file.writelines(tracklets_xml(done))
        if not self._meta:
            unused = len(set(self._labels) - {track.label for track in done})
            if unused:
                hint = "-O save_dataset_meta=true keeps them"
                ctx.ledger.add("DSK-L010", "labels without boxes", count=unused, hint=hint)
        self._calibrate([w.cameras for state in states for w in state], ctx)
        rows = "".join(f"{frame} {name}\n" for frame, name in frames.items())
        ctx.write("frame_list.txt", rows.encode())

    def _calibrate(self, cameras: list[Matrices], ctx: WriteContext) -> None:
        """Write the matrices that hold for all frames; a drive has one calibration."""
        if not any(cameras):
            return
        from dsk_pointcloud.kitti_raw.calibs import calibration_files, joined

        files, lost = calibration_files(joined(cameras))
        for name, data in files.items():
            ctx.write(name, data)
        for folder in lost:
            count = sum(folder in item for item in cameras)
            what = f"camera matrices of {folder}: they change, or look elsewhere than the first"
            ctx.ledger.add("DSK-L016", what, count=count)

    def _join(self, row: _Row, frame: int, name: str, tracks: dict[Any, Track]) -> None:
        """Add a box to its track."""
        row.pose.frame = frame
        # Sorted by id; those without one follow in the order of appearance.
        key: tuple[int, int, Any] = (
            (0, row.track, ()) if row.track is not None else (1, len(tracks), ())
        )
        if self._split and row.track is not None:
            key = (0, row.track, (row.label, row.size))
        track = tracks.get(key)
        if track is None:
            tracks[key] = Track(row.label, row.size, row.finished, [row.pose])
            return
        hint = "-O split_tracks=true makes several tracks of it"
        if track.label != row.label:
            raise OutputError(
                f"item {name}: track {row.track} is a {row.label} here and a {track.label} before",
                hint=hint,
            )
        if any(abs(a - b) > 1e-6 for a, b in zip(track.size, row.size, strict=True)):
            raise OutputError(
                f"item {name}: the size of track {row.track} changes from {track.size} to "
                f"{row.size} (h, w, l), and KITTI raw has one size per track",
                hint=hint,
            )
        track.poses.append(row.pose)


def _filled(track: Track) -> Track:
    """Return a track with one pose per frame: gaps hold its last pose, outside the image."""
    track.poses.sort(key=lambda pose: pose.frame)
    poses: list[PoseRow] = []
    for pose in track.poses:
        if poses and pose.frame == poses[-1].frame:
            raise OutputError(
                f"a track of {track.label} has two boxes in frame {pose.frame}",
                hint="give them different track_id",
            )
        if poses and pose.frame - poses[-1].frame > _MAX_GAP:
            raise OutputError(
                f"a track of {track.label} has a gap of {pose.frame - poses[-1].frame} frames",
                hint="--reindex numbers the frames anew",
            )
        while poses and pose.frame > poses[-1].frame + 1:
            gap = replace(
                poses[-1],
                frame=poses[-1].frame + 1,
                occlusion=-1,
                occlusion_kf=0,
                truncation=_OUT_IMAGE,
                amt=NO_AMT,
                attributes=[],
            )
            poses.append(gap)
        poses.append(pose)
    return replace(track, poses=poses)


_MAX_GAP = 100_000


def _states(attributes: dict[str, Any]) -> tuple[int, int]:
    """Return the occlusion and truncation that attributes state.

    Raises:
        ValueError: One of them is no value that KITTI knows.
    """
    given = attributes.get("occlusion")
    try:
        occlusion = enum_value(given, OCCLUSION, int(_is_true(attributes.get("occluded"))))
    except ValueError as error:
        raise ValueError(f"attribute occlusion: {error}") from error
    try:
        truncation = enum_value(attributes.get("truncation"), TRUNCATION, 0)
    except ValueError as error:
        raise ValueError(f"attribute truncation: {error}") from error
    return occlusion, truncation


def _is_true(value: Any) -> bool:
    """Tell whether a value is true; other formats have words for it."""
    return bool(truth_of(value) if isinstance(value, str) else value)


def _track(item: DatasetItem, a: Cuboid3d, *, reindex: bool) -> int | None:
    number = track_of(a)
    if number is None and not reindex:
        raise OutputError(
            "boxes need an integer attribute track_id",
            where=_place(item, a),
            hint="--reindex writes boxes without it as tracks of one frame",
        )
    return number


def _place(item: DatasetItem, a: Cuboid3d) -> str:
    return f"item {item.id}" + (f", annotation {a.id}" if a.id else "")


def _cameras(images: tuple[Image, ...]) -> list[tuple[str, Image]]:
    """Return images with their folders: the camera's own if it is known, else by order."""
    names = [(image.extra or {}).get(CAMERA, {}).get("name") for image in images]
    known = all(isinstance(n, str) and _CAMERA.fullmatch(n) for n in names)
    if known and len(set(names)) == len(names):
        return [(str(name), image) for name, image in zip(names, images, strict=True)]
    ordered = sorted(images, key=lambda image: image.path)
    return [(f"image_{number:02d}", image) for number, image in enumerate(ordered)]
