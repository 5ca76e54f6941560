"""Mask files: found by name, read when somebody asks for pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk import masks
from dsk.annotations import Rle
from dsk.media import Image
from dsk.pixels import decode_labels
from dsk_openimages.layout import join, subset_folders

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk_openimages.layout import Layout

__all__ = ["MaskFile", "MaskFolders"]


class MaskFile:
    """One mask file, see ``dsk.rle.MaskSource``.

    Args:
        file: The file: the whole image in another resolution; pixels that are not 0 are the object.
        size: (height, width) of the image.
    """

    __slots__ = ("_file", "_size")

    def __init__(self, file: Image, size: tuple[int, int]) -> None:
        self._file = file
        self._size = size

    def rle(self) -> Rle:
        """Read the file and enlarge it to the image's size.

        Pixels are taken as by OpenCV's INTER_NEAREST, which Datumaro uses: column x of the image is
        column floor(x · w / W) of a mask of width w.

        Raises:
            MediaError: The file is missing or damaged.
        """
        pixels, _ = decode_labels(self._file)
        solid = pixels != 0
        if solid.ndim == 3:
            colours = solid[..., :3] if solid.shape[2] in (3, 4) else solid[..., :1]
            solid = colours.any(axis=2)
        height, width = self._size
        if solid.shape != self._size:
            rows = np.arange(height) * solid.shape[0] // height
            columns = np.arange(width) * solid.shape[1] // width
            solid = solid[rows[:, None], columns]
        return Rle(self._size, masks.encode_counts(masks.from_dense(solid)))


class MaskFolders:
    """The folders where the mask files of a dataset may lie.

    ``masks/<subset>``, ``masks/<subset>/<first character>``, ``masks/<subset>-masks-<character>``
    as the official archives unpack, or ``masks`` itself; ``labels/masks/<first character>`` of a
    subset that FiftyOne downloaded.
    """

    def __init__(self, root: InputRoot, layout: Layout) -> None:
        self._root = root
        by_name = {name: join(home, "labels/masks") for name, home in layout.homes.items()}
        if not by_name:
            folders = subset_folders(root, layout, "masks")
            by_name = {folder.rpartition("/")[2]: folder for folder in folders}
        self._by_name = by_name
        self._folders = list(by_name.values())
        self._deep = {f for name, f in by_name.items() if name != "masks" and root.entries(f)[0]}

    def find(self, name: str, subset: str) -> Image | None:
        """Return a mask file; None if the dataset has no folders of masks at all.

        Raises:
            ValueError: The name is no file name, or there is no such file.
        """
        if not name or name in (".", "..") or any(c in name for c in "/\\\0"):
            msg = f"the MaskPath {name!r} is no file name"
            raise ValueError(msg)
        if not self._folders:
            return None
        for folder in self._candidates(name, subset):
            full = join(folder, name)
            if self._root.is_file(full):
                return Image(full, self._root.locate(full))
        msg = f"the mask file {name} of subset {subset} is not there"
        raise ValueError(msg)

    def _candidates(self, name: str, subset: str) -> list[str]:
        first = name[0]
        likely = [
            self._by_name[key]
            for key in (subset, f"{subset}-masks-{first}", f"{subset}_{first}")
            if key in self._by_name
        ]
        firsts = dict.fromkeys((first, first.upper()))
        likely += [f"{f}/{letter}" for f in likely if f in self._deep for letter in firsts]
        rest = [folder for folder in self._folders if folder not in likely]
        deeper = [f"{f}/{letter}" for f in rest if f in self._deep for letter in firsts]
        return likely + rest + deeper
