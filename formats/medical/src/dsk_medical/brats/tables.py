"""The tables beside BraTS cases: grade and former names, age and survival of the patients."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from dsk.errors import InputError, RecordError
from dsk_medical.volume.tables import read_table

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["FAMILY", "SideTables", "is_side_table", "read_side_tables"]

FAMILY = "brats"
"""Key of ``extra`` for columns that have no place in the model."""

_SUBJECT = re.compile(r"brats_?(?:20)?\d\d_?(?:subject_?)?id", re.IGNORECASE)
_NAMES = re.compile(r"(?:name_mapping|survival).*\.csv", re.IGNORECASE)
_ABSENT = frozenset({"", "na", "n/a", "nan", "none"})
_MEANING = {
    "grade": "grade",
    "age": "age",
    "survival": "survival_days",
    "survival_days": "survival_days",
    "extent_of_resection": "extent_of_resection",
    "resectionstatus": "extent_of_resection",
}
_KNOWN = frozenset({"tcga_tcia_subject_id"})
_NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,17})?")


def is_side_table(name: str) -> bool:
    """Tell by its name whether a file is one of the tables."""
    return _NAMES.fullmatch(name.rpartition("/")[2]) is not None


class SideTables(NamedTuple):
    """What the tables say, by case.

    Attributes:
        attributes: ``grade``, ``age`` (years), ``survival_days``, ``extent_of_resection``.
        extra: All other columns, as texts.
    """

    attributes: dict[str, dict[str, Any]]
    extra: dict[str, dict[str, str]]

    def of(self, case: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """Return a case's attributes and ``extra``."""
        more = self.extra.get(case.lower())
        return dict(self.attributes.get(case.lower(), {})), {FAMILY: more} if more else None


def read_side_tables(root: InputRoot, names: list[str], ledger: Ledger) -> SideTables:
    """Read the tables among some files; what is no such table is left out with a warning."""
    found = SideTables({}, {})
    for name in names:
        try:
            table = read_table(root, name)
        except InputError as error:
            ledger.bad_record(RecordError(error.message, where=error.where, hint=error.hint))
            continue
        columns = table.columns if table else []
        keys = [c for c in columns if _SUBJECT.fullmatch(c)]
        if table is None or not keys:
            ledger.warn(f"{root.show(name)} has no column of BraTS ids and is left out")
            continue
        strange = [c for c in columns if not _is_known(c)]
        if strange:
            ledger.warn(
                f"{root.show(name)} has columns that are not BraTS's own: "
                f"{', '.join(map(repr, strange[:8]))}; they are kept as texts"
            )
        for line, cells in table.rows:
            _row(found, cells, keys, f"{root.show(name)}:{line}", ledger)
    return found


def _is_known(column: str) -> bool:
    lower = column.lower()
    return lower in _MEANING or lower in _KNOWN or _SUBJECT.fullmatch(column) is not None


def _row(
    found: SideTables, cells: dict[str, str], keys: list[str], where: str, ledger: Ledger
) -> None:
    cases = {cells.get(key, "").lower() for key in keys} - _ABSENT
    if not cases:
        ledger.bad_record(RecordError("the row names no case", where=where))
        return
    attributes: dict[str, Any] = {}
    extra: dict[str, str] = {}
    for column, text in cells.items():
        name = _MEANING.get(column.lower())
        if name is None:
            extra[column] = text
        elif text.lower() not in _ABSENT:
            attributes[name] = _value(text)
    for case in cases:
        found.attributes.setdefault(case, {}).update(attributes)
        own = {c: text for c, text in extra.items() if text.lower() != case}
        found.extra.setdefault(case, {}).update(own)


def _value(text: str) -> int | float | str:
    """Return a number where the text is one; survival may be ``ALIVE (361 days later)``."""
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)
