"""Small generated datasets, the same at every call: for round trips and for trying things out.

Every annotation kind has its own maker. Coordinates are multiples of ``grid`` inside images of
64 × 48 pixels; objects of one item do not overlap, so that label maps can hold them too.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dsk.annotations import (
    KINDS,
    Annotation,
    Bbox,
    Caption,
    Cuboid2d,
    Cuboid3d,
    Ellipse,
    Label,
    Mask,
    Mask3d,
    Points,
    Polygon,
    PolyLine,
    RotatedBbox,
    Skeleton,
)
from dsk.categories import Categories, LabelCategory, PointsCategory
from dsk.dataset import Dataset
from dsk.flow import Header, ListSource
from dsk.item import DatasetItem
from dsk.media import Image, Media, PointCloud, Volume

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = [
    "ALL_FIELDS",
    "HEIGHT",
    "IDS",
    "LABELS",
    "ODD_LABELS",
    "ODD_SUBSETS",
    "WIDTH",
    "Recipe",
    "SmallParts",
    "annotations_for",
    "categories",
    "encoded_image",
    "make",
    "media_for",
    "pcd_bytes",
]

HEIGHT, WIDTH = 48, 64
LABELS = ("cat", "dog", "person")
"""Labels of the samples; the last one has keypoints."""

POINTS = PointsCategory(labels=("nose", "hand", "foot"), joints=((1, 2), (2, 3)))
COLORS = ((128, 0, 0), (0, 128, 0), (128, 128, 0))
ALL_FIELDS = frozenset({"id", "group", "object_id", "z_order", "attributes"})
ATTRIBUTES: dict[str, Any] = {"colour": "red", "score": 0.5, "count": 3, "checked": True}
ITEM_ATTRIBUTES: dict[str, Any] = {"weather": "rain", "frame": 7}
VOLUME_KINDS = frozenset({"mask_3d"})
CLOUD_KINDS = frozenset({"cuboid_3d"})

IDS: dict[str, tuple[str, ...]] = {
    "plain": ("a", "b", "item_3"),
    "numbers": ("1", "007", "1e3", "000000000139"),
    "nested": ("x/1", "y/1", "x/deep/er/1", "2"),
    "dots": ("v1.0.final", "v1.0", "a.png.b"),
    "spaces": ("two words", "three  word s"),
    "unicode": ("ünïcödé", "画像", "жук", "e\u0301", "🙂"),
    "punctuation": ("it's", "a&b", "a,b;c", "(x)[y]{z}", "50%", "#1", "a=b", "@+-~!", "$x"),
}
"""Ids by what is special about them; every one is a legal file name."""

ODD_LABELS: dict[str, tuple[str, ...]] = {
    "spaces": ("two words", "traffic light, red"),
    "unicode": ("naïve", "画像", "🙂"),
    "punctuation": ("a/b", 'say "x"', "it's", "<tag> & more", "a: b", "#hash", "- dash", "50%"),
    "words": ("null", "true", "0", "1.5", "None", "yes"),
}
"""Label names by what is special about them."""

BROKEN_LABELS = (
    *("line\nbreak", "tab\tstop", " padded ", ""),
    *("..", ".hidden", "a\\b", "C:", "/x", "x.txt"),
)
"""Label names that a line-based format cannot write as they are, nor one that makes folders."""

ODD_SUBSETS: dict[str, tuple[str, ...]] = {
    "nested": ("a/b", "a_b"),
    "escaping": ("../a", "/b", ".."),
    "hidden": (".a", "b"),
    "windows": ("a\\b", "C:", "con"),
    "unicode": ("обучение", "naïve", "画像"),
    "punctuation": ("a b", "#c", "d,e;f", "50%", "it's", "a=b", "[x]", "v1.2"),
}
"""Names of subsets by what is special about them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a sample dataset is made of.

    Attributes:
        kinds: Annotation kinds; each item has some of each.
        ids: Ids of the items of each subset.
        subsets: Names of the subsets.
        same_ids: Every subset has the same ids; else those of the second and later ones are longer.
        fields: Which of ``ALL_FIELDS`` annotations have.
        attributes: Attributes of annotations, if "attributes" is among ``fields`` or not empty.
        item_attributes: Attributes of items.
        labels: Label names.
        label_fields: Which of "parent", "attributes", "colors", "points" labels have.
        media: How media are held: as encoded "bytes", as a "file", as an "array", only "named",
            or "none" at all.
        folder: Where files are made, for "file".
        media_kinds: Media kinds to use, best first, for kinds that fit several.
        grid: Coordinates are multiples of it.
        multi_ring: Some polygons have two rings.
        holes: Some polygons have a hole.
        unlabelled: Annotations have no labels.
    """

    kinds: tuple[str, ...] = ("bbox",)
    ids: tuple[str, ...] = IDS["plain"]
    subsets: tuple[str, ...] = ("train",)
    same_ids: bool = False
    fields: frozenset[str] = frozenset()
    attributes: dict[str, Any] = field(default_factory=dict)
    item_attributes: dict[str, Any] = field(default_factory=dict)
    labels: tuple[str, ...] = LABELS
    label_fields: frozenset[str] = frozenset({"points"})
    media: Literal["bytes", "file", "array", "named", "none"] = "bytes"
    folder: Path | None = None
    media_kinds: tuple[str, ...] = ("image", "volume", "point_cloud")
    grid: float = 0.25
    multi_ring: bool = False
    holes: bool = False
    unlabelled: bool = False

    def but(self, **changes: Any) -> Recipe:
        """Return a copy with some parts changed."""
        return replace(self, **changes)


class SmallParts(ListSource):
    """A dataset in memory that is cut into parts of a few items, to try several workers."""

    def __init__(self, items: Sequence[DatasetItem], header: Header, size: int = 2) -> None:
        super().__init__(items, header)
        self._size = size

    def partitions(self) -> list[tuple[int, int]]:
        """Return short slices."""
        step = self._size
        return [(start, start + step) for start in range(0, len(self.items), step)]


def make(recipe: Recipe | None = None, **changes: Any) -> Dataset:
    """Return the dataset of a recipe.

    Args:
        recipe: What it is made of.
        changes: Parts of the recipe to change, see ``Recipe``.
    """
    recipe = replace(recipe or Recipe(), **changes)
    items = []
    number = 0
    for rank, subset in enumerate(recipe.subsets):
        for plain in recipe.ids:
            name = f"{plain}_{subset}" if rank and not recipe.same_ids else plain
            items.append(
                DatasetItem(
                    name,
                    subset=subset,
                    media=media_for(recipe, name, number),
                    annotations=annotations_for(recipe, number),
                    attributes=dict(recipe.item_attributes),
                )
            )
            number += 1
    header = Header(categories=categories(recipe))
    return Dataset(SmallParts(items, header))


def categories(recipe: Recipe) -> Categories:
    """Return the categories of a recipe."""
    has, names = recipe.label_fields, recipe.labels
    labels = tuple(
        LabelCategory(
            name,
            parent=f"{name}-group" if "parent" in has else "",
            attributes=tuple(recipe.attributes) if "attributes" in has else (),
        )
        for name in names
    )
    colors = {n: COLORS[n % 3] for n in range(min(3, len(names)))} if "colors" in has else {}
    points = {2: POINTS} if "skeleton" in recipe.kinds and len(names) > 2 else {}
    return Categories(labels=labels, colors=colors, points=points)


def annotations_for(recipe: Recipe, number: int) -> list[Annotation]:
    """Return the annotations of the item of a number: of each kind as many as its maker makes."""
    made: list[Annotation] = []
    for kind in recipe.kinds:
        made.extend(MAKERS[kind](recipe, number))
    fields, labels = recipe.fields, len(recipe.labels)
    paired = [n for n, a in enumerate(made) if a.kind == "bbox"][:2]
    done = []
    for n, a in enumerate(made):
        label = 2 % labels if a.kind == "skeleton" and labels else (number + n) % max(labels, 1)
        changes: dict[str, Any] = {}
        if labels and not recipe.unlabelled and a.kind != "caption":
            changes["label"] = label
        if "id" in fields:
            changes["id"] = number * 100 + n + 1
        if "group" in fields and n in paired and len(paired) == 2:
            changes["group"] = number * 100 + 50
        if "object_id" in fields and a.kind not in ("label", "caption"):
            changes["object_id"] = n + 1
        if "z_order" in fields and a.kind not in ("label", "caption"):
            changes["z_order"] = n
        if recipe.attributes:
            changes["attributes"] = dict(recipe.attributes)
        done.append(_changed(a, changes))
    return done


def _changed(a: Annotation, changes: dict[str, Any]) -> Annotation:
    from msgspec.structs import replace as struct_replace

    return struct_replace(a, **changes)


def _cells(recipe: Recipe, number: int, count: int) -> list[tuple[float, float, float, float]]:
    """Return boxes (x, y, w, h) that do not touch, on the grid, other ones for each item."""
    grid = recipe.grid
    boxes = []
    for n in range(count):
        x, y = 2 + 20 * (n % 3), 3 + 22 * (n // 3)
        odd = grid * (1 + (number + n) % 3)
        boxes.append((x + odd, y + 2 * grid * (n % 2), 12 + odd, 10 + grid * (number % 4)))
    return boxes


def _boxes(recipe: Recipe, number: int) -> list[Annotation]:
    return [Bbox(*box) for box in _cells(recipe, number, 2 + number % 2)]


def _labels(recipe: Recipe, number: int) -> list[Annotation]:  # noqa: ARG001 - as all makers
    return [Label()]


def _captions(recipe: Recipe, number: int) -> list[Annotation]:  # noqa: ARG001 - as all makers
    return [Caption(caption=f'Item {number}: a «café», <b> & "quotes".')]


def _rotated(recipe: Recipe, number: int) -> list[Annotation]:
    cells = _cells(recipe, number, 2)
    return [
        RotatedBbox(x + 8, y + 8, 10.0, 5.0 + n, (30.0, 350.0)[n])
        for n, (x, y, _, _) in enumerate(cells)
    ]


def _ring(x: float, y: float, w: float, h: float) -> list[float]:
    return [x, y, x + w, y, x + w, y + h, x + 1, y + h - 1]


def _polygons(recipe: Recipe, number: int) -> list[Annotation]:
    first, second, third = _cells(recipe, number, 3)
    made: list[Annotation] = [Polygon(_ring(*first))]
    if recipe.multi_ring:
        x, y, w, _ = second
        made.append(Polygon([_ring(x, y, w, 4), _ring(x, y + 6, w, 4)]))
    if recipe.holes:
        x, y, w, h = third
        hole = [x + 4, y + 2, x + 8, y + 2, x + 8, y + 5, x + 4, y + 5]
        made.append(Polygon([[x, y, x + w, y, x + w, y + h, x, y + h], hole], (1,)))
    return made


def _polylines(recipe: Recipe, number: int) -> list[Annotation]:
    return [PolyLine([x, y, x + w, y + h, x + w, y]) for x, y, w, h in _cells(recipe, number, 2)]


def _points(recipe: Recipe, number: int) -> list[Annotation]:
    return [Points([x, y, x + w, y, x, y + h]) for x, y, w, h in _cells(recipe, number, 2)]


def _skeletons(recipe: Recipe, number: int) -> list[Annotation]:
    (x, y, w, h), (x2, y2, w2, h2) = _cells(recipe, number, 2)
    return [
        Skeleton([x, y, x + w, y, x, y + h], [2, 1, 2]),
        Skeleton([x2, y2, 0.0, 0.0, x2 + w2, y2 + h2], [2, 0, 2]),
    ]


def _ellipses(recipe: Recipe, number: int) -> list[Annotation]:
    return [Ellipse(*box) for box in _cells(recipe, number, 2)]


def _masks(recipe: Recipe, number: int) -> list[Annotation]:
    from dsk.rle import from_dense

    made: list[Annotation] = []
    for n, (left, top, width, height) in enumerate(_cells(recipe, number, 2)):
        pixels = np.zeros((HEIGHT, WIDTH), dtype=bool)
        top += number % 3  # noqa: PLW2901
        pixels[int(top) : int(top + height), int(left) : int(left + width)] = True
        pixels[int(top) + 2 : int(top) + 4, int(left) + 3 : int(left) + 5 + n] = False
        made.append(Mask(from_dense(pixels)))
    return made


def _cuboids_2d(recipe: Recipe, number: int) -> list[Annotation]:
    made: list[Annotation] = []
    for x, y, w, h in _cells(recipe, number, 2):
        front = [x, y, x + w, y, x + w, y + h, x, y + h]
        made.append(Cuboid2d([*front, *(value + 2 for value in front)]))
    return made


def _cuboids_3d(recipe: Recipe, number: int) -> list[Annotation]:  # noqa: ARG001 - as all makers
    return [
        Cuboid3d((4.5 + number, -2.25, 0.75), (0.0, 0.0, 0.5), (4.0, 1.75, 1.5)),
        Cuboid3d((-8.0, 3.5 + number, 1.0), (0.0, 0.0, -2.5), (0.75, 0.5, 1.75)),
    ]


@functools.cache
def _voxel_labels(number: int) -> NDArray[np.uint8]:
    voxels = np.zeros((6, 5, 4), dtype=np.uint8)
    voxels[1:3, 1:4, 1:3] = 1
    voxels[4:, number % 3 :, 2:] = 2
    return voxels


def _masks_3d(recipe: Recipe, number: int) -> list[Annotation]:  # noqa: ARG001 - as all makers
    source = _voxel_labels(number)
    return [Mask3d(source, 1), Mask3d(source, 2)]


MAKERS: dict[str, Callable[[Recipe, int], list[Annotation]]] = {
    "label": _labels,
    "caption": _captions,
    "bbox": _boxes,
    "rotated_bbox": _rotated,
    "polygon": _polygons,
    "polyline": _polylines,
    "points": _points,
    "skeleton": _skeletons,
    "ellipse": _ellipses,
    "mask": _masks,
    "mask_3d": _masks_3d,
    "cuboid_2d": _cuboids_2d,
    "cuboid_3d": _cuboids_3d,
}
"""The maker of each kind: (recipe, number of the item) → annotations without labels."""


def media_kind(recipe: Recipe) -> str:
    """Return the media kind that a recipe's items show."""
    kinds = set(recipe.kinds)
    wanted = "volume" if kinds & VOLUME_KINDS else "point_cloud" if kinds & CLOUD_KINDS else "image"
    return wanted if wanted in recipe.media_kinds else (recipe.media_kinds or ("image",))[0]


