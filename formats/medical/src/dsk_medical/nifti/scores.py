"""Scores of masks by slice: CSV files ``Layer,Label-1,Label-2``, layers from 1."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dsk.errors import RecordError
from dsk_medical.volume.tables import read_table

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["Scores", "attributes_of", "read_scores", "score_rows", "scores_of"]

Scores = dict[int, dict[int, float]]
"""Score by value and slice, slices from 0."""

_COLUMN = re.compile(r"label-(\d{1,9})", re.IGNORECASE)


def read_scores(root: InputRoot, name: str, depth: int, ledger: Ledger) -> Scores:
    """Read a table of scores; bad cells and rows are bad records, other columns are told.

    Args:
        root: Where it is.
        name: Its name.
        depth: How many slices the volume has.
        ledger: Where bad records go.

    Raises:
        InputError: It is no text, or no CSV.
    """
    table = read_table(root, name, is_ours=lambda columns: "layer" in map(str.lower, columns))
    if table is None:
        ledger.warn(f"{root.show(name)} has no column Layer: it holds no scores")
        return {}
    layer = next(c for c in table.columns if c.lower() == "layer")
    values: dict[str, int] = {}
    for column in table.columns:
        match = _COLUMN.fullmatch(column)
        if match:
            values[column] = int(match[1])
        elif column and column != layer:
            ledger.warn(f"{root.show(name)}: the column {column!r} is unknown and left out")
    found: Scores = {value: {} for value in values.values()}
    for line, row in table.rows:
        where = f"{root.show(name)}:{line}"
        try:
            k = _layer(row.get(layer, ""), depth, where)
        except RecordError as error:
            ledger.bad_record(error)
            continue
        for column, value in values.items():
            text = row.get(column, "")
            if not text:
                continue
            try:
                found[value][k] = _number(text, where)
            except RecordError as error:
                ledger.bad_record(error)
    return found


def _layer(text: str, depth: int, where: str) -> int:
    try:
        layer = float(text)
    except ValueError:
        layer = math.nan
    if not layer.is_integer() or not 1 <= layer <= depth:
        raise RecordError(f"the layer {text!r} is none of 1 to {depth}", where=where)
    return int(layer) - 1


def _number(text: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise RecordError(f"{text!r} is no score", where=where)
    return number


def attributes_of(scores: Mapping[int, float], slices: Sequence[int]) -> dict[str, Any]:
    """Return the attributes of a mask in the volume.

    Args:
        scores: Score by slice.
        slices: The slices that the mask has voxels in.

    Returns:
        ``score`` if it is the same in all its slices and there are no others, else ``scores`` and
        the slices they are for, ``score_slices``, from 0.
    """
    if not scores:
        return {}
    if set(scores) == set(slices) and len(set(scores.values())) == 1:
        return {"score": next(iter(scores.values()))}
    order = sorted(scores)
    return {"scores": [scores[k] for k in order], "score_slices": order}


def scores_of(attributes: Mapping[str, Any], slices: Sequence[int]) -> dict[int, float]:
    """Return the scores by slice that the attributes of a mask state, see ``attributes_of``.

    Raises:
        ValueError: They are no numbers, or not as many as slices.
    """
    found: dict[int, float] = {}
    if attributes.get("score") is not None:
        found = dict.fromkeys(slices, float(attributes["score"]))
    if "scores" in attributes:
        numbers, places = attributes["scores"], attributes.get("score_slices", [])
        if not isinstance(numbers, list | tuple) or not isinstance(places, list | tuple):
            raise ValueError("scores and score_slices are lists")
        found.update((int(k), float(v)) for k, v in zip(places, numbers, strict=True))
    if not all(map(math.isfinite, found.values())):
        raise ValueError("a score is no number")
    return found


def score_rows(scores: Scores) -> str:
    """Return a CSV file's text; numbers are written so that they read back the same."""
    values = [value for value in sorted(scores) if scores[value]]
    layers = sorted({k for value in values for k in scores[value]})
    lines = [",".join(["Layer", *(f"Label-{value}" for value in values)])]
    for k in layers:
        cells = (scores[value].get(k) for value in values)
        row = ("" if cell is None else repr(cell) for cell in cells)
        lines.append(",".join([str(k + 1), *row]))
    return "".join(f"{line}\n" for line in lines)
