"""Tables of boxes that scripts make from VOC's XML files, which lie beside these."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.listings import is_hidden

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["box_tables", "tell_tables"]

_COLUMNS = frozenset({"filename", "class", "xmin", "ymin", "xmax", "ymax"})
_DEPTH = 3
_LOOKS = 50
_HEAD = 4096
_BOM = b"\xef\xbb\xbf"


def box_tables(root: InputRoot) -> list[str]:
    """Return the tables of boxes of the usual TensorFlow tutorial."""
    names = (n for n in root.walk(depth=_DEPTH, suffixes=(".csv",)) if not is_hidden(n))
    return [n for n in islice(names, _LOOKS) if _has_boxes(root.read(n, _HEAD))]


def _has_boxes(head: bytes) -> bool:
    line = head.removeprefix(_BOM).partition(b"\n")[0].decode("utf-8", "replace")
    return {cell.strip().strip('"').lower() for cell in line.split(",")} >= _COLUMNS


def tell_tables(root: InputRoot, ledger: Ledger) -> None:
    """Warn that tables beside the XML files are not read."""
    found = box_tables(root)
    if found:
        ledger.warn(
            f"tables of boxes beside the XML files are not read (-if tensorflow_csv reads them): "
            f"{', '.join(found[:3])}{', …' if len(found) > 3 else ''}"
        )
