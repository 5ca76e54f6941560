"""Writing tasks of the Medical Segmentation Decathlon."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dsk.errors import OptionError
from dsk.flow import Exporter, Header
from dsk.media import Volume
from dsk_medical.cases.channels import channel_names
from dsk_medical.cases.naming import case_name, dataset_folder, suffix_of, unique
from dsk_medical.cases.values import Values
from dsk_medical.cases.writing import (
    compose,
    each_written,
    leave_out,
    save_labels,
    save_volume,
)
from dsk_medical.msd.importer import FAMILY
from dsk_medical.nnunet.importer import IDS

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["MsdExporter"]

_TASK = re.compile(r"(?:Task)?(\d{1,3})_([A-Za-z0-9-]+)")

Row = tuple[str, str, str, bool, tuple[str, ...], int]
"""Id, name in files, ``Tr`` or ``Ts``, whether it has labels, channel names, axes."""


class MsdExporter(Exporter):
    """Writes tasks of the Decathlon.

    Args:
        task: "NN_Name".
        label_values: "keep" or "consecutive".
        channel_names: Names of the modalities; None: those of the volumes.
        spatial_mismatch: See ``align.POLICIES``.
        privacy: "drop" or "keep" free texts and extensions of headers.
    """

    def __init__(
        self,
        *,
        task: str = "",
        label_values: str = "keep",
        channel_names: Sequence[str] | None = None,
        spatial_mismatch: str = "error",
        privacy: str = "drop",
    ) -> None:
        found = _TASK.fullmatch(task) if task else None
        if task and found is None:
            raise OptionError(f"task is NN_Name, for instance 11_Kidney, not {task!r}")
        self._task = (found[1].zfill(2), found[2]) if found else None
        self._consecutive = label_values == "consecutive"
        self._channels = tuple(channel_names or ())
        self._mismatch = spatial_mismatch
        self._texts = privacy == "keep"

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        facts = header.info.get(FAMILY)
        self._facts: dict[str, Any] = dict(facts) if isinstance(facts, dict) else {}
        self._values = Values(header, consecutive=self._consecutive, ctx=ctx)
        self._values.tell_background(header, ctx)
        number, name = self._task or ("99", "dsk")
        self._name = name
        self._base = dataset_folder(ctx, r"Task\d+_.+", f"Task{number}_{name}")

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> Any:
        """See ``Exporter.write``."""
        rows = (row for _, row in each_written(items, ctx, self._write_item))
        return [row for row in rows if row is not None]

    def _write_item(self, item: DatasetItem, ctx: WriteContext, files: list[str]) -> Row | None:
        media = item.media
        if not isinstance(media, Volume) or media.source is None:
            leave_out(ctx, item)
            return None
        made = compose(ctx, item, self._values.of, policy=self._mismatch)
        suffix, case = suffix_of(item, ctx), case_name(item)
        labelled = made is not None and (made.count > 0 or suffix == "Tr")
        image = f"{self._base}images{suffix}/{case}.nii.gz"
        label = f"{self._base}labels{suffix}/{case}.nii.gz"
        files += [image, label]
        save_volume(ctx, item, media, image, texts=self._texts)
        if made is not None and labelled:
            save_labels(ctx, item, made, label)
        names = channel_names(item, media)
        return item.id, case, suffix, labelled, names, len(media.shape)

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        rows: list[Row] = [row for state in states for row in state]
        training = [row for row in rows if row[2] == "Tr"]
        test = [row for row in rows if row[2] == "Ts"]
        labels = {"0": "background", **{str(v): n for v, n in self._values.names.items() if v}}
        texts = unique(labels.values())
        found: dict[str, Any] = {
            "name": self._name,
            "description": "",
            **self._facts,
            "tensorImageSize": "4D" if any(row[5] > 3 for row in rows) else "3D",
            "modality": {str(n): name for n, name in enumerate(self._modality(rows, ctx))},
            "labels": dict(zip(labels, texts, strict=True)),
            "numTraining": len(training),
            "numTest": len(test),
            "training": [_entry(row) for row in training],
            "test": [_entry(row) if row[3] else _entry(row)["image"] for row in test],
        }
        renamed = {row[1]: row[0] for row in rows if row[0] != row[1]}
        if renamed:
            found[IDS] = renamed
        text = json.dumps(found, indent=4, ensure_ascii=False) + "\n"
        ctx.write(f"{self._base}dataset.json", text.encode("utf-8", "surrogatepass"))

    def _modality(self, rows: list[Row], ctx: WriteContext) -> list[str]:
        counts = {len(row[4]) for row in rows}
        if len(counts) > 1:
            ctx.ledger.warn(f"the volumes have {sorted(counts)} modalities; dataset.json names one")
        names = list(rows[0][4]) if rows else [""]
        if self._channels:
            if rows and len(self._channels) != len(names):
                raise OptionError(
                    f"channel_names gives {len(self._channels)} names for {len(names)} modalities"
                )
            return list(self._channels)
        return [name or f"channel_{n}" for n, name in enumerate(names)]


def _entry(row: Row) -> dict[str, str]:
    entry = {"image": f"./images{row[2]}/{row[1]}.nii.gz"}
    if row[3]:
        entry["label"] = f"./labels{row[2]}/{row[1]}.nii.gz"
    return entry
