"""Damaged and hostile files of VoTT, which is read only: there is no output of ours to damage."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dsk.testing.damage import DamageChecks

if TYPE_CHECKING:
    from pathlib import Path

    from dsk import Dataset


class _ReadOnly(DamageChecks):
    """Damages a dataset that ``make`` writes, and reads it; it is converted to nothing."""

    __test__ = False

    @classmethod
    def needs(cls, *, reading: bool = True, writing: bool = True) -> None:
        super().needs(reading=reading, writing=False)

    def write(self, dataset: Dataset, folder: Path, **settings: Any) -> Any:
        if not dataset.places:
            folder.mkdir()
            self.make(folder)

    def make(self, folder: Path) -> None:
        raise NotImplementedError

    def test_the_sample_is_read(self, tmp_path: Path) -> None:
        """What is damaged is a dataset in the first place."""
        items = self.consume(self._good(tmp_path), tmp_path / "out", "raise")
        assert len(items) == 2
        assert all(item.annotations for item in items)


class TestVottJson(_ReadOnly):
    __test__ = True

    format = "vott_json"

    def make(self, folder: Path) -> None:
        assets = {}
        for n, kind in enumerate(("RECTANGLE", "POLYGON")):
            corners = [{"x": x, "y": y} for x, y in ((1, 2), (5.5, 2), (5.5, 8))]
            box = {"left": 1, "top": 2, "width": 4.5, "height": 6}
            region = {"id": f"r{n}", "type": kind, "tags": ["car"], "boundingBox": box}
            image = {"id": f"{n:032x}", "name": f"{n}.jpg", "path": f"file:C:/x/{n}.jpg"}
            assets[f"{n:032x}"] = {
                "asset": {**image, "size": {"width": 20, "height": 10}},
                "regions": [{**region, "points": corners}],
                "version": "2.2.0",
            }
        tags = [{"name": "car", "color": "#0a0b0c"}]
        text = json.dumps({"name": "p", "tags": tags, "assets": assets})
        (folder / "p-export.json").write_text(text)


class TestVottCsv(_ReadOnly):
    __test__ = True

    format = "vott_csv"

    def make(self, folder: Path) -> None:
        rows = ['"image","xmin","ymin","xmax","ymax","label"']
        rows += [f'"{n}.jpg",{n},2.5,{n + 5},9,"car"' for n in (0, 1)]
        (folder / "p-export.csv").write_text("\n".join([*rows, ""]))
