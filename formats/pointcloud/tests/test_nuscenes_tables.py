"""nuScenes' tables: rows that follow one another, many scenes, reading in pieces."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsk.annotations import Cuboid3d
from dsk.dataset import Dataset
from dsk.errors import InputError, RecordError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk_pointcloud.nuscenes import tables
from dsk_pointcloud.nuscenes.chains import Chains

FRAMES = st.lists(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=4), max_size=6)


@given(FRAMES)
def test_neighbours_are_those_of_the_same_chain(frames):
    chains = Chains()
    for rows in frames:
        chains.frame()
        for chain in rows:
            chains.add(chain)
    chains.close()
    places = [(f, n) for f, rows in enumerate(frames) for n in range(len(rows))]
    for f, n in places:
        chain = frames[f][n]
        same = [p for p in places if chain is not None and frames[p[0]][p[1]] == chain]
        at = same.index((f, n)) if same else 0
        before = same[at - 1] if at else None
        after = same[at + 1] if at + 1 < len(same) else None
        assert chains.next_row() == (before, after)


def box(**attributes):
    return Cuboid3d((1.0, 2.0, 3.0), label=0, attributes=attributes)


def test_instances_of_several_scenes(tmp_path):
    """Tracks are those of a scene, stated instances those of the dataset, others are alone."""
    stated, track, alone = box(instance_token="mine"), box(track_id=1), box()
    items = [
        DatasetItem(f"{scene}/{n}", annotations=[alone, stated, track, alone])
        for scene in ("s", "t")
        for n in range(3)
    ]
    Dataset.from_iterable(items, ["car"]).export(tmp_path / "out", "nuscenes", jobs=2)
    written = {
        path.stem: json.loads(path.read_text())
        for path in tmp_path.glob("out/v1.0-trainval/*.json")
    }
    boxes = {row["token"]: row for row in written["sample_annotation"]}
    counts = sorted(row["nbr_annotations"] for row in written["instance"])
    assert counts == [1] * 12 + [3, 3, 6]
    assert len({row["token"] for row in written["instance"]}) == 15
    for row in written["instance"]:
        own = [b["token"] for b in boxes.values() if b["instance_token"] == row["token"]]
        assert (row["first_annotation_token"], row["last_annotation_token"]) == (own[0], own[-1])
    for row in boxes.values():
        for name, back in (("next", "prev"), ("prev", "next")):
            if row[name]:
                assert boxes[row[name]][back] == row["token"]
                assert boxes[row[name]]["instance_token"] == row["instance_token"]
    ends = [row for row in boxes.values() if not row["next"]]
    assert len(ends) == 12 + 2 + 2  # a stated instance begins anew in each scene


ROWS = [
    {"token": "a", "name": "x"},
    {"token": "},{", "name": "y", "more": [{"a": 1}, {"b": "},  {"}]},
    {"token": "c", "name": "é"},
    {"token": "d", "name": "z"},
]


def read(folder, ledger=None):
    root, ledger = open_root(folder), ledger or Ledger()
    return list(tables.read_table(root, "", "category", tables.Named, ledger, needed=True))


@pytest.mark.parametrize("piece", [1, 20, 45, 90, 1000])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_tables_are_read_in_pieces(tmp_path, monkeypatch, piece, indent, mark):
    monkeypatch.setattr(tables, "PIECE", piece)
    (tmp_path / "category.json").write_text(mark + json.dumps(ROWS, indent=indent), "utf-8")
    found = read(tmp_path)
    assert [(row.token, row.name) for row in found] == [(r["token"], r["name"]) for r in ROWS]


@pytest.mark.parametrize("cut", [1, 30, 60, 90, -1])
def test_damage_in_any_piece_is_told(tmp_path, monkeypatch, cut):
    monkeypatch.setattr(tables, "PIECE", 8)
    (tmp_path / "category.json").write_text(json.dumps(ROWS)[:cut])
    with pytest.raises(InputError, match="damaged table"):
        read(tmp_path)


@pytest.mark.parametrize("piece", [1, 45, 1000])
def test_a_row_of_another_kind_costs_itself_only(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(tables, "PIECE", piece)
    rows = [*ROWS[:2], {"token": 5, "name": "q"}, {"name": "q"}, 7, *ROWS[2:]]
    (tmp_path / "category.json").write_text(json.dumps(rows))
    ledger = Ledger(on_error="skip")
    found = read(tmp_path, ledger)
    assert [row.token for row in found] == [row["token"] for row in ROWS]
    where = [bad.where.rpartition(": ")[2] for bad in ledger.bad]
    assert where == ["row 3", "row 4", "row 5"]
    with pytest.raises(RecordError, match="damaged row: Expected `str`, got `int`"):
        read(tmp_path)


def test_boxes_are_kept_as_they_are():
    numbers = ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0), (0.5, 0.5, 0.5, 0.5))
    rows = [tables.Box(f"{n}", "ab"[n % 2], "i", *numbers, ["x"] * n, None, n) for n in range(4)]
    store = tables.BoxStore()
    for row in rows:
        store.add(msgspec.structs.replace(row))
    store.add(tables.Box("t", "huge", "i", *numbers, [], None, 10**30))
    assert store.of("huge")[0].num_lidar_pts == 10**30
    for sample in "ab":
        kept = [msgspec.structs.replace(box, sample_token=sample) for box in store.of(sample)]
        wanted = [row for row in rows if row.sample_token == sample]
        assert json.loads(msgspec.json.encode(kept)) == json.loads(msgspec.json.encode(wanted))
    assert store.of("c") == []
