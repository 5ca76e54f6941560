"""Writing items' clouds: copied as they are, or as another kind of file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.errors import InputError, MediaError, OptionError
from dsk_pointcloud.clouds.names import ENCODINGS, Encoding, suffix_of

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.media import Media
    from dsk.output import WriteContext
    from dsk_pointcloud.clouds.cloud import Cloud

__all__ = ["CloudSaver", "has_cloud"]


def has_cloud(media: Media) -> bool:
    """Tell whether a medium is or names a cloud: some have images only."""
    return media.source is not None or bool(media.path)


class CloudSaver:
    """Writes items' clouds: copied byte for byte unless another kind of file is asked for.

    Args:
        ext: Ending that the files shall have, or "" to keep theirs.
        encoding: How PCD files shall store their points, or "keep".

    Raises:
        OptionError: There is no such encoding.
    """

    def __init__(self, ext: str = "", encoding: str = "keep") -> None:
        if encoding not in ("keep", *ENCODINGS):
            raise OptionError(f"pcd_encoding is keep, {', '.join(ENCODINGS)}, not {encoding!r}")
        self.ext = ext
        self._encoding = encoding

    def suffix(self, media: Media | None) -> str:
        """Return the ending of the file that ``save`` writes for a medium."""
        if media is None:
            return self.ext or ".pcd"
        path = media.path
        own = path[len(path) - len(suffix_of(path)) :] if suffix_of(path) else ""
        if self.ext and own.lower() != self.ext:
            return self.ext
        return own or self.ext or ".pcd"

    def save(
        self, item: DatasetItem, media: Media, name: str, ctx: WriteContext, turns: int = 0
    ) -> bool:
        """Write a cloud, if there is one and media are saved at all; a missing one is reported.

        Args:
            item: Whose cloud it is.
            media: The cloud.
            name: The file's name.
            ctx: Where it is written.
            turns: Quarter turns about z that its points make.

        Returns:
            Whether the file was written.
        """
        if not ctx.save_media or not has_cloud(media):
            return False
        ext = suffix_of(name)
        if media.source is None or not (turns or self._changes(media, ext)):
            return ctx.save_file(item, media, name)
        if not media.exists:
            return ctx.save_file(item, media, name)  # says that it is missing
        from dsk_pointcloud.clouds.losses import lost_in

        try:
            cloud, data = self._encoded(media, ext, turns)
        except InputError as error:
            what = f"point cloud not saved: {error.message}"
            ctx.ledger.add_at("DSK-L016", what, item)
            return False
        what = f"point cloud re-encoded {suffix_of(media.path)}→{ext}"
        ctx.ledger.add_at("DSK-L016", what, item)
        for lost in lost_in(cloud, ext):
            what = f"{ext} holds no {lost}"
            ctx.ledger.add_at("DSK-L016", what, item)
        if cloud.surplus:
            ctx.ledger.warn("PCD files have more rows than they declare; those are left out")
        ctx.write(name, data)
        ctx.ledger.media_saved += 1
        return True

    def _encoded(self, media: Media, ext: str, turns: int) -> tuple[Cloud, bytes]:
        from dsk_pointcloud.clouds.cloud import quarter_turned
        from dsk_pointcloud.clouds.colours import coloured_for
        from dsk_pointcloud.clouds.files import encode, load

        cloud = load(media)
        if suffix_of(media.path) != ext:
            cloud = coloured_for(cloud, ext)
        if turns:
            cloud = quarter_turned(cloud, turns)
        encoding: Encoding = "binary" if self._encoding == "keep" else self._encoding  # type: ignore[assignment]
        return cloud, encode(cloud, ext, encoding)

    def _changes(self, media: Media, ext: str) -> bool:
        own = suffix_of(media.path)
        if own and ext and own != ext:
            return True
        if self._encoding == "keep" or ext != ".pcd":
            return False
        from dsk_pointcloud.clouds.pcd import read_header

        try:
            with media.open() as file:
                return read_header(file.read(1 << 16), media.path).encoding != self._encoding
        except MediaError:
            return True  # ``save`` says what is wrong with it
