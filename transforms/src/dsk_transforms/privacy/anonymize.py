"""Making faces, plates and the like unrecognisable."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dsk.annotations import Annotation, Caption, Label
from dsk.errors import MediaError, OptionError, RecordError
from dsk.flow import Transform
from dsk.media import Image
from dsk_transforms.pixels.crop import chosen_labels
from dsk_transforms.pixels.following import PLANAR
from dsk_transforms.pixels.pictures import changed
from dsk_transforms.privacy.regions import Hidden

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["Anonymize"]

METHODS = ("blur", "pixelate", "fill")


class Anonymize(Transform):
    """Blur, pixelate or fill what annotations of some labels mark.

    An image that cannot be treated is never passed on as it is: its pixels are left out and the
    report says so.

    Args:
        labels: Names of the labels, or "*" for all annotations.
        method: "blur", "pixelate" or "fill".
        strength: Spread of the blur, or side of the blocks, as a share of a region's longer side.
        margin: How far beyond its edge a region goes, as a share of its longer side.
        min_score: Annotations with a lower score do not count; those without one do.
        score: Name of the attribute that holds the score.
        color: What to fill with: "#rrggbb".

    Raises:
        OptionError: No label is named, or a value is out of range.
    """

    heavy = True

    def __init__(
        self,
        *,
        labels: Sequence[str] = (),
        method: str = "blur",
        strength: float = 0.15,
        margin: float = 0.0,
        min_score: float = 0.0,
        score: str = "score",
        color: str = "#000000",
    ) -> None:
        if not labels:
            raise OptionError(
                "anonymize what?", hint="labels=face,plate, or labels=* for all annotations"
            )
        if method not in METHODS:
            raise OptionError(f"no method {method!r}", hint=f"one of: {', '.join(METHODS)}")
        if not 0 < strength <= 1:
            raise OptionError(f"strength is a share above 0, at most 1, not {strength!r}")
        if not 0 <= margin <= 10:
            raise OptionError(f"margin is a share from 0 to 10, not {margin!r}")
        if not math.isfinite(min_score):
            raise OptionError(f"min_score is a number, not {min_score!r}")
        digits = color.removeprefix("#")
        if len(digits) != 6 or not set(digits.lower()) <= set("0123456789abcdef"):
            raise OptionError(f"color is #rrggbb, not {color!r}", hint="#000000 is black")
        red, green, blue = bytes.fromhex(digits)
        self.labels = list(labels)
        self.min_score, self.score = min_score, score
        self._plain = Hidden((), method, strength, margin, (red, green, blue))
        self._chosen: frozenset[int] | None = frozenset()

    def header(self, header: Header) -> Header:
        """Look up the labels.

        Raises:
            OptionError: There is no such label: nothing would be hidden.
        """
        self._chosen = chosen_labels("anonymize", self.labels, header.categories)
        return header

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem | None:
        """Hide what is marked; other items pass as they are."""
        media = item.media
        if media is None:
            return item
        found = tuple(a for a in item.annotations if self._is_chosen(a))
        if not isinstance(media, Image):
            return self._unseen(item, found, ledger)
        flat = tuple(a for a in found if type(a) in PLANAR)
        if not flat:
            return self._unseen(item, found, ledger) if found else item
        try:
            size = media.get_size()
        except MediaError as error:
            ledger.bad_record(RecordError(error.message, where=error.where, item=item.id))
            return None
        work = replace(self._plain, regions=flat)
        image = changed(item, media, work, size or (0, 0), ledger)
        return item.replace(media=replace(image, size=size))

    def _is_chosen(self, a: Annotation) -> bool:
        if isinstance(a, Label | Caption):
            return False
        if self._chosen is not None and a.label not in self._chosen:
            return False
        score = a.attributes.get(self.score)
        try:
            return score is None or not float(score) < self.min_score
        except (TypeError, ValueError):
            return True  # no number: nobody said that it is no face

    def _unseen(
        self, item: DatasetItem, found: tuple[Annotation, ...], ledger: Ledger
    ) -> DatasetItem:
        media = item.media
        if media is None:
            return item
        kind = media.kind.replace("_", " ")
        if not found:
            ledger.warn(f"anonymize changes images only: items with a {kind} stay as they are")
            return item
        ledger.add_at(
            "DSK-L016", f"{kind} left out: anonymize cannot hide what is marked on it", item
        )
        return item.replace(media=None)
