"""Draw what geometric transforms do, as pairs of pictures before and after, for the docs.

Usage: transform_pictures.py [OUTPUT]    the folder to write to; docs/transforms/pictures by default

The pictures show scenes of examples/shapes. They are the same at every run with one version of
Pillow: nothing is random, and no fonts are used.
"""

from __future__ import annotations

import io
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace
from PIL import Image as PilImage
from PIL import ImageDraw

from dsk import geometry
from dsk.annotations import (
    Annotation,
    Bbox,
    Ellipse,
    Mask,
    Points,
    Polygon,
    RotatedBbox,
    Skeleton,
    Visibility,
)
from dsk.dataset import Dataset
from dsk.flow import ListSource
from dsk.media import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.item import DatasetItem

ROOT = Path(__file__).resolve().parent.parent
SHAPES = ROOT / "examples" / "shapes"
OUTPUT = ROOT / "docs" / "transforms" / "pictures"
LARGEST = 30_000
"""A picture has at most this many bytes."""

GAP = 12
PAPER = (255, 255, 255)
FADE = 0.62
"""How much white is mixed into the scenes, so that what is drawn on them stands out."""

COLORS = ((214, 39, 40), (31, 119, 180), (148, 103, 189), (255, 127, 14), (44, 160, 44))
"""One for each label: person, car, bus, traffic sign, tree."""


@dataclass(frozen=True)
class Subject:
    """What a picture shows.

    Attributes:
        options: Options of the transform.
        item: Id of the scene.
        labels: Which labels are shown; all if there are none.
        before: Steps that make the left side.
        vivid: Show the pixels as they are.
        subset: Subset of the scene.
        margin: Pixels of paper around the scenes, for what reaches over their edges.
    """

    options: dict[str, Any] = field(default_factory=dict)
    item: str = "night/0001"
    labels: tuple[str, ...] = ()
    before: tuple[Any, ...] = ()
    vivid: bool = False
    subset: str = "train"
    margin: int = 0


def shifted(item: DatasetItem) -> DatasetItem:
    """Move outlines to the right and down, so that some reach over the edge."""
    moved: list[Annotation] = []
    for a in item.annotations:
        if isinstance(a, Polygon):
            rings = [[v + (60, 45)[n % 2] for n, v in enumerate(ring)] for ring in a.rings]
            moved.append(replace(a, points=rings, bbox=None, area=None))
    return item.replace(annotations=moved)


def tilted(item: DatasetItem) -> DatasetItem:
    """Turn rotated boxes by 20 degrees."""
    return item.replace(
        annotations=[
            replace(a, r=a.r + 20) if isinstance(a, RotatedBbox) else a for a in item.annotations
        ]
    )


def stacked(item: DatasetItem) -> DatasetItem:
    """Make large discs of the objects, each above the one before."""
    made: list[Annotation] = []
    for n, a in enumerate(item.annotations):
        x, y = 20 + 52 * (n % 5), 35 + 60 * (n % 2)
        made.append(Polygon(geometry.ellipse_ring(x, y, 110, 110), label=a.label, z_order=n))
    return item.replace(annotations=made[:5])


OUTLINED = ("car", "traffic sign", "person")
SUBJECTS = {
    "resize": Subject({"width": 200, "height": 200}),
    "crop": Subject({"x": 90, "y": 70, "width": 180, "height": 130}),
    "tile": Subject({"grid_size": ["2", "2"], "overlap": ["0", "0"], "threshold_drop_ann": 0.2}),
    "flip": Subject(),
    "rotate": Subject({"angle": 90}),
    "anonymize": Subject({"labels": ["person"], "method": "pixelate", "margin": 0.05}, vivid=True),
    "polygons_to_masks": Subject(labels=OUTLINED),
    "boxes_to_masks": Subject(labels=OUTLINED, before=(("shapes_to_boxes", {}),)),
    "masks_to_polygons": Subject(labels=("tree",)),
    "masks_to_boxes": Subject(labels=("tree",)),
    "shapes_to_boxes": Subject(),
    "boxes_to_polygons": Subject(before=(("shapes_to_boxes", {}),)),
    "polygons_to_rotated_boxes": Subject(labels=OUTLINED),
    "rotated_boxes_to_polygons": Subject(
        labels=OUTLINED, before=(("polygons_to_rotated_boxes", {}), tilted)
    ),
    "crop_covered_segments": Subject(before=(stacked,)),
    "clip_to_image": Subject(labels=OUTLINED, before=(shifted,), margin=50),
    "drop_small": Subject({"min_area": 1500}),
}


def items_of(dataset: Dataset, step: Any) -> Dataset:
    """Return a dataset after a step, held in memory."""
    name, options = step if isinstance(step, tuple) else (step, {})
    if isinstance(name, str):
        from dsk.opening import make_transform

        name, options = make_transform(name, options), {}
    changed = dataset.transform(name, **options)
    return Dataset(ListSource(list(changed), changed.header))


def on_paper(item: DatasetItem, margin: int) -> DatasetItem:
    """Return a scene of outlines with some paper around it."""
    if not margin or not isinstance(item.media, Image):
        return item
    around = ((margin, margin), (margin, margin), (0, 0))
    pixels = np.pad(item.media.data[..., :3], around, constant_values=255)
    moved = [
        replace(a, points=[[v + margin for v in ring] for ring in a.rings])
        for a in item.annotations
        if isinstance(a, Polygon)
    ]
    return item.replace(media=Image.from_array(pixels), annotations=moved)


