"""Finding out how a dataset is laid out, and listing its images and label files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.media import is_image_name
from dsk.names import clean_name, stem_of
from dsk_yolo.config import Config, is_dataset_yaml, load_yaml, parse_darknet, read_names_file
from dsk_yolo.paths import SPLIT_KEYS, ListedPaths, label_path, lines_of, resolve, swap_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

    Sizes = Mapping[str, tuple[int, int]]

__all__ = [
    "CLASS_FILES",
    "Listing",
    "find_config",
    "list_darknet",
    "list_loose",
    "list_yaml",
    "loose_folders",
]

CLASS_FILES = ("obj.names", "classes.txt")
LABEL_FOLDERS = ("labels", "Labels", "annotations", "Annotations")
IMAGE_FOLDERS = ("images", "Images", "JPEGImages")
YAML = (".yaml", ".yml")
MAX_FOLDERS = 64
"""How many sub-folders are searched for a configuration file."""


class Listing(Struct):
    """Images of one subset whose label files follow one rule.

    Attributes:
        subset: Name of the subset.
        images: Relative names; of label files if ``bare``.
        ids: Item ids, one per image.
        swap: (image folder, label folder) that the label file's name swaps; None: it lies beside
            the image; ("", label folder): images lie at the top.
        bare: There are label files only, no images.
    """

    subset: str
    images: list[str]
    ids: list[str]
    swap: tuple[str, str] | None = ("images", "labels")
    bare: bool = False

    def label(self, number: int) -> str:
        """Return the relative name of an image's label file."""
        image = self.images[number]
        if self.bare:
            return image
        if self.swap is None:
            return stem_of(image) + ".txt"
        if not self.swap[0]:
            return f"{self.swap[1]}/{stem_of(image)}.txt"
        if self.swap[0] == "images":
            return label_path(image, self.swap[1])
        return swap_folder(stem_of(image) + ".txt", *self.swap)


def find_config(root: InputRoot, wanted: str = "") -> str | None:
    """Return the name of the data.yaml or obj.data of a dataset, at the top or one folder below.

    Args:
        root: The dataset.
        wanted: Name of the file, if the user gave one.

    Raises:
        InputError: Several files fit, or the wanted one is not there.
    """
    focus = root.focus
    if focus is not None and focus.lower().endswith((*YAML, ".data")):
        return focus
    folders, _ = root.entries()
    for folder in ("", *folders[:MAX_FOLDERS]):
        if wanted:
            found = [n for n in (f"{folder}/{wanted}".lstrip("/"),) if root.is_file(n)]
        else:
            found = _configs(root, folder)
        if found:
            return found[0]
    if wanted:
        raise InputError("there is no such configuration file", where=root.show(wanted))
    return None


def _configs(root: InputRoot, folder: str) -> list[str]:
    prefix = f"{folder}/" if folder else ""
    names = root.entries(folder)[1]
    if "obj.data" in names:
        return [f"{prefix}obj.data"]
    if "data.yaml" in names:
        return [f"{prefix}data.yaml"]
    found = [prefix + n for n in names if n.endswith(".data") and _is_darknet(root, prefix + n)]
    if not found:
        yamls = [prefix + n for n in names if n.lower().endswith(YAML)]
        found = [n for n in yamls if _is_yaml(root, n)]
    if len(found) > 1:
        raise InputError(
            f"several files may describe the dataset: {', '.join(found[:5])}",
            where=root.path,
            hint="name one: -I config_file=NAME",
        )
    return found


def _is_darknet(root: InputRoot, file: str) -> bool:
    head = root.read(file, 1 << 16).decode("utf-8", "replace")
    return "names" in parse_darknet(head)


def _is_yaml(root: InputRoot, file: str) -> bool:
    try:
        return is_dataset_yaml(load_yaml(root.read(file, 1 << 20), file))
    except InputError:
        return False  # some other YAML; a file of ours that is damaged is named data.yaml


