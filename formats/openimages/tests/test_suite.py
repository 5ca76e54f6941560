"""What every format must be able to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from dsk.annotations import Bbox, Label
from dsk.testing import FormatSuite

if TYPE_CHECKING:
    from dsk import Dataset
    from dsk.annotations import Annotation


class TestOpenImages(FormatSuite):
    format = "open_images"
    added_attributes: ClassVar = {"score": 1.0}
    _rich = False

    def prepare(self, dataset: Dataset) -> Dataset:
        """Groups hold a box and its masks: the samples' groups do not."""
        if self._rich:
            return dataset
        return dataset.transform(
            lambda item: item.replace(annotations=[_plain(a) for a in item.annotations])
        )

    def found(self, dataset: Dataset) -> Dataset:
        """Every mask has a box_id: its file is named by it."""
        return dataset.transform(
            lambda item: item.replace(annotations=[_unnumbered(a) for a in item.annotations])
        )

    def rich_sample(self, **changes: Any) -> Dataset:
        """Return a sample as it is: what cannot be held must be reported."""
        self._rich = True
        return super().rich_sample(**changes)


def _plain(a: Annotation) -> Annotation:
    scored = {"score": 0.5} if isinstance(a, Label | Bbox) else {}
    return replace(a, group=0, attributes=scored)


def _unnumbered(a: Annotation) -> Annotation:
    kept = {name: value for name, value in a.attributes.items() if name != "box_id"}
    return replace(a, attributes=kept)
