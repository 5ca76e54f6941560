"""Writing BraTS in either layout."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.errors import InputError
from dsk.flow import Exporter, Header
from dsk.media import Volume
from dsk_medical.brats.classes import CLASSES, values_by_name
from dsk_medical.brats.layouts import CLASSIC, MODERN, subset_of
from dsk_medical.brats.tables import FAMILY
from dsk_medical.cases.channels import channel_count, report_names
from dsk_medical.cases.naming import suffix_of
from dsk_medical.cases.values import Values
from dsk_medical.cases.writing import (
    compose,
    each_written,
    leave_out,
    save_channels,
    save_labels,
    save_volume,
)

if TYPE_CHECKING:
    from dsk.descriptors import Capabilities
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["BratsExporter", "Row", "side_row", "write_side_tables"]

_COLUMNS = ("age", "survival_days", "extent_of_resection")
_SURVIVAL = ("Brats20ID", "Age", "Survival_days", "Extent_of_Resection")
_ID = "BraTS_2020_subject_ID"
_USUAL = {"t1w": "t1", "t1gd": "t1ce", "t2w": "t2"}


class BratsExporter(Exporter):
    """Writes BraTS datasets.

    Args:
        layout: "msd" or "original".
        label_values: "keep" or "consecutive".
        spatial_mismatch: What to do with masks on other grids, see ``align.POLICIES``.
        privacy: "drop" or "keep" free texts and extensions of headers.
    """

    def __init__(
        self,
        *,
        layout: str = "msd",
        label_values: str = "keep",
        spatial_mismatch: str = "error",
        privacy: str = "drop",
    ) -> None:
        self._original = layout == "original"
        self._consecutive = label_values == "consecutive"
        self._texts = privacy == "keep"
        self._mismatch = spatial_mismatch

    def capabilities(self, header: Header) -> Capabilities | None:  # noqa: ARG002 - by option
        """See ``Exporter.capabilities``."""
        from msgspec.structs import replace

        from dsk_medical.brats.descriptors import EXPORTER

        held = frozenset({"grade", *_COLUMNS}) if self._original else frozenset()
        return replace(EXPORTER.capabilities, item_attributes=held)

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        known = values_by_name if self._original and not self._consecutive else None
        self._values = Values(
            header, consecutive=self._consecutive, lines=True, ctx=ctx, known=known
        )
        usual = {v: name for v, name in self._values.names.items() if v} == CLASSES["2020"]
        if not (self._original and usual):
            text = "".join(f"{name}\n" for name in self._values.lines)
            ctx.write("labels", text.encode())
        if not self._original:
            ctx.out.make_folder("imagesTr")

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> Any:
        """See ``Exporter.write``."""
        rows = []
        for item, _ in each_written(items, ctx, self._write_item):
            if self._original:
                rows.append(side_row(item, item.id))
        return rows

    def _write_item(self, item: DatasetItem, ctx: WriteContext, files: list[str]) -> None:
        media = item.media
        made = compose(
            ctx,
            item,
            self._values.of,
            policy=self._mismatch,
            implied=not self._original,
            by_slice=True,
        )
        if self._original and "/" in item.id:
            raise InputError(
                "the layout original has no folders above those of cases",
                where=item.id,
                hint="rename the item, or choose layout=msd",
            )
        if made is None and not isinstance(media, Volume):
            leave_out(ctx, item, counted=True)
            return
        if self._original:
            base = f"{_subset_folder(item, ctx)}{item.id}/{item.id}"
            sequences = _sequences(media)
            join = "-" if set(sequences) & set(MODERN) else "_"
            names = [f"{base}{join}{name}.nii.gz" for name in sequences]
            label = f"{base}{join}seg.nii.gz"
        else:
            suffix = suffix_of(item, ctx)
            names = [f"images{suffix}/{item.id}.nii.gz"]
            label = f"labels{suffix}/{item.id}.nii.gz"
        files += [*names, label]
        if isinstance(media, Volume):
            if self._original:
                save_channels(ctx, item, names, texts=self._texts)
            else:
                save_volume(ctx, item, media, names[0], texts=self._texts)
                report_names(ctx, item, media)
        if made is not None and made.count:
            small = np.dtype(np.uint8) if self._consecutive else None
            save_labels(ctx, item, made, label, dtype=small)

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        if self._original:
            write_side_tables([row for rows in states for row in rows], ctx)


def _subset_folder(item: DatasetItem, ctx: WriteContext) -> str:
    """Return the folder that tells a case's subset, "" if its name tells it."""
    subset = {"val": "validation", "valid": "validation"}.get(item.subset, item.subset)
    if subset != item.subset:
        ctx.ledger.add_at("DSK-L012", f"subset {item.subset} → {subset}", item)
    if subset_of("", item.id) == subset:
        return ""
    if subset_of(subset, "") != subset or "/" in subset:
        ctx.ledger.add_at("DSK-L012", f"subset {item.subset}", item)
        return ""
    return f"{subset}/" if subset != "default" else ""


def _sequences(media: Any) -> list[str]:
    """Return the names of a volume's files: its channels' own, else BraTS's in order."""
    if not isinstance(media, Volume):
        return []
    count = channel_count(media)
    if media.channels and len(media.channels) == count:
        names = [_clean(name) for name in media.channels]
        return names if set(names) <= set(MODERN) else [_USUAL.get(n, n) for n in names]
    return list(CLASSIC[:count]) if count <= len(CLASSIC) else [f"c{n}" for n in range(count)]


def _clean(name: str) -> str:
    return "".join(c if c.isalnum() else "" for c in name.lower()) or "channel"


Row = tuple[str, dict[str, Any], dict[str, str]]
"""A case, its attributes, further columns of the tables."""


def side_row(item: DatasetItem, case: str) -> Row:
    """Return what the tables say of an item."""
    found = (item.extra or {}).get(FAMILY)
    return case, dict(item.attributes), dict(found) if isinstance(found, dict) else {}


def write_side_tables(rows: list[Row], ctx: WriteContext, folder: str = "") -> None:
    """Write name_mapping.csv and survival_info.csv, as far as there is anything to say."""
    base = f"{folder}/" if folder else ""
    graded = [row for row in rows if "grade" in row[1] or _has_ids(row[2])]
    if graded:
        own = [c for _, _, more in graded for c in more if c not in _SURVIVAL and c != _ID]
        columns = list(dict.fromkeys(own))
        lines: list[list[Any]] = [["Grade", *columns, _ID]]
        for case, known, more in graded:
            ids = [more.get(c, "NA") for c in columns]
            lines.append([known.get("grade", "NA"), *ids, case])
        ctx.write(f"{base}name_mapping.csv", _csv(lines))
    told = [row for row in rows if any(c in row[1] for c in _COLUMNS)]
    if told:
        lines = [list(_SURVIVAL)]
        lines += [[case, *(known.get(c, "NA") for c in _COLUMNS)] for case, known, _ in told]
        ctx.write(f"{base}survival_info.csv", _csv(lines))


def _has_ids(more: dict[str, str]) -> bool:
    return any(c not in _SURVIVAL for c in more)


def _csv(lines: list[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue().encode()
