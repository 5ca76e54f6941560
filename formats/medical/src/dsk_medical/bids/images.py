"""Which image a segmentation was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk.errors import InputError, UnsafePathError
from dsk.names import clean_name
from dsk_medical.bids.layout import RAW_SUFFIXES, BidsName, parse, raw_key
from dsk_medical.cases.datasets import load_json

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["ImageFinder", "sidecar"]

_ENDINGS = (".nii.gz", ".nii")
_OWN_SPACE = frozenset({None, "orig", "T1w", "individual"})
_SOURCES = ("Sources", "RawSources", "SpatialReference")


def sidecar(root: InputRoot, name: str, ledger: Ledger) -> dict[str, Any]:
    """Return what the JSON file beside a volume says; nothing if there is none."""
    file = name.removesuffix(".gz").removesuffix(".nii") + ".json"
    if not root.is_file(file):
        return {}
    try:
        return load_json(root, file)
    except InputError as error:
        ledger.warn(f"{error.where}: {error.message}; the file is left out")
        return {}


class ImageFinder:
    """Finds images by what side files say, else by their entities.

    Args:
        root: The dataset.
        names: All its files.
    """

    def __init__(self, root: InputRoot, names: list[str]) -> None:
        self._root = root
        self._files = frozenset(names)
        self._images: dict[tuple[frozenset[tuple[str, str]], str | None], list[str]] = {}
        for name in names:
            bids = parse(name)
            if bids and bids.suffix in RAW_SUFFIXES and bids.ending in _ENDINGS:
                key = raw_key(bids), bids.entities.get("space")
                self._images.setdefault(key, []).append(name)

    def of(self, name: str, bids: BidsName) -> str:
        """Return the image of a segmentation, or ""."""
        from dsk.loss import Ledger

        stated = sidecar(self._root, name, Ledger())
        texts: list[Any] = []
        for key in _SOURCES:
            value = stated.get(key, ())
            texts += value if isinstance(value, list) else [value]
        for text in texts:
            found = self._resolve(text, bids) if isinstance(text, str) else ""
            if found:
                return found
        return self._alike(bids)

    def _resolve(self, text: str, bids: BidsName) -> str:
        path = text.rpartition(":")[2] if text.startswith("bids:") else text
        try:
            path = clean_name(path)
        except UnsafePathError:
            return ""
        other = parse(path)
        if other is None or other.suffix not in RAW_SUFFIXES or other.ending not in _ENDINGS:
            return ""
        parts = bids.folder.split("/")
        bases = ["/".join(parts[:n]) for n in range(len(parts), -1, -1)]
        return next((f for base in bases if (f := f"{base}/{path}".strip("/")) in self._files), "")

    def _alike(self, bids: BidsName) -> str:
        space = bids.entities.get("space")
        spaces = [space, None] if space in _OWN_SPACE else [space]
        for wanted in spaces:
            found = self._images.get((raw_key(bids), wanted), [])
            if found:
                return min(found, key=lambda n: (_rank(n), n))
        return ""


def _rank(name: str) -> int:
    bids = parse(name)
    return RAW_SUFFIXES.index(bids.suffix) if bids else len(RAW_SUFFIXES)
