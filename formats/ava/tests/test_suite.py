"""What every format must be able to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dsk.testing import FormatSuite

if TYPE_CHECKING:
    from dsk import Dataset


class TestAva(FormatSuite):
    format = "ava"
    ignore = frozenset({"group"})  # groups are the actions of one person's box; see test_groups
    expected_losses = frozenset({"DSK-L005"})

    def prepare(self, dataset: Dataset) -> Dataset:
        """Persons are an attribute, too."""
        return dataset.transform(
            lambda item: item.replace(
                annotations=[
                    replace(a, attributes={**a.attributes, "track_id": a.object_id})
                    if a.kind == "bbox" and a.object_id >= 0
                    else a
                    for a in item.annotations
                ]
            )
        )
