"""BraTS as it is found: tables of other years, stray files, pickles that only claim memory."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from nifti_files import blocks, save, scan
from test_brats import AFFINE, image, labels, original
from test_brats_numpy import LABEL, make

from dsk import Dataset, DatasetItem
from dsk.annotations import Mask, Rle
from dsk.categories import Categories
from dsk.errors import DskWarning, InputError
from dsk.masks import encode_counts, from_dense
from dsk.media import Volume
from dsk_medical.volume import geometry, pickles


def read(root, fmt="brats", **options):
    return {item.id: item for item in Dataset.import_from(root, fmt, **options)}


# --- NIfTI ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ext", [".nii", ".nii.gz"])
def test_labels_of_the_test_subset_and_plain_files(tmp_path, ext):
    for subset in ("Tr", "Ts"):
        save(tmp_path / f"images{subset}" / f"a{ext}", image(1), AFFINE)
        save(tmp_path / f"labels{subset}" / f"a{ext}", labels(1, 2), AFFINE)
    found = Dataset.import_from(tmp_path, "brats", background="skip")
    assert [(i.id, i.subset, len(i.annotations)) for i in found] == [
        ("a", "train", 2),
        ("a", "test", 2),
    ]


def test_stored_orientation_is_lps(tmp_path):
    affine = np.diag([-1.0, -1, 1, 1])
    affine[1, 3] = 239
    save(tmp_path / "imagesTr" / "a.nii.gz", scan((24, 24, 15)), affine)
    item = read(tmp_path)["a"]
    assert geometry.axcodes(np.reshape(item.media.affine, (4, 4))) == "LPS"


@pytest.mark.parametrize("grade", ["HGG", "LGG"])
def test_folders_of_grades(tmp_path, grade):
    original(tmp_path / grade, 1, name="Brats18_CBICA_AAM_1")
    (item,) = read(tmp_path).values()
    assert (item.id, item.attributes) == ("Brats18_CBICA_AAM_1", {"grade": grade})


def test_tables_of_the_validation_cases(tmp_path):
    root = tmp_path / "MICCAI_BraTS2020_ValidationData"
    original(root, values=(), name="BraTS20_Validation_001")
    (root / "name_mapping_validation_data.csv").write_text(
        "BraTS_2020_subject_ID,TCGA_TCIA_subject_ID\nBraTS20_Validation_001,NA\n"
    )
    (root / "survival_evaluation.csv").write_text(
        "BraTS20ID,Age,ResectionStatus\nBraTS20_Validation_001,57.5,GTR\n"
    )
    (item,) = read(tmp_path).values()
    assert (item.subset, item.annotations) == ("validation", [])
    assert item.attributes["age"] == 57.5


def test_a_segmentation_with_channels_is_refused(tmp_path):
    folder = original(tmp_path, 1)
    one = labels(1)
    save(folder / f"{folder.name}_seg.nii.gz", np.stack([one, one], axis=-1), AFFINE)
    with pytest.raises(InputError, match="three axes"):
        read(tmp_path)


def test_regions_keep_their_voxels_in_either_numbering(tmp_path):
    source = original(tmp_path / "in", 1).parent
    whole = {}
    for values in ("keep", "consecutive"):
        out = tmp_path / values
        Dataset.import_from(source, "brats").export(out, "brats", label_values=values)
        found = Dataset.import_from(out, "brats", masks="volume", background="skip")
        names = found.categories().names
        (item,) = found
        whole[values] = {
            names[a.label]: int((np.asarray(a.source) == a.value).sum()) for a in item.annotations
        }
    assert whole["keep"] == whole["consecutive"]
    assert set(whole["keep"]) == {"NCR/NET", "ED", "ET"}


def rle(pixels: np.ndarray) -> Rle:
    return Rle(pixels.shape, encode_counts(from_dense(pixels)))


PUBLISHED = ["overall tumor", "edema", "non-enhancing tumor", "enhancing tumor"]


@pytest.mark.parametrize("ids", [False, True])
@pytest.mark.parametrize("fmt", ["brats", "brats_numpy"])
def test_line_0_of_published_lists_is_the_background(tmp_path, fmt, ids):
    """Formats in between may forget values, or have no 0 of their own."""
    there = blocks(1)[:, :, 1] == 1
    masks = [
        Mask(rle(pixels), label=n, attributes={"image_id": 1})
        for n, pixels in enumerate([~there, there])
    ]
    media = Volume("a", scan(), None, scan().shape)
    categories = Categories.from_names(PUBLISHED)
    if ids:
        labels = [x.__class__(x.name, source_id=n + 1) for n, x in enumerate(categories.labels)]
        categories = categories.with_labels(labels)
    given = Dataset.from_iterable([DatasetItem("a", "train", media, masks)], categories)
    given.export(tmp_path, fmt)
    assert (tmp_path / "labels").read_text().splitlines() == PUBLISHED
    item = read(tmp_path, fmt)["a"]
    found = [a for a in item.annotations if a.attributes["image_id"] == 1]
    assert [a.label for a in found] == [0, 1]
    assert np.array_equal(found[1].image, there)


# --- numpy ----------------------------------------------------------------------------------------


def test_labels_of_another_size_are_kept_and_told(tmp_path):
    make(tmp_path)
    np.save(tmp_path / f"HGG_val0{LABEL}", np.ones((1, 3, 6, 4), np.uint8))
    with pytest.warns(DskWarning, match=r"\(4, 6, 3\), its data \(3, 5, 2\)"):
        item = read(tmp_path, "brats_numpy")["HGG_val0"]
    frames = [a.attributes["image_id"] for a in item.annotations if a.kind == "mask"]
    assert frames == [0, 1, 2]


def test_an_id_twice_is_told(tmp_path):
    make(tmp_path, boxes=False)
    (tmp_path / "val_ids.p").write_bytes(pickle.dumps(["HGG_val0", "HGG_val0", "HGG_val1"]))
    with pytest.raises(InputError, match="twice"):
        read(tmp_path, "brats_numpy")
    assert list(read(tmp_path, "brats_numpy", on_error="skip")) == ["HGG_val0", "HGG_val1"]


@pytest.mark.parametrize(
    ("value", "match"), [(np.nan, "no numbers"), (0.37, "no label"), (-1, "negative")]
)
def test_label_values_that_are_none(tmp_path, value, match):
    make(tmp_path)
    array = np.load(tmp_path / f"HGG_val0{LABEL}")
    array[0, 0, 0, 0] = value
    np.save(tmp_path / f"HGG_val0{LABEL}", array)
    dataset = Dataset.import_from(tmp_path, "brats_numpy", on_error="skip")
    report = dataset.export(tmp_path / "out", "brats_numpy")
    told = [*report.warnings, *(e.what for e in report.events)]
    assert any(match in text and "HGG_val0" in text for text in told), told


@pytest.mark.parametrize("ids", [np.array(["HGG_val0", "HGG_val1"]), ("HGG_val0", "HGG_val1")])
def test_ids_may_be_an_array(tmp_path, ids):
    make(tmp_path)
    (tmp_path / "val_ids.p").write_bytes(pickle.dumps(ids))
    assert list(read(tmp_path, "brats_numpy")) == ["HGG_val0", "HGG_val1"]


def test_pickles_of_python_2(tmp_path):
    make(tmp_path)
    text = b"(lp0\nS'HGG_val0'\np1\naS'HGG_val1'\np2\na."
    (tmp_path / "val_ids.p").write_bytes(text)
    assert list(read(tmp_path, "brats_numpy")) == ["HGG_val0", "HGG_val1"]


def test_pickles_of_numpy_1_and_2(tmp_path):
    boxes = np.arange(12).reshape(2, 2, 3)
    for protocol in range(6):
        data = pickle.dumps(boxes, protocol)
        for old, new in ((b"numpy._core", b"numpy.core"), (b"numpy.core", b"numpy._core")):
            if protocol >= 4 or old not in data:  # framed texts state their length
                continue
            assert np.array_equal(pickles.load_array(data.replace(old, new), ""), boxes)


HOLES = {
    "reconstruct": b"cnumpy.core.multiarray\n_reconstruct\n"
    b"(cnumpy\nndarray\n(L1000000000000L\ntS'b'\ntR.",
    "ndarray": b"cnumpy\nndarray\n((L1000000000000L\nttR.",
    "dotted": b"\x80\x04\x8c\x05numpy\x8c\x0fndarray.__new__\x93.",
    "encode": b"c_codecs\nencode\n(Va\nS'rot13'\ntR.",
    "persistent": b"P1\n.",
    "eval": b"cbuiltins\neval\n(S'1'\ntR.",
    "getattr": b"cbuiltins\ngetattr\n.",
}


@pytest.mark.parametrize("hole", HOLES)
def test_pickles_claim_and_reach_nothing(hole):
    for load in (pickles.load_array, pickles.load_texts):
        with pytest.raises(InputError, match=r"val\.p"):
            load(HOLES[hole], "val.p")


def test_lists_of_classes_with_empty_lines(tmp_path):
    make(tmp_path, lines="all\r\n\r\nedema\r\n\r\n")
    dataset = Dataset.import_from(tmp_path, "brats_numpy")
    assert dataset.categories().names == ["all", "class_1", "edema"]
    assert any("the line is empty" in text for text in dataset.opening_ledger.warnings)
