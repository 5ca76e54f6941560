"""The attack corpus: what strike notices, what the sandbox bounds, and that attacks bite."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import time
import zipfile

import pytest

from dsk.annotations import Bbox
from dsk.errors import DskError, InputError
from dsk.item import DatasetItem
from dsk.testing import attacks, sandbox


@pytest.fixture
def good(tmp_path):
    """A folder with one file of each sort, as attacks find them."""
    folder = tmp_path / "good"
    folder.mkdir()
    rows = [{"id": name, "box": [1.5, 2, 3, 4], "height": 48} for name in attacks.VICTIMS]
    (folder / "all.json").write_text(json.dumps({"items": rows}))
    items = "".join(f"<item><id>{name}</id><x>1.5</x></item>" for name in attacks.VICTIMS)
    (folder / "all.xml").write_text(f"<items>{items}</items>")
    (folder / "all.csv").write_text("".join(f"{name},1.5,2\n" for name in attacks.VICTIMS))
    (folder / "all.yaml").write_text("names: [cat]\n")
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(128, 200)))
    (folder / "a.npy").write_bytes(b"\x93NUMPY" + bytes(range(128, 200)))
    return folder


def clean(path, out, policy):
    """A reader that refuses everything."""
    raise InputError("no")


@pytest.mark.parametrize("name", list(attacks.ATTACKS))
def test_every_attack_has_variants_and_a_careful_reader_survives(name, good, tmp_path):
    seen = []

    def look(arena):
        for what, path in attacks.ATTACKS[name].variants(arena):
            seen.append(what)
            yield what, path

    arena = attacks.Arena(tmp_path / "arena", good)
    arena.outside.mkdir(parents=True)
    arena.reset()
    for _, path in look(arena):
        assert path.exists()
        arena.reset()
    assert seen
    assert len(set(seen)) == len(seen)
    assert attacks.strike(attacks.ATTACKS[name], good, tmp_path / "strike", clean) == []


def _strike(name, good, tmp_path, consume):
    return "\n".join(attacks.strike(attacks.ATTACKS[name], good, tmp_path / "strike", consume))


def test_other_exceptions_are_noticed(good, tmp_path):
    def consume(path, out, policy):
        raise KeyError("id")

    assert "KeyError: 'id' (test_testing_attacks.py" in _strike("code", good, tmp_path, consume)


def test_escaping_names_are_noticed(good, tmp_path):
    def consume(path, out, policy):
        return [
            DatasetItem(row["id"]) for row in json.loads((path / "all.json").read_text())["items"]
        ]

    assert "is no clean name" in _strike("climbing-names", good, tmp_path, consume)
    assert "is no clean name" in "\n".join(
        attacks.strike(attacks.ATTACKS["absolute-names"], good, tmp_path / "other", consume)
    )


def test_writing_outside_is_noticed(good, tmp_path):
    def consume(path, out, policy):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if name == "../../evil.txt":
                        (out.parent / "evil.txt").write_bytes(archive.read(name))
        return []

    assert "files outside of the output changed" in _strike("zip-slip", good, tmp_path, consume)


def test_secrets_in_items_and_output_are_noticed(good, tmp_path):
    def consume(path, out, policy):
        shutil.copytree(path, out)
        return [DatasetItem((path / "all.csv").read_text())]

    found = _strike("links", good, tmp_path, consume)
    assert "a secret is in the output: all.csv" in found
    assert "a secret is in item" in found


def test_code_that_runs_is_noticed(good, tmp_path):
    def consume(path, out, policy):
        try:
            pickle.loads((path / "a.npy").read_bytes())
        except (pickle.UnpicklingError, ValueError, KeyError, EOFError) as error:
            raise InputError("no pickle") from error
        return []

    assert "code of the dataset was run" in _strike("code", good, tmp_path, consume)


def test_values_that_are_no_numbers_are_noticed(good, tmp_path):
    def consume(path, out, policy):
        try:
            values = [float(line.split(",")[1]) for line in (path / "all.csv").open()]
        except ValueError as error:
            raise InputError("no number") from error
        return [DatasetItem("a", annotations=[Bbox(value, 1, 1, 1)]) for value in values]

    assert "no numbers" in _strike("not-numbers", good, tmp_path, consume)


def test_crash_of_the_process_is_noticed(good, tmp_path):
    assert "SIGABRT" in _strike("code", good, tmp_path, lambda *_: os.abort())


def test_sandbox_returns_values_and_tracebacks():
    assert sandbox.run(lambda: [1, {"a": 2}]).value == [1, {"a": 2}]
    assert "ZeroDivisionError" in sandbox.run(lambda: 1 // 0).trouble
    assert "not here" in sandbox.run(lambda: clean_error("not here")).trouble


def clean_error(text):
    raise DskError(text)


def test_sandbox_bounds_memory_and_time():
    assert "MemoryError" in sandbox.run(lambda: len(bytearray(1 << 28)), memory=1 << 26).trouble
    assert "hangs" in sandbox.run(lambda: time.sleep(100), seconds=0.2).trouble


def test_sandbox_changes_nothing_here():
    box = []
    sandbox.run(lambda: box.append(1))
    assert box == []


@pytest.mark.parametrize("name", ["all.json", "all.xml", "all.csv", "a.png"])
def test_mutations_are_many_and_always_the_same(good, name):
    data = (good / name).read_bytes()
    once, again = list(attacks.mutations(name, data)), list(attacks.mutations(name, data))
    assert once == again
    assert len(once) >= 10
    assert sum(changed != data for _, changed in once) >= len(once) - 2


@pytest.mark.parametrize("damage", list(attacks.DAMAGES))
def test_damages_change_the_file(good, damage):
    path = good / "all.csv"
    before = path.read_bytes()
    attacks.DAMAGES[damage](path)
    assert not path.is_file() or path.read_bytes() != before
