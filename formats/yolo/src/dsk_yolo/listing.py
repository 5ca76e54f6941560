"""Listing the images and label files that a configuration file names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.listings import shown, without_hidden
from dsk.media import IMAGE_SUFFIXES, is_image_name
from dsk.names import all_clean, clean_name, stem_of
from dsk_yolo.absent import tell_absent
from dsk_yolo.folders import by_folder
from dsk_yolo.paths import (
    IMAGE_FOLDERS,
    LABEL_FOLDERS,
    SPLIT_KEYS,
    ListedPaths,
    above,
    class_files,
    lines_of,
    pairs_below,
    renamed,
    resolve,
    swap_folder,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_yolo.config import Config

    Sizes = Mapping[str, tuple[int, int]]

__all__ = [
    "Listing",
    "images_below",
    "keep_sized",
    "label_files",
    "list_places",
    "list_yaml",
    "make_unique",
    "read_list",
    "tell_missing",
    "yaml_places",
]


_INNER = re.compile(f"^(?:{'|'.join(IMAGE_FOLDERS)})/")

PROBES = 100
"""How many images show whether label files lie beside them."""


class Listing(Struct):
    """Images of one subset whose label files follow one rule.

    Attributes:
        subset: Name of the subset.
        images: Relative names; of label files if ``bare``.
        ids: Item ids, one per image.
        swap: (image folder, label folder), names of which the last in an image's name changes.
        bare: There are label files only, no images.
        roots: (folder of all images, folder of all label files), instead of ``swap``.

    Without ``swap`` and ``roots`` label files lie beside the images.
    """

    subset: str
    images: list[str]
    ids: list[str]
    swap: tuple[str, str] | None = ("images", "labels")
    bare: bool = False
    roots: tuple[str, str] | None = None

    @property
    def beside(self) -> bool:
        """Whether label files lie beside the images."""
        return self.swap is None and self.roots is None and not self.bare

    def label(self, number: int) -> str:
        """Return the relative name of an image's label file."""
        image = self.images[number]
        if self.bare:
            return image
        label = f"{stem_of(image)}.txt"
        if self.roots is not None:
            top, other = self.roots
            return f"{other}/{label[len(top) + 1 if top else 0 :]}"
        return label if self.swap is None else swap_folder(label, *self.swap)

    def labels(self, start: int, stop: int) -> Iterator[tuple[str, list[str]]]:
        """Yield the folders and names of the label files of images ``start`` to ``stop``."""
        for folder, bases in by_folder(self.images[start:stop]):
            if self.bare:
                yield folder, bases
                continue
            label = self.label(start).rpartition("/")[0]
            start += len(bases)
            yield label, [f"{stem_of(base)}.txt" for base in bases]


def list_yaml(
    root: InputRoot, config: Config, sizes: Sizes, ledger: Ledger, *, by_folder: bool
) -> list[Listing]:
    """List what a data.yaml refers to.

    Raises:
        InputError: Nothing of it is there.
    """
    folders, places = yaml_places(root, config)
    keys_of: dict[tuple[str, ...], list[str]] = {}
    for key, stated in places.items():
        known = stated or _renamed(root, config, key, folders, places)
        if not known:
            tell_missing(root, config, key, ledger)
        elif _holds_all(key, places):
            ledger.warn(f"{config.file}: {key} is the folder of other subsets, not one itself")
        else:
            if not stated:
                values = ", ".join(config.subsets[key])
                ledger.warn(f"{config.file}: {key}: no {values}; {', '.join(known)} is read")
            keys_of.setdefault(known, []).append(key)
    listings: list[Listing] = []
    for known, keys in keys_of.items():
        # A dataset without val says "val: images/train": that is no second subset.
        called = {*known[0].split("/"), stem_of(known[0].rpartition("/")[2])}
        key = next((k for k in keys if k in called), keys[0])
        if len(keys) > 1:
            ledger.warn(f"{config.file}: {' and '.join(keys)} are the same; read once, as {key}")
        found = list_places(root, key, known, folders, sizes=sizes, ledger=ledger)
        if key not in SPLIT_KEYS and not any(listing.images for listing in found):
            continue  # the folder of the labels, or of something else
        if by_folder:
            for listing in found:
                listing.subset = _folder_subset(listing, key)
        listings += found
    if not listings:
        for home in pairs_below(root, config.file.rpartition("/")[0]):
            ledger.warn(f"{config.file}: nothing that it names is there; {home}/images is read")
            listings += list_places(
                root, "default", [f"{home}/images"], folders, sizes=sizes, ledger=ledger
            )
    if not listings:
        raise InputError(
            "none of the image folders or lists it names is there",
            where=root.show(config.file),
            hint="check train, val, test and path in it",
        )
    return listings


