"""What every format must be able to do, for both of this package."""

from __future__ import annotations

from dsk.testing import FormatSuite


class TestVottJson(FormatSuite):
    format = "vott_json"


class TestVottCsv(FormatSuite):
    format = "vott_csv"
