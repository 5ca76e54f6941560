"""Where the images of labelme's JSON files are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk.imagesize import is_turned
from dsk.names import stem_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.media import Image
    from dsk_labelme.folders import Folders

__all__ = ["named_image", "own_image", "shown_size", "stated_name"]

_IMAGES = ("images", "image", "imgs", "img")


def stated_name(given: Any) -> str:
    """Return the image that a file names, with slashes; "" for none."""
    return given.replace("\\", "/") if isinstance(given, str) else ""


def shown_size(image: Image) -> tuple[int, int] | None:
    """Return (height, width) as labelme shows an image: turned by its EXIF tag."""
    size = image.get_size()
    if size is None:
        return None
    with image.open() as file:
        return (size[1], size[0]) if is_turned(file) else size


def named_image(folders: Folders, name: str, given: str) -> str | None:
    """Return where the named image is; None for nowhere.

    Args:
        folders: The dataset's folders.
        name: The JSON file, which may name itself, as one of labelme's own examples does.
        given: The image that it names, with slashes.
    """
    for place in _nearby(name.rpartition("/")[0], given):
        if folders.has(place) and not place.lower().endswith(".json"):
            return place
    return None


def own_image(folders: Folders, name: str) -> str | None:
    """Return the image that has a JSON file's own name, beside it or nearby.

    Args:
        folders: The dataset's folders.
        name: The JSON file.
    """
    folder, _, base = name.rpartition("/")
    stem = stem_of(base)
    for near in (folder, *_beside(folder)):
        other = folders.images(near).get(stem)
        if other is not None:
            return f"{near}/{other}" if near else other
    return None


def _nearby(folder: str, given: str) -> Iterator[str]:
    """Yield where the named image may be; absolute paths are another machine's."""
    if not given:
        return
    parts: list[str] | None = folder.split("/") if folder else []
    absolute = given.startswith("/") or given[1:2] == ":"
    for step in [] if absolute else given.split("/"):
        if step == ".." and parts is not None:
            parts = parts[:-1] if parts else None
        elif step not in ("", ".", "..") and parts is not None:
            parts = [*parts, step]
    if parts and not absolute:
        yield "/".join(parts)
    last = given.rpartition("/")[2]
    prefix = f"{folder}/" if folder else ""
    yield prefix + last
    yield from (f"{near}/{last}" for near in _beside(folder))


def _beside(folder: str) -> Iterator[str]:
    """Yield the folders of images that may belong to a folder of JSON files, the nearest first."""
    parts = folder.split("/") if folder else []
    for n in range(len(parts) - 1, -1, -1):
        for images in _IMAGES:
            yield "/".join([*parts[:n], images, *parts[n + 1 :]])
            if n + 1 < len(parts):
                yield "/".join([*parts[:n], images])
