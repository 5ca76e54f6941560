"""What every format must be able to do."""

from __future__ import annotations

from dsk.testing import FormatSuite


class TestAva(FormatSuite):
    format = "ava"
    ignore = frozenset({"group"})  # groups are the actions of one person's box; see test_groups
    expected_losses = frozenset({"DSK-L005"})
