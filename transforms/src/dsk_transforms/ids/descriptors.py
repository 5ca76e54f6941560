"""What the transforms of this folder are called and which options they have."""

from __future__ import annotations

from dsk.descriptors import Option, TransformInfo

__all__ = ["TRANSFORMS"]

_SEPARATOR = Option(name="separator", default="__", help="What stands for a slash.")

TRANSFORMS: tuple[TransformInfo, ...] = (
    TransformInfo(
        name="rename",
        target="dsk_transforms.ids.rename:Rename",
        summary="Change ids by a regular expression.",
        options=(
            Option(
                name="regex",
                short="e",
                default="",
                help="'|pattern|replacement|', with any delimiter; \\1 is the first group.",
            ),
        ),
    ),
    TransformInfo(
        name="id_from_image_name",
        target="dsk_transforms.ids.image_name:IdFromImageName",
        summary="Name items by their media files.",
        options=(
            Option(
                name="ensure_unique",
                short="u",
                type=bool,
                default=False,
                help="Add a suffix where several items get one name.",
            ),
            Option(
                name="suffix_length",
                short="l",
                type=int,
                default=3,
                help="Letters and digits of such suffixes.",
            ),
        ),
    ),
    TransformInfo(
        name="reindex",
        target="dsk_transforms.ids.numbering:Reindex",
        summary="Number the items.",
        options=(Option(name="start", short="s", type=int, default=1, help="The first number."),),
    ),
    TransformInfo(
        name="reindex_annotations",
        target="dsk_transforms.ids.numbering:ReindexAnnotations",
        summary="Number the annotations.",
        options=(
            Option(name="start", short="s", type=int, default=1, help="The first number."),
            Option(
                name="reindex_each_item",
                short="r",
                type=bool,
                default=False,
                help="Begin anew at every item.",
            ),
        ),
    ),
    TransformInfo(
        name="map_subsets",
        target="dsk_transforms.ids.subsets:MapSubsets",
        summary="Rename or join subsets.",
        options=(
            Option(
                name="mapping",
                aliases=("subset",),
                short="s",
                type="mapping",
                help="old:new, repeatable; '*' stands for all others.",
            ),
        ),
    ),
    TransformInfo(
        name="sort",
        target="dsk_transforms.ids.sort:Sort",
        summary="Sort the items.",
        options=(
            Option(
                name="key",
                short="k",
                type="list",
                help="id (the default), subset or attribute:NAME; the first counts most.",
            ),
            Option(name="reverse", type=bool, default=False, help="Largest first."),
        ),
    ),
    TransformInfo(
        name="flatten_ids",
        target="dsk_transforms.ids.folders:FlattenIds",
        summary="Put another separator in place of the folders in ids.",
        options=(_SEPARATOR,),
    ),
    TransformInfo(
        name="unflatten_ids",
        target="dsk_transforms.ids.folders:UnflattenIds",
        summary="Make folders of a separator in ids, the reverse of flatten_ids.",
        options=(_SEPARATOR,),
    ),
)
