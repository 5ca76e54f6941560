"""What every format must be able to do, for each name of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace

from dsk.testing import FormatSuite

if TYPE_CHECKING:
    from dsk import Dataset


class _TrackSuite(FormatSuite):
    def prepare(self, dataset: Dataset) -> Dataset:
        """Tracks are an attribute, too."""
        return dataset.transform(
            lambda item: item.replace(
                annotations=[
                    replace(a, attributes={**a.attributes, "track_id": a.object_id})
                    if a.kind in ("bbox", "mask") and a.object_id >= 0
                    else a
                    for a in item.annotations
                ]
            )
        )


class TestMotSeq(_TrackSuite):
    format = "mot_seq"
    added_attributes: ClassVar = {"visibility": 1.0, "occluded": False, "ignored": False}


class TestMots(_TrackSuite):
    format = "mots"
