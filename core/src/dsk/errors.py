"""Every error dsk raises on purpose, one class per decision a caller takes.

    DskError                      exit 1   anything below
    ├── UsageError                exit 2   what was asked for makes no sense
    │   ├── UnknownNameError               no such format, transform, engine …; says which are near
    │   └── OptionError                    an option is unknown, missing or of the wrong type
    ├── InputError                exit 3   the input cannot be read
    │   ├── DetectionError                 no format, or several, fit the path
    │   ├── RecordError                    one record is bad; the rest may be fine
    │   ├── MediaError                     an image, cloud or volume is missing or damaged
    │   └── UnsafePathError                a name leads out of its root
    ├── OutputError               exit 4   the output is refused or cannot be written
    │   └── OutputExistsError              the destination is not empty
    ├── PluginError               exit 5   a package that is needed is missing or broken
    ├── LimitError                exit 6   a safety limit was hit
    └── LossError                 exit 1   --strict, and something would be lost

A message says what, ``where`` says in which file, line, record or item, ``hint`` says what to do.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.loss import Report

__all__ = [
    "DetectionError",
    "DskError",
    "DskWarning",
    "InputError",
    "LimitError",
    "LossError",
    "MediaError",
    "OpeningWarning",
    "OptionError",
    "OutputError",
    "OutputExistsError",
    "PluginError",
    "RecordError",
    "UnknownNameError",
    "UnsafePathError",
    "UsageError",
    "did_you_mean",
    "printable",
    "reason",
    "shortened",
]


LISTED = 20
"""How many names a message lists."""

LONGEST = 320
"""Letters of a message: values of a dataset are quoted in it, and may be of any length."""

_TAIL = 80
"""How many of them are its end, which often says what was expected."""

_STEERING = (*range(32), *range(127, 160), 0x2028, 0x2029, *range(0x202A, 0x202F))
_ESCAPES = {n: f"\\x{n:02x}" if n < 256 else f"\\u{n:04x}" for n in _STEERING} | {
    ord("\t"): "\\t",
    ord("\n"): "\\n",
    ord("\r"): "\\r",
}


class DskWarning(UserWarning):
    """Something a user should know that does not stop the work."""


class OpeningWarning(DskWarning):
    """What opening a dataset found; told when its items have been iterated over."""


class DskError(Exception):
    """Base of all expected errors; shown as one line, never as a traceback.

    Args:
        message: What is wrong.
        where: File, line, JSON pointer, item: as exact as known.
        hint: What to do about it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        message = shortened(message)
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        # Few paths are longer than a message; what a dataset names may be.
        where = self.where if len(self.where) < 2 * LONGEST else shortened(self.where)
        text = f"{where}: {self.message}" if where else self.message
        return printable(f"{text} ({self.hint})" if self.hint else text)

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders; the default would lose the keyword arguments.
        return (_rebuild, (type(self), self.message, dict(self.__dict__)))


def _rebuild(cls: type[DskError], message: str, state: dict[str, object]) -> DskError:
    error = cls.__new__(cls)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class UsageError(DskError):
    """What was asked for makes no sense."""

    exit_code = 2


class UnknownNameError(UsageError):
    """There is no such name.

    Args:
        kind: What was looked for ("format", "transform", "engine", "option" …).
        name: The name that was given.
        known: The names there are.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], *, hint: str = "") -> None:
        names = sorted(known)
        near = did_you_mean(name, names)
        listing = f"known: {', '.join(names)}" if names else f"no {kind} is installed"
        if len(names) > LISTED:
            listing = f"'dsk {kind}s' lists the {len(names)} names there are"
        super().__init__(f"no {kind} {name!r}", hint=hint or near or listing)
        self.kind = kind
        self.name = name
        self.known = names


class OptionError(UsageError):
    """An option is unknown, missing or has a value of the wrong type."""


class InputError(DskError):
    """The input cannot be read."""

    exit_code = 3


class DetectionError(InputError):
    """No format, or several equally good ones, fit the path."""

    def __init__(self, message: str, *, candidates: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.candidates = tuple(candidates)


class RecordError(InputError):
    """One record is bad; with ``--on-error skip`` the work goes on without it.

    Args:
        message: What is wrong with it.
        where: ``file:line``, ``file#/json/pointer`` or the like.
        item: Id of the item concerned, when known.
        annotation: Id of the annotation concerned, when known.
    """

    def __init__(
        self,
        message: str,
        *,
        where: str = "",
        hint: str = "",
        item: str = "",
        annotation: int | str | None = None,
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.item = item
        self.annotation = annotation


class MediaError(InputError):
    """An image, point cloud, volume or video is missing, damaged or of the wrong kind."""


class UnsafePathError(InputError):
    """A name in a dataset is absolute, climbs out of its root or cannot be a file name."""


class OutputError(DskError):
    """The output is refused or cannot be written."""

    exit_code = 4


class OutputExistsError(OutputError):
    """The destination holds something and ``--overwrite`` was not given."""


class PluginError(DskError):
    """A package that is needed is not installed, or is broken."""

    exit_code = 5


class LimitError(DskError):
    """A limit that guards against hostile or broken input was hit."""

    exit_code = 6


class LossError(DskError):
    """``--strict`` was given and the target cannot hold everything.

    Attributes:
        report: What would be lost.
    """

    report: Report | None = None


def printable(text: str) -> str:
    """Escape what would steer a terminal or break a line: names of files may hold anything."""
    return text if text.isprintable() else text.translate(_ESCAPES)


def shortened(message: str) -> str:
    """Return a message as one line of at most ``LONGEST`` letters."""
    if not message.isprintable():
        message = " ".join(message.splitlines())
    if len(message) <= LONGEST:
        return message
    return f"{message[: LONGEST - _TAIL - 3]} … {message[-_TAIL:]}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"did you mean 'x' or 'y'?"`` for names near ``name``, or an empty string."""
    import difflib

    folded = {k.casefold().replace("-", "_"): k for k in known}
    key = name.casefold().replace("-", "_")
    near = difflib.get_close_matches(key, folded, n=3, cutoff=0.6)
    starts = [k for k in folded if key and k.startswith(key) and k not in near]
    best = [folded[k] for k in [*near, *starts][:3]]
    return f"did you mean {' or '.join(repr(b) for b in best)}?" if best else ""


def reason(error: OSError) -> str:
    """Return in a user's words why the system could not give a file."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "this is a folder, not a file"
    if error.errno == errno.EMFILE:
        return "too many files are open at once (ulimit -n allows more)"
    return error.strerror or str(error)
