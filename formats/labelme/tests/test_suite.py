"""What every format must be able to do, for both of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from dsk.annotations import Ellipse, Label
from dsk.testing import FormatSuite

if TYPE_CHECKING:
    from dsk import Dataset
    from dsk.annotations import Annotation


class TestLabelMe(FormatSuite):
    format = "label_me"
    added_attributes: ClassVar = {"occluded": False, "username": ""}
    export_options: ClassVar = {"save_dataset_meta": True}


def _held(a: Annotation) -> Annotation:
    """Return what labelme can hold: flags of images are bare names, ellipses are circles."""
    if isinstance(a, Label):
        return replace(a, attributes={}, group=0)
    return replace(a, h=a.w) if isinstance(a, Ellipse) else a


class TestLabelMeJson(FormatSuite):
    format = "labelme_json"
    unheld_labels = frozenset()
    _rich = False

    def prepare(self, dataset: Dataset) -> Dataset:
        if self._rich:
            return dataset
        return dataset.transform(
            lambda item: item.replace(annotations=[_held(a) for a in item.annotations])
        )

    def rich_sample(self, **changes: Any) -> Dataset:
        """Return a sample as it is: what cannot be held must be reported."""
        self._rich = True
        return super().rich_sample(**changes)
