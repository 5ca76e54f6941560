"""What is told of labels by the values of masks alone."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError, LimitError
from dsk.labelmaps import palette
from dsk.media import Image
from dsk.pixels import decode_labels
from dsk_scenes.pairs.classes import Classes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.categories import Color
    from dsk.files import InputRoot
    from dsk_scenes.shared.source import Scene

__all__ = ["generated_classes", "has_white"]

WHITE = 255
"""Elsewhere what no label has; beside 0 alone it is what stands out."""

_LOOKS = 20
_MOST = 256


def has_white(root: InputRoot, scenes: Sequence[Scene]) -> bool:
    """Tell whether the first masks are grey and have no values but 0 and 255, and 255 among them.

    Then 255 stands for the second label of two.
    """
    seen: set[int] = set()
    for values, colors in islice(_contents(root, scenes), _LOOKS):
        seen |= values
        if colors or not seen <= {0, WHITE}:
            return False
    return WHITE in seen


def generated_classes(root: InputRoot, scenes: Sequence[Scene]) -> Classes:
    """Return labels for all values, or all colours, of the masks, which are read for that.

    Raises:
        InputError: There are none, both, or more colours than classes have.
    """
    values: set[int] = set()
    colors: set[Color] = set()
    for own, shown in _contents(root, scenes):
        values |= own
        colors |= shown
        if max(len(values), len(colors)) > _MOST:
            problem = f"the masks have more than {_MOST} colours or values: they name no classes"
            raise InputError(problem, where=root.path, hint="as JPEG files they cannot do so")
    if bool(values) == bool(colors):
        problem = "some masks are grey, others in colours" if values else "there are no masks"
        raise InputError(f"no labels can be generated: {problem}", where=root.path)
    if colors:
        table = dict(enumerate(sorted(colors)))
        names = [f"class-{n}" for n in table]
        return Classes(Categories(tuple(map(LabelCategory, names)), colors=table))
    if not values <= {0, WHITE}:
        values.discard(WHITE)
    order = {value: n for n, value in enumerate(sorted(values))}
    labels = tuple(LabelCategory(f"class-{value}") for value in order)
    generated = dict(enumerate(palette(len(labels))))
    return Classes(Categories(labels, colors=generated), order)


def _contents(root: InputRoot, scenes: Sequence[Scene]) -> Iterator[tuple[set[int], set[Color]]]:
    """Yield the values of each grey mask, or the colours of each other."""
    for scene in scenes:
        if not scene.mask:
            continue
        try:
            pixels, colors = decode_labels(Image(scene.mask, root.locate(scene.mask)))
        except (InputError, LimitError):  # told when it is read
            continue
        if colors is not None:
            pixels = colors[np.minimum(pixels, len(colors) - 1)]
        if pixels.ndim == 3 and pixels.shape[2] >= 3:
            flat = pixels[..., :3].reshape(-1, 3).astype(np.uint32)
            codes = np.unique(flat[:, 0] << 16 | flat[:, 1] << 8 | flat[:, 2])
            yield set(), {(c >> 16, c >> 8 & 255, c & 255) for c in codes.tolist()}
            continue
        grey = pixels if pixels.ndim == 2 else pixels[..., 0]
        if grey.dtype.kind == "u":
            yield set(np.unique(grey).tolist()), set()
