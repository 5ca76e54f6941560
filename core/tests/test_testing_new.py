"""``python -m dsk.testing new``: names, folders, and that the package it makes works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dsk.errors import OutputExistsError, UsageError
from dsk.testing.__main__ import main
from dsk.testing.scaffold import PLACEHOLDER, new_package, template_folder


def test_every_placeholder_is_filled_in(tmp_path):
    folder = new_package("two_words", tmp_path)
    assert folder.name == "dsk-two-words"
    made = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    source = template_folder()
    given = {p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file()}
    given = {n for n in given if "__pycache__" not in n and not re.search(r"(^|/)\.", n)}
    assert made == {name.replace(PLACEHOLDER, "two_words") for name in given}
    assert "src/dsk_two_words/plugin.py" in made
    for name in made:
        assert PLACEHOLDER not in (folder / name).read_text()
    assert 'name = "dsk-two-words"' in (folder / "pyproject.toml").read_text()
    assert 'two_words = "dsk_two_words.plugin"' in (folder / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    "name",
    ["", "Acme", "1st", "a-b", "a.b", "../x", "a__b", "_a", "a_", "class", "dsk", "ü", "a b"],
)
def test_impossible_names(name, tmp_path):
    with pytest.raises(UsageError, match="cannot be the name"):
        new_package(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_names_of_known_formats(tmp_path):
    with pytest.raises(UsageError, match="there is a format 'coco' already"):
        new_package("coco", tmp_path)


def test_names_of_installed_formats(toy, tmp_path):
    with pytest.raises(UsageError, match="there is a format 'toy' already"):
        new_package("toy", tmp_path)


def test_existing_folder_stays_as_it_is(tmp_path):
    (tmp_path / "dsk-acme").mkdir()
    with pytest.raises(OutputExistsError):
        new_package("acme", tmp_path)
    assert list((tmp_path / "dsk-acme").iterdir()) == []


def test_command(tmp_path, capsys):
    assert main(["new", "acme", "--dir", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert f"cd {tmp_path / 'dsk-acme'}" in said
    assert "pip install -e '.[test]'" in said
    assert main(["new", "acme", "--dir", str(tmp_path)]) == 4
    assert main(["new", "Acme!", "--dir", str(tmp_path)]) == 2
    assert "error: " in capsys.readouterr().err


def test_unwritable_place(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["new", "acme", "--dir", str(tmp_path / "file")]) == 4
    assert "error: " in capsys.readouterr().err


def _run(*words, cwd=None):
    # neither the variables nor the search path of the running tests may help the new environment
    env = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COVERAGE", "PYTEST"))
    }
    run = subprocess.run(
        [str(w) for w in words], capture_output=True, text=True, check=False, cwd=cwd, env=env
    )
    assert run.returncode == 0, f"{words}\n{run.stdout}\n{run.stderr}"
    return run.stdout


@pytest.mark.slow
def test_a_new_package_works_as_a_wheel_with_only_core(tmp_path):
    """Built, installed with nothing but dsk-core in a new environment, listed, used and tested."""
    core = Path(__file__).resolve().parents[1]
    uv = (sys.executable, "-m", "uv", "-q")
    _run(*uv, "venv", "--python", sys.executable, tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    install = (*uv, "pip", "install", "--python", python)
    _run(*uv, "build", "--wheel", "-o", tmp_path / "wheels", core)
    (core_wheel,) = (tmp_path / "wheels").glob("dsk_core-*.whl")
    _run(*install, f"dsk-core[test] @ {core_wheel.as_uri()}")
    _run(python, "-m", "dsk.testing", "new", "acme", "--dir", tmp_path, cwd=tmp_path)
    folder = tmp_path / "dsk-acme"
    _run(*uv, "build", "--wheel", "-o", tmp_path / "wheels", folder)
    (wheel,) = (tmp_path / "wheels").glob("dsk_acme-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert "dsk_acme/py.typed" in archive.namelist()
    _run(*install, "--no-index", "--no-deps", wheel)
    dsk = python.with_name("dsk")
    assert "acme" in _run(dsk, "formats", cwd=tmp_path)
    _run(python, "-c", SAMPLE, tmp_path / "in", cwd=tmp_path)
    _run(dsk, "convert", "-i", tmp_path / "in", "-f", "acme", "-o", tmp_path / "out", cwd=tmp_path)
    assert (tmp_path / "out" / "train.jsonl").read_bytes() == (
        tmp_path / "in" / "train.jsonl"
    ).read_bytes()
    said = _run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
    assert re.search(r"\d\d+ passed", said), said


SAMPLE = """
import sys
from dsk.testing import samples
samples.make(kinds=("bbox",)).export(sys.argv[1], "acme", save_media=True)
"""
