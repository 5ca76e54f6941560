"""From names to objects: opening a dataset by path and format, making a transform by name."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from dsk.collector import collector_off
from dsk.dataset import Dataset
from dsk.detect import best_of, look
from dsk.errors import InputError, OptionError, reason, shortened
from dsk.files import open_root
from dsk.lfs import HINT, MESSAGE, explaining, is_pointer
from dsk.loss import Ledger
from dsk.options import check_options
from dsk.registry import registry, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dsk.files import InputRoot
    from dsk.flow import Importer, Source, Transform

__all__ = ["make_transform", "open_dataset"]

_TEXTS = (".csv", ".json", ".txt", ".xml", ".yaml", ".yml")
_DEPTH, _LOOKS = 3, 100
"""How far down, and at how many texts, is looked for files that were not fetched."""


def open_dataset(
    path: str | os.PathLike[str],
    format: str | None,  # noqa: A002
    options: Mapping[str, Any],
    on_error: Literal["raise", "skip"] = "raise",
    *,
    only_columns: bool = False,
) -> Dataset:
    """Open a dataset, see ``Dataset.import_from`` and ``Importer.only_columns``."""
    given = open_root(path)
    ledger = Ledger(on_error)
    with explaining(), given.remembering(), collector_off():
        root, answers = look(given, format)
        if root is not given:
            ledger.warn(f"{path} holds nothing but the folder {root.name}, which is read")
        found: dict[str, Any] = {}
        if format is None:
            with _strays_told(root):
                choice = best_of(answers, root.path)
            format, found = choice.format, choice.options  # noqa: A001
        info = registry().importer(format)
        checked = check_options(f"importer {format}", info.options, options)
        importer: Importer = resolve(info.target)(
            **{**info.alias_options.get(format, {}), **found, **checked}
        )
        importer.only_columns = only_columns
        with _strays_told(root):
            source = _opened(importer, root, ledger)
        for warning in root.strays():
            ledger.warn(warning)
    dataset = Dataset(source, format=format, on_error=on_error)
    dataset.places = (os.path.abspath(path), *source.other_places)  # noqa: PTH100 - a str is wanted
    dataset.opening_ledger = ledger
    return dataset


@contextmanager
def _strays_told(root: InputRoot) -> Iterator[None]:
    """Say in an error's hint what is no file, not followed or not fetched: maybe its reason."""
    try:
        yield
    except InputError as error:
        told = [*root.strays(), *_unfetched(root)] if error.message != MESSAGE else root.strays()
        error.hint = "; ".join(filter(None, (error.hint, *map(shortened, told))))
        raise


def _unfetched(root: InputRoot) -> Iterator[str]:
    """Say of the first annotation file that is a pointer of Git LFS that it is one."""
    for name in islice(root.walk("", _DEPTH, _TEXTS), _LOOKS):
        with suppress(InputError):
            if is_pointer(root.read(name, 64)):
                yield f"{name} was not fetched, here is only its Git LFS pointer: {HINT}"
                return


def _opened(importer: Importer, root: InputRoot, ledger: Ledger) -> Source:
    try:
        with root.remembering():
            return importer.open(root, ledger)
    except OSError as error:
        where = error.filename or root.path
        raise InputError(reason(error), where=where) from error


def make_transform(name: str, options: Mapping[str, Any], values: Sequence[Any] = ()) -> Transform:
    """Make a transform by name.

    Args:
        name: Its name.
        options: Its options.
        values: Of its first options, which ``options`` does not name then.

    Raises:
        UnknownNameError: There is none of this name.
        PluginError: The package that brings it is not installed.
        OptionError: An option is unknown or does not fit.
    """
    info = registry().transform(name)
    first = dict(zip([option.name for option in info.options], values, strict=False))
    if len(first) < len(values) or not first.keys().isdisjoint(options):
        raise OptionError(f"transform {name} is given more values than it has options left")
    given = check_options(f"transform {name}", info.options, {**first, **options})
    transform: Transform = resolve(info.target)(**given)
    return transform
