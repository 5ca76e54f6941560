"""The parts of a split and how many items each is to have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dsk.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["largest_remainder", "parse_ratios"]

_NEAR = 1e-6


def parse_ratios(
    step: str, given: Mapping[str, str | float] | None, default: Mapping[str, float]
) -> dict[str, float]:
    """Read ``{"train": ".67", "test": ".33"}``; parts of ratio 0 get no items and are left out.

    Raises:
        OptionError: A ratio is not in 0–1, or they do not sum up to 1.
    """
    ratios: dict[str, float] = {}
    for name, text in (given or default).items():
        try:
            ratio = float(text)
        except ValueError:
            ratio = math.nan
        if not name or not 0 <= ratio <= 1:
            raise OptionError(
                f"{step}: {name}:{text} is no part of a split",
                hint="write NAME:RATIO with a ratio from 0 to 1, such as train:.8",
            )
        if ratio > 0:
            ratios[name] = ratio
    total = math.fsum(ratios.values())
    if abs(total - 1) > _NEAR:
        raise OptionError(
            f"{step}: the ratios sum up to {total:g} instead of 1",
            hint=", ".join(f"{n}:{r / total:.4g}" for n, r in ratios.items()) if total else "",
        )
    return {name: ratio / total for name, ratio in ratios.items()}


def largest_remainder(total: int, ratios: Sequence[float]) -> list[int]:
    """Share out ``total`` items: whole numbers, each at most 1 off its quota, that sum up to it.

    After the whole parts of all quotas, those with the largest fractions get one more (Hamilton's
    method); of equal fractions the first.
    """
    quotas = [total * ratio for ratio in ratios]
    # A quota of 6.999999 is a 7 that binary fractions cannot say.
    shares = [math.floor(quota + _NEAR) for quota in quotas]
    by_rest = sorted(range(len(ratios)), key=lambda n: round(shares[n] - quotas[n], 6))
    for n in by_rest[: total - sum(shares)]:
        shares[n] += 1
    return shares
