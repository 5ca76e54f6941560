"""Records of images: what they are called, and the quick way to what all of them have."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypedDict

import msgspec
from msgspec import Raw, Struct

from dsk.jsonerrors import UNDECODABLE
from dsk.names import clean_name, stem_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from dsk.jsonindex import Records

__all__ = ["BareImage", "bare_images", "decode_names", "item_ids", "item_names", "names_of"]


class BareImage(Struct, gc=False, forbid_unknown_fields=True):
    """What every image has; those of a file may have more, each the same."""

    id: int
    file_name: str
    width: int
    height: int


class _Names(TypedDict, total=False):
    """What names an image; LVIS has the URL only."""

    file_name: str | None
    coco_url: str | None


def item_names(record: Mapping[str, Any], lead: str = "") -> tuple[str, str]:
    """Return an image's clean relative name and the id of its item.

    Args:
        record: The image.
        lead: Folders of another machine that may precede the name; they are left off.

    Raises:
        UnsafePathError: It is absolute or leads out of its folder; ``...jpg`` does, too. Of a URL,
            it is the path that counts.
        ValueError: There is none.
    """
    name = record.get("file_name")
    if not name or not isinstance(name, str):
        url = record.get("coco_url")
        if not url or not isinstance(url, str):
            raise ValueError("the image has no file_name")
        name = url.rpartition("/")[2]
    elif "://" in name:
        name = _path_of(name)
        lead = ""
    return names_of(name, lead)


def names_of(name: str, lead: str) -> tuple[str, str]:
    """Return the same as ``item_names`` for a name that is there and is no URL."""
    if lead:
        name = name.replace("\\", "/").removeprefix(lead)
    path = clean_name(name)
    stem = stem_of(path)
    if stem[0] == "." or "/." in stem:
        stem = clean_name(stem)
    return path, stem


def _path_of(url: str) -> str:
    """Return the path in a URL, without what leads to it and without a query."""
    return url.partition("://")[2].partition("?")[0].partition("#")[0].partition("/")[2]


class _File(Struct, gc=False):
    file_name: str


decode_names = msgspec.json.Decoder(list[_Names]).decode
_decode_files = msgspec.json.Decoder(list[_File]).decode
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode


def item_ids(text: bytes, lead: str) -> list[str]:
    """Return the ids of images' items; errors as ``item_names``, and those of decoding."""
    try:
        names = [image.file_name for image in _decode_files(text)]
    except UNDECODABLE:
        names = []
    if names and all(names) and "://" not in "\n".join(names):
        return [names_of(name, lead)[1] for name in names]
    return [item_names(record, lead)[1] for record in decode_names(text)]


def bare_images(
    records: Records, rows: NDArray[np.signedinteger[Any]]
) -> tuple[list[BareImage], tuple[str, ...]] | None:
    """Decode images without what they have of their own, if all have the fields of the first one.

    Args:
        records: The images of a file.
        rows: Which of them, at least one.

    Returns:
        The images, and the names of the other fields that each of them has. None if they differ,
        or hold what takes a closer look.
    """
    known = BareImage.__struct_fields__
    try:
        unread = tuple(n for n in _decode_fields(records.raw(int(rows[0]))) if n not in known)
        images = _decoder_with(unread)(records.joined(rows)) if _are_names(unread) else []
    except UNDECODABLE:
        return None
    if not images or not all(i.file_name and "://" not in i.file_name for i in images):
        return None
    return images, unread


def _are_names(names: Sequence[str]) -> bool:
    return all(map(str.isidentifier, names))


@lru_cache(16)
def _decoder_with(names: tuple[str, ...]) -> Callable[[bytes], list[BareImage]]:
    """Return a decoder of images that have, beside what every image has, these plain values."""
    value = str | int | float | bool | None
    own = {f"own{n}": name for n, name in enumerate(names)}
    image = msgspec.defstruct(
        "Image",
        [(field, value) for field in own],
        bases=(BareImage,),
        rename=own,
        gc=False,
        forbid_unknown_fields=True,
    )
    return msgspec.json.Decoder(list[image]).decode  # type: ignore[valid-type]
