"""What every format must be able to do."""

from __future__ import annotations

from dsk.testing import FormatSuite


class TestMpii(FormatSuite):
    format = "mpii"


class TestMpiiJson(FormatSuite):
    format = "mpii_json"
