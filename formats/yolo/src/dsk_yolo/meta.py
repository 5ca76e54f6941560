"""Datumaro's side files: ``images.meta`` with image sizes and ``dataset_meta.json`` with labels."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import msgspec

from dsk.categories import Categories
from dsk.errors import InputError, RecordError
from dsk_yolo.paths import lines_of

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["DATASET_META", "IMAGES_META", "dataset_meta", "read_dataset_meta", "read_image_sizes"]

IMAGES_META = "images.meta"
DATASET_META = "dataset_meta.json"


def read_image_sizes(root: InputRoot, folder: str, ledger: Ledger) -> dict[str, tuple[int, int]]:
    """Return (height, width) by item id from ``images.meta``; nothing if there is no such file.

    An id may be led by its subset ("train/a") where subsets share ids.
    """
    file = f"{folder}/{IMAGES_META}" if folder else IMAGES_META
    if not root.is_file(file):
        return {}
    sizes = {}
    for number, line in enumerate(lines_of(root.text(file)), 1):
        try:
            fields = shlex.split(line, comments=True)
            if fields:
                name, height, width = fields[:3]
                sizes[name] = (int(height), int(width))
        except ValueError:
            where = f"{root.show(file)}:{number}"
            ledger.bad_record(RecordError("a line is: item id, height, width", where=where))
    return sizes


def read_dataset_meta(root: InputRoot, folder: str) -> Categories | None:
    """Return the labels and colours of ``dataset_meta.json``, or None if there is no such file.

    Raises:
        InputError: It is damaged or names no labels.
    """
    file = f"{folder}/{DATASET_META}" if folder else DATASET_META
    if not root.is_file(file):
        return None
    where = root.show(file)
    try:
        meta: Any = msgspec.json.decode(root.read(file))
        if "label_map" in meta:
            names = [str(n) for _, n in sorted((int(k), n) for k, n in meta["label_map"].items())]
        else:
            names = [str(n) for n in meta["labels"]]
        colors = {
            n: (int(c[0]), int(c[1]), int(c[2]))
            for n, c in enumerate(meta.get("segmentation_colors") or ())
            if c is not None and n < len(names)
        }
    except (
        msgspec.MsgspecError,
        RecursionError,
        KeyError,
        TypeError,
        ValueError,
        IndexError,
        AttributeError,
    ) as error:
        raise InputError(
            "no usable label names", where=where, hint='it holds {"labels": ["a", "b"]}'
        ) from error
    return Categories(labels=Categories.from_names(names).labels, colors=colors)


def dataset_meta(names: list[str]) -> bytes:
    """Return the content of a ``dataset_meta.json``."""
    return msgspec.json.format(msgspec.json.encode({"labels": names}), indent=2) + b"\n"
