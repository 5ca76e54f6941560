"""Statistics of a dataset: ``compute``, and the command ``dsk stats``."""

from __future__ import annotations

from dsk_analysis.stats.computing import compute

__all__ = ["compute"]
