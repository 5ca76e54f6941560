"""Finding the subsets of ICDAR datasets: text files and the images they are about."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.errors import InputError
from dsk.item import DEFAULT_SUBSET
from dsk.media import is_image_name
from dsk.names import stem_of
from dsk.splits import SPLITS
from dsk_ocr.grammar import tabbed
from dsk_ocr.lending import rank_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

    Naming = Callable[[str, str], str | None]
    """From a text file's folder and name to its item's id; None for what is something else."""

__all__ = [
    "IMAGES",
    "PICTURES",
    "Home",
    "find_homes",
    "find_lists",
    "home_of",
    "is_list",
    "is_loose_list",
    "lead_of",
    "own_stem",
]

IMAGES = "images"
PICTURES = (".bmp", ".png", ".BMP", ".PNG")
"""Endings of the pictures that show characters in their colours."""

DEPTH = 3
_HEAD = 64
_PADDLE = re.compile(r"rec_gt(?:_(\w+))?\.txt")
"""What PaddleOCR's tools call lists of words."""

_LOOSE = re.compile(r"(?:rec_)?(train|val|valid|test|eval)(?:_list|_label|_rec|_gt)?\.txt")
"""What its manuals and tools call them besides, as others call other lists."""

_LINES = 4096
_LETTER = re.compile(r"[^\W\d_]")
_ASKED = 8
"""How many images are looked for."""

_HIDDEN = re.compile(r"_GT$|(?:^|/)\.{1,2}$")


class Home(Struct):
    """One subset.

    Attributes:
        path: Its folder.
        subset: Its name.
        texts: Text files by item id, relative to the dataset.
        images: Image files by item id, relative to the dataset.
    """

    path: str
    subset: str
    texts: dict[str, str]
    images: dict[str, str]


def find_homes(
    root: InputRoot, named: Callable[[str], str | None], what: str, ledger: Ledger
) -> list[Home]:
    """Return the subsets of a dataset with one text file for each image.

    A folder that holds ``images`` is a subset; where there is none, the folders right below are
    that hold text files somewhere, or the dataset itself.

    Args:
        root: The dataset.
        named: Tells the id that a text file's name stands for.
        what: How the text files are named, for the error.
        ledger: Where it is noted that texts and images do not meet.

    Raises:
        InputError: There are no such files.
    """
    if any(named(posixpath.basename(name)) is not None for name in _text_files(root, "")):
        homes = _homes(root, lambda _, base: named(base), mixed=True)
    else:
        homes = _homes(root, _named_as_images(root, ledger), mixed=False)
    if not any(home.texts for home in homes):
        raise InputError(f"there are no files {what}", where=root.path)
    _pair_splits(root, homes)
    _lend_images(root, homes, ledger)
    _tell_apart(homes)
    several = len(homes) > 1
    return [part for home in homes for part in _join(home, ledger, several=several)]


def home_of(root: InputRoot, item: str) -> Home:
    """Return the subset that one given text file makes, with its image if that is there.

    Args:
        root: The file's folder.
        item: The item's id.
    """
    found = _images(root, "")
    images = {item: found[item]} if item in found else {}
    return Home("", DEFAULT_SUBSET, {item: root.focus or ""}, images)


def _named_as_images(root: InputRoot, ledger: Ledger) -> Naming:
    """Return what tells the ids of texts named as the images are: SROIE, MLT of 2019."""
    stems = {stem_of(posixpath.basename(n)) for n in root.walk() if is_image_name(n)}
    texts = [n for n in _text_files(root, "") if own_stem(posixpath.basename(n)) in stems]
    first: dict[str, str] = {}
    for name in texts:
        first.setdefault(posixpath.dirname(name), name)
    facts = {f for f, n in first.items() if root.text_bytes(n, _HEAD).lstrip().startswith(b"{")}
    for folder in sorted(facts):  # of SROIE's third task: company, date, address, total
        ledger.warn(f"the texts in {folder or root.name} are JSON, not lines: they are left out")

    def named(folder: str, base: str) -> str | None:
        stem = own_stem(base)
        return stem if stem in stems and folder not in facts else None

    return named


