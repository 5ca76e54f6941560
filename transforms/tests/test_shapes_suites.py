"""What all transforms of shapes share, by the suite of dsk."""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace

from dsk.dataset import Dataset
from dsk.flow import Transform
from dsk.testing import samples
from dsk.testing.transforms import TransformSuite
from dsk_transforms.pixels.following import moved
from dsk_transforms.pixels.places import Place


class Shift(Transform):
    """Moves everything that has coordinates over the right and the upper edge."""

    def apply(self, item, ledger):
        place = Place((48, 64), (48, 64), bx=30.0, by=-8.0)
        made = []
        for a in item.annotations:
            flats = [a.points] if hasattr(a, "points") else []
            flats = a.rings if a.kind == "polygon" else flats
            made.append(a if a.kind == "mask" else moved(a, flats, place))
        return item.replace(annotations=made)


class TestPolygonsToMasks(TransformSuite):
    name = "polygons_to_masks"


class TestBoxesToMasks(TransformSuite):
    name = "boxes_to_masks"


class TestMasksToPolygons(TransformSuite):
    name = "masks_to_polygons"


class TestMasksToPolygonsOfSomeSize(TransformSuite):
    name = "masks_to_polygons"
    options: ClassVar = {"min_area": 5}


class TestShapesToBoxes(TransformSuite):
    name = "shapes_to_boxes"


class TestSomeShapesToBoxes(TransformSuite):
    name = "shapes_to_boxes"
    options: ClassVar = {"kinds": ["polygon", "ellipse"]}


class TestMasksToBoxes(TransformSuite):
    name = "masks_to_boxes"


class TestBoxesToPolygons(TransformSuite):
    name = "boxes_to_polygons"


class TestRotatedBoxesToPolygons(TransformSuite):
    name = "rotated_boxes_to_polygons"


class TestPolygonsToRotatedBoxes(TransformSuite):
    name = "polygons_to_rotated_boxes"


class TestCropCoveredSegments(TransformSuite):
    name = "crop_covered_segments"


class TestMergeInstanceSegments(TransformSuite):
    name = "merge_instance_segments"
    options: ClassVar = {"include_polygons": True}

    def sample(self, **changes):
        dataset = super().sample(**changes)
        items = [
            item.replace(
                annotations=[
                    a if a.kind not in {"mask", "polygon"} else _grouped(a, n % 2)
                    for n, a in enumerate(item.annotations)
                ]
            )
            for item in dataset
        ]
        return Dataset(samples.SmallParts(items, dataset.header))


def _grouped(a, group):
    return replace(a, group=group)


class TestMergeMasks(TransformSuite):
    name = "merge_masks"
    options: ClassVar = {"include_polygons": True}


class TestAnnsToLabels(TransformSuite):
    name = "anns_to_labels"


class TestAstypeAnnotations(TransformSuite):
    name = "astype_annotations"
    options: ClassVar = {"mapping": {"weather": "label", "frame": "caption"}}
    multiplies = True


class TestBboxValuesDecrement(TransformSuite):
    name = "bbox_values_decrement"


class TestClipToImage(TransformSuite):
    name = "clip_to_image"
    multiplies = True  # a line that leaves the image and comes back is two

    def sample(self, **changes):
        moved = super().sample(**changes).transform(Shift)
        return Dataset(samples.SmallParts(list(moved), moved.header))


class TestClipOutlines(TestClipToImage):
    options: ClassVar = {"outlines": True}


class TestDropSmall(TransformSuite):
    name = "drop_small"
    options: ClassVar = {"min_area": 140, "min_width": 12.5, "min_height": 6}


class TestDeduplicate(TransformSuite):
    name = "deduplicate"
    options: ClassVar = {"tolerance": 0.5, "iou": 0.6}

    def sample(self, **changes):
        dataset = super().sample(**changes)
        items = [
            item.replace(annotations=[*item.annotations, *item.annotations]) for item in dataset
        ]
        return Dataset(samples.SmallParts(items, dataset.header))


class TestRound(TransformSuite):
    name = "round"
    options: ClassVar = {"digits": 0}
