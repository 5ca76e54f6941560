"""Items written as files: channels as they are, label volumes composed slice by slice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from dsk.annotations import Annotation, Mask, Mask3d
from dsk.errors import InputError, MediaError, RecordError
from dsk.media import Volume
from dsk.names import clean_name
from dsk_medical.cases.channels import Stored, parts_of, stored
from dsk_medical.cases.storing import write_array
from dsk_medical.volume import geometry
from dsk_medical.volume.compose import LabelComposer, slice_number
from dsk_medical.volume.nifti import header_of

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = [
    "Composed",
    "background_labels",
    "bad_item",
    "compose",
    "discard",
    "each_written",
    "has_texts",
    "leave_out",
    "report_overlap",
    "save_channels",
    "save_labels",
    "save_volume",
    "volume_of_item",
]

Made = TypeVar("Made")

_TEXTS = ("descrip", "aux_file", "intent_name", "db_name", "data_type")


def has_texts(header: Any) -> bool:
    """Tell whether a NIfTI header holds free text, which may name a patient."""
    names = set(header.structarr.dtype.names or ())
    return any(bytes(header[name].item()).strip(b"\0 ") for name in _TEXTS if name in names)


def _may_copy(volume: Volume, name: str, *, texts: bool) -> bool:
    """Whether a file can be copied byte by byte to a name."""
    if not isinstance(volume.source, str | bytes) and not hasattr(volume.source, "archive"):
        return False
    lower = volume.path.lower()
    endings = (".nii.gz", ".nii")
    own = next((e for e in endings if lower.endswith(e)), None)
    if own is None or not name.lower().endswith(own) or (own == ".nii" and name.endswith(".gz")):
        return False
    header = header_of(volume)
    if header is None:
        return False
    return texts or (not has_texts(header) and int(header["vox_offset"]) in (352, 544))


def save_volume(
    ctx: WriteContext, item: DatasetItem, volume: Volume, name: str, *, texts: bool
) -> bool:
    """Write a volume with all its channels to one file; tells whether it was written.

    Args:
        ctx: Where it goes.
        item: The item it is of.
        volume: Its content.
        name: Name of the new file, see ``storing.write_array``.
        texts: Whether free-text fields of the header are kept.

    Raises:
        MediaError: It is damaged.
    """
    if volume.source is None:
        _missing(ctx, item)
        return False
    if _may_copy(volume, name, texts=texts):
        return ctx.save_file(item, volume, name)
    write_array(ctx, item, volume, name, stored(volume), texts=texts, values=True)
    ctx.ledger.media_saved += 1
    return True


def save_channels(
    ctx: WriteContext, item: DatasetItem, names: Sequence[str], *, texts: bool
) -> bool:
    """Write each channel of an item's volume to a file of its own; tells whether it was done.

    Raises:
        MediaError: It is damaged, or has another number of channels than there are names.
    """
    media = item.media
    if not isinstance(media, Volume) or media.source is None:
        _missing(ctx, item)
        return False
    parts = parts_of(media)
    count = len(parts) or (media.shape[3] if len(media.shape) > 3 else 1)
    if count != len(names):
        raise MediaError(
            f"the volume has {count} channels, {len(names)} are wanted", where=media.path
        )
    if parts:
        done = [
            save_volume(ctx, item, part, name, texts=texts)
            for part, name in zip(parts, names, strict=True)
        ]
        return all(done)
    found = stored(media)
    for name, planes in zip(names, found.channels(), strict=True):
        channel = found._replace(shape=found.shape[:3], planes=planes)
        write_array(ctx, item, media, name, channel, texts=texts, values=True)
        ctx.ledger.media_saved += 1
    next(found.planes, None)  # looks behind the last plane
    return True


def _missing(ctx: WriteContext, item: DatasetItem) -> None:
    ctx.ledger.add_at(
        "DSK-L016", "volume not found", item, hint="check where the source keeps its media"
    )


def volume_of_item(item: DatasetItem) -> Volume | None:
    """Return an item's grid: that of its volume, else that of its masks, else None."""
    media = item.media
    if isinstance(media, Volume) and media.shape:
        return media
    for a in item.annotations:
        if isinstance(a, Mask3d) and hasattr(a.source, "shape"):
            return Volume(item.id, None, shape=tuple(a.source.shape), affine=a.affine)
    return None


