"""The annotation kinds: frozen structs, coordinates in pixels, origin top left, x right, y down.

One object is one annotation. An outline keeps the box and area its source states beside it, so a
target that wants boxes never decodes the outline. Geometry may stay as the source's undecoded JSON
(``msgspec.Raw``) until somebody reads it; ``rings`` and ``rle`` decode on demand.

Coordinates are never rounded here. The kinds carry Datumaro's names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec
from msgspec import Raw, Struct

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsk.rle import MaskSource

__all__ = [
    "KINDS",
    "Annotation",
    "Bbox",
    "Caption",
    "Cuboid2d",
    "Cuboid3d",
    "Ellipse",
    "Label",
    "Mask",
    "Mask3d",
    "Points",
    "PolyLine",
    "Polygon",
    "Rle",
    "RotatedBbox",
    "Skeleton",
    "Visibility",
    "is_crowd",
    "is_on",
    "is_outside",
]

Box = tuple[float, float, float, float]
"""x, y, width, height in pixels."""

_flat = msgspec.json.Decoder(list[float])
_rings = msgspec.json.Decoder(list[list[float]])


class Visibility:
    """Visibility of a keypoint, numbered as in COCO."""

    ABSENT = 0
    HIDDEN = 1
    VISIBLE = 2


class Annotation(Struct, frozen=True, kw_only=True, gc=False):
    """What all kinds have in common.

    Attributes:
        label: Dense index into ``Categories.labels``, or None.
        id: Id in the source; 0 when it has none.
        group: Annotations of one item with the same non-zero group belong to one object.
        object_id: Identity over items (tracks, volumes); -1 when there is none.
        z_order: Drawing order; higher lies on top.
        attributes: Named values: str, int, float, bool, None or lists of them.
        extra: Fields of the source format that have no place in the model; exporters of the same
            format write them back. Keyed by format family, for instance ``{"coco": {...}}``.
    """

    kind: ClassVar[str] = ""

    label: int | None = None
    id: int = 0
    group: int = 0
    object_id: int = -1
    z_order: int = 0
    attributes: dict[str, Any] = {}
    extra: dict[str, Any] | None = None


_NO = frozenset({"", "0", "false", "no", "none"})


def is_crowd(a: Annotation) -> bool:
    """Tell whether an annotation marks a crowd: many objects in one region, as in COCO.

    The attribute ``is_crowd`` may have come through a format whose attributes are all text.
    """
    return is_on(a.attributes.get("is_crowd"))


def is_outside(attributes: Mapping[str, Any]) -> bool:
    """Tell whether an annotation of these attributes is of an object that has left the view.

    Tracks of CVAT end with such shapes: they say that the object is not there.
    """
    return is_on(attributes.get("outside"))


def is_on(value: Any) -> bool:
    """Tell whether a flag is set, which may have come through a format that has only text."""
    return value.strip().lower() not in _NO if isinstance(value, str) else bool(value)


class Label(Annotation, frozen=True, gc=False, tag="label"):
    """A class given to the whole item."""

    kind: ClassVar[str] = "label"

    label: int | None = None  # anew, so that it needs no name here: Label(0)


class Caption(Annotation, frozen=True, gc=False, tag="caption"):
    """A sentence about the whole item."""

    kind: ClassVar[str] = "caption"

    caption: str


class Bbox(Annotation, frozen=True, gc=False, tag="bbox"):
    """An axis-parallel box: top-left corner, width and height."""

    kind: ClassVar[str] = "bbox"

    x: float
    y: float
    w: float
    h: float

    @property
    def bbox(self) -> Box:
        """The box itself (x, y, w, h)."""
        return (self.x, self.y, self.w, self.h)


class RotatedBbox(Annotation, frozen=True, gc=False, tag="rotated_bbox"):
    """A box turned about its centre.

    ``r`` is in degrees; positive turns clockwise as seen on the screen (y points down).
    """

    kind: ClassVar[str] = "rotated_bbox"

    cx: float
    cy: float
    w: float
    h: float
    r: float


class Polygon(Annotation, frozen=True, gc=False, tag="polygon"):
    """An outline of one or several rings.

    Attributes:
        points: One flat ring ``[x1, y1, x2, y2, …]``, a list of such rings, or the JSON text of
            either. Rings are parts of one object unless named in ``holes``.
        holes: Indices of the rings that are cut out.
        bbox: The box the source states, else None: see ``dsk.adapt.bbox_of``.
        area: The area the source states in px², else None.
    """

    kind: ClassVar[str] = "polygon"

    points: Sequence[float] | Sequence[Sequence[float]] | Raw
    holes: tuple[int, ...] = ()
    bbox: Box | None = None
    area: float | None = None

    @property
    def rings(self) -> Sequence[Sequence[float]]:
        """All rings, each flat; decodes undecoded geometry anew at every call.

        Raises:
            ValueError: The undecoded geometry is not numbers.
        """
        points: Any = self.points
        if type(points) is Raw:
            return decode_rings(points)
        if len(points) and not hasattr(points[0], "__len__"):
            return [points]
        return points  # type: ignore[no-any-return]


def decode_rings(raw: Raw | bytes | memoryview) -> list[list[float]]:
    """Decode the JSON text of a flat ring or of a list of rings.

    Raises:
        ValueError: It is neither.
    """
    view = memoryview(raw)
    head = bytes(view[:64]).lstrip()
    nested = head[:1] == b"[" and head[1:].lstrip()[:1] in (b"[", b"]")
    try:
        return _rings.decode(view) if nested else [_flat.decode(view)]
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"malformed outline: {error}") from error


class PolyLine(Annotation, frozen=True, gc=False, tag="polyline"):
    """An open line ``[x1, y1, x2, y2, …]``."""

    kind: ClassVar[str] = "polyline"

    points: Sequence[float]


class Points(Annotation, frozen=True, gc=False, tag="points"):
    """Loose points ``[x1, y1, …]``.

    Attributes:
        visibility: One ``Visibility`` value per point; empty when all are visible.
        bbox: The box the source states, else None.
    """

    kind: ClassVar[str] = "points"

    points: Sequence[float]
    visibility: Sequence[int] = ()
    bbox: Box | None = None


class Skeleton(Annotation, frozen=True, gc=False, tag="skeleton"):
    """Keypoints of one object in the order of ``Categories.points[label].labels``.

    Attributes:
        points: Flat ``[x1, y1, …]``; absent points are 0, 0.
        visibility: One ``Visibility`` value per point.
        point_attributes: One mapping per point, or empty.
        bbox: The box the source states, else None.
        area: The area the source states in px², else None.
    """

    kind: ClassVar[str] = "skeleton"

    points: Sequence[float]
    visibility: Sequence[int]
    point_attributes: Sequence[dict[str, Any]] = ()
    bbox: Box | None = None
    area: float | None = None


class Ellipse(Annotation, frozen=True, gc=False, tag="ellipse"):
    """An axis-parallel ellipse, given by the box around it."""

    kind: ClassVar[str] = "ellipse"

    x: float
    y: float
    w: float
    h: float

    @property
    def bbox(self) -> Box:
        """The enclosing box (x, y, w, h)."""
        return (self.x, self.y, self.w, self.h)


class Rle(Struct, frozen=True, gc=False):
    """Run lengths in COCO's convention: column by column, the first run counts zeros.

    Attributes:
        size: (height, width) in pixels.
        counts: COCO's compressed string, or the run lengths themselves.
    """

    size: tuple[int, int]
    counts: bytes | str | Sequence[int]


class Mask(Annotation, frozen=True, gc=False, tag="mask"):
    """The pixels of one object or class in the item's image.

    Attributes:
        source: ``Rle``, its undecoded JSON text, or a reference that yields run lengths on demand
            (see ``dsk.rle``). A dense array is never the stored form.
        bbox: The box the source states, else None.
        area: The area the source states in px², else None.
    """

    kind: ClassVar[str] = "mask"

    source: Rle | Raw | MaskSource
    bbox: Box | None = None
    area: float | None = None

    @property
    def rle(self) -> Rle:
        """Run lengths; decodes or reads them anew at every call.

        Raises:
            ValueError: The run lengths are malformed.
        """
        from dsk.rle import rle_of

        return rle_of(self.source)

    @property
    def image(self) -> NDArray[np.bool_]:
        """The mask as a boolean array (height, width), made anew at every call."""
        from dsk.rle import dense

        return dense(self.rle)


class Mask3d(Annotation, frozen=True, gc=False, tag="mask_3d"):
    """The voxels of one object or class in the item's volume.

    Attributes:
        source: A volume of labels; anything with ``shape``, ``dtype`` and ``__getitem__``
            (numpy array, nibabel proxy, HDF5 dataset). Several masks may share one.
        value: The voxels equal to this value are the object; None means all non-zero voxels.
        affine: Voxel to RAS+ millimetres, 16 numbers row by row, when it differs from the item's.
    """

    kind: ClassVar[str] = "mask_3d"

    source: Any
    value: int | None = None
    affine: tuple[float, ...] | None = None


class Cuboid2d(Annotation, frozen=True, gc=False, tag="cuboid_2d"):
    """A cuboid drawn in an image: eight corners, flat ``[x1, y1, … x8, y8]``."""

    kind: ClassVar[str] = "cuboid_2d"

    points: Sequence[float]


class Cuboid3d(Annotation, frozen=True, gc=False, tag="cuboid_3d"):
    """A box in space.

    Attributes:
        position: Centre (x, y, z).
        rotation: (rx, ry, rz) in radians; R = Rz·Ry·Rx takes box axes to the frame's.
        scale: Full extents along the box's own x, y, z.
        forward: The box axis that points ahead; "" where the source does not say.
        frame: What the coordinates are relative to.
    """

    kind: ClassVar[str] = "cuboid_3d"

    position: tuple[float, float, float]
    rotation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    forward: Literal["", "+x", "+y"] = "+x"
    frame: Literal["lidar", "camera", "world", "voxel", "ras_mm"] = "lidar"


KINDS: dict[str, type[Annotation]] = {
    cls.kind: cls
    for cls in (
        Label,
        Caption,
        Bbox,
        RotatedBbox,
        Polygon,
        PolyLine,
        Points,
        Skeleton,
        Ellipse,
        Mask,
        Mask3d,
        Cuboid2d,
        Cuboid3d,
    )
}
"""Every kind by its name."""
