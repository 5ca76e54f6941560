"""One element of a dataset: a medium and what is annotated on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from dsk.annotations import Annotation
    from dsk.media import Media

__all__ = ["DEFAULT_SUBSET", "DatasetItem"]

DEFAULT_SUBSET = "default"
"""Name of the subset of items that state none."""


class DatasetItem(Struct, frozen=True, gc=False):
    """One element of a dataset; its identity is ``(id, subset)``.

    Attributes:
        id: POSIX-like relative name without extension; sub-directories and any Unicode allowed.
        subset: Name of the part of the dataset it belongs to.
        media: What it shows, or None.
        annotations: What is known about it.
        attributes: Named values of the whole item.
        extra: Fields of the source format without a place in the model, by format family.
    """

    id: str
    subset: str = DEFAULT_SUBSET
    media: Media | None = None
    annotations: tuple[Annotation, ...] | list[Annotation] = ()
    attributes: dict[str, Any] = {}
    extra: dict[str, Any] | None = None

    def replace(self, **changes: Any) -> DatasetItem:
        """Return a copy with some fields changed."""
        return replace(self, **changes)