def own_stem(base: str) -> str:
    """Return the name of a text's image without its ending: of ``a.txt``, and of ``a.jpg.txt``."""
    stem = stem_of(base)
    return stem_of(stem) if is_image_name(stem) else stem


def _homes(root: InputRoot, named: Naming, *, mixed: bool) -> list[Home]:
    """Return the folders of subsets with the texts and images in them.

    Args:
        root: The dataset.
        named: Tells ids.
        mixed: In folders without such texts, others will do if an image there has their name.
    """
    paths = list(_with_images(root, "", DEPTH)) or list(_with_texts(root, "", named, DEPTH))
    homes = []
    for path in paths:
        texts = _texts(root, path, named)
        images = _images(root, path)
        if mixed and not texts:
            stems = {stem_of(n[len(path) + 1 if path else 0 :]): n for n in _text_files(root, path)}
            texts = {stem: name for stem, name in stems.items() if stem in images}
        if texts or images:
            homes.append(Home(path, path.rpartition("/")[2] or DEFAULT_SUBSET, texts, images))
    return homes


def _with_images(root: InputRoot, under: str, depth: int) -> Iterator[str]:
    folders = root.listing(under).folders
    if IMAGES in folders:
        yield under
    elif depth:
        for folder in folders:
            yield from _with_images(root, posixpath.join(under, folder), depth - 1)


def _with_texts(root: InputRoot, under: str, named: Naming, depth: int) -> Iterator[str]:
    folders, files = root.entries(under)
    if any(named(under, name) is not None for name in files) or not depth:
        yield under
        return
    below = [posixpath.join(under, folder) for folder in folders]
    if len(below) == 1 and not files and folders[0].lower() not in SPLITS:
        yield from _with_texts(root, below[0], named, depth - 1)
        return
    for folder in below:
        if _text_files(root, folder):
            yield from _splits(root, folder) or [folder]


def _splits(root: InputRoot, folder: str) -> list[str]:
    """Return the folders of a folder that holds nothing but subsets: ``annotations/training``."""
    folders, files = root.entries(folder)
    if files or not all(name.lower() in SPLITS for name in folders):
        return []
    return [posixpath.join(folder, name) for name in folders]


def _pair_splits(root: InputRoot, homes: list[Home]) -> None:
    """Find the images of MMOCR's layout: ``imgs/training`` for ``annotations/training``.

    Subsets that have images only become such, too: test sets.
    """
    split = [home for home in homes if "/" in home.path and home.subset.lower() in SPLITS]
    done: set[str] = set()
    for home in split:
        if home.images:
            continue
        above = posixpath.dirname(home.path)
        outer = posixpath.dirname(above)
        for name in root.listing(outer).folders:
            other = posixpath.join(outer, name)
            images = _images(root, posixpath.join(other, home.subset)) if other != above else {}
            if images.keys().isdisjoint(home.texts):
                continue
            home.images = images
            if other not in done:
                done.add(other)
                known = {home.subset for home in split}
                bare = [p for p in _splits(root, other) if posixpath.basename(p) not in known]
                homes += [Home(p, posixpath.basename(p), {}, _images(root, p)) for p in bare]
            break


def _text_files(root: InputRoot, folder: str) -> list[str]:
    return root.files(folder, (".txt",))


def _texts(root: InputRoot, folder: str, named: Naming) -> dict[str, str]:
    under = _unpacked(root, folder)
    cut = len(under) + 1 if under else 0
    found = {}
    for name in _text_files(root, under):
        path, _, base = name.rpartition("/")
        item = named(path, base)
        if item is not None:
            found[posixpath.join(path[cut:], item)] = name
    return found


def _unpacked(root: InputRoot, folder: str) -> str:
    """Return the one folder in a folder if their names are one, as unpackers do it, or itself."""
    name = posixpath.basename(folder)
    return f"{folder}/{name}" if name and root.entries(folder) == ([name], []) else folder


