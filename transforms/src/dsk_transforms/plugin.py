"""What dsk-transforms brings; imports nothing but descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.descriptors import CommandInfo
from dsk.hooks import hookimpl
from dsk_transforms.filtering.descriptors import TRANSFORMS as FILTERING
from dsk_transforms.ids.descriptors import TRANSFORMS as IDS
from dsk_transforms.labels.descriptors import TRANSFORMS as LABELS
from dsk_transforms.pixels.descriptors import TRANSFORMS as PIXELS
from dsk_transforms.privacy.descriptors import TRANSFORMS as PRIVACY
from dsk_transforms.sampling.descriptors import TRANSFORMS as SAMPLING
from dsk_transforms.shapes.descriptors import TRANSFORMS as SHAPES
from dsk_transforms.splits.descriptors import TRANSFORMS as SPLITS

if TYPE_CHECKING:
    from dsk.descriptors import TransformInfo

__all__ = ["DSK_API", "dsk_commands", "dsk_transforms"]

DSK_API = (1, 0)


@hookimpl
def dsk_transforms() -> list[TransformInfo]:
    """Return all transforms."""
    return [*SHAPES, *LABELS, *IDS, *SPLITS, *SAMPLING, *PIXELS, *PRIVACY, *FILTERING]


@hookimpl
def dsk_commands() -> list[CommandInfo]:
    """Return ``dsk transform`` and ``dsk filter``."""
    return [
        CommandInfo(
            name="transform",
            target="dsk_transforms.commands:transform",
            summary="Change a dataset and write it in the same format or another.",
        ),
        CommandInfo(
            name="filter",
            target="dsk_transforms.commands:filter_",
            summary="Keep the items or annotations that an expression selects.",
        ),
    ]
