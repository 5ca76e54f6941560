"""Names of files and folders of cases: flat, unique, and told when they are not the item's own."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["case_name", "dataset_folder", "suffix_of", "word"]

_TEST = frozenset({"test", "testing", "ts", "validation", "val", "valid"})
_BACK = {"Tr": "train", "Ts": "test"}


def suffix_of(item: DatasetItem, ctx: WriteContext) -> str:
    """Return the ending of the folders an item goes to, ``Tr`` or ``Ts``; tells changed subsets.

    What is there to validate must not be trained on: it goes to ``Ts``.
    """
    suffix = "Ts" if item.subset.lower() in _TEST else "Tr"
    if item.subset != _BACK[suffix]:
        ctx.ledger.add_at("DSK-L012", f"subset {item.subset} → {_BACK[suffix]}", item)
    return suffix


def case_name(item: DatasetItem) -> str:
    """Return an item's id as the name of a file in a flat folder."""
    return item.id.replace("/", "__")


def word(text: str, default: str) -> str:
    """Return a text as one word of letters, digits and dashes."""
    return re.sub(r"[^A-Za-z0-9-]+", "", text) or default


def dataset_folder(ctx: WriteContext, pattern: str, folder: str) -> str:
    """Return where a dataset goes: a folder in the output, none if that has such a name itself.

    Args:
        ctx: The output.
        pattern: What the names of such folders match.
        folder: The name it gets otherwise.
    """
    own = os.path.basename(ctx.out.destination)  # noqa: PTH119 - a str is wanted
    return "" if re.fullmatch(pattern, own) else f"{folder}/"


def unique(names: Iterable[str]) -> list[str]:
    """Return names of which none occurs twice."""
    done: list[str] = []
    for name in names:
        text = name
        while text in done:
            text += "_"
        done.append(text)
    return done


__all__ += ["unique"]
