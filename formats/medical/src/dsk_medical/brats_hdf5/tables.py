"""The table of slices beside brats_hdf5 files."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from dsk_medical.volume.tables import read_table

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["COLUMNS", "METADATA", "Row", "metadata_csv", "read_metadata", "slice_number"]

METADATA = "BraTS20 Training Metadata.csv"
COLUMNS = (
    "slice_path",
    "target",
    "volume",
    "slice",
    "label0_pxl_cnt",
    "label1_pxl_cnt",
    "label2_pxl_cnt",
    "background_ratio",
)
_NAME = re.compile(r"volume_(\d{1,15})_slice_(\d{1,6})\.(?:h5|hdf5)", re.IGNORECASE)

Row = tuple[str, int, int, tuple[int, ...], int]
"""File, volume, slice, pixels of each class, pixels of the slice."""


def slice_number(name: str) -> tuple[int, int] | None:
    """Return (volume, slice) of a file's name, or None."""
    match = _NAME.fullmatch(name.rpartition("/")[2])
    return (int(match[1]), int(match[2])) if match else None


def read_metadata(
    root: InputRoot, name: str, ledger: Ledger
) -> dict[tuple[int, int], tuple[int, ...]] | None:
    """Return the pixel counts of each (volume, slice); None if it is another table."""
    table = read_table(root, name, is_ours=lambda columns: set(COLUMNS[1:7]) <= set(columns))
    if table is None:
        return None
    strange = [c for c in table.columns if c not in COLUMNS and c]
    if strange:
        ledger.warn(f"{root.show(name)} has columns that nothing is known of: {strange[:8]}")
    found = {}
    bad = 0
    for _, cells in table.rows:
        try:
            place = int(float(cells["volume"])), int(float(cells["slice"]))
            found[place] = tuple(int(float(cells[c])) for c in COLUMNS[4:7])
        except (KeyError, ValueError, OverflowError):
            bad += 1
    if bad:
        ledger.warn(f"{root.show(name)}: {bad} rows without numbers are left out")
    return found


def metadata_csv(rows: list[Row]) -> bytes:
    """Return the table's text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name, volume, number, counts, pixels in rows:
        ratio = 1 - sum(counts) / pixels if pixels else 1.0
        writer.writerow([name, int(any(counts)), volume, number, *counts, ratio])
    return out.getvalue().encode()
