"""Writing a data.yaml that trains as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk_yolo.paths import SPLIT_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dsk.loss import Ledger
    from dsk_yolo.labels import ClassNames

__all__ = ["data_yaml", "split_keys"]

_BEGIN = (("train", "train"), ("val", "val"), ("dev", "val"), ("test", "test"))


def split_keys(subsets: Iterable[str]) -> dict[str, str]:
    """Choose the key of data.yaml for each subset.

    Ultralytics knows ``train``, ``val`` and ``test`` only; ``valid``, ``validation``, ``train2017``
    and the like take those keys if they are free, other names stay as they are.
    """
    names = list(subsets)
    keys = {name: name for name in names if name in ("train", "val", "test")}
    for name in names:
        if name in keys:
            continue
        wanted = next((key for begin, key in _BEGIN if name.lower().startswith(begin)), name)
        free = wanted not in keys.values() and (wanted == name or wanted not in names)
        keys[name] = wanted if free else name
    return {name: keys[name] for name in names}


def data_yaml(
    sources: Mapping[str, str],
    names: ClassNames,
    ledger: Ledger,
    *,
    task: str,
    points: int,
    full: bool,
    flip_idx: list[int] | None = None,
) -> bytes:
    """Return the content of a data.yaml.

    It has no ``path``: Ultralytics then takes the folder of the file itself, while it looks for
    ``path: .`` in the working directory or its own folder of datasets.

    Args:
        sources: Image folder or list by subset.
        names: The classes.
        ledger: Where subsets with other names go.
        task: What the rows hold.
        points: Number of keypoints of each row.
        full: Write keys that Datumaro 0.x takes for subsets: ``nc``, ``kpt_names``, ``dsk``.
        flip_idx: Keypoint that each one becomes when the image is mirrored.
    """
    import yaml

    document = _splits(sources, ledger)
    if full:
        document["nc"] = len(names.names)
    document["names"] = dict(enumerate(names.names))
    own: dict[str, Any] = {"task": task}
    if task == "pose":
        document["kpt_shape"] = [points, 3]
        if flip_idx and len(flip_idx) == points:
            document["flip_idx"] = flip_idx
        if full:
            document["kpt_names"] = {n: _keypoints(n, names, points) for n in document["names"]}
            own["keypoints"] = sorted(names.keypoints)
            own["joints"] = {n: [list(j) for j in p.joints] for n, p in names.keypoints.items()}
        elif lost := sum(bool(p.joints) for p in names.keypoints.values()):
            ledger.add("DSK-L010", "joints between keypoints", count=lost)
    if full:
        document["dsk"] = own
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1 << 16)
    return text.encode()


def _splits(sources: Mapping[str, str], ledger: Ledger) -> dict[str, Any]:
    """Return the keys that name images, in the order that one expects."""
    keys = split_keys(sources)
    for name, key in keys.items():
        if key != name:
            ledger.add("DSK-L012", f"subset {name} is {key} in data.yaml")
    document: dict[str, Any] = {keys[name]: source for name, source in sources.items()}
    _complete(document, ledger)
    order = [k for k in SPLIT_KEYS if k in document]
    return {k: document[k] for k in [*order, *(k for k in document if k not in order)]}


def _keypoints(number: int, names: ClassNames, count: int) -> list[str]:
    """Return as many keypoint names as rows have; every class must have some."""
    points = names.keypoints.get(number)
    given = points.labels if points is not None else ()
    name = names.names[number]
    return [*given, *(f"{name}_point_{k}" for k in range(len(given), count))]


def _complete(document: dict[str, Any], ledger: Ledger) -> None:
    """Give the keys ``train`` and ``val``, which Ultralytics must have, something to refer to."""
    if not document:
        return
    for key, other in (("train", "val"), ("val", "train")):
        if key not in document:
            source = document.get(other) or next(iter(document.values()))
            document[key] = source
            ledger.warn(
                f"there is no {key} subset: {key} in data.yaml means {source} too "
                "(-t random_split makes subsets)"
            )
