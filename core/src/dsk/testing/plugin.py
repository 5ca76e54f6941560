"""Fixtures for tests with dsk, in any project that has dsk-core installed.

pytest loads this module at every start, in projects that have nothing to do with dsk too. So it
imports pytest alone; what is imported here, coverage would also count as never run.
"""

from __future__ import annotations

import sys
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
def only_plugins(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that installs just some plugins: ``only_plugins(toy=module, mine="my.plugin")``.

    The names are those of entry points; a module need not be a file. A name of a module stands for
    the package that it is in.
    """
    from importlib.metadata import EntryPoint
    from pathlib import Path
    from types import SimpleNamespace

    import dsk.hooks
    import dsk.registry

    def install(**plugins: Any) -> None:
        points = []
        for name, module in plugins.items():
            if isinstance(module, str):
                dist = SimpleNamespace(_path=Path(f"{module.partition('.')[0]}-0.1.0.dist-info"))
                point: Any = EntryPoint(name, module, dsk.hooks.ENTRY_POINT_GROUP)
                points.append(point._for(dist))  # noqa: SLF001 - as importlib itself does
                continue
            monkeypatch.setitem(sys.modules, module.__name__, module)
            points.append(EntryPoint(name, module.__name__, dsk.hooks.ENTRY_POINT_GROUP))
        monkeypatch.setattr(dsk.registry, "entry_points", lambda group: points)  # noqa: ARG005
        dsk.registry.registry.cache_clear()

    yield install
    dsk.registry.registry.cache_clear()


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
