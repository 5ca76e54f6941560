"""Datasets to write: for each format items that it can hold, made when they are read."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from PIL import Image as PilImage
from readonly_volumes import AFFINE, organs, scan

from dsk import Dataset
from dsk.annotations import Annotation, Bbox, Mask, Mask3d
from dsk.categories import Categories, LabelCategory
from dsk.flow import Header, ListSource, Source, spans
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image, Media, Volume
from dsk.registry import registry
from dsk.testing import samples

ORDER = ("bbox", "polygon", "mask", "rotated_bbox", "label", "points", "skeleton", "caption")
LAST = ("cuboid_3d", "mask_3d")
PIXELS = {"cifar": (32, 32, 3), "mnist": (28, 28), "mnist_csv": (28, 28)}
"""Formats that hold pixels as numbers, and the shape of their images."""

HOLD_IMAGES = frozenset({"tf_detection_api", "image_dir", "image_zip", *PIXELS})
"""Formats whose files are nothing without the images: these are saved."""

PARTS = ("head", "hand", "foot")
ACTIONS = ("jumping", "phoning", "reading", "running")
PERSONS = {"voc_layout": {"parts": PARTS, "actions": ()}, "voc_action": {"actions": ACTIONS}}
"""Formats that hold persons with parts or actions only."""

SEQUENCES, TUMOR = ("flair", "t1", "t1ce", "t2"), {"NCR/NET": 1, "ED": 2, "ET": 4}
"""Channels and labels of BraTS."""

MEDIA, ITEMS = 6, 600
"""How many different media and lists of annotations there are."""


class Made(Source):
    """Items that are made when they are read, so that memory shows what the format needs."""

    def __init__(self, name: str, count: int, scale: int = 1) -> None:
        self.recipe, self.count = recipe_for(name), count
        self.media: list[Media | None] = [medium(name, self.recipe, n) for n in range(MEDIA)]
        self.annotations = [annotations(name, self.recipe, n) for n in range(ITEMS)]
        self.size = samples.HEIGHT * scale, samples.WIDTH * scale
        if scale > 1 and name not in {*PIXELS, "nyu_depth_v2"}:  # these have pixels of their own
            self._grow(scale)
        self.extra = [extra(name, n) for n in range(MEDIA)]
        self.header = Header(
            categories=categories(name, self.recipe),
            media=frozenset({samples.media_kind(self.recipe)}),
            subsets=("train",),
            items=count,
        )

    def _grow(self, scale: int) -> None:
        """Make images and what is on them as many times larger along both sides."""
        pictures = [m for m in self.media if isinstance(m, Image)]
        if len(pictures) < len(self.media):
            return
        items = [
            DatasetItem(f"{n}", "", replace(pictures[n % MEDIA], path=f"{n}.png"), found)
            for n, found in enumerate(self.annotations)
        ]
        grown = list(Dataset(ListSource(items, Header())).transform("resize", scale=float(scale)))
        self.annotations = [[settled(a) for a in item.annotations] for item in grown]
        self.media = [
            Image(old.path, encoded(old, item.media.data), None, self.size)
            for old, item in zip(pictures, grown, strict=False)
            if isinstance(item.media, Image)
        ]

    def partitions(self) -> Sequence[range]:
        """Return slices of numbers."""
        return [range(*span) for span in spans(self.count, self.partition_items)]

    def read(self, partition: range, ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """Make the items of a slice."""
        for n in partition:
            found, more = self.annotations[n % ITEMS], self.extra[n % MEDIA]
            yield DatasetItem(f"{n:08d}", "train", self._medium(n), found, extra=more)

    def _medium(self, n: int) -> Media | None:
        media = self.media[n % MEDIA]
        if isinstance(media, Image):
            size = media.size or self.size
            return Image(path=f"{n:08d}{media.ext}", source=media.source, size=size)
        return replace(media, path=f"{n:08d}.nii.gz") if isinstance(media, Volume) else media


def settled(annotation: Annotation) -> Annotation:
    """Return an annotation whose run lengths are there, not made anew whenever they are read."""
    return (
        replace(annotation, source=annotation.rle) if isinstance(annotation, Mask) else annotation
    )


def encoded(image: Image, pixels: NDArray[Any]) -> bytes:
    """Return pixels as a file of the kind that an image's name says."""
    file = io.BytesIO()
    PilImage.fromarray(pixels).save(file, "PNG" if image.ext == ".png" else "JPEG")
    return file.getvalue()


