"""What the transforms of this folder are called and which options they have."""

from __future__ import annotations

from dsk.descriptors import Option, TransformInfo

__all__ = ["TRANSFORMS"]

TRANSFORMS: tuple[TransformInfo, ...] = (
    TransformInfo(
        name="filter",
        target="dsk_transforms.filtering.filter:Filter",
        summary="Keep the items or annotations that an expression selects.",
        options=(
            Option(
                name="expression",
                default="",
                short="e",
                help='XPath, or a condition like: label == "cat" and area > 100',
            ),
            Option(
                name="mode",
                default="",
                short="m",
                help="what is removed: items, annotations or items+annotations (i, a, i+a)",
            ),
            Option(
                name="remove_empty",
                type=bool,
                default=False,
                help="remove items that have no annotations left",
            ),
        ),
    ),
)
