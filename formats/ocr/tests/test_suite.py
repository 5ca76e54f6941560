"""What every format must be able to do, for each name of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from dsk.testing import FormatSuite

if TYPE_CHECKING:
    from dsk import Dataset

_LABELS = frozenset({"DSK-L010"})


class TestWordRecognition(FormatSuite):
    format = "icdar_word_recognition"


class _Unlabelled(FormatSuite):
    """Formats that have no labels."""

    ignore = frozenset({"label", "labels"})
    expected_losses = _LABELS


class TestTextLocalization(_Unlabelled):
    format = "icdar_text_localization"
    attributes: ClassVar = {"text": 'say "x", 5\\n'}


class TestTextLocalization2015(_Unlabelled):
    format = "icdar_text_localization"
    export_options: ClassVar = {"lines": "2015"}
    attributes: ClassVar = {"text": "a b, c", "script": "Latin"}


class TestTextSegmentation(_Unlabelled):
    format = "icdar_text_segmentation"
    attributes: ClassVar = {"text": '"'}

    def found(self, dataset: Dataset) -> Dataset:
        """Return an import without what every character has: an index, a colour, a centre."""

        def plain(attributes: dict[str, Any]) -> dict[str, Any]:
            return {k: v for k, v in attributes.items() if k == "text" and v}

        return dataset.transform(
            lambda item: item.replace(
                annotations=[replace(a, attributes=plain(a.attributes)) for a in item.annotations]
            )
        )