def yaml_places(root: InputRoot, config: Config) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """Return where paths in a data.yaml start, and what of each key's paths is there."""
    home = config.file.rpartition("/")[0]
    folders = list(
        dict.fromkeys([f for f in (_base(root, config, home),) if f is not None] + [home])
    )
    places = _all_places(root, config, folders)
    if not any(places.values()):  # a file in a folder of its own: paths start above it
        folders += above(home)
        places = _all_places(root, config, folders)
    return folders, places


def _base(root: InputRoot, config: Config, home: str) -> str | None:
    return resolve(root, config.path, [home], directory=True) if config.path else None


def _all_places(
    root: InputRoot, config: Config, folders: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Find what each key of a data.yaml names."""
    places = {}
    for key, values in config.subsets.items():
        found = [_place(root, value, folders) for value in values]
        places[key] = tuple(p for p in found if p is not None)
    return places


def _holds_all(key: str, places: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether a key that need not be a subset ("root: ./") names a folder above a subset's."""
    if key in SPLIT_KEYS:
        return False
    inner = [p for split in SPLIT_KEYS for p in places.get(split, ())]
    return any(
        p != top and p.startswith(f"{top}/" if top else "") for top in places[key] for p in inner
    )


def tell_missing(root: InputRoot, config: Config, key: str, ledger: Ledger) -> None:
    """Warn that what a key names is not there, if it is the name of a subset."""
    if key in SPLIT_KEYS or config.file.lower().endswith(".data"):
        values = ", ".join(config.subsets[key][:3])
        ledger.warn(f"{root.show(config.file)}: {key}: there is no {values}")


def _place(root: InputRoot, value: str, folders: Sequence[str]) -> str | None:
    """Find an image folder, list or image; an image folder that is missing may have labels."""
    found = resolve(root, value, folders, directory=True)
    if found is not None:
        return found
    for name in IMAGE_FOLDERS:  # Roboflow's data.yaml says "images" also where users renamed it
        other = swap_folder(value.strip().replace("\\", "/").rstrip("/") + "/", "images", name)
        found = resolve(root, other, folders, directory=True)
        if found is not None and root.is_dir(swap_folder(f"{found}/", name, "labels")):
            return found
    labels = swap_folder(value.strip().replace("\\", "/").rstrip("/") + "/", "images", "labels")
    place = resolve(root, labels, folders, directory=True) if labels != value + "/" else None
    return None if place is None else f"{place}/"


def _renamed(
    root: InputRoot,
    config: Config,
    key: str,
    folders: Sequence[str],
    places: Mapping[str, tuple[str, ...]],
) -> tuple[str, ...]:
    """Find what is missing under another name of its subset, unless it is another key's.

    Roboflow's data.yaml says ``valid`` also where users or tools renamed the folder.
    """
    if key not in SPLIT_KEYS:
        return ()
    values = [other for value in config.subsets[key] for other in renamed(value)]
    found = dict.fromkeys(p for v in values if (p := _place(root, v, folders)) is not None)
    return tuple(p for p in found if not any(p in known for known in places.values()))


def _folder_subset(listing: Listing, key: str) -> str:
    parts = listing.images[0].split("/")[:-1] if listing.images else []
    names = [p for p in parts if p not in (*IMAGE_FOLDERS, *LABEL_FOLDERS, "labelTxt")]
    return names[0] if names else key


def list_places(
    root: InputRoot,
    key: str,
    places: Sequence[str],
    folders: Sequence[str],
    *,
    sizes: Sizes,
    ledger: Ledger,
) -> list[Listing]:
    """List the images of one subset.

    Places are folders of images, lists and images; those that end in "/" are folders of labels.
    """
    images: list[str] = []
    ids: list[str] = []
    out: list[Listing] = []
    for place in places:
        if place.endswith("/"):
            out.append(_list_labels(root, key, place[:-1]))
        elif root.is_dir(place) or not place:
            found = images_below(root, place, ledger)
            cut = len(place) + 1 if place else 0
            images += found
            names = [n[cut:] for n in found]
            if not _names_images(place):  # "train: train", with the images in train/images
                names = [_INNER.sub("", n) for n in names]
            ids += [n[: n.rindex(".")] for n in names]
        elif is_image_name(place):
            images.append(place)
            ids.append(_listed_id(place, key))
        else:
            found = read_list(root, place, folders, ledger)
            common = _common_folder(found, key, place)
            images += found
            ids += [
                stem_of(n[len(common) :]) if n.startswith(common) else _listed_id(n, key)
                for n in found
            ]
    listing = Listing(key, images, ids)
    make_unique(listing, ledger)
    parts, unlabelled = _by_rule(root, listing)
    if not tell_absent(root, parts, ledger) and unlabelled:
        ledger.warn(f"{key}: there is no labels folder, its images are read without annotations")
    for part in parts:
        own = places
        if len(parts) > 1:
            own = [p for p in places if any(n.startswith(f"{p}/") for n in part.images)]
        out += _orphans(root, part, own, sizes, ledger)
    return [*parts, *out] if images or not out else out


def images_below(root: InputRoot, folder: str, ledger: Ledger) -> list[str]:
    """Return the names of the images below a folder, but for those in hidden folders."""
    return without_hidden(root.walk(folder, suffixes=IMAGE_SUFFIXES), "images", ledger)


def label_files(root: InputRoot, folder: str) -> list[str]:
    """Return the names of the label files below a folder."""
    others = frozenset(class_files(root, folder))
    names = [n for n in root.walk(folder, suffixes=(".txt",)) if n.endswith(".txt")]
    return shown([n for n in names if n not in others] if others else names)


def _list_labels(root: InputRoot, key: str, folder: str) -> Listing:
    files = label_files(root, folder)
    return Listing(key, files, [n[len(folder) + 1 : -4] for n in files], bare=True)


def keep_sized(bare: Listing, sizes: Sizes, folder: str, ledger: Ledger) -> bool:
    """Keep those label files without an image whose size ``images.meta`` states."""
    kept = [n for n, i in enumerate(bare.ids) if f"{bare.subset}/{i}" in sizes or i in sizes]
    if len(kept) < len(bare.ids):
        ledger.warn(
            f"{folder}: {len(bare.ids) - len(kept)} label files without an image are left out"
        )
    bare.images = [bare.images[n] for n in kept]
    bare.ids = [bare.ids[n] for n in kept]
    return bool(kept)


def _orphans(
    root: InputRoot, listing: Listing, places: Sequence[str], sizes: Sizes, ledger: Ledger
) -> list[Listing]:
    """List label files whose image is not there, for images that only ``images.meta`` knows."""
    out: list[Listing] = []
    if listing.swap is None:
        return out
    for place in places:
        folder = swap_folder(f"{place}/", *listing.swap)
        if place.endswith("/") or folder == f"{place}/" or not root.is_dir(folder[:-1]):
            continue
        bare = _list_labels(root, listing.subset, folder[:-1])
        cut = len(place) + 1
        stems = [n[cut : n.rfind(".")] for n in listing.images if n.startswith(f"{place}/")]
        if stems == bare.ids:  # the common case, both in the same order
            continue
        known = set(stems)
        lost = [n for n, stem in enumerate(bare.ids) if stem not in known]
        bare.images = [bare.images[n] for n in lost]
        bare.ids = [bare.ids[n] for n in lost]
        if lost and (not listing.images or keep_sized(bare, sizes, folder[:-1], ledger)):
            out.append(bare)
    return out


def _by_rule(root: InputRoot, listing: Listing) -> tuple[list[Listing], bool]:
    """Split a listing by the rule that leads from images to label files; mostly there is one.

    Also return whether there are no label files at all.
    """
    tops: dict[str, str] = {}
    samples: dict[str, list[str]] = {}
    last, some = None, []
    for name in listing.images:
        under = name.rpartition("/")[0]
        if under != last:  # mostly they come folder by folder
            last, top = under, tops.get(under)
            if top is None:
                top = tops[under] = _top(under)
            some = samples.setdefault(top, [])
        if len(some) < PROBES:
            some.append(name)
    found = {top: _label_rule(root, images) for top, images in samples.items()}
    unlabelled = set(found.values()) == {()}
    other = BESIDE if BESIDE in found.values() else USUAL
    rules = {top: rule or (USUAL if _names_images(top) else other) for top, rule in found.items()}
    if len(set(rules.values())) == 1:
        listing.swap = _swap(next(iter(rules.values())))
    if len(set(rules.values())) < 2:
        return [listing], unlabelled
    parts = {rule: Listing(listing.subset, [], [], _swap(rule)) for rule in rules.values()}
    for name, item in zip(listing.images, listing.ids, strict=True):
        part = parts[rules[tops[name.rpartition("/")[0]]]]
        part.images.append(name)
        part.ids.append(item)
    return list(parts.values()), unlabelled


def _names_images(folder: str) -> bool:
    return not set(folder.split("/")).isdisjoint(IMAGE_FOLDERS)


def _top(under: str) -> str:
    """Return the part of a folder's name that decides where the label files of its images are."""
    full = f"/{under}/"
    ends = [at + len(n) for n in IMAGE_FOLDERS if (at := full.rfind(f"/{n}/")) >= 0]
    return under[: max(ends)] if ends else under


USUAL = ("images", "labels")
BESIDE = ("", "")
"""The rule of label files that lie beside their images."""


def _swap(rule: tuple[str, ...]) -> tuple[str, str] | None:
    return None if rule == BESIDE else (rule[0], rule[1])


def _label_rule(root: InputRoot, images: Sequence[str]) -> tuple[str, ...]:
    """Choose the folders' names that lead from images to label files; () if there is no way.

    Ultralytics knows ``images`` and ``labels`` only, and files beside images in no such folder;
    Roboflow keeps oriented boxes in ``labelTxt``.

    Args:
        root: The dataset.
        images: Some images, all in folders below the same one.
    """
    first = f"/{images[0]}"
    for folder in [name for name in IMAGE_FOLDERS if f"/{name}/" in first]:
        top = first[1 : first.rindex(f"/{folder}/") + 1]
        for other in ("labels", "Labels", "label", "labelTxt"):
            if root.is_dir(top + other):
                return folder, other
    if any(root.is_file(f"{stem_of(n)}.txt") for n in images):
        return BESIDE
    under = images[0].rpartition("/")[0]
    if _names_images(under) or not any(n.endswith(".txt") for n in root.entries(under)[1]):
        return ()
    return BESIDE


def read_list(root: InputRoot, file: str, folders: Sequence[str], ledger: Ledger) -> list[str]:
    """Return the relative names of the images that a list names; bad lines go to the ledger."""
    lines = [line.strip() for line in lines_of(root.text(file))]
    lines = [line for line in lines if line]
    home = file.rpartition("/")[0]
    starts = list(dict.fromkeys([home, *folders, *above(home)]))
    mapped = ListedPaths(root, starts, [*lines[:20], *lines[:: len(lines) // 20 + 1]])
    names = []
    for number, line in enumerate(lines, 1):
        try:
            names.append(clean_name(mapped(line)))
        except UnsafePathError as error:
            where = f"{root.show(file)}:{number}"
            ledger.bad_record(RecordError(error.message, where=where))
    return names


def _common_folder(names: Sequence[str], key: str, file: str) -> str:
    """Return the folder ("images/train/") that item ids of a list leave off."""
    if not names:
        return ""
    parts = names[0].split("/")[:-1]
    if "images" not in parts:
        return ""
    at = parts.index("images") + 1
    stem = stem_of(file.rpartition("/")[2])
    common = "/".join(parts[:at]) + "/"
    if len(parts) > at and parts[at] in (key, stem):
        common += parts[at] + "/"
    return common


def _listed_id(name: str, key: str) -> str:
    return stem_of(name[len(_common_folder([name], key, "")) :])


def _leave_unsafe_out(listing: Listing, ledger: Ledger) -> None:
    bad: set[int] = set()
    for number, name in () if all_clean(listing.ids) else enumerate(listing.ids):
        try:
            listing.ids[number] = clean_name(name)
        except UnsafePathError as error:
            ledger.bad_record(RecordError(error.message, where=listing.images[number]))
            bad.add(number)
    if bad:
        listing.images = [n for k, n in enumerate(listing.images) if k not in bad]
        listing.ids = [n for k, n in enumerate(listing.ids) if k not in bad]


def make_unique(listing: Listing, ledger: Ledger) -> None:
    """Leave bad ids out; give ids that occur twice their folder, or else their ending too."""
    _leave_unsafe_out(listing, ledger)
    if len(set(listing.ids)) == len(listing.ids):
        return
    _read_once(listing, listing.images, ledger)
    ids = listing.ids
    if len(set(ids)) == len(ids):
        return
    for wider in (lambda n: stem_of(n.removeprefix("images/")), lambda n: n):
        seen: set[str] = set()
        for number, name in enumerate(ids):
            if name in seen:
                ids[number] = wider(listing.images[number])
                ledger.warn("images share a name in one subset; one was given a longer id")
            seen.add(ids[number])
        if len(seen) == len(ids):
            return
    _read_once(listing, ids, ledger)


def _read_once(listing: Listing, keys: Sequence[str], ledger: Ledger) -> None:
    """Leave out images whose keys have come before."""
    kept = list({key: n for n, key in reversed(list(enumerate(keys)))}.values())
    if len(kept) < len(keys):
        ledger.warn(f"{len(keys) - len(kept)} images are listed twice; they are read once")
        kept.sort()
        listing.images = [listing.images[n] for n in kept]
        listing.ids = [listing.ids[n] for n in kept]