_BACKGROUND = frozenset({"background", "bg", "_background_"})


def background_labels(names: Sequence[tuple[str, int | None]], *, volumes: bool) -> set[int]:
    """Return which labels mean "nothing here".

    Args:
        names: Names and source ids of the labels.
        volumes: Whether the labels come from label volumes, where 0 means that.
    """
    by_name = {n for n, (name, _) in enumerate(names) if name.strip().lower() in _BACKGROUND}
    if by_name or not volumes:
        return by_name
    return {n for n, (_, value) in enumerate(names) if value == 0}


class Composed:
    """A label volume to be written.

    Attributes:
        composer: Its slices.
        grid: The volume it belongs to.
        count: How many annotations are in it.
    """

    def __init__(self, grid: Volume, policy: str) -> None:
        self.grid = grid
        self.composer = LabelComposer(grid.shape, geometry.matrix(grid.affine), policy)
        self.count = 0

    def dtype(self, wanted: np.dtype[Any] | None) -> np.dtype[Any]:
        """Return the type to write: the wanted one, the source's, or the smallest that fits."""
        if wanted is not None and np.iinfo(wanted).max >= np.iinfo(self.composer.dtype).max:
            return wanted
        return self.composer.source_dtype or self.composer.dtype


def compose(
    ctx: WriteContext,
    item: DatasetItem,
    value_of: Callable[[Annotation], int | None],
    *,
    policy: str = "error",
    implied: bool = False,
    by_slice: bool = False,
) -> Composed | None:
    """Collect an item's masks for one label volume and tell the ledger what becomes of them.

    Args:
        ctx: Where losses go.
        item: The item.
        value_of: From an annotation to the value its voxels get; 0 for background; None when it
            cannot be written, which the caller has reported.
        policy: See ``align.POLICIES``.
        implied: The format's readers make masks of the background themselves, slice by slice.
        by_slice: The format's readers make a mask for each slice; else those of a label are one.

    Returns:
        The label volume, None if nothing says which grid it has.

    Raises:
        RecordError: A mask lies elsewhere.
    """
    grid = volume_of_item(item)
    masks = [a for a in item.annotations if isinstance(a, Mask | Mask3d)]
    if grid is None:
        if masks:
            _lost(ctx, item, masks[0].kind, "mask: the grid is not known", len(masks))
        return None
    made = Composed(grid, policy)
    seen: set[tuple[int, int]] = set()
    for a in masks:
        value = value_of(a)
        if value:
            _add(ctx, item, made, a, value=value, seen=seen)
        elif value == 0:
            made.count += implied
            if not implied or isinstance(a, Mask3d):
                _merged(ctx, item, a, "background is what no label covers")
    slices = [value for value, place in seen if place >= 0]
    if not by_slice and len(slices) > len(set(slices)):
        joined = len(slices) - len(set(slices))
        where = {"item": item.id, "subset": item.subset}
        ctx.ledger.add("DSK-L014", "slices of one object", kind="mask", count=joined, **where)
    for warning in made.composer.warnings:
        ctx.ledger.warn(warning)
    return made


def _add(
    ctx: WriteContext,
    item: DatasetItem,
    made: Composed,
    a: Mask | Mask3d,
    *,
    value: int,
    seen: set[tuple[int, int]],
) -> None:
    """Add a mask, or report why it cannot be; ``seen`` are values and slices that were there.

    A mask on another grid is a bad record: without it the item would look as if there were none.
    """
    try:
        place = slice_number(a, made.composer.shape[2]) if isinstance(a, Mask) else -1
        _check_size(a, made.composer.shape)
        made.composer.add(a, value)
    except InputError as error:
        if isinstance(a, Mask3d):
            bad_item(ctx, item, error)
        _lost(ctx, item, a.kind, f"{a.kind}: {error.message}", 1)
        return
    made.count += 1
    if (value, place) in seen:
        _merged(ctx, item, a, "objects of one label are one value")
    seen.add((value, place))


