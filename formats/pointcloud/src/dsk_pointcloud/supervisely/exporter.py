"""Writing Supervisely projects of point clouds and episodes."""

from __future__ import annotations

import posixpath
from itertools import count, repeat
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, field

from dsk.errors import OptionError, OutputError
from dsk.flow import Exporter
from dsk.item import DEFAULT_SUBSET
from dsk.media import PointCloud
from dsk_pointcloud.cameras import CAMERA
from dsk_pointcloud.clouds.names import suffix_of
from dsk_pointcloud.clouds.saver import CloudSaver
from dsk_pointcloud.frames import note_boxes
from dsk_pointcloud.supervisely.episodes import Episode, write_episodes
from dsk_pointcloud.supervisely.figures import (
    USER,
    BoxWriter,
    User,
    fits,
    json_text,
    kept,
)
from dsk_pointcloud.supervisely.keys import numbered
from dsk_pointcloud.supervisely.project import FAMILY, KEY_MAP, META
from dsk_pointcloud.supervisely.tags import SPECIAL, Declared, TagFacts, tag_value
from dsk_pointcloud.tokens import key_of
from dsk_pointcloud.tracks import frame_of, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.media import Image
    from dsk.output import WriteContext

__all__ = ["SlyPointCloudExporter", "set_folder"]

_DEFAULT = "ds0"
_SUFFIXES = (".pcd", ".ply", ".las", ".laz")
_TIME = "2000-01-01T00:00:00.000Z"  # a time of writing would make each output another
_NOBODY = User("", _TIME, _TIME)
_SHADES = (0xFA, 0x32, 0x53, 0xC8, 0x96)

_Row = tuple[str, int | None, int]
"""What ``numbered`` takes."""


class State(Struct):
    """What a partition leaves for the files of the whole project."""

    facts: dict[str, TagFacts] = field(default_factory=dict)
    videos: list[tuple[str, int | None]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    objects: dict[str, tuple[int | None, int]] = field(default_factory=dict)
    figures: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)


def set_folder(subset: str, default: str) -> str:
    """Return the folder of a subset; "a/b" is dataset b inside dataset a.

    Args:
        subset: The subset.
        default: The folder of the one without a name.
    """
    return default if subset == DEFAULT_SUBSET else subset.replace("/", "/datasets/")