def of_volumes(name: str) -> bool:
    """Tell whether a format is one of volumes."""
    table = registry()
    if name in {exporter.name for exporter in table.exporters}:
        return table.exporter(name).capabilities.media == {"volume"}
    return table.importer(name).media == {"volume"}


def recipe_for(name: str) -> samples.Recipe:
    """Return what to write in a format: the first kind that it can write and read."""
    table = registry()
    holds = table.exporter(name).capabilities
    kinds = holds.annotations
    if table.importers.find(name):
        kinds &= table.importer(name).kinds
    order = LAST[::-1] if of_volumes(name) else (*ORDER, *LAST)
    kind = next((k for k in order if k in kinds), None)
    return samples.Recipe(kinds=(kind,) if kind else (), media_kinds=tuple(sorted(holds.media)))


def medium(name: str, recipe: samples.Recipe, n: int) -> Media | None:
    """Return a medium; its name is that of any item."""
    rng = np.random.default_rng(n)
    if name in PIXELS:
        return Image.from_array(rng.integers(0, 256, PIXELS[name], np.uint8), "a.png")
    if name == "nyu_depth_v2":
        return Image.from_array(samples.pixels(n), "a.png")
    if not of_volumes(name):
        return samples.media_for(recipe, f"{n}", n)
    affine, voxels, channels = tuple(AFFINE.ravel().tolist()), scan(n), ()
    if name.startswith("brats"):
        voxels, channels = np.stack([scan(n)] * 4, axis=-1), SEQUENCES
    return Volume("a.nii.gz", voxels, None, voxels.shape, affine, "int16", channels=channels)


def annotations(name: str, recipe: samples.Recipe, n: int) -> list[Annotation]:
    """Return the annotations of an item."""
    if name in PERSONS:
        return list(persons(name, n))
    if recipe.kinds == ("mask_3d",):
        return [Mask3d(organs(n % MEDIA), value, label=value - 1) for value in (1, 2)]
    return samples.annotations_for(recipe, n)


def persons(name: str, n: int) -> Iterator[Annotation]:
    """Yield two persons, with parts or actions."""
    for person in (1, 2):
        x, y = 4.0 + 30 * (person - 1), 2.0 + n % 9
        done = {a: bool(n + k & person) for k, a in enumerate(ACTIONS)} if "action" in name else {}
        yield Bbox(x, y, 24.0, 30.0, label=0, group=person, attributes=done)
        if name == "voc_layout":
            for k in range(len(PARTS)):
                yield Bbox(x + 4, y + 8 * k, 6.0, 6.0, label=k + 1, group=person)


def categories(name: str, recipe: samples.Recipe) -> Categories:
    """Return the labels."""
    if name.startswith("brats"):
        return Categories(labels=tuple(LabelCategory(k, source_id=v) for k, v in TUMOR.items()))
    own = PERSONS.get(name)
    if own is None:
        return samples.categories(recipe)
    person = LabelCategory("person", "", own["actions"], None, {"voc": own})
    more = PARTS if name == "voc_layout" else ()
    return Categories(labels=(person, *(LabelCategory(part) for part in more)))


def extra(name: str, n: int) -> dict[str, Any] | None:
    """Return what an item has beside its image."""
    if name != "nyu_depth_v2":
        return None
    height, width = samples.HEIGHT, samples.WIDTH
    metres = np.linspace(0.5, 9.5 - n, height * width, dtype=np.float32).reshape(height, width)
    return {name: {"depth": Image.from_array(metres, "a.depth")}}
