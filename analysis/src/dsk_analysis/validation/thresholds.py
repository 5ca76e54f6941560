"""From when on something is odd."""

from __future__ import annotations

from msgspec import Struct

from dsk.descriptors import Option

__all__ = ["OPTIONS", "Thresholds"]


class Thresholds(Struct, frozen=True, kw_only=True):
    """The limits of ``dsk validate``, as Datumaro calls them.

    Attributes:
        few_samples_thr: So many samples of a label, or of an attribute's value, are few.
        imbalance_ratio_thr: Labels, or values of an attribute, are out of balance if the most
            common one is so many times as common as the rarest one.
        far_from_mean_thr: A value so many standard deviations from the mean is far from it.
        dominance_ratio_thr: Sizes are unevenly distributed if such a share of them is in the
            fullest bins of the histogram.
        topk_bins: How many of the bins these are, as a share of all.
    """

    few_samples_thr: int = 1
    imbalance_ratio_thr: float = 50.0
    far_from_mean_thr: float = 5.0
    dominance_ratio_thr: float = 0.8
    topk_bins: float = 0.1


_SHORT = {
    "few_samples_thr": "fs",
    "imbalance_ratio_thr": "ir",
    "far_from_mean_thr": "m",
    "dominance_ratio_thr": "dr",
    "topk_bins": "k",
}

OPTIONS = tuple(
    Option(name=name, type=type(default), default=default, short=_SHORT[name])
    for name, default in zip(
        Thresholds.__struct_fields__, Thresholds.__struct_defaults__, strict=True
    )
)
"""How they are written behind ``--``."""
