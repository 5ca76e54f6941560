"""What every format must be able to do, with and without masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from dsk.testing import FormatSuite

if TYPE_CHECKING:
    from dsk import Dataset


class _TfSuite(FormatSuite):
    format = "tf_detection_api"
    tolerance = 0.001  # 32-bit floats between 0 and 1
    item_attributes: ClassVar[dict[str, Any]] = {"source_id": "s-1"}
    _rich = False

    def prepare(self, dataset: Dataset) -> Dataset:
        """Annotations of one group and label are one object."""
        if self._rich:
            return dataset
        return dataset.transform(
            lambda item: item.replace(annotations=[replace(a, group=0) for a in item.annotations])
        )

    def rich_sample(self, **changes: Any) -> Dataset:
        """Return a sample as it is: what cannot be held must be reported."""
        self._rich = True
        return super().rich_sample(**changes)


class TestBoxes(_TfSuite):
    kinds = ("bbox",)


class TestMasks(_TfSuite):
    expected_losses = frozenset({"DSK-L003"})  # boxes beside masks, for readers of masks
    export_options: ClassVar[dict[str, Any]] = {"save_masks": True}
