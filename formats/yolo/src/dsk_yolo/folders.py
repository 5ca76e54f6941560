"""Reading the images and label files of one folder fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.imagesize import HEAD, size_of_bytes
from dsk.media import Image
from dsk.names import stem_of
from dsk_yolo.paths import swap_folder

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["ImageFolder", "LabelFolder"]


class ImageFolder:
    """The images of one folder.

    Args:
        root: The dataset.
        folder: Relative name of the folder.
    """

    def __init__(self, root: InputRoot, folder: str) -> None:
        self._head = root.reader(folder, HEAD)
        self._locate = root.locator(folder)

    def image(self, name: str, base: str, stated: tuple[int, int] | None = None) -> Image:
        """Return an image with its size, if its first bytes tell, and its place, if it is there.

        Args:
            name: Its relative name.
            base: The name in the folder.
            stated: (height, width) that holds if the image is not there.
        """
        head = self._head(base)
        if head is None:
            return Image(name, None, None, stated)
        return Image(name, self._locate(base), None, size_of_bytes(head))


class LabelFolder:
    """The label files that belong to the images of one folder.

    Args:
        root: The dataset.
        folder: Relative name of the folder.
        beside: The label files lie beside the images; darknet then also looks elsewhere.
    """

    def __init__(self, root: InputRoot, folder: str, *, beside: bool) -> None:
        self.prefix = f"{folder}/" if folder else ""
        self._root = root
        self._label = root.reader(folder)
        self._others = _other_folders(folder) if beside else []

    def read(self, name: str) -> bytes | None:
        """Return the content of a label file; None if there is none."""
        data = self._label(name)
        if data is None:
            data = self._label(f"{stem_of(name)}.TXT")
        if data is None:
            for folder in self._others:
                if self._root.is_file(f"{folder}/{name}"):
                    return self._root.read(f"{folder}/{name}")
        return data


def _other_folders(folder: str) -> list[str]:
    """Return where darknet also looks for label files: in a labels folder beside the images'."""
    swapped = [swap_folder(f"{folder}/", old, "labels")[:-1] for old in ("images", "JPEGImages")]
    return [other for other in swapped if other != folder]