class SlyPointCloudExporter(Exporter):
    """Writes a project with one dataset per subset.

    Args:
        reindex: Number clouds and figures from 1 anew.
        allow_undeclared_attrs: Write attributes that the labels do not declare, too.
        format_variant: pointclouds, episodes, or auto: as the source was.
        cuboid_convention: "supervisely" turns boxes so that +y points ahead; "datumaro" writes
            their numbers as they are; "auto" turns those whose forward axis is known.
        pcd_encoding: How PCD files shall store points: keep, ascii, binary, binary_compressed.
    """

    def __init__(
        self,
        *,
        reindex: bool = False,
        allow_undeclared_attrs: bool = False,
        format_variant: str = "auto",
        cuboid_convention: str = "auto",
        pcd_encoding: str = "keep",
    ) -> None:
        if format_variant not in ("auto", "pointclouds", "episodes"):
            raise OptionError("format_variant is auto, pointclouds or episodes")
        if cuboid_convention not in ("auto", "supervisely", "datumaro"):
            raise OptionError("cuboid_convention is auto, supervisely or datumaro")
        self._reindex = reindex
        self._allow = allow_undeclared_attrs
        self._variant = format_variant
        self._convention = cuboid_convention
        self._clouds = CloudSaver("", pcd_encoding)
        self._episodes = False
        self._default = _DEFAULT

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._header = header
        self._declared = Declared(header)
        self._labels = header.categories.names
        if "" in self._labels:
            raise OutputError("a label has no name", hint="rename it")
        ctx.ledger.equal_names(self._labels)
        known = header.info.get(FAMILY)
        kind = known.get("projectType") if isinstance(known, dict) else None
        self._episodes = self._variant == "episodes" or (
            self._variant == "auto" and kind == "point_cloud_episodes"
        )
        both = {_DEFAULT, DEFAULT_SUBSET} <= set(header.subsets)
        self._default = DEFAULT_SUBSET if both else _DEFAULT
        if _DEFAULT in header.subsets and not both:
            ctx.ledger.add("DSK-L012", "subset ds0 is read back as default")

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> State:
        """Write clouds, images and, but for episodes, annotations."""
        state = State()
        boxes = BoxWriter(
            self._declared,
            self._labels,
            allow=self._allow,
            convention=self._convention,
            ctx=ctx,
        )
        state.facts, state.objects = boxes.facts, boxes.objects
        state.figures, state.numbers = boxes.figures, boxes.numbers
        for item in items:
            folder = set_folder(item.subset, self._default)
            ext = self._media(item, folder, ctx)
            user = _NOBODY.of(item.attributes)
            tags = self._item_tags(item, state, user, ctx)
            own = key_of("cloud", item.subset, item.id)
            content = boxes(item, own, user)
            number = frame_of(item, ctx.ledger)
            description = str(item.attributes.get("description") or "")
            extra: dict[str, Any] = (item.extra or {}).get(FAMILY) or {}
            if self._episodes:
                plain = msgspec.json.decode(f"{{{''.join(content)}}}")
                cloud = f"{item.id}{ext}"
                known = whole(extra.get("episode_id"))
                plain |= {"key": kept(extra, "episode"), "number": known}
                frame = Episode(item.subset, cloud, number, description, tags, **plain)
                state.episodes.append(frame)
                continue
            if kept(extra, "episode"):
                ctx.ledger.add_at("DSK-L011", "sly field episode", item)
            key = kept(extra, "key") or own
            state.videos.append((key, None if self._reindex else number))
            state.tags.extend(tag["key"] for tag in tags)
            head = f'{{"description":{json_text(description)},"key":{json_text(key)},'
            ann = "".join([head, f'"tags":{json_text(tags)},', *content, "}"])
            ctx.write(f"{folder}/ann/{item.id}{ext}.json", ann.encode())
        note_boxes(ctx.ledger, "boxes turned: +y ahead instead of +x", boxes.turned)
        return state

    def _media(self, item: DatasetItem, folder: str, ctx: WriteContext) -> str:
        """Write a cloud and its images; return the cloud's ending."""
        media = item.media
        if not isinstance(media, PointCloud):
            return ".pcd"
        own = suffix_of(media.path)
        ext = own if own in _SUFFIXES else ".pcd"
        if not ctx.save_media:
            return ext
        self._clouds.save(item, media, f"{folder}/pointcloud/{item.id}{ext}", ctx)
        base = posixpath.basename(f"{item.id}{ext}").replace(".", "_")
        place = posixpath.join(f"{folder}/related_images", posixpath.dirname(item.id), base)
        for name, image in _image_names(media.extra_images):
            end = ctx.media.image_ext
            full = f"{place}/{posixpath.splitext(name)[0]}{end}" if end else f"{place}/{name}"
            ctx.save_image(item.replace(media=image), full)
            ctx.write(f"{full}.json", _json(_image_facts(posixpath.basename(full), image)))
        return ext

    def _item_tags(
        self, item: DatasetItem, state: State, user: User, ctx: WriteContext
    ) -> list[dict[str, Any]]:
        tags = []
        for name, value in item.attributes.items():
            if (name in SPECIAL and name != "track_id") or value is None:
                continue
            if name == "track_id" or not fits(value):
                ctx.ledger.add_at("DSK-L009", f"item attribute {name}", item)
                continue
            state.facts.setdefault(name, TagFacts()).note(value, None)
            plain = None if self._declared.is_flag(name) else tag_value(value)
            key = key_of("tag", item.subset, item.id, name)
            tag = {"name": name, "value": plain, "key": key}
            tags.append(tag | dict(zip(USER, user, strict=True)))
        return tags

    def finish(self, states: list[State], ctx: WriteContext) -> None:
        """Write ``meta.json``, ``key_id_map.json`` and the episodes."""
        facts: dict[str, TagFacts] = {}
        for state in states:
            for name, fact in state.facts.items():
                facts.setdefault(name, TagFacts()).join(fact)
        kind = "point_cloud_episodes" if self._episodes else "point_clouds"
        meta: dict[str, Any] = {
            "classes": self._classes(),
            "tags": self._declared.rows(facts),
            "projectType": kind,
            "dsk": {"absent_tags": "unset"},
        }
        episodes = [episode for state in states for episode in state.episodes]
        videos, tags = _clouds(states)
        if self._episodes:
            videos, tags = write_episodes(episodes, self._declared.of_frames(), self._default, ctx)
        tables = {
            "objects": numbered(_object_rows(states)),
            "figures": self._figure_numbers(states),
            "videos": numbered(videos),
        }
        moved = {part: own for part, (_, own) in tables.items() if own}
        if moved:
            meta["dsk"]["numbers"] = moved
        ctx.write(META, _json(meta))
        keys = {key: number for number, key in enumerate(tags, 1)}
        table = {"tags": keys, **{part: found for part, (found, _) in tables.items()}}
        ctx.write(KEY_MAP, _json(table))

    def _figure_numbers(self, states: list[State]) -> tuple[dict[str, int], dict[str, int]]:
        keys = [key for state in states for key in state.figures]
        own = [number or None for state in states for number in state.numbers]
        if self._reindex or not any(own):  # the same in less time
            return dict(zip(keys, range(1, len(keys) + 1), strict=True)), {}
        return numbered(zip(keys, own, repeat(0)))

    def _classes(self) -> list[dict[str, Any]]:
        cats = self._header.categories
        own = {label.source_id for label in cats.labels}
        free = (n for n in count() if n not in own)
        rows: dict[str, dict[str, Any]] = {}
        for number, label in enumerate(cats.labels):
            if label.name in rows:
                continue
            color = cats.colors.get(number) or tuple(s * (number + 3) % 256 for s in _SHADES[:3])
            more = (label.extra or {}).get(FAMILY) or {}
            rows[label.name] = {
                "id": label.source_id if label.source_id is not None else next(free),
                "title": label.name,
                "color": "#{:02x}{:02x}{:02x}".format(*color),
                "shape": "cuboid_3d",
                "geometry_config": {},
                **more,
            }
        return list(rows.values())


