"""The pytest plugin: its fixtures work, and loading it costs other projects nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

TESTS = """
def test_samples(sample_dataset, make_sample):
    assert {item.subset for item in sample_dataset} == {"train", "val"}
    assert len(list(make_sample(ids=("x",), media="file"))) == 1

def test_hostile(hostile, tmp_path):
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "ids.txt").write_text("victim-one\\n")
    def consume(path, out, on_error):
        from dsk.item import DatasetItem
        return [DatasetItem((path / "ids.txt").read_text().strip())]
    assert hostile("climbing-names", tmp_path / "good", consume)
"""


def _python(*words, cwd=None):
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, cwd=cwd
    )


def test_fixtures(tmp_path):
    (tmp_path / "test_it.py").write_text(TESTS)
    loaded = any(p.value == "dsk.testing.plugin" for p in entry_points(group="pytest11"))
    words = [] if loaded else ["-p", "dsk.testing.plugin"]
    run = _python(
        "-m",
        "pytest",
        "-q",
        "-c",
        "/dev/null",
        "--rootdir",
        ".",
        *words,
        "test_it.py",
        cwd=tmp_path,
    )
    assert "2 passed" in run.stdout, run.stdout + run.stderr


def test_loading_it_imports_nothing_else():
    code = (
        "import sys, pytest; before = set(sys.modules); import dsk.testing.plugin; "
        "print(*sorted(m for m in set(sys.modules) - before))"
    )
    run = _python("-c", code)
    assert run.returncode == 0, run.stderr
    assert set(run.stdout.split()) == {"dsk", "dsk.testing", "dsk.testing.plugin"}
