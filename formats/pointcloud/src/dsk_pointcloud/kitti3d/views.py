"""Which of an item's cameras become ``image_2`` and ``image_3``, and the calibration they need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsk.errors import InputError, OutputError
from dsk.media import Image, PointCloud
from dsk_pointcloud.calib import (
    IDENTITY_TEXT,
    Calibration,
    calibration_text,
    identity_calibration,
    parallel_projection,
    read_calibration,
    square,
)
from dsk_pointcloud.cameras import CAMERA, matrices_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsk.item import DatasetItem

__all__ = ["View", "view_of"]

_LEFT = ("image_02", "image_2", "front")
_RIGHT = ("image_03", "image_3")
_FLAT = 1e-9  # determinants below are no rotations


@dataclass(frozen=True, slots=True)
class View:
    """How an item is seen.

    Attributes:
        calibration: What labels are written with.
        matrix: 4×4, lidar to rectified camera.
        text: The content of its file.
        known: Whether the item states it; ideal axes else.
        images: Images by the number of their folder, 2 or 3.
        size: (height, width) of ``image_2`` in pixels, if known.
    """

    calibration: Calibration
    matrix: NDArray[np.float64]
    text: bytes
    known: bool
    images: dict[int, Image]
    size: tuple[int, int] | None


def view_of(item: DatasetItem, *, ideal: bool) -> View:
    """Choose an item's cameras and calibration.

    ``image_2`` is the left colour camera, or the front one, if there is such a camera; else the
    first by name. Without a calibration of KITTI's kind the matrices of that camera make one, and
    ``image_3`` is a camera that looks in the same direction: P3 can say nothing else.

    Args:
        item: The item.
        ideal: Whether to use ideal axes, whatever is known.

    Raises:
        OutputError: The item's own calibration is damaged.
    """
    media = item.media
    images = media.extra_images if isinstance(media, PointCloud) else (media,)
    cameras = sorted((i for i in images if isinstance(i, Image)), key=_rank)
    stated = ((item.extra or {}).get("kitti3d") or {}).get("calib")
    if isinstance(stated, str) and not ideal:
        try:
            calibration = read_calibration(stated, f"calibration of {item.id}")
        except InputError as error:
            raise OutputError(error.message, where=error.where) from error
        return _view(calibration, stated.encode(), dict(enumerate(cameras[:2], 2)))
    first = None if ideal else next((i for i in cameras if _stands(i)), None)
    matrices = None if first is None else matrices_of(first)
    if first is None or matrices is None:
        chosen = dict(enumerate(cameras[:2], 2))
        return _view(identity_calibration(), IDENTITY_TEXT, chosen, known=False)
    outer, lens = square(matrices[0]), np.array(matrices[1], dtype=float).reshape(3, 3)
    blank = np.column_stack([lens, np.zeros(3)])
    chosen, projections = {2: first}, dict.fromkeys(range(4), blank)
    for image in cameras:
        matrices = None if image is first else matrices_of(image)
        projection = None if matrices is None else parallel_projection(matrices, outer)
        if projection is not None:
            chosen[3], projections[3] = image, projection
            break
    calibration = Calibration(projections, np.eye(3), outer[:3])
    return _view(calibration, calibration_text(calibration), chosen)


def _view(
    calibration: Calibration, text: bytes, images: dict[int, Image], *, known: bool = True
) -> View:
    try:
        size = images[2].get_size() if images else None
    except InputError:
        size = None
    return View(calibration, calibration.to_camera, text, known, images, size)


def _stands(image: Image) -> bool:
    """Whether it is known where an image's camera is."""
    matrices = matrices_of(image)
    return matrices is not None and bool(np.abs(np.linalg.det(square(matrices[0]))) > _FLAT)


def _rank(image: Image) -> tuple[int, str, str]:
    name = (image.extra or {}).get(CAMERA, {}).get("name")
    name = name if isinstance(name, str) else ""
    plain = name.lower().removeprefix("cam_")
    return 0 if plain in _LEFT else 1 if plain in _RIGHT else 2, name, image.path