def list_yaml(
    root: InputRoot, config: Config, sizes: Sizes, ledger: Ledger, *, by_folder: bool
) -> list[Listing]:
    """List what a data.yaml refers to.

    Raises:
        InputError: Nothing of it is there.
    """
    home = config.file.rpartition("/")[0]
    folders = list(
        dict.fromkeys([f for f in (_base(root, config, home),) if f is not None] + [home])
    )
    keys_of: dict[tuple[str, ...], list[str]] = {}
    for key, values in config.subsets.items():
        places = [_place(root, value, folders) for value in values]
        known = tuple(p for p in places if p is not None)
        if known:
            keys_of.setdefault(known, []).append(key)
        else:
            _missing(root, config, key, ledger)
    listings: list[Listing] = []
    for known, keys in keys_of.items():
        # A dataset without val says "val: images/train": that is no second subset.
        key = next((k for k in keys if k in known[0].split("/")), keys[0])
        if len(keys) > 1:
            ledger.warn(f"{config.file}: {' and '.join(keys)} are the same; read once, as {key}")
        found = _list_places(root, key, known, folders, sizes=sizes, ledger=ledger)
        if by_folder:
            for listing in found:
                listing.subset = _folder_subset(listing, key)
        listings += found
    if not listings:
        raise InputError(
            "none of the image folders or lists it names is there",
            where=root.show(config.file),
            hint="check train, val, test and path in it",
        )
    return listings


def _base(root: InputRoot, config: Config, home: str) -> str | None:
    return resolve(root, config.path, [home], directory=True) if config.path else None


def _missing(root: InputRoot, config: Config, key: str, ledger: Ledger) -> None:
    if key in SPLIT_KEYS:
        values = ", ".join(config.subsets[key][:3])
        ledger.warn(f"{root.show(config.file)}: {key}: there is no {values}")


def _place(root: InputRoot, value: str, folders: Sequence[str]) -> str | None:
    """Find an image folder, list or image; an image folder that is missing may have labels."""
    found = resolve(root, value, folders, directory=True)
    if found is not None:
        return found
    labels = swap_folder(value.strip().replace("\\", "/").rstrip("/") + "/", "images", "labels")
    place = resolve(root, labels, folders, directory=True) if labels != value + "/" else None
    return None if place is None else f"{place}/"


def _folder_subset(listing: Listing, key: str) -> str:
    parts = listing.images[0].split("/")[:-1] if listing.images else []
    names = [p for p in parts if p not in (*IMAGE_FOLDERS, *LABEL_FOLDERS, "labelTxt")]
    return names[0] if names else key


def _list_places(
    root: InputRoot,
    key: str,
    places: Sequence[str],
    folders: Sequence[str],
    *,
    sizes: Sizes,
    ledger: Ledger,
) -> list[Listing]:
    images: list[str] = []
    ids: list[str] = []
    out: list[Listing] = []
    for place in places:
        if place.endswith("/"):
            out.append(_list_labels(root, key, place[:-1]))
        elif root.is_dir(place) or not place:
            found = [n for n in root.walk(place) if is_image_name(n)]
            cut = len(place) + 1 if place else 0
            images += found
            ids += [stem_of(n[cut:]) for n in found]
        elif is_image_name(place):
            images.append(place)
            ids.append(_listed_id(place, key))
        else:
            found = _read_list(root, place, folders, ledger)
            common = _common_folder(found, key, place)
            images += found
            ids += [
                stem_of(n[len(common) :]) if n.startswith(common) else _listed_id(n, key)
                for n in found
            ]
    listing = Listing(key, images, ids, _label_rule(root, images))
    _make_unique(listing, ledger)
    out += _orphans(root, listing, places, sizes, ledger)
    return [listing, *out] if images or not out else out


def _label_files(root: InputRoot, folder: str) -> list[str]:
    return [
        n
        for n in root.walk(folder)
        if n.endswith(".txt") and n.rpartition("/")[2] not in CLASS_FILES
    ]


def _list_labels(root: InputRoot, key: str, folder: str) -> Listing:
    files = _label_files(root, folder)
    return Listing(key, files, [n[len(folder) + 1 : -4] for n in files], bare=True)


def _keep_sized(bare: Listing, sizes: Sizes, folder: str, ledger: Ledger) -> bool:
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
        known = {n[cut : n.rfind(".")] for n in listing.images if n.startswith(place)}
        lost = [n for n, stem in enumerate(bare.ids) if stem not in known]
        bare.images = [bare.images[n] for n in lost]
        bare.ids = [bare.ids[n] for n in lost]
        if lost and (not listing.images or _keep_sized(bare, sizes, folder[:-1], ledger)):
            out.append(bare)
    return out


