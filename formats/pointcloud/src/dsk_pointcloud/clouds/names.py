"""Names of cloud files and of PCD's encodings; nothing here needs numpy."""

from __future__ import annotations

import posixpath
from typing import Literal

from dsk.listings import is_prose

__all__ = [
    "CLOUD_SUFFIXES",
    "ENCODINGS",
    "Encoding",
    "cloud_stem",
    "five_columns",
    "is_cloud_name",
    "says_nothing",
    "suffix_of",
]

Encoding = Literal["ascii", "binary", "binary_compressed"]
ENCODINGS: tuple[Encoding, ...] = ("ascii", "binary", "binary_compressed")

CLOUD_SUFFIXES = (".pcd", ".bin", ".pcd.bin", ".ply", ".las", ".laz")
"""Endings, lower case, of files that are read as point clouds."""


def suffix_of(name: str) -> str:
    """Return the ending of a cloud's name, lower case, ``.pcd.bin`` as one, or ""."""
    lower = name.lower()
    if lower.endswith(".pcd.bin"):
        return ".pcd.bin"
    ext = posixpath.splitext(lower)[1]
    return ext if ext in CLOUD_SUFFIXES else ""


def cloud_stem(name: str) -> str:
    """Return a cloud's name without its ending; a name that is only an ending keeps it."""
    stem = name[: len(name) - len(suffix_of(name))]
    return stem if stem.rpartition("/")[2] else name


def five_columns(name: str) -> str:
    """Return the name of a cloud of five columns: ``.bin`` alone stands for KITTI's four."""
    return f"{cloud_stem(name)}.pcd.bin" if suffix_of(name) == ".bin" else name


def is_cloud_name(name: str) -> bool:
    """Tell by its name whether a file is a point cloud."""
    base = name.rpartition("/")[2]
    return bool(suffix_of(base)) and not base.startswith("._")


def says_nothing(name: str) -> bool:
    """Tell whether a file is hidden or for people, so that nothing is lost without it."""
    own = name.rpartition("/")[2]
    return own.startswith(".") or is_prose(own)
