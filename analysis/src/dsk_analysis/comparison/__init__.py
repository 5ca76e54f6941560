"""What differs between two datasets: ``compare``, and the command ``dsk diff``."""

from __future__ import annotations

from dsk_analysis.comparison.comparing import compare

__all__ = ["compare"]
