"""What an item shows: images, video frames, point clouds, volumes.

Media are references until somebody asks for their content; copying them never decodes them.
A medium has a ``path`` (its name in the dataset, POSIX, with extension) and a ``source`` (where its
bytes are), which is one of

- ``str``: a file on this machine;
- ``ArchiveMember``: a member of a zip or tar archive;
- ``bytes``: the encoded file itself;
- an array, or a function that returns one: decoded content;
- ``None``: only the name is known.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from msgspec import Struct

from dsk.errors import InputError, MediaError, reason
from dsk.plainfile import plain_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "IMAGE_SUFFIXES",
    "WRITTEN_SUFFIXES",
    "ArchiveMember",
    "Image",
    "Media",
    "MediaElement",
    "MultiframeImage",
    "PointCloud",
    "VideoFrame",
    "Volume",
    "is_decoded",
    "is_image_name",
]

WRITTEN_SUFFIXES = frozenset(
    f".{ext}"
    for ext in (
        *("jpg", "jpeg", "jpe", "jfif", "jp2", "png", "bmp", "dib"),
        *("gif", "tif", "tiff", "tga", "webp", "ppm"),
    )
)
"""File name endings, lower case, of images that ``dsk.pixels.encode`` can write."""

IMAGE_SUFFIXES = WRITTEN_SUFFIXES | {
    f".{ext}" for ext in ("pfm", "sr", "ras", "exr", "hdr", "pic", "pbm", "pgm", "pxm", "pnm")
}
"""File name endings, lower case, that dsk takes for images."""


def is_image_name(name: str) -> bool:
    """Tell by its name whether a file is an image; macOS's ``._`` side files are none."""
    _, _, base = name.rpartition("/")
    stem, dot, ext = base.rpartition(".")
    return bool(dot and stem) and f".{ext.lower()}" in IMAGE_SUFFIXES and not base.startswith("._")


def is_decoded(source: Any) -> bool:
    """Tell whether a source is pixels (an array, or a function that returns one), not a file."""
    return callable(source) or hasattr(source, "dtype")


class ArchiveMember(Struct, frozen=True):
    """A file inside an archive."""

    archive: str
    name: str


class Media(Struct, frozen=True, gc=False):
    """Base of all media.

    Attributes:
        path: Name in the dataset, POSIX separators, with extension; "" when unknown.
        source: Where the content is, see the module's text.
        extra: Fields of the source format without a place in the model, by format family.
    """

    kind: ClassVar[str] = "media"

    path: str = ""
    source: Any = None
    extra: dict[str, Any] | None = None

    @property
    def ext(self) -> str:
        """The file name's ending with its dot, as written, or ""."""
        path = self.path
        dot, base = path.rfind("."), path.rfind("/") + 1
        if dot > base and path[base] != ".":
            return path[dot:]  # what splitext says, too, for nearly all names: this is hot
        return os.path.splitext(path)[1]  # noqa: PTH122 - the name is no local path

    @property
    def exists(self) -> bool:
        """Whether the content can be had."""
        source = self.source
        if isinstance(source, ArchiveMember):
            from dsk.files import has_member

            return has_member(source)
        return os.path.isfile(source) if isinstance(source, str) else source is not None  # noqa: PTH113

    def open(self) -> BinaryIO:
        """Open the encoded content for reading.

        Raises:
            MediaError: It is missing, unreadable, or exists only as an array.
        """
        source = self.source
        try:
            if isinstance(source, str):
                from dsk.files import check_located

                check_located(source)
                return open(source, "rb", opener=plain_file)
            if isinstance(source, ArchiveMember):
                from dsk.files import open_member

                return open_member(source)
        except OSError as error:
            raise MediaError(reason(error), where=self.path or str(source)) from error
        except InputError as error:
            raise MediaError(error.message, where=error.where) from error
        if isinstance(source, bytes):
            return io.BytesIO(source)
        raise MediaError(f"the {self.kind} has no file", where=self.path)

    def read_bytes(self) -> bytes:
        """Return the encoded content.

        Raises:
            MediaError: As for ``open``.
        """
        if isinstance(self.source, bytes):
            return self.source
        if isinstance(self.source, ArchiveMember):
            from dsk.files import read_member

            try:
                return read_member(self.source)
            except InputError as error:
                raise MediaError(error.message, where=error.where) from error
        with self.open() as file:
            return file.read()


