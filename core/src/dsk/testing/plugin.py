"""Fixtures for tests with dsk, in any project that has dsk-core installed.

pytest loads this module at every start, in projects that have nothing to do with dsk too. So it
imports pytest alone; what is imported here, coverage would also count as never run.
"""

from __future__ import annotations

from typing import Any

import pytest

pytest.register_assert_rewrite(
    "dsk.testing.base",
    "dsk.testing.compare",
    "dsk.testing.damage",
    "dsk.testing.described",
    "dsk.testing.outputs",
    "dsk.testing.roundtrip",
    "dsk.testing.transforms",
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers of the suites known."""
    config.addinivalue_line(
        "markers",
        "damage: a suite's tests with damaged and hostile input, which take most of its time",
    )


@pytest.fixture
def make_sample(tmp_path: Any) -> Any:
    """A function that makes small datasets: ``make_sample(kinds=("bbox", "mask"), media="file")``.

    Its arguments are those of ``dsk.testing.samples.Recipe``.
    """

    def make(**parts: Any) -> Any:
        from dsk.testing import samples

        parts.setdefault("folder", tmp_path / "sample-media")
        return samples.make(**parts)

    return make


@pytest.fixture
def sample_dataset(make_sample: Any) -> Any:
    """A dataset of three images with boxes, polygons and labels, in two subsets."""
    return make_sample(kinds=("bbox", "polygon", "label"), subsets=("train", "val"))


@pytest.fixture
def hostile(tmp_path: Any) -> Any:
    """A function that tries an attack: ``hostile("zip-slip", good_folder, consume)`` → problems.

    ``consume(path, output, on_error)`` reads and converts a dataset and returns its items; see
    ``dsk.testing.attacks``.
    """

    def strike(attack: str, good: Any, consume: Any) -> Any:
        from dsk.testing import attacks

        return attacks.strike(attacks.ATTACKS[attack], good, tmp_path / f"strike-{attack}", consume)

    return strike
