"""Writing TFRecord files for TensorFlow's Object Detection API."""

from __future__ import annotations

import hashlib
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from dsk.errors import InputError, MediaError, OutputError, RecordError
from dsk.flow import Exporter
from dsk.item import DEFAULT_SUBSET
from dsk.media import Image, is_decoded
from dsk.pixels import encode as encode_image
from dsk_tfrecord import keys
from dsk_tfrecord.example import encode
from dsk_tfrecord.framing import frame
from dsk_tfrecord.imagenames import item_id_of
from dsk_tfrecord.instances import InstanceWriter
from dsk_tfrecord.labelmap import Entry, label_map_text
from dsk_tfrecord.layout import numbered, subset_of
from dsk_tfrecord.plugin import capabilities

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from dsk.categories import Categories
    from dsk.descriptors import Capabilities
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.output import WriteContext

__all__ = ["TfDetectionApiExporter"]

FAMILY = "tf_detection_api"
_FORMATS = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png"}
_ENDING = ".tfrecord"


class TfDetectionApiExporter(Exporter):
    """Writes TFRecord datasets; see the descriptor for the options."""

    def __init__(self, *, save_masks: bool = False) -> None:
        self.save_masks = save_masks

    def capabilities(self, header: Header) -> Capabilities:  # noqa: ARG002 - the same for all
        """See ``Exporter.capabilities``."""
        return capabilities(masks=self.save_masks)

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._entries = _entries(header.categories, ctx.ledger)
        self._instances = InstanceWriter([entry.name for entry in self._entries])
        self._first = header.subsets[0] if header.subsets else DEFAULT_SUBSET

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> Counter[str]:
        """See ``Exporter.write``; returns how many items each subset has that are not called so."""
        counts: Counter[str] = Counter()
        with ExitStack() as stack:
            files: dict[str, BinaryIO] = {}
            for item in items:
                counts[item.subset] += item.id != item.subset
                name = item.subset + _ENDING
                if name not in files:
                    _check(item)
                    files[name] = stack.enter_context(ctx.fragment(name))
                features = self._features(item, ctx)
                files[name].write(frame(encode(features, keys.OBJECTS)))
        return counts

    def _features(self, item: DatasetItem, ctx: WriteContext) -> dict[str, Any]:
        name, data, kind = _image(item, ctx)
        size = ctx.image_size(item, masks=True)
        source = item.attributes.get("source_id", "")
        return {
            keys.FILENAME: [_bytes(name)],
            keys.SOURCE_ID: [_bytes(str(source if source is not None else ""))],
            keys.HEIGHT: [size[0] if size else 0],
            keys.WIDTH: [size[1] if size else 0],
            keys.ENCODED: [data],
            keys.FORMAT: [kind.encode()],
            keys.SHA256: [hashlib.sha256(data).hexdigest().encode() if data else b""],
            **self._instances.features(item, size, ctx.ledger),
        }

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        written = ctx.out.fragment_names()
        for name in written:
            ctx.out.join(name, ctx.out.fragments(name))
        for subset, whole in numbered(name.removesuffix(_ENDING) for name in written).items():
            what = f"subsets whose names count up are read back as {whole}"
            ctx.ledger.add("DSK-L012", what, subset=subset, hint="-t map_subsets renames subsets")
        others = sum(states, Counter[str]())
        if len(written) > 1 and not others:
            what = f"subsets of one item that is called so are read back as {DEFAULT_SUBSET}"
            ctx.ledger.add("DSK-L012", what, count=len(written))
        if not written:
            ctx.write(self._first + _ENDING, b"")
        ctx.write("label_map.pbtxt", label_map_text(self._entries))


def _entries(categories: Categories, ledger: Ledger) -> list[Entry]:
    """Return the label map: ids from 1 without gaps, names that are all different.

    Raises:
        OutputError: A label has no name.
    """
    entries: list[Entry] = []
    used: set[str] = set()
    for number, label in enumerate(categories.labels, 1):
        stated = (label.extra or {}).get(FAMILY) or {}
        own = {key: value for key, value in stated.items() if isinstance(value, str)}
        name = own.get("name") or label.name
        shown = own.get("display_name") or (label.name if "name" in own else "")
        if not name:
            raise OutputError("a label has no name", hint="-t remap_labels gives it one")
        unique = name if name not in used or not label.parent else f"{label.parent}/{name}"
        suffix = 2
        while unique in used:
            unique, suffix = f"{name}_{suffix}", suffix + 1
        if unique != name:
            ledger.add("DSK-L010", "label names changed: two labels had the same")
        used.add(unique)
        entries.append(Entry(number, unique, shown))
    return entries


def _check(item: DatasetItem) -> None:
    """Make sure that the subset's file is read as that subset."""
    subset = item.subset
    if subset_of(subset + _ENDING) != subset or not subset:
        raise OutputError(
            f"the subset name {subset!r} cannot be the name of a TFRecord file",
            where=item.id,
            hint="rename the subset: -t map_subsets",
        )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8")


def _image(item: DatasetItem, ctx: WriteContext) -> tuple[str, bytes, str]:
    """Return the name, the content and the format of an item's image; both "" without content."""
    name = ctx.image_name(item)
    if item_id_of(name) != item.id:  # an ending of digits, say, which readers take for the id's
        name = f"{item.id}.jpg"
    media = item.media
    if not ctx.save_media or not isinstance(media, Image):
        return name, b"", ""
    if media.source is None or not media.exists:
        _missing(item, "image not found", "check where the source keeps its media", ctx)
        return name, b"", ""
    try:
        data, kind = _content(media, ctx.media.image_ext)
        if not data:
            ext = ctx.media.image_ext or ".png"
            if ext not in _FORMATS:
                raise OutputError(
                    f"records hold JPEG and PNG images, not {ext}", hint="--image-ext .png"
                )
            data, kind = encode_image(media.data, ext), _FORMATS[ext]
            if not is_decoded(media.source):
                what = f"image re-encoded {media.ext}→{ext}"
                ctx.ledger.add_at("DSK-L016", what, item)
            name = item.id + ext
    except MediaError as error:
        bad = RecordError(error.message, where=error.where or media.path, item=item.id)
        ctx.ledger.bad_record(bad)
        return name, b"", ""
    except InputError as error:
        _missing(item, f"image not saved: {error.message}", error.hint, ctx)
        return name, b"", ""
    ctx.ledger.media_saved += 1
    return name, data, kind


def _content(media: Image, ext: str | None) -> tuple[bytes, str]:
    """Return an encoded image as it is and its format; nothing if it must be re-encoded."""
    if is_decoded(media.source):
        return b"", ""
    data = media.read_bytes()
    kind = "jpeg" if data[:2] == b"\xff\xd8" else "png" if data[:4] == b"\x89PNG" else ""
    wanted = _FORMATS.get(ext.lower(), ext) if ext else kind
    return (data, kind) if kind and kind == wanted else (b"", "")


def _missing(item: DatasetItem, what: str, hint: str, ctx: WriteContext) -> None:
    ctx.ledger.add_at("DSK-L016", what, item, hint=hint)
