"""Media as Datumaro's JSON describes them, and where they are saved."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from dsk.errors import OutputError
from dsk.media import (
    ArchiveMember,
    Image,
    Media,
    MultiframeImage,
    PointCloud,
    VideoFrame,
    Volume,
)
from dsk_datumaro.encode import NAME

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["MEDIA_TYPES", "MediaWriter"]

MEDIA_TYPES = {"media": 1, "image": 2, "video_frame": 4, "video": 5, "point_cloud": 6}
"""Datumaro 1.x's numbers of media types; it reads 7, ``multiframe_image``, but never writes it."""


class MediaWriter:
    """Describes the media of one partition and saves them when that is asked for.

    Args:
        ctx: Where they are written.
        dialect: "d0" puts the images of point clouds where Datumaro 0.x does.
    """

    def __init__(self, ctx: WriteContext, dialect: str) -> None:
        self._ctx = ctx
        self._d0 = dialect == "d0"
        self.videos: dict[str, Any] = {}
        """Videos to be saved, once for all partitions: name below ``videos/`` to source."""

    def describe(self, item: DatasetItem, subset: str, record: dict[str, Any]) -> str:
        """Put an item's medium into its record and return Datumaro's name of the medium's type.

        Args:
            item: The item; it has a medium.
            subset: Name of the subset as a folder.
            record: The item's record; gets the medium's key and maybe ``dsk``.
        """
        media = item.media
        if isinstance(media, VideoFrame):
            return self._frame(item, media, subset, record)
        if isinstance(media, Image):
            record["image"] = self._image(item, media, subset)
            if media.extra:
                _keep(record, {"extra": media.extra})
            return "image"
        if isinstance(media, PointCloud):
            return self._cloud(item, media, subset, record)
        if isinstance(media, MultiframeImage):
            return self._frames(item, media, subset, record)
        if isinstance(media, Volume):
            from dsk_datumaro.volumes import describe_volume

            return describe_volume(self._ctx, item, media, subset, record)
        return self._other(item, media, subset, record)

    def _image(self, item: DatasetItem, media: Image, subset: str) -> dict[str, Any]:
        name = media.path
        if self._ctx.save_media:
            target = self._ctx.image_name(item)
            if self._ctx.save_image(item, f"images/{subset}/{target}"):
                name = target
        plain: dict[str, Any] = {"path": name}
        if media.size is not None:
            plain["size"] = media.size
        return plain

    def _file(self, item: DatasetItem, media: Media, folder: str, name: str) -> str:
        """Save a file of any kind below a folder and return its name there, or the name it has."""
        if self._ctx.save_media and self._ctx.save_file(item, media, f"{folder}/{name}"):
            return name
        return media.path

    def _cloud(
        self, item: DatasetItem, media: PointCloud, subset: str, record: dict[str, Any]
    ) -> str:
        name = item.id + (media.ext or ".pcd")
        record["point_cloud"] = {"path": self._file(item, media, f"point_clouds/{subset}", name)}
        related = []
        for number, image in enumerate(media.extra_images):
            ext = image.ext or ".jpg"
            if self._d0:
                folder, name = f"related_images/{subset}/{item.id}", f"image_{number}{ext}"
            else:
                folder, name = f"images/{subset}", f"{item.id}/extra_image_{number}{ext}"
            plain: dict[str, Any] = {"path": self._file(item, image, folder, name)}
            if image.size is not None:
                plain["size"] = image.size
            if image.extra:
                plain["dsk"] = {"extra": image.extra}
            related.append(plain)
        if related:
            record["related_images"] = related
        if media.extra:
            _keep(record, {"extra": media.extra})
        return "point_cloud"

    def _frame(
        self, item: DatasetItem, media: VideoFrame, subset: str, record: dict[str, Any]
    ) -> str:
        video = media.video
        name = _video_name(video, item.id) or media.path
        if self._ctx.save_media and video is not None:
            place = f"{subset}/{name}"
            if self.videos.setdefault(place, video) != video:
                raise OutputError(
                    f"{self.videos[place]} and {video} want the same file", where=f"videos/{place}"
                )
        record["video_frame"] = {"video_path": name, "frame_index": media.index}
        more: dict[str, Any] = {}
        if media.source is not None or media.path not in ("", name):
            more["image"] = self._image(item, media, subset)
        elif media.size is not None:
            more["size"] = media.size
        if media.extra:
            more["extra"] = media.extra
        _keep(record, more)
        return "video_frame"

    def _frames(
        self, item: DatasetItem, media: MultiframeImage, subset: str, record: dict[str, Any]
    ) -> str:
        name = posixpath.basename(media.path)
        record["media"] = {"path": self._file(item, media, f"media/{subset}/{item.id}", name)}
        frames = []
        for number, frame in enumerate(media.frames):
            target = f"frame_{number}{frame.ext or '.jpg'}"
            path = self._file(item, frame, f"media/{subset}/{item.id}", target)
            frames.append({"path": path} | ({"size": frame.size} if frame.size else {}))
        more: dict[str, Any] = {"kind": media.kind, "frames": frames}
        if media.extra:
            more["extra"] = media.extra
        _keep(record, more)
        return "media"

    def _other(self, item: DatasetItem, media: Any, subset: str, record: dict[str, Any]) -> str:
        extra = dict(media.extra or {})
        video = extra.get(NAME, {}).get("video")
        if video is not None:
            extra[NAME] = {k: v for k, v in extra[NAME].items() if k != "video"}
            extra = {k: v for k, v in extra.items() if v}
        folder = "videos" if video is not None else "media"
        ext = media.ext
        path = self._file(item, media, f"{folder}/{subset}", item.id + ext)
        record["media" if video is None else "video"] = {"path": path, **(video or {})}
        if extra:
            _keep(record, {"extra": extra})
        return folder.rstrip("s")


def _keep(record: dict[str, Any], more: dict[str, Any]) -> None:
    """Put what Datumaro cannot say of a medium under ``dsk.media`` of the item."""
    if more:
        record.setdefault("dsk", {})["media"] = more


def _video_name(source: Any, item: str) -> str:
    """Return what a video is called below its subset's folder.

    Folders stay, where the frame's id has them: videos of one name may lie in several.
    """
    path = source.name if isinstance(source, ArchiveMember) else source
    if not isinstance(path, str):
        return ""
    stem, ext = posixpath.splitext(path)
    folder = item.rpartition("/")[0]
    return folder + ext if f"/{stem}".endswith(f"/{folder}") else posixpath.basename(path)
