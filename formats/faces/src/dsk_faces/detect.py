"""Telling face datasets from others by names and first bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_faces import celeba, lfw, vgg, wider

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.files import InputRoot

__all__ = [
    "detect_align_celeba",
    "detect_celeba",
    "detect_lfw",
    "detect_vgg_face2",
    "detect_wider_face",
]

_HEAD = 4096


def detect_wider_face(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    for name in wider.find_lists(root).values():
        lines = root.text_bytes(name, _HEAD).decode(errors="replace").splitlines()
        if lines and wider.is_path(lines[0].strip()):
            return Detection(90, f"{name} lists images and faces")
    return None


def detect_celeba(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    return _celeba(root, 80, aligned=False)


def detect_align_celeba(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``; where there are both sorts of images, these are chosen."""
    return _celeba(root, 85, aligned=True)


def _celeba(root: InputRoot, sure: int, *, aligned: bool) -> Detection | None:
    if root.focus is not None:
        if not celeba.is_table(root.focus):
            return None
        root = root.up()
    home = celeba.find_home(root)
    if home is None:
        return None
    tables = (celeba.IDENTITY, celeba.ATTRIBUTES, celeba.PARTITION, celeba.LANDMARKS[aligned])
    found = [name for name in tables if celeba.find_table(root, home, name)]
    if not found:
        return None
    images = celeba.find_images(root, home, aligned=aligned)
    if images is not None:
        return Detection(sure, f"{found[0]} and {images}")
    if celeba.LANDMARKS[aligned] in found:
        return Detection(sure - 10, f"{celeba.LANDMARKS[aligned]} without images")
    return None


def _given(root: InputRoot, names: Iterable[str]) -> list[str]:
    """Return the files that count: of one given file's neighbours, none."""
    return [name for name in names if root.focus in (None, name)]


def detect_vgg_face2(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    _, tables = vgg.find_tables(root)
    for name in _given(root, [name for found in tables.values() for name in found.values()]):
        if root.text_bytes(name, 64).upper().startswith(b"NAME_ID,"):
            return Detection(90, f"{name} begins with NAME_ID")
    return None


def detect_lfw(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    for name in _given(root, lfw.find_subsets(root).values()):
        text = root.text_bytes(name, _HEAD).decode(errors="replace")
        first, *lines = text.splitlines()[:20] or [""]
        tab = lfw.separator(name, text)
        if tab == "," and not lfw.is_columns(first):
            continue  # pairs of something else
        rows = [lfw.fields_of(line, tab) for line in lines]
        if any(len(row) in (3, 4) and row[1].isdecimal() for row in rows):
            return Detection(85, f"{name} lists pairs of images")
        if f"/{name}".endswith(f"/{lfw.ANNOTATIONS}/{lfw.PAIRS}"):
            return Detection(60, f"{name} is named like LFW's pairs")
    return None
