"""Telling ICDAR datasets from others."""

from __future__ import annotations

import posixpath
import re
from itertools import chain, islice
from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk.listings import is_prose
from dsk.media import is_image_name
from dsk.names import stem_of
from dsk_ocr.grammar import NUMBER, SCRIPTS, is_number, tabbed
from dsk_ocr.homes import PICTURES, is_list, is_loose_list, own_stem
from dsk_ocr.labelfiles import is_label_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot

__all__ = ["detect_localization", "detect_recognition", "detect_segmentation"]

_DEPTH = 3
_HEAD = 4096
_FEW, _MANY = 4, 100
"""How many texts of one folder are looked into, and of all."""

_LISTED = 90
_SURE, _PLAIN = 85, 60
"""Scores of lists of words: with texts in quotes, and without."""

_REGION = re.compile(
    rf"\s*(?:{NUMBER}\s+{NUMBER}\s+{NUMBER}\s+{NUMBER}(?:\s+\".*)?"
    rf"|{NUMBER}(?:\s*,\s*{NUMBER}){{3,}}\s*(?:,.*)?)"
)
_OUTLINE = re.compile(rf"\s*{NUMBER}(?:\s*,\s*{NUMBER}){{7,}}\s*,(.*)")
_LETTER = re.compile(r"[^\d\s.,+-]")
_CLASS = re.compile(r"[A-Za-z][\w -]*,\s*[012]")
_CHARACTER = re.compile(r"#?\s*(?:\d+\s+){3}\S+\s+\S+(?:\s+-?\d+(?:\.\d+)?){4}\s+\".*")


def _names(root: InputRoot, word: str) -> Iterator[str]:
    """Return the text files with some lower-case word in their names."""
    if root.focus is not None:
        return iter([root.focus])
    return root.walk(depth=_DEPTH, suffixes=(".txt",), words=(word,))


def _lines(root: InputRoot, name: str) -> list[str]:
    data = root.read(name, _HEAD)
    text = data.decode("utf-8-sig", "replace").replace("\r", "\n")
    lines = text.split("\n")
    if len(data) == _HEAD:
        lines.pop()
    return [line for line in lines if line.strip()]


def detect_recognition(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    for name in chain(_names(root, "gt.txt"), _names(root, "rec_gt")):
        if not is_list(posixpath.basename(name)):
            continue
        lines = _lines(root, name)
        kinds = set(map(_word_kind, lines))
        if kinds and None not in kinds:
            return Detection(min(filter(None, kinds)), f"{name} lists images and their texts")
    if root.focus is None:
        for name in islice(_first_texts(root), _MANY):
            if is_loose_list(root, name):
                return Detection(_PLAIN, f"{name} lists images and their texts")
    return None


def _word_kind(line: str) -> int | None:
    """Return how sure a line is of an image and its text; None if it is something else."""
    if tabbed(line) is not None:
        return _SURE
    name, comma, text = line.partition(",")
    while comma and not is_image_name(name.strip()):  # names may have commas
        more, comma, text = text.partition(",")
        name = f"{name},{more}"
    text = text.strip()
    if not comma:
        return None
    if not text or text[0] == text[-1] == '"':
        return _SURE
    fields = text.replace(",", " ").replace(";", " ").split()[:2]
    return None if all(map(is_number, fields)) else _PLAIN


def detect_localization(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    empty = None
    for count, name in enumerate(_names(root, "gt_")):
        base = name.rpartition("/")[2]
        if not base.startswith("gt_"):
            continue
        lines = _lines(root, name)
        if lines:
            fits = all(_REGION.fullmatch(line) for line in lines)
            return Detection(80, f"{name} holds boxes of text") if fits else None
        empty = empty or name
        if count > 200:
            break
    if empty:
        return Detection(45, f"{empty} is an empty file of text boxes")
    return _named_as_images(root)


def _named_as_images(root: InputRoot) -> Detection | None:
    """Tell PaddleOCR's lists, SROIE and MLT of 2019 by content: their names say nothing."""
    for name in islice(_first_texts(root), _MANY):
        lines = _lines(root, name) or [root.read(name, _HEAD).decode("utf-8", "replace")]
        if is_label_line(lines[0].removeprefix("\ufeff")):
            return Detection(_LISTED, f"{name} lists images and outlines of text in them")
        score = _rate_outlines(lines)
        stem = own_stem(posixpath.basename(name))
        if score and (root.focus is not None or _has_image(root, stem)):
            return Detection(score, f"{name} holds outlines of text in the image of its name")
    return None


def _first_texts(root: InputRoot) -> Iterator[str]:
    """Yield the first text files of each folder."""
    if root.focus is not None:
        yield from [root.focus] if root.focus.lower().endswith(".txt") else []
        return
    level = [""]
    for _ in range(_DEPTH + 1):
        below: list[str] = []
        for folder in level:
            listing = root.listing(folder)
            texts = (name for name in listing.pick((".txt",)) if not is_prose(name))
            for name in islice(texts, _FEW):
                yield posixpath.join(folder, name)
            below += [posixpath.join(folder, name) for name in listing.folders]
        level = below


def _rate_outlines(lines: list[str]) -> int:
    """Return how sure lines are corners and a text, not numbers (MOT) or classes (DOTA)."""
    found = [_OUTLINE.fullmatch(line) for line in lines]
    texts = [match[1].strip() for match in found if match is not None]
    if len(texts) < len(lines) or not any(_LETTER.search(text) for text in texts):
        return 0
    if all(_CLASS.fullmatch(text) for text in texts):
        return 0
    return 80 if all(text.partition(",")[0] in SCRIPTS for text in texts) else 75


def _has_image(root: InputRoot, stem: str) -> bool:
    names = root.walk(depth=_DEPTH, words=(stem.lower(),))
    return any(is_image_name(n) and stem_of(posixpath.basename(n)) == stem for n in names)


def detect_segmentation(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    empty = None
    for name in _names(root, "_gt.txt"):
        if not name[:-4].endswith("_GT"):
            continue
        lines = _lines(root, name)
        if lines and all(_CHARACTER.fullmatch(line.strip()) for line in lines):
            shown = any(root.is_file(name[:-4] + ending) for ending in PICTURES)
            score = 85 if shown else 60
            return Detection(score, f"{name} holds characters and their colours")
        if not lines:
            empty = empty or name
    return Detection(45, f"{empty} is an empty file of characters") if empty else None
