"""What every format must be able to do."""

from __future__ import annotations

import json

import pytest

from dsk.testing import FormatSuite


class TestProject(FormatSuite):
    format = "project"

    @pytest.fixture(autouse=True)
    def _with_toys(self, toy):
        self._toy = toy

    def make(self, folder):
        """Two datasets that have an item in common."""
        for number in (0, 1):
            items = [{"id": i, "boxes": [[number, 1, 2, 3, 4, 0]]} for i in ("a", f"b{number}")]
            self._toy(folder / f"d{number}", items)
        sources = [{"name": f"d{n}", "path": f"d{n}", "format": "toy"} for n in (0, 1)]
        (folder / "dsk-project.json").write_text(json.dumps({"version": 1, "sources": sources}))
