"""What the transforms of shapes are called and which options they have."""

from __future__ import annotations

from dsk.descriptors import Option, TransformInfo

__all__ = ["TRANSFORMS"]

_FOLDER = "dsk_transforms.shapes"

_POLYGONS = Option(
    name="include_polygons", type=bool, default=False, help="Merge polygons too, not only masks."
)

_KINDS = (
    TransformInfo(
        name="polygons_to_masks",
        target=f"{_FOLDER}.rasterising:PolygonsToMasks",
        summary="Replace polygons and ellipses by masks.",
    ),
    TransformInfo(
        name="boxes_to_masks",
        target=f"{_FOLDER}.rasterising:BoxesToMasks",
        summary="Replace boxes by masks.",
    ),
    TransformInfo(
        name="masks_to_polygons",
        target=f"{_FOLDER}.converting:MasksToPolygons",
        summary="Replace masks by polygons along their pixels, with holes.",
        options=(
            Option(
                name="min_area",
                type=float,
                default=0.0,
                help="Leave out parts and holes of fewer pixels.",
            ),
        ),
    ),
    TransformInfo(
        name="shapes_to_boxes",
        target=f"{_FOLDER}.converting:ShapesToBoxes",
        summary="Replace shapes by the boxes around them.",
        options=(
            Option(
                name="kinds",
                type="list",
                default=(),
                help="Only these kinds: mask, polygon, polyline, points, ellipse, rotated_bbox, "
                "skeleton, cuboid_2d.",
            ),
        ),
    ),
    TransformInfo(
        name="masks_to_boxes",
        target=f"{_FOLDER}.converting:MasksToBoxes",
        summary="Replace masks by the boxes around them.",
    ),
    TransformInfo(
        name="boxes_to_polygons",
        target=f"{_FOLDER}.converting:BoxesToPolygons",
        summary="Replace boxes by polygons of four corners.",
    ),
    TransformInfo(
        name="rotated_boxes_to_polygons",
        target=f"{_FOLDER}.converting:RotatedBoxesToPolygons",
        summary="Replace rotated boxes by polygons of four corners.",
    ),
    TransformInfo(
        name="polygons_to_rotated_boxes",
        target=f"{_FOLDER}.converting:PolygonsToRotatedBoxes",
        summary="Replace polygons by the smallest rectangles around them.",
    ),
    TransformInfo(
        name="anns_to_labels",
        target=f"{_FOLDER}.labelling:AnnsToLabels",
        summary="Replace all annotations by labels of the whole item.",
    ),
    TransformInfo(
        name="astype_annotations",
        target=f"{_FOLDER}.labelling:AstypeAnnotations",
        summary="Make labels and captions of item attributes, as columns of a table are.",
        options=(
            Option(
                name="mapping",
                type="mapping",
                help="attribute:label or attribute:caption, repeatable.",
            ),
        ),
    ),
)

_SEGMENTS = (
    TransformInfo(
        name="crop_covered_segments",
        target=f"{_FOLDER}.segments:CropCoveredSegments",
        summary="Cut away what masks and polygons above cover.",
    ),
    TransformInfo(
        name="merge_instance_segments",
        target=f"{_FOLDER}.segments:MergeInstanceSegments",
        summary="Make one mask of the masks of each group.",
        options=(_POLYGONS,),
    ),
    TransformInfo(
        name="merge_masks",
        target=f"{_FOLDER}.segments:MergeMasks",
        summary="Make one mask of each label, without overlaps.",
        options=(
            Option(
                name="labels",
                short="l",
                type="list",
                default=(),
                help="Labels, the most important first; all when not given.",
            ),
            _POLYGONS,
        ),
    ),
)

_CLEANING = (
    TransformInfo(
        name="bbox_values_decrement",
        target=f"{_FOLDER}.cleaning:BboxValuesDecrement",
        summary="Subtract 1 from x and y of boxes.",
    ),
    TransformInfo(
        name="clip_to_image",
        target=f"{_FOLDER}.clipping:ClipToImage",
        summary="Cut annotations at the edges of their image.",
        options=(
            Option(
                name="outlines",
                type=bool,
                default=False,
                help="Make polygons of ellipses and rotated boxes at an edge, and cut them.",
            ),
        ),
    ),
    TransformInfo(
        name="drop_small",
        target=f"{_FOLDER}.cleaning:DropSmall",
        summary="Remove small annotations.",
        options=(
            Option(name="min_area", type=float, default=0.0, help="Least area in px²."),
            Option(name="min_width", type=float, default=0.0, help="Least width in px."),
            Option(name="min_height", type=float, default=0.0, help="Least height in px."),
        ),
    ),
    TransformInfo(
        name="deduplicate",
        target=f"{_FOLDER}.duplicates:Deduplicate",
        summary="Remove annotations that repeat another of the item.",
        options=(
            Option(
                name="tolerance",
                type=float,
                default=0.0,
                help="How far coordinates may be apart, in px.",
            ),
            Option(
                name="iou",
                type=float,
                default=1.0,
                help="Least overlap that counts as a repetition; 1: compare coordinates only.",
            ),
        ),
    ),
    TransformInfo(
        name="round",
        target=f"{_FOLDER}.cleaning:Round",
        summary="Round coordinates.",
        options=(
            Option(name="digits", type=int, help="Digits after the decimal point; must be given."),
        ),
    ),
)

TRANSFORMS: tuple[TransformInfo, ...] = (*_KINDS, *_SEGMENTS, *_CLEANING)