def _images(root: InputRoot, folder: str) -> dict[str, str]:
    """Return the images of a subset: those below ``images``, else those beside the texts."""
    found: dict[str, str] = {}
    own = posixpath.join(folder, IMAGES)
    under = own if root.is_dir(own) else _unpacked(root, folder)
    cut = len(under) + 1 if under else 0
    for name in root.walk(under):
        if is_image_name(name) and not _HIDDEN.search(stem_of(name)):
            found.setdefault(stem_of(name[cut:]), name)
    return found


def _lend_images(root: InputRoot, homes: list[Home], ledger: Ledger) -> None:
    """Find the images of official archives: ``ch4_training_images`` beside ``ch4_training_…_gt``.

    There may be several such folders (``ch8_training_images_1`` …). One lends to several subsets
    only if no image would be of two.
    """
    bare = [home for home in homes if home.path and home.texts and not home.images]
    busy = {home.path for home in homes if home.texts}
    folders: dict[str, dict[str, str]] = {}
    lent: dict[str, list[Home]] = {}
    for place, paths in rank_folders(root, [posixpath.split(home.path) for home in bare], busy):
        home = bare[place]
        if home.images:
            continue
        for path in paths:
            if path not in folders:
                folders[path] = _images(root, path)
            images, others = folders[path], lent.get(path, [])
            if images.keys().isdisjoint(home.texts) or any(
                not home.texts.keys().isdisjoint(other.texts) for other in others
            ):
                continue
            if not images.keys().isdisjoint(home.images):
                ledger.warn(f"{path} has images that another folder has, too: they are left out")
                continue
            if others:
                images = {item: images[item] for item in images.keys() & home.texts.keys()}
                for other in others:
                    other.images = {i: n for i, n in other.images.items() if i not in images}
            home.images.update(images)
            lent.setdefault(path, []).append(home)
    homes[:] = [home for home in homes if home.path not in lent]
    if any(home.images for home in homes):
        for home in bare:
            if not home.images:
                ledger.warn(f"there are no images for the texts in {home.path}")


def _join(home: Home, ledger: Ledger, *, several: bool) -> list[Home]:
    """Let texts in a folder of their own meet their images: ``gt`` and ``images``.

    Returns:
        The subsets that both hold, ``gt/train`` and ``images/train``, or the home itself.
    """
    if not (home.texts and home.images and home.images.keys().isdisjoint(home.texts)):
        return [home]
    for texts in _shorter(home.texts):
        for images in _shorter(home.images):
            if not images.keys().isdisjoint(texts):
                home.texts, home.images = texts, images
                return _parted(home, f"{home.subset}_" if several else "") or [home]
    ledger.warn(f"no text of {home.subset} is named like one of its images")
    return [home]


def _shorter(names: dict[str, str]) -> Iterator[dict[str, str]]:
    """Yield files by item id, then without the folders that all ids begin with, one by one."""
    yield names
    while len({item.partition("/")[0] for item in names}) == 1 and all("/" in i for i in names):
        names = {item.partition("/")[2]: name for item, name in names.items()}
        yield names


def _parted(home: Home, prefix: str) -> list[Home]:
    """Return the subsets that a home's texts and images lie in, if all of them do.

    Args:
        home: The home.
        prefix: What the subsets' names begin with: other homes may have such subsets, too.
    """
    parts: dict[str, Home] = {}
    for kind, names in (("texts", home.texts), ("images", home.images)):
        for item, name in names.items():
            subset, _, rest = item.partition("/")
            if not rest or subset.lower() not in SPLITS:
                return []
            part = parts.setdefault(subset, Home(home.path, prefix + subset, {}, {}))
            getattr(part, kind)[rest] = name
    return [parts[subset] for subset in sorted(parts)]


def _tell_apart(homes: list[Home]) -> None:
    """Let subsets of one name have their whole path for a name."""
    names = [home.subset for home in homes]
    for home, name in zip(homes, names, strict=True):
        if names.count(name) > 1:
            home.subset = home.path.replace("/", "_") or DEFAULT_SUBSET


def lead_of(names: Sequence[str], known: Callable[[str], bool]) -> str | None:
    """Return the folders that lists have before the names of images, "" if they are right.

    Tools write the folder that the list lies in, or the way to it.

    Args:
        names: The images of a list.
        known: Tells whether one is there.

    Returns:
        What all names begin with and some image is there without; None if none is there.
    """
    common = posixpath.commonprefix([name.split("/")[:-1] for name in names])
    for count in range(len(common) + 1):
        lead = "".join(f"{part}/" for part in common[:count])
        if any(known(name[len(lead) :]) for name in names[:_ASKED]):
            return lead
    return None


