"""Opening COCO datasets: which files, which labels, which items."""

from __future__ import annotations

import contextlib
import os
import posixpath
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from dsk.errors import InputError, OptionError, UnsafePathError
from dsk.files import open_root
from dsk.flow import Header, Importer, Source, slices
from dsk.metafile import read_meta
from dsk.names import clean_name
from dsk_coco.categories import FAMILY
from dsk_coco.images import item_names
from dsk_coco.index import AnnotationFile, join_items, open_file, open_results
from dsk_coco.labels import join_labels
from dsk_coco.layout import (
    FOLDER,
    farther_files,
    farther_folders,
    find_files,
    image_folders,
    is_results_file,
    passed_over,
    subset_of_folder,
    video_of,
)
from dsk_coco.reader import SliceReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.columns import BoxColumns
    from dsk.files import InputRoot
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk_coco.layout import Found

__all__ = ["CocoImporter"]

_EXCLUSIVE = ("instances", "labels", "panoptic", "person_keypoints", "stuff")
"""Tasks with labels, in Datumaro's order of preference."""

_MAPS = frozenset({"instances", "panoptic", "stuff"})
"""Tasks that tell the same objects in different ways: by default only one of them is read."""

ASKED = 8
"""Of how many images at least the places are looked at."""

_ORDER = ("instances", "stuff", "panoptic", "person_keypoints", "labels", "captions", "image_info")


class CocoImporter(Importer):
    """Reads COCO JSON.

    Args:
        tasks: Which tasks' files to read; None for all that go together.
        keep_original_category_ids: Label numbers equal category ids.
        merge_instance_polygons: The outlines of an object become one mask.
        group_by_id: Equal ids in files of different tasks form one object.
        results: Name of a results file to read in place of the ground truth.
    """

    def __init__(
        self,
        *,
        tasks: list[str] | None = None,
        keep_original_category_ids: bool = False,
        merge_instance_polygons: bool = False,
        group_by_id: bool = False,
        results: str = "",
    ) -> None:
        self._tasks = tasks
        self._keep_ids = keep_original_category_ids
        self._results = results
        self._options = {"merge_polygons": merge_instance_polygons, "group_by_id": group_by_id}

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        results = self._results
        if root.focus is not None:
            if root.name.lower() == FOLDER:
                root = root.up()
            if root.focus is not None and is_results_file(root, root.focus):
                results = root.focus
                root = open_root(root.path)
        elif root.name.lower() == FOLDER and os.path.isdir(root.path):  # noqa: PTH112
            root = open_root(os.path.dirname(os.path.abspath(root.path)))  # noqa: PTH100, PTH120
        there = find_files(root)
        for name in passed_over(root, there):
            ledger.warn(f"{name} is not read: others beside it have names that COCO's tools give")
        _tell_farther_files(root, there, ledger)
        names = self._wanted(root, there, results, ledger)
        files = self._opened(root, names, ledger)
        _join_videos(files)
        if not names and there and self._tasks:
            raise InputError(
                f"there is nothing of the tasks {', '.join(self._tasks or ())}",
                where=root.path,
                hint=f"there is {', '.join(sorted(f.name for f in there)[:5])}",
            )
        if not files and results:
            raise InputError(
                f"{results} lists results, but there is no ground truth that they are about",
                where=root.path,
                hint="put it beside the ground truth, or into its annotations folder",
            )
        if not files and names:
            raise InputError("it has no list of images", where=root.show(names[0].name))
        if not files:
            raise InputError(
                "no COCO JSON is here",
                where=root.path,
                hint="expected annotations/<task>_<subset>.json, or a JSON file with images "
                "and annotations",
            )
        if self._tasks is None:
            files = _that_go_together(files, ledger)
        if results:
            _put_results(root, results, files, ledger)
        for file in files:
            file.folder = _image_folder(root, file)
        return CocoSource(root, files, self._options, ledger)

    def _opened(self, root: InputRoot, names: list[Found], ledger: Ledger) -> list[AnnotationFile]:
        keep_ids, gather = self._keep_ids, self.only_columns
        files = (
            open_file(root, found, ledger, keep_ids=keep_ids, gather=gather) for found in names
        )
        return [file for file in files if file is not None]

    def _wanted(
        self, root: InputRoot, found: list[Found], results: str, ledger: Ledger
    ) -> list[Found]:
        kept = []
        for file in found:
            if self._tasks is not None and file.task and file.task not in self._tasks:
                if root.focus is None:
                    continue
                ledger.warn(
                    f"{file.name} is named like a file of {file.task}, not of "
                    f"{', '.join(self._tasks)}; what it holds is read"
                )
                file = msgspec.structs.replace(file, task="")  # noqa: PLW2901 - told by content
            if not is_results_file(root, file.name):
                kept.append(file)
            elif not results:
                ledger.warn(f"{file.name} is a results file; -I results={file.name} reads it")
        return kept


def _tell_farther_files(root: InputRoot, there: list[Found], ledger: Ledger) -> None:
    farther = farther_files(root, there)
    if farther:
        others = f" and {len(farther) - 1} more" if len(farther) > 1 else ""
        ledger.warn(
            f"{farther[0]}{others} in other folders look like COCO and are not read: the files "
            "nearest to the top are; give their own folder to read them"
        )


def _join_videos(files: list[AnnotationFile]) -> None:
    """Make one subset of a folder's files that are about one video each, as in PoseTrack."""
    videos = [(file, video_of(file.found, _some_names(file))) for file in files]
    keys = [file.keys[file.keys != 0] for file, video in videos if video]
    if not keys or len(np.unique(np.concatenate(keys))) < sum(map(len, keys)):
        return  # joined, images of one name would be one item
    for file, video in videos:
        if video:
            subset = subset_of_folder(file.found.name)
            file.found, file.video = msgspec.structs.replace(file.found, subset=subset), video


