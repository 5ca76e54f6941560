"""Other ids by a regular expression, as in ``sed`` and Datumaro."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsk.errors import OptionError, UsageError
from dsk_transforms.ids.naming import Renaming

if TYPE_CHECKING:
    from dsk.item import DatasetItem

__all__ = ["Rename", "parse_substitution"]

_HINT = "write it as '|pattern|replacement|'"
_FIELD = re.compile(r"\{item\.(?:(id|subset)|attributes\[([^\]{}]+)\])\}")
# Shells keep \\1 in single quotes, and Datumaro's manual writes it so; no id holds a backslash.
_DOUBLED = re.compile(r"\\\\(?=[0-9g])")


def parse_substitution(text: str) -> tuple[re.Pattern[str], str]:
    r"""Split ``|pattern|replacement|`` at its first character.

    ``\|`` stands for the delimiter itself. After the last delimiter ``i`` may follow, to ignore
    the case, and ``g``, which changes nothing: every occurrence is replaced anyway.

    Returns:
        The pattern and the replacement as ``re.sub`` takes it.

    Raises:
        OptionError: It is not of this form, or the pattern is no regular expression.
    """
    mark = text[:1]
    if not mark or mark.isalnum() or mark.isspace() or mark == "\\":
        hint = "leave out the s in front" if text[:2] in ("s/", "s|") else _HINT
        raise OptionError(f"rename: {text!r} does not begin with a delimiter", hint=hint)
    pattern, replacement, *flags = _parts(text[1:], mark)
    if not pattern or len(flags) > 1 or set("".join(flags)) - {"i", "g"}:
        raise OptionError(f"rename: {text!r} is no substitution", hint=_HINT)
    try:
        found = re.compile(pattern, re.IGNORECASE if "i" in "".join(flags) else 0)
        replacement = _DOUBLED.sub(r"\\", replacement)
        found.sub(replacement, "")  # reads the replacement, even if nothing is found
    except (re.error, IndexError) as error:
        raise OptionError(f"rename: {text!r} is no regular expression: {error}") from error
    return found, replacement


def _parts(text: str, mark: str) -> list[str]:
    parts, at, escaped = [""], 0, re.escape(mark)
    while at < len(text):
        one = text[at]
        if one == "\\" and at + 1 < len(text):
            one = text[at : at + 2]
            if one[1] == mark:
                one = escaped if len(parts) == 1 else mark
            parts[-1] += one
            at += 2
            continue
        if one == mark and len(parts) < 3:
            parts.append("")
        else:
            parts[-1] += one
        at += 1
    return parts if len(parts) > 1 else ["", ""]


class Rename(Renaming):
    """Replaces what a regular expression finds in the ids.

    Args:
        regex: ``|pattern|replacement|``, with any delimiter.
    """

    step = "rename"
    hint = "{item.subset} in the replacement may tell them apart"

    def __init__(self, *, regex: str = "") -> None:
        self._pattern, self._replacement = parse_substitution(regex)
        self._fields = _FIELD.search(self._replacement) is not None

    def new_id(self, item: DatasetItem) -> str:
        """Return the id after the substitution."""
        replacement = self._replacement
        if self._fields:
            replacement = _FIELD.sub(lambda field: _value(field, item), replacement)
        return self._pattern.sub(replacement, item.id)


def _value(field: re.Match[str], item: DatasetItem) -> str:
    name, attribute = field.groups()
    if name is not None:
        value = item.id if name == "id" else item.subset
    elif attribute in item.attributes:
        value = str(item.attributes[attribute])
    else:
        raise UsageError(f"rename: item {item.id!r} has no attribute {attribute!r}")
    return value.replace("\\", "\\\\")
