"""Writing CamVid datasets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dsk.annotations import Mask
from dsk.errors import OutputError
from dsk.flow import Exporter
from dsk_scenes.camvid.tables import LABELS
from dsk_scenes.shared.classmap import ClassMaps
from dsk_scenes.shared.target import make_target, write_labels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["CamvidExporter"]

_BAD_ID = re.compile(r'[\r\n"]')

_RESERVED = frozenset({"label_colors"})


class CamvidExporter(Exporter):
    """Writes CamVid datasets; see the descriptor for the options."""

    heavy = True

    def __init__(
        self,
        *,
        apply_colormap: bool = True,
        label_map: str = "source",
        save_dataset_meta: bool = False,
    ) -> None:
        self.apply_colormap = apply_colormap
        self.label_map = label_map
        self.save_dataset_meta = save_dataset_meta

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._target = make_target(
            header.categories,
            self.label_map,
            LABELS,
            "camvid",
            ctx.ledger,
            unique=True,
            lines=not self.save_dataset_meta,
        )
        self._maps = ClassMaps(self._target, colors=self.apply_colormap)

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> dict[str, list[str]]:
        """See ``Exporter.write``."""
        lists: dict[str, list[str]] = {}
        for item in items:
            subset = item.subset
            if _BAD_ID.search(item.id) or subset in _RESERVED:
                raise OutputError(
                    f"a CamVid list cannot hold item {item.id!r} of subset {subset!r}",
                    hint="rename the item or the subset",
                )
            image = f"{subset}/{ctx.image_name(item)}"
            ctx.save_image(item, image)
            found = [a for a in item.annotations if type(a) is Mask]
            data = self._maps(item, found, ctx.ledger)
            mask = ""
            if data is not None:
                mask = f"{subset}annot/{item.id}.png"
                ctx.write(mask, data)
            lists.setdefault(subset, []).append(_line(image, mask))
        return lists

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        lists: dict[str, list[str]] = {}
        for state in states:
            for subset, lines in state.items():
                lists.setdefault(subset, []).extend(lines)
        for subset, lines in lists.items():
            ctx.write(f"{subset}.txt", "".join(lines).encode())
        write_labels(self._target, ctx, meta=self.save_dataset_meta)


def _line(image: str, mask: str) -> str:
    if any(c.isspace() for c in image + mask):
        return f'"/{image}" "{mask}"\n' if mask else f'"/{image}"\n'
    return f"/{image} {mask}\n"