def _that_go_together(files: list[AnnotationFile], ledger: Ledger) -> list[AnnotationFile]:
    """Choose what to read of files that disagree about the labels, and say what is left out."""
    signatures: dict[str, frozenset[Any]] = {}
    for file in files:
        signatures[file.task] = signatures.get(file.task, frozenset()) | file.labels.signature
    tasks = [task for task in _EXCLUSIVE if task in signatures]
    if not tasks:
        return files
    first = tasks[0]
    left = {
        task
        for task in tasks[1:]
        if signatures[task] != signatures[first] or (task in _MAPS and first in _MAPS)
    }
    for task in sorted(left):
        ledger.warn(
            f"{task} files are not read beside {first}; the importer option "
            f"tasks={first},{task} reads both, the format coco_{task} only these"
        )
    return [file for file in files if file.task not in left]


def _put_results(
    root: InputRoot, results: str, files: list[AnnotationFile], ledger: Ledger
) -> None:
    try:
        name = clean_name(results)
    except UnsafePathError as error:
        raise OptionError(f"results: {error.message}") from error
    if not root.is_file(name) and root.is_file(f"{FOLDER}/{name}"):
        name = f"{FOLDER}/{name}"
    files[:] = [open_results(root, name, files, ledger)]


def _image_folder(root: InputRoot, file: AnnotationFile) -> str | None:
    """Return the folder that holds most of some images, else the first of the usual folders.

    Folders farther below count only when the usual ones hold none of them.
    """
    folders = image_folders(root, file.found)
    names = _some_names(file)
    best: str | None = None
    most = 0
    for folder in folders:
        count = sum(root.is_file(posixpath.join(folder, name)) for name in names)
        if count > most:
            best, most = folder, count
        if names and count == len(names):
            break
    if best is None:
        found = [
            (sum(root.is_file(posixpath.join(folder, name)) for name in names), folder)
            for folder in farther_folders(root, file.found)
            if folder not in folders
        ]
        most, best = max(found, key=lambda pair: pair[0], default=(0, None))
    if most:
        return best
    return next((f for f in folders if f and posixpath.basename(f).lower() != FOLDER), None)


def _some_names(file: AnnotationFile) -> list[str]:
    names = []
    for row in range(0, len(file.images), len(file.images) // ASKED + 1):
        with contextlib.suppress(msgspec.MsgspecError, ValueError, UnsafePathError):
            names.append(item_names(msgspec.json.decode(file.images.raw(row)), file.lead)[0])
    return names


class CocoSource(Source):
    """Opened COCO files."""

    def __init__(
        self,
        root: InputRoot,
        files: list[AnnotationFile],
        options: dict[str, bool],
        ledger: Ledger,
    ) -> None:
        self._root = root
        self._options = options
        groups: dict[tuple[str, str], list[AnnotationFile]] = {}
        for file in files:
            groups.setdefault((file.found.subset, file.video), []).append(file)
        self._subsets = [(subset, group) for (subset, _), group in groups.items()]
        ordered = sorted(files, key=lambda file: _ORDER.index(file.task))
        self._counts = []
        for _, group in self._subsets:
            group.sort(key=lambda file: _ORDER.index(file.task))
            self._counts.append(join_items(group, ledger))
        categories = join_labels(ordered, ledger)
        if not categories.labels and (meta := read_meta(root)) is not None:
            categories = meta[0]  # Datumaro writes captions without their labels
        self.header = Header(
            categories=categories,
            subsets=tuple(dict.fromkeys(subset for subset, _ in groups)),
            items=sum(self._counts),
            info={FAMILY: _info(files)},
        )

    def partitions(self) -> Sequence[Any]:
        """Return slices of the subsets' items."""
        return slices(self._counts, self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        number, start, stop = partition
        subset, files = self._subsets[number]
        return SliceReader(self._root, subset, files, self._options, ledger).read(start, stop)

    def index(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.index``."""
        number, start, stop = partition
        subset, files = self._subsets[number]
        return SliceReader(self._root, subset, files, self._options, ledger).index(start, stop)

    def columns(
        self, partition: Any, ledger: Ledger, *, outlines: bool, family: str
    ) -> BoxColumns | None:
        """See ``Source.columns``; nearly all objects have outlines, so these must be welcome."""
        number, start, stop = partition
        subset, files = self._subsets[number]
        if not outlines:
            return None
        reader = SliceReader(self._root, subset, files, self._options, ledger)
        return reader.columns(start, stop, fields=family in (FAMILY, "*"))


def _info(files: list[AnnotationFile]) -> dict[str, Any]:
    """Return the top-level facts: those of the first file, and what others have differently.

    ``{"info": …, "licenses": …, "files": {"captions_val": {"info": …}}}``; "tasks" names the tasks
    that were read, and "bare_captions" says that captions have no category.
    """
    info: dict[str, Any] = dict(files[0].rest)
    others: dict[str, Any] = {}
    for file in files[1:]:
        changes = {k: v for k, v in file.rest.items() if info.get(k, ...) != v}
        changes |= {k: None for k in info if k not in file.rest}
        if changes:
            others[file.video or f"{file.task}_{file.found.subset}"] = changes
    if others:
        info["files"] = others
    info["tasks"] = list(dict.fromkeys(file.task for file in files))
    captions = [file for file in files if file.task == "captions" and len(file.annotations)]
    if captions and b'"category_id"' not in bytes(captions[0].annotations.raw(0)):
        info["bare_captions"] = True
    return info
