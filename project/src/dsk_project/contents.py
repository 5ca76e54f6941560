"""What an annotation says apart from its numbers in a source: the same in two sources or not."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dsk.annotations import Annotation, Mask, Mask3d, Polygon
from dsk.errors import InputError
from dsk.rle import counts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["content_of"]

# Ids and groups are counted by each source for itself; what has no place in the model is about
# the format. A stated box or area is about the outline, which is compared.
_ASIDE = frozenset({"id", "group", "extra", "points", "holes", "source"})
_STATED = frozenset({"bbox", "area"})


def content_of(a: Annotation) -> Hashable:
    """Return what stands for an annotation's content: equal for equal content.

    Outlines and masks are decoded for it. Masks of volumes, and what cannot be decoded, are like
    nothing else.
    """
    if isinstance(a, Mask3d):
        return id(a.source), a.value
    try:
        geometry = tuple(_geometry(a))
    except (ValueError, InputError):
        return id(a)
    aside = _ASIDE | _STATED if isinstance(a, Polygon | Mask) else _ASIDE
    fields = [_plain(getattr(a, name)) for name in a.__struct_fields__ if name not in aside]
    return a.kind, geometry, tuple(fields)


def _geometry(a: Annotation) -> Iterator[Hashable]:
    if isinstance(a, Polygon):
        yield _plain(a.rings)
        yield _plain(a.holes)
    elif isinstance(a, Mask):
        rle = a.rle
        yield rle.size
        yield counts_of(rle).tobytes()
    else:
        yield _plain(getattr(a, "points", ()))


def _plain(value: Any) -> Hashable:
    """Return a value that can be hashed: whole numbers are like floats, lists like tuples."""
    if isinstance(value, Mapping):
        return tuple(sorted((str(key), _plain(one)) for key, one in value.items()))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return tuple(map(_plain, value))
    if hasattr(value, "tolist"):  # numpy
        return _plain(value.tolist())
    return value if isinstance(value, Hashable) else repr(value)
