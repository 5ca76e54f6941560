"""From Datumaro's descriptions of media to dsk's, and where their files are."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from dsk.errors import UnsafePathError
from dsk.media import (
    IMAGE_SUFFIXES,
    Image,
    Media,
    MediaElement,
    MultiframeImage,
    PointCloud,
    VideoFrame,
    Volume,
)
from dsk.names import clean_name, stem_of
from dsk_datumaro.encode import NAME
from dsk_datumaro.parse import MediaMoreIn

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_datumaro.parse import ItemIn
    from dsk_datumaro.volumes import ArrayFile

__all__ = ["MediaReader"]

_NO_MORE = MediaMoreIn()
_NUMBERS = (int, float)
_SIDE = 1 << 31
_KEYS = ("image", "point_cloud", "video_frame", "video")


class MediaReader:
    """Reads the media of one subset.

    Args:
        root: The dataset's files.
        prefix: The folder that holds ``annotations`` and the media, with its slash, or "".
        subset: The subset's name as a folder.
        ledger: Is told about sizes that no image has.
    """

    def __init__(self, root: InputRoot, prefix: str, subset: str, ledger: Ledger) -> None:
        self._root = root
        self._ledger = ledger
        self._prefix = prefix
        self._subset = subset
        self._there: dict[tuple[str, ...], list[str]] = {}
        self._images: dict[str, str] | None = None

    def read(self, item: ItemIn, name: str) -> Media | None:
        """Return an item's medium, or None.

        Args:
            item: The record.
            name: The item's id.

        Raises:
            ValueError: There are several media, or one is malformed.
        """
        given = [key for key in _KEYS if getattr(item, key) is not None]
        if not given and item.media is not None:  # old files have it beside the image, too
            given = ["media"]
        if not given:
            return self._beside(name)
        if len(given) > 1:
            raise ValueError(f"an item has one medium, not {' and '.join(given)}")
        more = item.dsk.media if item.dsk is not None and item.dsk.media is not None else _NO_MORE
        key = given[0]
        if key == "image":
            return self._image(item.image or {}, name, more)
        if key == "point_cloud":
            return self._cloud(item, name, more)
        if key == "video_frame":
            return self._frame(item.video_frame or {}, name, more)
        if key == "video":
            return self._video(item.video or {}, more)
        return self._media(item.media or {}, more)

    def array(self, name: str) -> ArrayFile:
        """Return the array file that a mask in a volume refers to, read when it is asked for."""
        from dsk_datumaro.volumes import ArrayFile

        return ArrayFile(self._root.locate(f"{self._prefix}{name}"), name)

    def _size(self, plain: dict[str, Any]) -> tuple[int, int] | None:
        """Return (height, width), or None when it is not stated, stated as null, or no size."""
        size = plain.get("size")
        if not size:
            return None
        if not isinstance(size, list) or len(size) != 2:
            raise ValueError(f"a size must be [height, width], not {size!r}")
        height, width = size
        if height is None or width is None:
            return None
        if type(height) not in _NUMBERS or type(width) not in _NUMBERS:
            raise ValueError(f"a size must be [height, width], not {size!r}")
        if not (1 <= height < _SIDE and 1 <= width < _SIDE):
            self._ledger.warn("an image has a size that no image has; read as not known")
            return None
        return int(height), int(width)

    def _find(self, path: str, *folders: str) -> Any:
        """Return where a file is, or None; names that lead out of the dataset are not followed."""
        there = self._there.get(folders)
        if there is None:
            places = [f"{self._prefix}{folder}".rstrip("/") for folder in folders]
            there = self._there[folders] = [p for p in places if self._root.is_dir(p)]
        if not there or not path:
            return None
        try:
            name = clean_name(path)
        except UnsafePathError:
            return None
        for folder in there:
            full = f"{folder}/{name}" if folder else name
            if self._root.is_file(full):
                return self._root.locate(full)
        return None

    def _beside(self, name: str) -> Image | None:
        """Return the image called like an item that names no medium, if there is one."""
        folder = f"{self._prefix}images/{self._subset}/"
        if self._images is None:
            found = self._root.walk(folder[:-1], suffixes=IMAGE_SUFFIXES)
            known = self._root.is_dir(folder[:-1])
            there = [file[len(folder) :] for file in found] if known else []
            self._images = {stem_of(file): file for file in reversed(there)}
        file = self._images.get(name)
        return None if file is None else Image(file, self._root.locate(f"{folder}{file}"))

    def _image(self, plain: dict[str, Any], name: str, more: MediaMoreIn) -> Image:
        path = _path(plain) or f"{name}.jpg"
        folders = (f"images/{self._subset}", "images")
        source = self._find(path, *folders)
        if source is None and self._there[folders]:
            ext = posixpath.splitext(path)[1]
            source = self._find(f"{name}{ext}", *folders) or self._find(path, "")
        return Image(path, source, _extra(plain, more.extra, "path", "size"), self._size(plain))

    def _cloud(self, item: ItemIn, name: str, more: MediaMoreIn) -> PointCloud:
        plain = item.point_cloud or {}
        path = _path(plain) or f"{name}.pcd"
        subset = self._subset
        images = []
        for one in item.related_images or ():
            image = _path(one)
            source = self._find(
                image,
                f"images/{subset}",
                f"related_images/{subset}/{name}",
                f"images/{subset}/{name}",
                f"related_images/{subset}",
                "related_images",
                "images",
            )
            if source is None:
                base = image.replace("\\", "/").rpartition("/")[2]
                own = (f"related_images/{subset}/{name}", f"images/{subset}/{name}")
                source = self._find(base, *own) or self._find(image, "")
            about = one.get("dsk")
            known = about.get("extra") if isinstance(about, dict) else None
            if known is not None and not isinstance(known, dict):
                raise ValueError("extra of a related image is no object")
            extra = _extra(one, known, "path", "size", "dsk")
            images.append(Image(image, source, extra, self._size(one)))
        folders = (f"point_clouds/{subset}", "point_clouds")
        source = self._find(path, *folders)
        if source is None:
            ext = posixpath.splitext(path)[1]
            source = self._find(f"{name}{ext}", *folders) or self._find(path, "")
        return PointCloud(path, source, _extra(plain, more.extra, "path"), tuple(images))

    def _frame(self, plain: dict[str, Any], name: str, more: MediaMoreIn) -> VideoFrame:
        video = plain.get("video_path") or ""
        index = plain.get("frame_index") or 0
        if not isinstance(video, str) or not isinstance(index, int):
            raise ValueError("a video_frame has a video_path and a frame_index")  # noqa: TRY004
        image = self._image(more.image, name, _NO_MORE) if more.image is not None else None
        return VideoFrame(
            image.path if image is not None else video,
            image.source if image is not None else None,
            _extra(plain, more.extra, "video_path", "frame_index"),
            image.size if image is not None else more.size,
            self._find(video, f"videos/{self._subset}", "videos"),
            index,
        )

    def _video(self, plain: dict[str, Any], more: MediaMoreIn) -> MediaElement:
        path = _path(plain)
        extra = dict(more.extra or {})
        extra[NAME] = {
            **extra.get(NAME, {}),
            "video": {k: v for k, v in plain.items() if k != "path"},
        }
        return MediaElement(path, self._find(path, f"videos/{self._subset}", "videos"), extra)

    def _media(self, plain: dict[str, Any], more: MediaMoreIn) -> Media:
        path = _path(plain)
        kind = more.kind
        extra = _extra(plain, more.extra, "path")
        if kind == "volume":
            return self._volume(path, more, extra)
        source = self._find(path, f"media/{self._subset}", "media", "")
        if kind == "multiframe_image":
            return MultiframeImage(
                path,
                self._find(path, f"media/{self._subset}"),
                extra,
                tuple(
                    Image(
                        _path(one),
                        self._find(_path(one), f"media/{self._subset}"),
                        None,
                        self._size(one),
                    )
                    for one in more.frames
                ),
            )
        return MediaElement(path, source, extra)

    def _volume(self, path: str, more: MediaMoreIn, extra: dict[str, Any] | None) -> Volume:
        source = self._find(path, f"volumes/{self._subset}")
        if source is not None and path.endswith(".npz"):
            from dsk_datumaro.volumes import ArrayFile

            source = ArrayFile(source, path)
        return Volume(
            path,
            source,
            extra,
            more.shape,
            more.affine,
            more.dtype,
            more.rescale,
            more.channels,
            more.slice_axis,
            more.header,
        )


def _path(plain: dict[str, Any]) -> str:
    path = plain.get("path") or ""
    if not isinstance(path, str):
        raise ValueError(f"a path must be a string, not {path!r}")  # noqa: TRY004 - of the data
    return path


def _extra(
    plain: dict[str, Any], extra: dict[str, Any] | None, *known: str
) -> dict[str, Any] | None:
    """Return the extra fields of a medium: those under ``dsk`` and those nobody knows."""
    unknown = {k: v for k, v in plain.items() if k not in known}
    if unknown:
        extra = {**(extra or {}), NAME: unknown}
    return extra