def media_for(recipe: Recipe, name: str, number: int) -> Media | None:
    """Return the medium of an item."""
    if recipe.media == "none":
        return None
    kind = media_kind(recipe)
    if kind == "volume":
        return _volume(recipe, name, number)
    ext = ".pcd" if kind == "point_cloud" else (".png", ".jpg")[number % 2]
    path = name + ext
    if recipe.media == "named":
        return (
            PointCloud(path=path)
            if kind == "point_cloud"
            else Image(path=path, size=(HEIGHT, WIDTH))
        )
    if kind == "point_cloud":
        front = Image(path=f"{name}.front.png", source=encoded_image(number, ".png"))
        source = _stored(recipe, f"{number}.pcd", pcd_bytes(number))
        return PointCloud(path=path, source=source, extra_images=(front,))
    if recipe.media == "array":
        return Image.from_array(pixels(number), path)
    source = _stored(recipe, f"{number}{ext}", encoded_image(number, ext))
    size = (HEIGHT, WIDTH) if number % 3 else None
    return Image(path=path, source=source, size=size)


def _stored(recipe: Recipe, name: str, data: bytes) -> bytes | str:
    if recipe.media != "file":
        return data
    if recipe.folder is None:
        msg = "a recipe with media='file' needs a folder"
        raise ValueError(msg)
    recipe.folder.mkdir(parents=True, exist_ok=True)
    path = recipe.folder / name
    path.write_bytes(data)
    return str(path)


