"""The cases of nnU-Net datasets; the spacing of TIFF files is in files beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from dsk.annotations import Mask3d
from dsk.errors import InputError
from dsk_medical.cases.datasets import load_json
from dsk_medical.cases.reading import CaseSource
from dsk_medical.nnunet.layout import split_channel
from dsk_medical.nnunet.regions import ValuesView
from dsk_medical.volume import geometry
from dsk_medical.volume.annotate import slice_masks
from dsk_medical.volume.labels import LabelVolume

if TYPE_CHECKING:
    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk.media import Volume
    from dsk_medical.cases.reading import Case

__all__ = ["NnunetSource"]

_TIFF = (".tif", ".tiff")


class NnunetSource(CaseSource):
    """See ``CaseSource``.

    Attributes:
        regions: Values of each label, by whose order they are numbered; empty: each has one.
    """

    regions: dict[str, tuple[int, ...]] = {}  # noqa: RUF012 - it is never changed

    def open_file(self, file: str, ledger: Ledger) -> Volume:
        """See ``CaseSource.open_file``."""
        volume = super().open_file(file, ledger)
        if not file.lower().endswith(_TIFF) or volume.shape[2] == 1:
            return volume
        spacing = _spacing(self.root, file)
        if spacing is None:
            ledger.warn("TIFF files without a JSON file of their spacing: it is not known")
            return volume
        ledger.warn(
            "TIFF files state their spacing alone: columns are taken to go left, rows back, "
            "pages up"
        )
        pages, rows, columns = spacing
        affine = geometry.PAGES @ np.diag([rows, columns, pages, 1])
        return replace(volume, affine=geometry.flat(affine))

    def _annotations(self, case: Case, media: Volume | None, ledger: Ledger) -> list[Annotation]:
        if not self.regions:
            return super()._annotations(case, media, ledger)
        labels, affine = self.aligned(case, media, ledger)
        there = set(labels.values())
        for warning in labels.warnings:
            ledger.warn(warning)
        strange = sorted(there - {0}.union(*self.regions.values()))
        if strange:
            ledger.warn(
                f"unexpected_label_value: {labels.name} holds {strange[:8]}, which no region has"
            )
        found: list[Annotation] = []
        for label, values in enumerate(self.regions.values()):
            if there.isdisjoint(values):
                continue
            region = LabelVolume(ValuesView(labels, values), labels.name)
            if self.reading.masks == "volume":
                found.append(Mask3d(region, 1, geometry.flat(affine), label=label))
            else:
                found += slice_masks(region, lambda _, label=label: label)  # type: ignore[misc]
        return found


def _spacing(root: InputRoot, file: str) -> tuple[float, float, float] | None:
    """Return the distances of pages, rows and columns, as the file of the case's name states them.

    Raises:
        InputError: It states none.
    """
    stem = file.rpartition(".")[0]
    place = split_channel(file, file[len(stem) :].lower())
    names = [f"{name}.json" for name in (stem, place[0] if place else "") if name]
    name = next((name for name in names if root.is_file(name)), None)
    if name is None:
        return None
    found = load_json(root, name).get("spacing")
    numbers = found if isinstance(found, list) else []
    good = [float(n) for n in numbers if isinstance(n, int | float) and 0 < n < float("inf")]
    if len(good) != 3 or len(numbers) != 3:
        raise InputError(
            f"three distances are expected (pages, rows, columns), not {found!r}",
            where=f"{root.show(name)}#/spacing",
        )
    return good[0], good[1], good[2]
