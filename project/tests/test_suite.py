"""What every format must be able to do."""

from __future__ import annotations

from dsk.testing import FormatSuite


class TestProject(FormatSuite):
    format = "project"
