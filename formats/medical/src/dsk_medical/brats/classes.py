"""What the values of BraTS segmentations mean; it changed over the years."""

from __future__ import annotations

__all__ = ["CLASSES", "YEARS", "channel_of", "classes_of", "values_by_name"]

_CLASSIC = {1: "NCR/NET", 2: "ED", 4: "ET"}
_MODERN = {1: "NCR", 2: "ED", 3: "ET"}
_TREATED = {1: "NETC", 2: "SNFH", 3: "ET", 4: "RC"}

CLASSES: dict[str, dict[int, str]] = {
    **dict.fromkeys(("2017", "2018", "2019", "2020", "2021"), _CLASSIC),
    "2023": _MODERN,
    "2024": _TREATED,
}
"""Names by value, by year. Until 2021 value 3 is not used and 4 is the enhancing tumor; from 2023
on that is 3; in 2024 (after treatment) 4 is the resection cavity."""

YEARS = ("auto", *CLASSES)


def classes_of(year: str, *, modern: bool, names: str) -> dict[int, str]:
    """Return the classes of a dataset.

    Args:
        year: One of ``YEARS``.
        modern: Whether its files have the names used from 2023 on.
        names: Names of its folders, which may tell the year.
    """
    if year != "auto":
        return CLASSES[year]
    if not modern:
        return _CLASSIC
    return _TREATED if "2024" in names else _MODERN


_SYNONYMS = (
    {"ncr/net", "ncr", "net", "netc", "ncr_net", "necrotic and non-enhancing tumor", "necrosis"}
    | {"non-enhancing tumor", "necrotic", "necrotic core", "class_1"},
    {"ed", "edema", "oedema", "peritumoral edema", "snfh", "ed/snfh", "class_2"},
    {"et", "enhancing tumor", "enhancing tumour", "gd-enhancing tumor", "enhancing", "class_4"},
)


def channel_of(name: str) -> int | None:
    """Return which of NCR/NET (0), ED (1) and ET (2) a label's name means, or None."""
    lower = name.strip().lower()
    return next((c for c, names in enumerate(_SYNONYMS) if lower in names), None)


def values_by_name(names: dict[int, str]) -> dict[int, int] | None:
    """Return BraTS's values for labels by what they are called; None if some are no BraTS classes.

    Args:
        names: Names by label, without the background.
    """
    for table in (_CLASSIC, _MODERN, _TREATED):
        known = {name: value for value, name in table.items()}
        if all(name in known for name in names.values()):
            return {label: known[name] for label, name in names.items()}
    found = {label: channel_of(name) for label, name in names.items()}
    values = [(1, 2, 4)[c] for c in found.values() if c is not None]
    if len(values) != len(found) or len(set(values)) != len(values):
        return None
    return dict(zip(found, values, strict=True))
