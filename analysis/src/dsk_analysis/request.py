"""What a command of this package was asked to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsk.dataset import Dataset
from dsk.errors import OptionError
from dsk.options import parse_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ReadRequest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """The options that the commands have in common, see their help."""

    source: str
    source_format: str | None = None
    import_options: Sequence[str] = ()
    subset: str | None = None
    on_error: str = "raise"
    as_json: bool = False
    output: str | None = None
    overwrite: bool = False

    def opened(self) -> Dataset:
        """Open the dataset.

        Raises:
            OptionError: An option is unknown or does not fit.
            InputError: It cannot be read.
        """
        if self.on_error not in ("raise", "skip"):
            raise OptionError(f"--on-error is 'raise' or 'skip', not {self.on_error!r}")
        policy: Any = self.on_error
        options = parse_pairs(self.import_options)
        return Dataset.import_from(self.source, self.source_format, on_error=policy, **options)