class _LazyVoxels:
    """Voxels that are computed when asked for, as a scan's would be read."""

    shape = (6, 5, 4)
    dtype = np.dtype(np.int16)

    def __init__(self, number: int) -> None:
        self._number = number

    def __getitem__(self, where: Any) -> Any:
        voxels = np.arange(120, dtype=np.int16).reshape(self.shape) + self._number
        return voxels[where]

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        return np.asarray(self[...], dtype=dtype)


def _volume(recipe: Recipe, name: str, number: int) -> Volume:
    affine = (-1.0, 0, 0, 10, 0, -1.5, 0, 20, 0, 0, 2.0, -30, 0, 0, 0, 1)
    source = None if recipe.media == "named" else _LazyVoxels(number)
    return Volume(
        path=f"{name}.nii.gz", source=source, shape=(6, 5, 4), affine=affine, dtype="int16"
    )


def pixels(number: int) -> NDArray[np.uint8]:
    """Return the pixels of a sample image, (48, 64, 3), another pattern for each number."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    channels = [(x * 3 + number * 40) % 256, (y * 5) % 256, (x + y + number) % 256]
    return np.stack(channels, axis=-1).astype(np.uint8)


@functools.cache
def encoded_image(number: int, ext: str = ".png") -> bytes:
    """Return a sample image's file content."""
    from dsk.pixels import encode

    return encode(pixels(number), ext)


@functools.cache
def pcd_bytes(number: int) -> bytes:
    """Return a small point cloud file: PCD 0.7, ascii, x y z intensity."""
    rows = [f"{n + number}.5 {n} {-n} 0.{n}" for n in range(5)]
    head = [
        "# .PCD v0.7 - Point Cloud Data file format",
        "VERSION 0.7",
        "FIELDS x y z intensity",
        "SIZE 4 4 4 4",
        "TYPE F F F F",
        "COUNT 1 1 1 1",
        f"WIDTH {len(rows)}",
        "HEIGHT 1",
        "VIEWPOINT 0 0 0 1 0 0 0",
        f"POINTS {len(rows)}",
        "DATA ascii",
    ]
    return "\n".join([*head, *rows, ""]).encode()


if set(MAKERS) != set(KINDS):  # a new kind needs a maker, or suites would pass over it
    msg = f"no samples for {sorted(set(KINDS) - set(MAKERS))}"
    raise AssertionError(msg)
