"""What comes before and after rows of nuScenes' tables, and the tables of many scenes."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from dsk.annotations import Cuboid3d
from dsk.dataset import Dataset
from dsk.item import DatasetItem
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
    tables = {
        path.stem: json.loads(path.read_text())
        for path in tmp_path.glob("out/v1.0-trainval/*.json")
    }
    boxes = {row["token"]: row for row in tables["sample_annotation"]}
    counts = sorted(row["nbr_annotations"] for row in tables["instance"])
    assert counts == [1] * 12 + [3, 3, 6]
    assert len({row["token"] for row in tables["instance"]}) == 15
    for row in tables["instance"]:
        own = [b["token"] for b in boxes.values() if b["instance_token"] == row["token"]]
        assert (row["first_annotation_token"], row["last_annotation_token"]) == (own[0], own[-1])
    for row in boxes.values():
        for name, back in (("next", "prev"), ("prev", "next")):
            if row[name]:
                assert boxes[row[name]][back] == row["token"]
                assert boxes[row[name]]["instance_token"] == row["instance_token"]
    ends = [row for row in boxes.values() if not row["next"]]
    assert len(ends) == 12 + 2 + 2  # a stated instance begins anew in each scene
