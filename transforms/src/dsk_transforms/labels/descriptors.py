"""What the transforms of labels and attributes are called and which options they have."""

from __future__ import annotations

from dsk.descriptors import Option, TransformInfo

__all__ = ["TRANSFORMS"]

_FOLDER = "dsk_transforms.labels"
_ACTIONS = ("keep", "delete")
_SCOPES = ("all", "items", "annotations")

_UNLABELLED = Option(
    name="unlabelled",
    default="keep",
    choices=_ACTIONS,
    help="What is done with annotations that have no label.",
)

TRANSFORMS: tuple[TransformInfo, ...] = (
    TransformInfo(
        name="remap_labels",
        target=f"{_FOLDER}.moving:RemapLabels",
        summary="Rename, join and delete labels.",
        options=(
            Option(
                name="mapping",
                short="l",
                aliases=("label",),
                type="mapping",
                help="old:new, repeatable; 'old:' deletes the label and its annotations.",
            ),
            Option(
                name="default",
                default="keep",
                choices=_ACTIONS,
                help="What is done with labels that are not named.",
            ),
            _UNLABELLED,
        ),
    ),
    TransformInfo(
        name="project_labels",
        target=f"{_FOLDER}.moving:ProjectLabels",
        summary="Bring the labels to a given list.",
        options=(
            Option(
                name="labels",
                short="l",
                aliases=("label", "dst_labels"),
                type="list",
                default=(),
                help="The labels in their new order, repeatable.",
            ),
            _UNLABELLED,
        ),
    ),
    TransformInfo(
        name="remove_items",
        target=f"{_FOLDER}.removing:RemoveItems",
        summary="Remove items by their ids.",
        options=(
            Option(
                name="ids",
                short="id",
                aliases=("id",),
                type="list",
                default=(),
                help="id:subset, repeatable.",
            ),
        ),
    ),
    TransformInfo(
        name="remove_annotations",
        target=f"{_FOLDER}.removing:RemoveAnnotations",
        summary="Remove annotations of some items, or all.",
        options=(
            Option(
                name="ids",
                short="id",
                aliases=("id",),
                type="list",
                default=(),
                help="id:subset or id:subset:annotation, repeatable; all when not given.",
            ),
        ),
    ),
    TransformInfo(
        name="remove_attributes",
        target=f"{_FOLDER}.removing:RemoveAttributes",
        summary="Remove attributes of items and annotations.",
        options=(
            Option(
                name="attributes",
                short="a",
                aliases=("attr",),
                type="list",
                default=(),
                help="Which attributes, repeatable; all when not given.",
            ),
            Option(
                name="ids",
                short="id",
                aliases=("id",),
                type="list",
                default=(),
                help="Only in these items: id:subset, repeatable.",
            ),
            Option(
                name="scope",
                default="all",
                choices=_SCOPES,
                help="Attributes of what to remove.",
            ),
        ),
    ),
    TransformInfo(
        name="rename_attributes",
        target=f"{_FOLDER}.removing:RenameAttributes",
        summary="Rename attributes of items and annotations.",
        options=(
            Option(name="mapping", short="a", type="mapping", help="old:new, repeatable."),
            Option(
                name="scope", default="all", choices=_SCOPES, help="Attributes of what to rename."
            ),
        ),
    ),
)
