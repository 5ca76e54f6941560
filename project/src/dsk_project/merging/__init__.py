"""Several people's annotations of the same items as one, by vote: ``merge``, and ``dsk merge``."""

from __future__ import annotations

from dsk_project.merging.conflicts import Conflicts
from dsk_project.merging.voting import merge

__all__ = ["Conflicts", "merge"]
