"""Side files of many formats: ``dataset_meta.json`` with labels, ``images.meta`` with sizes.

Datumaro's grammar of the first: ``labels`` (names in order) or ``label_map`` ({"0": name}), with
``segmentation_colors`` indexed by the label map's numbers, ``label_categories`` ([name, parent])
and ``point_categories`` ([label number, point names, joints]). Formats may add keys of their own.
Options of exporters that write it, and whose importers take all of it, have ``META_FIELDS`` as
``label_fields``.
"""

from __future__ import annotations

import json
import posixpath
import shlex
from typing import TYPE_CHECKING, Any

from dsk.categories import Categories, LabelCategory, PointsCategory
from dsk.errors import InputError, RecordError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsk.categories import Color
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["META_NAME", "SIZES_NAME", "meta_text", "read_meta", "read_sizes", "stated_labels"]

META_NAME = "dataset_meta.json"
SIZES_NAME = "images.meta"
_SPECIAL = frozenset("\"'\\#\x0b\x0c\x1c\x1d\x1e\x1f")
"""Characters of quoting and comments, and those at which only str.split splits."""


def read_meta(root: InputRoot, under: str = "") -> tuple[Categories, dict[str, Any]] | None:
    """Read a folder's ``dataset_meta.json``.

    Returns:
        The categories and the whole object, for a format's own keys; None when there is no file.

    Raises:
        InputError: It is damaged, a colour is not of 0 to 255, or keypoints are of no label.
    """
    name = posixpath.join(under, META_NAME)
    if not root.is_file(name):
        return None
    where = root.show(name)
    try:
        meta = json.loads(root.text(name))
        if not isinstance(meta, dict) or not ("labels" in meta or "label_map" in meta):
            raise InputError('it holds {"labels": ["a", "b"]} or a label_map', where=where)
        return _categories(meta), meta
    except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError) as error:
        raise InputError(f"damaged label file: {error}", where=where) from error
    except RecursionError as error:
        raise InputError("damaged label file: nested too deep", where=where) from error


def stated_labels(root: InputRoot, under: str = "") -> Categories:
    """Return what a folder's ``dataset_meta.json`` says of labels; nothing if there is none.

    Raises:
        InputError: See ``read_meta``.
    """
    found = read_meta(root, under)
    return found[0] if found is not None else Categories()


def _categories(meta: Mapping[str, Any]) -> Categories:
    numbered = {int(k): str(v) for k, v in (meta.get("label_map") or {}).items()}
    if numbered:
        order = sorted(numbered)
        names = [numbered[n] for n in order]
    else:
        names = [str(name) for name in meta.get("labels") or ()]
        order = list(range(len(names)))
    rows = [(str(row[0]), str(row[1])) for row in meta.get("label_categories") or ()]
    parents = dict(rows)
    if [name for name, _ in rows] == names:  # two of one name may have parents of their own
        labels = tuple(LabelCategory(*row) for row in rows)
    else:
        labels = tuple(LabelCategory(name, parents.get(name, "")) for name in names)
    colors: dict[int, Color] = {}
    for number, color in enumerate(meta.get("segmentation_colors") or ()):
        if color is not None and number in order:
            red, green, blue = (int(c) for c in color)
            if not 0 <= min(red, green, blue) <= max(red, green, blue) <= 255:
                msg = f"{color} is no colour of 0 to 255"
                raise ValueError(msg)
            colors[order.index(number)] = (red, green, blue)
    points = {
        int(row[0]): PointsCategory(
            tuple(str(name) for name in row[1]), tuple((int(a), int(b)) for a, b in row[2])
        )
        for row in meta.get("point_categories") or ()
    }
    for number in points:
        if not 0 <= number < len(names):
            msg = f"keypoints of label {number} of {len(names)}"
            raise ValueError(msg)
    return Categories(labels=labels, colors=colors, points=points)


def meta_text(categories: Categories, more: Mapping[str, Any] | None = None) -> bytes:
    """Return the content of a ``dataset_meta.json``.

    Args:
        categories: What it shall say.
        more: A format's own keys.
    """
    meta: dict[str, Any] = {
        "labels": categories.names,
        "label_categories": [[label.name, label.parent] for label in categories.labels],
    }
    if categories.colors:
        meta["label_map"] = {str(n): name for n, name in enumerate(categories.names)}
        # A full list with null: Datumaro indexes it by the label's number.
        rows = [categories.colors.get(n) for n in range(len(categories.labels))]
        meta["segmentation_colors"] = [list(c) if c is not None else None for c in rows]
    if categories.points:
        meta["point_categories"] = [
            [n, list(p.labels), [list(j) for j in p.joints]] for n, p in categories.points.items()
        ]
    meta.update(more or {})
    return json.dumps(meta, ensure_ascii=False, indent=1).encode()


def read_sizes(root: InputRoot, under: str, ledger: Ledger) -> dict[str, tuple[int, int]]:
    """Read a folder's ``images.meta``: lines of item id, height and width, quoted as in a shell.

    Args:
        root: The dataset.
        under: The folder.
        ledger: Where bad lines go.

    Returns:
        (height, width) by item id; nothing if there is no such file.
    """
    name = posixpath.join(under, SIZES_NAME)
    if not root.is_file(name):
        return {}
    sizes = {}
    # Split at line ends only: str.splitlines would split names at exotic separators too.
    lines = root.text(name).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, line in enumerate(lines, 1):
        try:
            # Most lines are plain, and shlex takes twenty times as long.
            plain = line.isascii() and _SPECIAL.isdisjoint(line)
            fields = line.split() if plain else shlex.split(line, comments=True)
            if fields:
                item, height, width = fields[:3]
                sizes[item] = (int(height), int(width))
        except ValueError:
            where = f"{root.show(name)}:{number}"
            ledger.bad_record(RecordError("a line is: item id, height, width", where=where))
    return sizes
