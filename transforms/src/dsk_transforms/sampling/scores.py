"""How certain a model was: class probabilities on annotations, and their entropy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dsk.errors import RecordError

if TYPE_CHECKING:
    from dsk.item import DatasetItem

__all__ = ["ATTRIBUTE", "uncertainty"]

ATTRIBUTE = "scores"
"""The attribute of annotations that holds a probability for each class."""

_HINT = "scores are a list of one probability per class"


def uncertainty(item: DatasetItem) -> float:
    """Return the mean entropy of the class probabilities on an item, in nats.

    Annotations without probabilities, which no model made, do not count.

    Raises:
        RecordError: No annotation has any, or they are no probabilities.
    """
    entropies = [
        _entropy(_probabilities(a.attributes[ATTRIBUTE], item), item)
        for a in item.annotations
        if ATTRIBUTE in a.attributes
    ]
    if not entropies:
        raise RecordError(
            f"no annotation of item {item.id!r} has an attribute 'scores'",
            item=item.id,
            hint="run the model on it first, or leave it out by a filter or input_subset",
        )
    # fsum and rounding: neither the order of the annotations nor a machine's logarithm decide.
    return round(math.fsum(entropies) / len(entropies), 12)


def _probabilities(value: Any, item: DatasetItem) -> list[float]:
    """Read a list of numbers; formats whose attributes are texts have it as "[0.1, 0.9]"."""
    parts = value.strip().strip("[]()").split(",") if isinstance(value, str) else value
    try:
        numbers = [float(part) for part in parts]
    except (TypeError, ValueError):
        numbers = []
    if not numbers:
        raise RecordError(f"the scores of item {item.id!r} are {value!r}", item=item.id, hint=_HINT)
    return numbers


def _entropy(probabilities: list[float], item: DatasetItem) -> float:
    for p in probabilities:
        if not 0.0 <= p <= 1.0:
            raise RecordError(
                f"the scores of item {item.id!r} hold {p}, which is no probability",
                item=item.id,
                hint=_HINT,
            )
    log = math.log
    return 0.0 - math.fsum([p * log(p) for p in probabilities if p])
