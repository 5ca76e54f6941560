"""Telling video files by their names and first bytes; light, for detectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["HEAD", "SUFFIXES", "has_video_name", "is_video", "looks_like_video"]

_ENDINGS = (
    "3gp 3g2 asf wmv avi divx evo f4v flv m4v mkv mk3d mp4 mpg mpeg m2p ps ts m2ts mts mxf ogg ogv "
    "ogx mov qt rm rmvb vob webm"
)
SUFFIXES = frozenset(f".{ending}" for ending in _ENDINGS.split())
"""File name endings, lower case, of video containers: Datumaro's list and a few more."""

HEAD = 512
"""How many first bytes ``looks_like_video`` wants."""

_STARTS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"FLV\x01",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV
    b"OggS",
    b".RMF",
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG-1 and MPEG-2 video
    b"\x06\x0e\x2b\x34",  # MXF
)
_ATOMS = frozenset({b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"})
_STILLS = frozenset({b"avif", b"heic", b"heix", b"heim", b"heis", b"mif1", b"jxl ", b"jp2 "})
"""Brands of images in the container that MP4 uses, too."""


def has_video_name(name: str) -> bool:
    """Tell by its name whether a file is a video; macOS's ``._`` side files are none."""
    base = name.rpartition("/")[2]
    stem, dot, ext = base.rpartition(".")
    return bool(dot and stem) and f".{ext.lower()}" in SUFFIXES and not base.startswith("._")


def looks_like_video(head: bytes) -> bool:
    """Tell by its first ``HEAD`` bytes whether a file is of a container that holds videos."""
    if head.startswith(_STARTS):
        return True
    if head[:4] == b"RIFF":
        return head[8:12] == b"AVI "
    if head[4:8] == b"ftyp":
        return head[8:12] not in _STILLS
    if head[4:8] in _ATOMS:
        return True
    # transport streams: packets of 188 bytes, or of 192 with a time stamp before each
    return any(
        len(head) > first + step and head[first] == head[first + step] == 0x47
        for first, step in ((0, 188), (4, 192))
    )


def is_video(root: InputRoot, name: str) -> bool:
    """Tell by name and first bytes whether a file is a video."""
    return has_video_name(name) and looks_like_video(root.read(name, HEAD))