def drawn(item: DatasetItem, *, vivid: bool) -> PilImage.Image:
    """Return a scene with its annotations."""
    if not isinstance(item.media, Image):
        raise TypeError(item.id)
    pixels = item.media.data[..., :3].astype(float)
    if not vivid:
        pixels = pixels * (1 - FADE) + 255 * FADE
    picture = PilImage.fromarray(np.rint(pixels).astype(np.uint8)).convert("RGB")
    for a in sorted(item.annotations, key=lambda a: a.z_order):
        draw(picture, a, COLORS[(a.label or 0) % len(COLORS)])
    return picture


def draw(picture: PilImage.Image, a: Annotation, color: tuple[int, int, int]) -> None:
    """Draw an annotation: masks as surfaces, boxes as frames, outlines as both with corners."""
    pen = ImageDraw.Draw(picture)
    if isinstance(a, Mask):
        pixels = np.array(picture)
        solid = a.image
        pixels[solid] = (pixels[solid] * 0.35 + np.array(color) * 0.65).astype(np.uint8)
        picture.paste(PilImage.fromarray(pixels))
    elif isinstance(a, Polygon):
        for ring in a.rings:
            outline(pen, ring, color)
            for x, y in list(zip(ring[::2], ring[1::2], strict=True))[:: len(ring) // 120 + 1]:
                pen.rectangle((x - 1, y - 1, x + 1, y + 1), fill=color)
    elif isinstance(a, Bbox):
        outline(pen, geometry.box_ring(*a.bbox), color, 2)
    elif isinstance(a, RotatedBbox):
        corners = geometry.rotated_box_corners(a.cx, a.cy, a.w, a.h, a.r)
        outline(pen, corners, color, 2)
    elif isinstance(a, Ellipse):
        outline(pen, geometry.ellipse_ring(*a.bbox), color)
    elif isinstance(a, Points | Skeleton):
        for n, seen in enumerate(a.visibility or [Visibility.VISIBLE] * (len(a.points) // 2)):
            x, y = a.points[2 * n : 2 * n + 2]
            if seen != Visibility.ABSENT:
                pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=color)


def outline(
    pen: ImageDraw.ImageDraw, ring: Sequence[float], color: tuple[int, int, int], width: int = 1
) -> None:
    """Draw a closed line; the middle of a pixel is half a pixel from its edge."""
    points = [v - 0.5 for v in (*ring, ring[0], ring[1])]
    pen.line(points, fill=color, width=width)


def side(items: Sequence[DatasetItem], *, vivid: bool) -> PilImage.Image:
    """Return one item's picture, or those of tiles where they belong with gaps between them."""
    pictures = [drawn(item, vivid=vivid) for item in items]
    if len(pictures) == 1:
        return pictures[0]
    places = []
    for item in items:
        x, y, w, h = item.attributes["roi"]
        places.append((x + GAP // 2 * (x > 0), y + GAP // 2 * (y > 0), w, h))
    width, height = (max(p[n] + p[n + 2] for p in places) for n in (0, 1))
    whole = PilImage.new("RGB", (width, height), PAPER)
    for picture, (x, y, _, _) in zip(pictures, places, strict=True):
        whole.paste(picture, (x, y))
    return whole


def pair(left: PilImage.Image, right: PilImage.Image) -> PilImage.Image:
    """Return two pictures beside each other, an arrow between them."""
    arrow = 3 * GAP
    height = max(left.height, right.height)
    whole = PilImage.new("RGB", (left.width + arrow + right.width, height), PAPER)
    whole.paste(left, (0, (height - left.height) // 2))
    whole.paste(right, (left.width + arrow, (height - right.height) // 2))
    pen = ImageDraw.Draw(whole)
    x, y = left.width + GAP // 2, height // 2
    pen.line((x, y, x + 18, y), fill=(90, 90, 90), width=3)
    pen.polygon([(x + 24, y), (x + 16, y - 6), (x + 16, y + 6)], fill=(90, 90, 90))
    return whole


def encoded(picture: PilImage.Image) -> bytes:
    """Return a PNG file with as many colours as its size allows."""
    for colours in (128, 64, 32, 16):
        buffer = io.BytesIO()
        reduced = picture.quantize(colours, dither=PilImage.Dither.NONE)
        reduced.save(buffer, "PNG", optimize=True)
        if buffer.tell() <= LARGEST:
            break
    return buffer.getvalue()


def shown(name: str, subject: Subject, scenes: Dataset) -> bytes:
    """Return the picture of a transform as a PNG file."""
    scene = scenes.select(lambda i: (i.id, i.subset) == (subject.item, subject.subset))
    names = scenes.categories().names
    labels = {names.index(label) for label in subject.labels} or set(range(len(names)))

    def chosen(item: DatasetItem) -> DatasetItem:
        kept = [a for a in item.annotations if a.label in labels]
        return item.replace(annotations=kept)

    dataset = items_of(scene, chosen)
    for step in subject.before:
        dataset = items_of(dataset, step)
    after = items_of(dataset, (name, subject.options))
    sides = [[on_paper(item, subject.margin) for item in one] for one in (dataset, after)]
    if subject.vivid:  # what is drawn would hide what happens
        sides = [[item.replace(annotations=()) for item in items] for items in sides]
    return encoded(pair(*(side(items, vivid=subject.vivid) for items in sides)))


def main() -> None:
    """Write all pictures."""
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT
    output.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("error")
    scenes = Dataset.import_from(SHAPES, "coco")
    for name, subject in SUBJECTS.items():
        data = shown(name, subject, scenes)
        (output / f"{name}.png").write_bytes(data)
        print(f"{name}.png  {len(data)} bytes")


if __name__ == "__main__":
    main()
