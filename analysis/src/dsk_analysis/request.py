"""What a command of this package was asked to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsk.cli.jsonfile import check_file, write_json
from dsk.cli.text import emit_json, say
from dsk.dataset import Dataset
from dsk.errors import OptionError, UsageError, printable
from dsk.loss import Ledger
from dsk.options import parse_pairs
from dsk.progress import waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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

    def check_output(self) -> None:
        """Refuse before the work what would be refused after it.

        Raises:
            UsageError: There is nothing to overwrite.
            OutputError: The file cannot be written, or is there and not to be overwritten.
        """
        if self.output is None and self.overwrite:
            raise UsageError("--overwrite needs -o FILE")
        check_file(self.output, "-o", overwrite=self.overwrite)

    def opened(self) -> tuple[Dataset, Ledger]:
        """Open the dataset; what its opening said is in the ledger, for more to come.

        Raises:
            OptionError: An option is unknown or does not fit.
            InputError: It cannot be read.
        """
        if self.on_error not in ("raise", "skip"):
            raise OptionError(f"--on-error is 'raise' or 'skip', not {self.on_error!r}")
        policy: Any = self.on_error
        options = parse_pairs(self.import_options)
        with waiting(f"opening {printable(self.source)}"):
            dataset = Dataset.import_from(
                self.source, self.source_format, on_error=policy, **options
            )
        ledger = Ledger(dataset.on_error)
        ledger.merge(dataset.opening_ledger)
        return dataset, ledger

    def deliver(self, found: dict[str, Any], show: Callable[[], None]) -> None:
        """Write what was found to the file that was named, and print it.

        Args:
            found: Plain values.
            show: Prints it for people.

        Raises:
            OutputError: The file cannot be written.
        """
        if self.output is not None:
            write_json(self.output, found)
        if self.as_json:
            emit_json(found)
        else:
            show()
        if self.output is not None:
            say(f"written to {self.output}")