def _clouds(states: list[State]) -> tuple[list[_Row], list[str]]:
    """Return the rows of clouds, and the keys of their tags."""
    rows = [(key, number, 0) for state in states for key, number in state.videos]
    return rows, [key for state in states for key in state.tags]


def _object_rows(states: list[State]) -> Iterator[_Row]:
    """Number objects: by track, else by the annotation's id if that is free, else by counting."""
    for state in states:
        for key, (track, own) in state.objects.items():
            yield key, track, own


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1)


def _image_names(images: tuple[Image, ...]) -> list[tuple[str, Image]]:
    """Return images with names that differ: several cameras may have files of one name."""
    names = [posixpath.basename(image.path) or f"image_{n}.png" for n, image in enumerate(images)]
    if len({posixpath.splitext(n.lower())[0] for n in names}) < len(names):
        cameras = [(image.extra or {}).get(CAMERA, {}).get("name") for image in images]
        if any(not isinstance(c, str) or not c for c in cameras) or len(set(cameras)) < len(names):
            cameras = [f"image_{n:02d}" for n in range(len(names))]
        names = [f"{str(c).replace('/', '_')}_{n}" for c, n in zip(cameras, names, strict=True)]
    return list(zip(names, images, strict=True))


def _image_facts(name: str, image: Image) -> dict[str, Any]:
    about = (image.extra or {}).get(CAMERA) or {}
    meta: dict[str, Any] = {}
    if about.get("name") is not None:
        meta["deviceId"] = about["name"]
    if about.get("timestamp") is not None:
        meta["timestamp"] = about["timestamp"]
    meta["sensorsData"] = {
        "extrinsicMatrix": about.get("extrinsics") or [0] * 12,
        "intrinsicMatrix": about.get("intrinsics") or [0] * 9,
    }
    return {"name": name, "meta": meta}