def find_lists(root: InputRoot) -> list[Home]:
    """Return the subsets of a dataset with one list of words each, ``gt.txt`` or ``rec_gt.txt``.

    Raises:
        InputError: There is none.
    """
    if root.focus is not None:
        name = root.focus
        homes = [Home("", DEFAULT_SUBSET, {"": name}, _word_images(root, ""))]
        _lend_words(root, homes)
        return homes
    texts = root.files("", (".txt",), DEPTH)
    names = [name for name in texts if is_list(posixpath.basename(name))]
    names = names or [name for name in texts if is_loose_list(root, name)]
    folders = [posixpath.dirname(name) for name in names]
    homes = []
    for name, folder in zip(names, folders, strict=True):
        base = posixpath.basename(name)
        split = _split_of(base)
        own = split or (stem_of(base) if folders.count(folder) > 1 else "")
        subset = own or posixpath.basename(folder) or DEFAULT_SUBSET
        homes.append(Home(folder, subset, {"": name}, _word_images(root, folder, split)))
    if not homes:
        raise InputError("there is no list gt.txt or rec_gt.txt", where=root.path)
    _lend_words(root, homes)
    _tell_apart(homes)
    return homes


def is_list(base: str) -> bool:
    """Tell by its name whether a text file is a list of words."""
    lower = base.lower()
    official = "task3" in lower and lower.endswith("gt.txt")
    return lower == "gt.txt" or official or _PADDLE.fullmatch(lower) is not None


def is_loose_list(root: InputRoot, name: str) -> bool:
    """Tell whether a text file called like a subset lists images and different words.

    Lists of images and classes look alike, but their texts are the same ones over and over.
    """
    if _LOOSE.fullmatch(posixpath.basename(name).lower()) is None:
        return False
    lines = root.text_bytes(name, _LINES).decode("utf-8", "replace").splitlines()
    found = [tabbed(line) for line in (lines[:-1] or lines) if line.strip()]
    texts = {pair[1] for pair in found if pair is not None}
    if not found or None in found or any(text.startswith("[") for text in texts if text):
        return False
    words = any(text and _LETTER.search(text) and not is_image_name(text) for text in texts)
    return words and len(texts) * 2 > len(found)


def _split_of(base: str) -> str:
    """Return the subset that the name of a list speaks of, as PaddleOCR's do."""
    found = _PADDLE.fullmatch(base) or _LOOSE.fullmatch(base)
    return found[1] or "" if found is not None else ""


def _word_images(root: InputRoot, folder: str, split: str = "") -> dict[str, str]:
    """Return image files by the name that a list has for them."""
    found: dict[str, str] = {}
    places = [posixpath.join(folder, IMAGES), folder]
    for under in [*places, posixpath.join(folder, split)] if split else places:
        cut = len(under) + 1 if under else 0
        for name in root.walk(under):
            if is_image_name(name):
                found.setdefault(name[cut:], name)
    return found


def _lend_words(root: InputRoot, homes: list[Home]) -> None:
    """Find the images of official lists: ``…_Test_Task3_Images`` beside ``…_Test_Task3_GT.txt``."""
    bare = [home for home in homes if all("/" in name for name in home.images)]
    lists = [(home.path, stem_of(posixpath.basename(home.texts[""]))) for home in bare]
    lent: set[str] = set()
    served: set[int] = set()
    for place, paths in rank_folders(root, lists, {home.path for home in homes}):
        if place in served:
            continue
        found = []
        for path in paths:
            names = [name for name in root.entries(path)[1] if is_image_name(name)]
            if names and path not in lent:
                found.append((path, names))
        if found:
            served.add(place)
        if len(found) == 1:  # of several, each may have a word_1.png: which one is meant?
            ((path, names),) = found
            lent.add(path)
            bare[place].images |= {name: posixpath.join(path, name) for name in names}