def _label_rule(root: InputRoot, images: Sequence[str]) -> tuple[str, str] | None:
    """Choose the folder name that label files have; Roboflow keeps oriented boxes in labelTxt."""
    if not images:
        return "images", "labels"
    first = images[0]
    for folder in ("labels", "labelTxt"):
        if (
            root.is_dir(label_path(first, folder).rpartition("/")[0])
            and label_path(first, folder) != stem_of(first) + ".txt"
        ):
            return "images", folder
    return "images", "labels"


def _read_list(root: InputRoot, file: str, folders: Sequence[str], ledger: Ledger) -> list[str]:
    lines = [line.strip() for line in lines_of(root.text(file))]
    lines = [line for line in lines if line]
    home = file.rpartition("/")[0]
    mapped = ListedPaths(root, list(dict.fromkeys([home, *folders])), lines[:20])
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
    for number, name in enumerate(listing.ids):
        try:
            listing.ids[number] = clean_name(name)
        except UnsafePathError as error:
            ledger.bad_record(RecordError(error.message, where=listing.images[number]))
            bad.add(number)
    if bad:
        listing.images = [n for k, n in enumerate(listing.images) if k not in bad]
        listing.ids = [n for k, n in enumerate(listing.ids) if k not in bad]


def _make_unique(listing: Listing, ledger: Ledger) -> None:
    """Leave bad ids out; give ids that occur twice their folder, or else their ending too."""
    _leave_unsafe_out(listing, ledger)
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
    kept = list(dict.fromkeys(ids))
    first = {name: n for n, name in reversed(list(enumerate(ids)))}
    ledger.warn(f"{len(ids) - len(kept)} images are listed twice; they are read once")
    listing.images = [listing.images[first[name]] for name in kept]
    listing.ids = kept


def list_darknet(root: InputRoot, config: Config, ledger: Ledger) -> list[Listing]:
    """List the images that the lists of an obj.data name.

    Raises:
        InputError: A list is missing.
    """
    home = config.file.rpartition("/")[0]
    out = []
    for subset, values in config.subsets.items():
        file = resolve(root, values[0], [home], directory=False)
        if file is None:
            raise InputError(
                f"the list of subset {subset!r}, {values[0]!r}, is not there",
                where=root.show(config.file),
            )
        images = _read_list(root, file, [home], ledger)
        cut = len(home) + 1 if home else 0
        ids = [stem_of(n[cut:].partition("/")[2] or n[cut:]) for n in images]
        listing = Listing(subset, images, ids, swap=None)
        _make_unique(listing, ledger)
        out.append(listing)
    return out


def loose_folders(root: InputRoot) -> tuple[str, str, str] | None:
    """Return a loose dataset's (file of class names, image folder, label folder), "" for none."""
    folders, files = root.entries()
    names = next((n for n in CLASS_FILES if n in files), "")
    labels = next((n for n in LABEL_FOLDERS if n in folders), "")
    images = next((n for n in IMAGE_FOLDERS if n in folders), "")
    if labels and (names or images):
        return names, images, labels
    if names and any(n.endswith(".txt") and n not in CLASS_FILES for n in files):
        return names, "", ""
    return None


def list_loose(
    root: InputRoot, ledger: Ledger, places: tuple[str, str, str], sizes: Sizes
) -> tuple[list[str], list[Listing]]:
    """List images and label files that no configuration file names; return label names too."""
    names_file, images, labels = places
    names = read_names_file(root, names_file, ledger) if names_file else []
    found = [n for n in root.walk(images) if is_image_name(n)]
    swap = (images, labels) if labels else None
    cut = len(images) + 1 if images else 0
    listings = _by_folder(found, cut, swap)
    if labels:
        known = {listing.label(n) for listing in listings for n in range(len(listing.images))}
        lost = [n for n in _label_files(root, labels) if n not in known]
        bare = _by_folder(lost, len(labels) + 1, None, bare=True)
        listings += [b for b in bare if not found or _keep_sized(b, sizes, labels, ledger)]
    for listing in listings:
        _make_unique(listing, ledger)
    return names, listings


def _by_folder(
    names: Iterable[str], cut: int, swap: tuple[str, str] | None, *, bare: bool = False
) -> list[Listing]:
    """Group files by the first folder below their top folder: their subset."""
    groups: dict[str, Listing] = {}
    for name in names:
        head, slash, tail = name[cut:].partition("/")
        subset, rest = (head, tail) if slash else ("default", head)
        listing = groups.get(subset)
        if listing is None:
            listing = groups[subset] = Listing(subset, [], [], swap, bare)
        listing.images.append(name)
        listing.ids.append(stem_of(rest))
    return list(groups.values())
