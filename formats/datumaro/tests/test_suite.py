"""The conformance tests that every format inherits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dsk.annotations import Polygon
from dsk.testing import FormatSuite

if TYPE_CHECKING:
    from dsk.dataset import Dataset
    from dsk.loss import Report

# A warning about a repaired record is a fair answer to damage.
pytestmark = pytest.mark.filterwarnings("ignore::dsk.errors.DskWarning")


class TestDatumaro(FormatSuite):
    """Datumaro JSON under each kind's own name."""

    format = "datumaro"

    def count_annotations(self, dataset: Dataset, report: Report) -> int:
        """Each ring is one annotation in the files; the importer joins them again."""
        return sum(
            len(a.rings) if isinstance(a, Polygon) else 1
            for item in dataset
            for a in item.annotations
        )


class TestDatumaro0(TestDatumaro):
    """Datumaro JSON for Datumaro 0.x and CVAT."""

    export_options = {"dialect": "d0"}  # noqa: RUF012 - the suite's own form


class TestDatumaro1(TestDatumaro):
    """Datumaro JSON for Datumaro 1.x."""

    export_options = {"dialect": "d1"}  # noqa: RUF012 - the suite's own form