class MediaElement(Media, frozen=True, gc=False):
    """A file of a kind that dsk does not look into."""

    kind: ClassVar[str] = "media"


class Image(Media, frozen=True, gc=False):
    """A picture.

    Attributes:
        size: (height, width) in pixels as stored, without turning by EXIF; None when not stated.
    """

    kind: ClassVar[str] = "image"

    size: tuple[int, int] | None = None

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> Image:
        """Refer to an image file; nothing is read."""
        full = os.path.abspath(path)  # noqa: PTH100 - a str is wanted
        return cls(path=os.path.basename(full), source=full, size=size)  # noqa: PTH119

    @classmethod
    def from_bytes(cls, data: bytes, path: str = "") -> Image:
        """Take an encoded image (the content of a JPEG, PNG … file)."""
        return cls(path=path, source=bytes(data))

    @classmethod
    def from_array(cls, array: NDArray[Any] | Callable[[], NDArray[Any]], path: str = "") -> Image:
        """Take decoded pixels, (height, width) or (height, width, channels) in RGB order."""
        size = None if callable(array) else (int(array.shape[0]), int(array.shape[1]))
        return cls(path=path, source=array, size=size)

    def get_size(self) -> tuple[int, int] | None:
        """Return (height, width): as stated, else from the file's header, else None."""
        if self.size is not None:
            return self.size
        source = self.source
        if source is None or (isinstance(source, str | ArchiveMember) and not self.exists):
            return None
        if hasattr(source, "shape"):
            return int(source.shape[0]), int(source.shape[1])
        if callable(source):
            return self.data.shape[0], self.data.shape[1]
        from dsk.imagesize import read_size

        with self.open() as file:
            return read_size(file, self.path)

    @property
    def data(self) -> NDArray[np.uint8] | NDArray[Any]:
        """Decoded pixels, (height, width) or (height, width, channels) in RGB order.

        Raises:
            MediaError: The image is missing or damaged.
        """
        from dsk.pixels import decode

        return decode(self)


class VideoFrame(Image, frozen=True, gc=False):
    """One frame of a video; ``source`` is the frame's image when it has been extracted.

    Attributes:
        video: Where the video is, as ``Media.source``.
        index: Frame number, from 0.
    """

    kind: ClassVar[str] = "video_frame"

    video: Any = None
    index: int = 0


class MultiframeImage(Media, frozen=True, gc=False):
    """Several images that belong together and share one item (a stack, a multi-page TIFF)."""

    kind: ClassVar[str] = "multiframe_image"

    frames: tuple[Image, ...] = ()


class PointCloud(Media, frozen=True, gc=False):
    """A point cloud file and the images taken with it.

    Attributes:
        extra_images: Related camera images.
    """

    kind: ClassVar[str] = "point_cloud"

    extra_images: tuple[Image, ...] = ()


class Volume(Media, frozen=True, gc=False):
    """A scan on a regular grid; ``source`` may be any lazy array (``shape``, ``__getitem__``).

    Attributes:
        shape: Voxels along i, j, k and, if there are any, channels or time.
        affine: 4×4, row by row: voxel indices to RAS+ millimetres; None when unknown.
        dtype: Type of the stored numbers, as numpy names it.
        rescale: (slope, intercept) from stored numbers to values.
        channels: Names of the channels along the last axis.
        slice_axis: The axis along which 2D views step.
        header: The source's own header, kept to be written back unchanged.
    """

    kind: ClassVar[str] = "volume"

    shape: tuple[int, ...] = ()
    affine: tuple[float, ...] | None = None
    dtype: str = ""
    rescale: tuple[float, float] = (1.0, 0.0)
    channels: tuple[str, ...] = ()
    slice_axis: int = 2
    header: Any = None