def _check_size(a: Annotation, shape: tuple[int, ...]) -> None:
    if isinstance(a, Mask):
        labels = getattr(a.source, "labels", None)
        size = labels.shape[:2] if labels is not None else tuple(a.rle.size)
        if size != shape[:2]:
            raise MediaError(f"the mask is {size}, its slice {shape[:2]}")


def leave_out(ctx: WriteContext, item: DatasetItem, *, counted: bool = False) -> None:
    """Report an item that has no volume, which the target is made of.

    Args:
        ctx: Where it is reported.
        item: The item.
        counted: Its masks were reported before.
    """
    ctx.ledger.add_at("DSK-L008", "items without a volume", item)
    kinds = Counter(a.kind for a in item.annotations)
    for kind, count in () if counted else kinds.items():
        _lost(ctx, item, kind, f"{kind}: the item has no volume", count)


def _lost(ctx: WriteContext, item: DatasetItem, kind: str, what: str, count: int) -> None:
    ctx.ledger.add("DSK-L018", what, kind=kind, count=count, item=item.id, subset=item.subset)


def _merged(ctx: WriteContext, item: DatasetItem, a: Annotation, what: str) -> None:
    ctx.ledger.add_at("DSK-L014", what, item, a)


def save_labels(
    ctx: WriteContext,
    item: DatasetItem,
    made: Composed,
    name: str,
    *,
    dtype: np.dtype[Any] | None = None,
    hint: str = "",
) -> None:
    """Write a label volume on its volume's grid.

    Args:
        ctx: Where it goes.
        item: The item, for messages.
        made: See ``compose``.
        name: Name of the new file.
        dtype: Type of the stored numbers if they fit, else as ``Composed.dtype``.
        hint: What helps where masks overlap.

    Raises:
        MediaError: A source is damaged.
    """
    kind = made.dtype(dtype)
    array = Stored(made.composer.shape, kind, (1.0, 0.0), made.composer.slices(kind))
    write_array(ctx, item, made.grid, name, array)
    report_overlap(ctx, item, made.composer, hint)


def report_overlap(
    ctx: WriteContext, item: DatasetItem, composer: LabelComposer, hint: str = ""
) -> None:
    """Tell the ledger of voxels that later masks hide."""
    if composer.overlap:
        kind = next((a.kind for a in item.annotations if isinstance(a, Mask | Mask3d)), "mask_3d")
        ctx.ledger.add(
            "DSK-L006",
            "a voxel has one label: those of earlier masks are hidden by later ones",
            kind=kind,
            item=item.id,
            subset=item.subset,
            hint=hint,
        )


def bad_item(ctx: WriteContext, item: DatasetItem, error: InputError) -> None:
    """Report that an item could not be written, as the run's policy says."""
    ctx.ledger.bad_record(
        RecordError(error.message, where=error.where or item.id, hint=error.hint, item=item.id)
    )


def discard(ctx: WriteContext, names: Sequence[str]) -> None:
    """Remove what was written of an item that could not be finished."""
    for name in names:
        place = Path(ctx.out.path, clean_name(name))
        if not ctx.out.dry and place.is_file():
            place.unlink()


def each_written(
    items: Iterable[DatasetItem],
    ctx: WriteContext,
    write: Callable[[DatasetItem, WriteContext, list[str]], Made],
) -> Iterator[tuple[DatasetItem, Made]]:
    """Write items one by one; of one that cannot be finished nothing stays.

    Args:
        items: The items.
        ctx: Where they go.
        write: Writes one and notes the files it makes.

    Yields:
        Each item that was written, and what ``write`` gave for it.
    """
    for item in items:
        files: list[str] = []
        try:
            made = write(item, ctx, files)
        except InputError as error:
            bad_item(ctx, item, error)
            discard(ctx, files)
            continue
        yield item, made
