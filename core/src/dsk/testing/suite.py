"""``FormatSuite``: what every format of dsk must be able to do, as tests to inherit."""

from __future__ import annotations

from dsk.testing.columns import ColumnChecks
from dsk.testing.damage import DamageChecks
from dsk.testing.described import DescribedChecks
from dsk.testing.edits import EditChecks
from dsk.testing.outputs import OutputChecks
from dsk.testing.roundtrip import RoundTripChecks

__all__ = ["FormatSuite"]


class FormatSuite(
    DescribedChecks, RoundTripChecks, OutputChecks, EditChecks, ColumnChecks, DamageChecks
):
    """Tests of one format; inherit, name the format, and say what is special about it.

    For instance::

        class TestAcme(FormatSuite):
            format = "acme"
            export_options = {"task": "detect"}
            kinds = ("bbox",)
            tolerance = 0.01

    Attributes and hooks are those of ``dsk.testing.base.SuiteBase``. One class tests one set of
    options; a format with several tasks has several classes. A check that cannot hold for a format
    is overridden, with the reason as its docstring; a format that is only read or only written
    skips what needs the other direction.
    """
