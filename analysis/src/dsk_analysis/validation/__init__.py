"""Looking for what is odd about annotations: ``validate``, and the command ``dsk validate``."""

from __future__ import annotations

from dsk_analysis.validation.validating import validate

__all__ = ["validate"]
