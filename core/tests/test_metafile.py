from __future__ import annotations

import pytest

from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError, RecordError
from dsk.files import open_root
from dsk.loss import Ledger
from dsk.metafile import meta_text, read_meta, read_sizes, stated_labels


def sizes(folder, text, policy="raise"):
    (folder / "images.meta").write_bytes(text)
    ledger = Ledger(policy)
    return read_sizes(open_root(folder), "", ledger), ledger


def test_plain_and_quoted_lines(tmp_path):
    text = b'# id height width\r\na 3 4\n\n"two words" 5 6\nit\\\'s 7 8 more\n\xc2\xa0b 1 2 # c\n'
    found, _ = sizes(tmp_path, text)
    assert found == {"a": (3, 4), "two words": (5, 6), "it's": (7, 8), "\xa0b": (1, 2)}


def test_control_characters_belong_to_names(tmp_path):
    assert sizes(tmp_path, b"a\x1cb 1 2\n")[0] == {"a\x1cb": (1, 2)}


@pytest.mark.parametrize("line", [b"a 3", b"a b c", b'"open 1 2'])
def test_bad_lines_are_named(tmp_path, line):
    with pytest.raises(RecordError, match="height, width"):
        sizes(tmp_path, b"ok 1 2\n" + line)
    found, ledger = sizes(tmp_path, b"ok 1 2\n" + line, "skip")
    assert (found, ledger.bad_count) == ({"ok": (1, 2)}, 1)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ('"segmentation_colors": [[1, 2, 300]]', "no colour of 0 to 255"),
        ('"segmentation_colors": [[-1, 2, 3]]', "no colour of 0 to 255"),
        ('"segmentation_colors": [[Infinity, 2, 3]]', "infinity"),
        ('"segmentation_colors": [[NaN, 2, 3]]', "NaN"),
        ('"segmentation_colors": [1]', "damaged"),
        ('"point_categories": [[2, ["a"], []]]', "keypoints of label 2 of 2"),
        ('"point_categories": [[-1, ["a"], []]]', "keypoints of label -1 of 2"),
        ('"point_categories": [[1e999, ["a"], []]]', "infinity"),
        ('"point_categories": [[0]]', "damaged"),
        ('"label_categories": 3', "damaged"),
    ],
)
def test_damaged_labels_are_told(tmp_path, more, why):
    (tmp_path / "dataset_meta.json").write_text(f'{{"labels": ["a", "b"], {more}}}')
    with pytest.raises(InputError, match=why) as caught:
        read_meta(open_root(tmp_path))
    assert caught.value.where.endswith("dataset_meta.json")


def test_two_labels_of_one_name_keep_their_parents(tmp_path):
    labels = (LabelCategory("a"), LabelCategory("b"), *(LabelCategory("arm", p) for p in "ab"))
    (tmp_path / "dataset_meta.json").write_bytes(meta_text(Categories(labels=labels)))
    assert stated_labels(open_root(tmp_path)).labels == labels
