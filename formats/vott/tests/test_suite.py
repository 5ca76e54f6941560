"""What every format must be able to do, for both of this package."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dsk.testing import FormatSuite

if TYPE_CHECKING:
    from pathlib import Path


class TestVottJson(FormatSuite):
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


class TestVottCsv(FormatSuite):
    format = "vott_csv"

    def make(self, folder: Path) -> None:
        rows = ['"image","xmin","ymin","xmax","ymax","label"']
        rows += [f'"{n}.jpg",{n},2.5,{n + 5},9,"car"' for n in (0, 1)]
        (folder / "p-export.csv").write_text("\n".join([*rows, ""]))
