"""Writing to people: plain columns, glyphs only where the terminal has them."""

from __future__ import annotations

import json
import sys
from itertools import islice
from typing import TYPE_CHECKING, Any

from dsk.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["counted", "emit_json", "glyph", "say", "say_warnings", "table", "tell"]

MOST_WARNINGS = 20
"""How many different warnings are shown: most name a file, and there may be thousands."""


_STEERING = [n for n in (*range(32), *range(127, 160)) if chr(n) not in "\n\t"]
_ESCAPES = {n: f"\\x{n:02x}" for n in _STEERING}
_JSON_ESCAPES = {n: f"\\u{n:04x}" for n in _STEERING}  # what json.dumps leaves is in strings


def _write(stream: Any, text: str) -> None:
    text = text.translate(_ESCAPES)  # names of files and labels must not steer the terminal
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(f"{text}\n".encode(encoding, "backslashreplace").decode(encoding))


def tell(text: str = "") -> None:
    """Print a result on standard output."""
    _write(sys.stdout, text)


def say(text: str = "") -> None:
    """Talk on standard error."""
    _write(sys.stderr, text)


def say_warnings(warnings: Mapping[str, int], skipped: int = 0) -> None:
    """Say what a user should know: messages with how often they came, and skipped bad records."""
    for message, count in islice(warnings.items(), MOST_WARNINGS):
        say(f"warning: {printable(message)}" + (f" ({count} times)" if count > 1 else ""))
    more = sum(islice(warnings.values(), MOST_WARNINGS, None))
    if more:
        say(f"{counted(more, 'more warning')}: --json has them")
    if skipped:
        say(f"{counted(skipped, 'bad record')} skipped")


def counted(count: int, what: str) -> str:
    """Return a number with what it counts: "1 item", "2,000 items"."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def emit_json(value: Any) -> None:
    """Print plain values as JSON on standard output."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    tell(text.translate(_JSON_ESCAPES))


def glyph(char: str, plain: str) -> str:
    """Return ``char`` if standard error can show it, else ``plain``."""
    try:
        char.encode(sys.stderr.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return plain
    return char


def table(rows: Iterable[Sequence[str]], head: Sequence[str] = (), indent: str = "") -> list[str]:
    """Align rows to columns; the last column is not padded."""
    body = [list(map(str, row)) for row in rows]
    lines = [list(head), *body] if head else body
    if not lines:
        return []
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]))]
    return [
        indent
        + "  ".join(
            cell if n == len(line) - 1 else cell.ljust(widths[n]) for n, cell in enumerate(line)
        ).rstrip()
        for line in lines
    ]
