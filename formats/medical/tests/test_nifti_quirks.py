"""Which affine counts, kinds of files and headers, names and tables as they occur."""

from __future__ import annotations

import json
import warnings

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name
from nifti_files import AFFINE, OBLIQUE, SHAPE, blocks, save, scan, voxels

from dsk import Dataset
from dsk.errors import DskWarning, RecordError, UnsafePathError
from dsk_medical.volume import geometry
from dsk_medical.volume.arrays import open_volume


def one(folder, **options):
    (item,) = Dataset.import_from(folder, "nifti", **options)
    return item


def affine_of(item):
    return np.reshape(item.media.affine, (4, 4))


def warnings_of(dataset):
    """Everything a user is told: on opening, and while items are read."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        list(dataset)
    return "\n".join([*dataset.opening_ledger.warnings, *(str(w.message) for w in caught)])


# --- Affines --------------------------------------------------------------------------------------


@pytest.mark.parametrize("codes", [(1, 0), (2, 0), (2, 1), (4, 2), (0, 1), (0, 0), (1, 1)])
def test_the_affine_is_nibabels(tmp_path, codes):
    turned = AFFINE.copy()
    turned[:3, 3] += (1, 2, 3)
    image = nib.Nifti1Image(scan(), AFFINE)
    image.set_sform(AFFINE, codes[0])
    image.set_qform(turned, codes[1])
    nib.save(image, tmp_path / "a.nii.gz")
    expected = nib.load(tmp_path / "a.nii.gz").affine
    if all(codes):
        with pytest.warns(DskWarning, match=rf"code {codes[0]}.*code {codes[1]}"):
            item = one(tmp_path)
    else:
        item = one(tmp_path)
    assert np.array_equal(affine_of(item), expected)


def test_without_codes_the_grid_is_centred_and_las(tmp_path):
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.int16), None)
    image.header.set_zooms((2, 3, 4))
    nib.save(image, tmp_path / "a.nii")
    assert affine_of(one(tmp_path)).tolist() == [
        [-2, 0, 0, 3],
        [0, 3, 0, -6],
        [0, 0, 4, -10],
        [0, 0, 0, 1],
    ]


@pytest.mark.parametrize(("unit", "factor"), [(0, 1), (1, 1000), (2, 1), (3, 0.001)])
def test_units_are_turned_into_mm(tmp_path, unit, factor):
    save(tmp_path / "a.nii.gz", scan(), xyzt_units=unit)
    expected = AFFINE.copy()
    expected[:3] *= factor
    assert np.allclose(affine_of(one(tmp_path)), expected, rtol=1e-6)
    Dataset.import_from(tmp_path, "nifti").export(tmp_path / "out", "nrrd")
    (back,) = Dataset.import_from(tmp_path / "out", "nrrd")
    assert np.allclose(affine_of(back), expected, rtol=1e-6)


def test_spacing_and_volume_come_from_the_affine_not_from_zooms(tmp_path):
    image = nib.Nifti1Image(scan(), OBLIQUE)
    image.header["pixdim"][1:4] = (9, 9, 9)
    nib.save(image, tmp_path / "a.nii")
    found = affine_of(one(tmp_path))
    assert geometry.spacing(found) == pytest.approx([0.75, 0.75, 2.5], rel=1e-6)
    assert abs(np.linalg.det(found[:3, :3])) == pytest.approx(0.75 * 0.75 * 2.5, rel=1e-6)


def test_shear_survives_as_sform_alone(tmp_path):
    sheared = AFFINE.copy()
    sheared[0, 1] = 0.4
    save(tmp_path / "in" / "a.nii.gz", scan(), sheared, (1, 0))
    save(tmp_path / "in" / "a" / "x.nii.gz", blocks(1), sheared, (1, 0))
    Dataset.import_from(tmp_path / "in", "nifti").export(tmp_path / "nrrd", "nrrd")
    Dataset.import_from(tmp_path / "nrrd", "nrrd").export(tmp_path / "out", "nifti")
    for name in ("a.nii.gz", "a/x.nii.gz"):
        (path,) = (tmp_path / "out").rglob(name.rpartition("/")[2])
        after = nib.load(path)
        assert np.allclose(after.affine, sheared, atol=1e-6)
        assert int(after.header["qform_code"]) == 0


# --- Kinds of files -------------------------------------------------------------------------------


@pytest.mark.parametrize("ext", ["nii", "nii.gz"])
def test_nifti_2(tmp_path, ext):
    (tmp_path / "in").mkdir()
    nib.save(nib.Nifti2Image(scan(), AFFINE), tmp_path / "in" / f"a.{ext}")
    item = one(tmp_path / "in")
    assert np.array_equal(np.asarray(open_volume(item.media)), scan())
    assert np.array_equal(affine_of(item), AFFINE)
    Dataset.import_from(tmp_path / "in", "nifti").export(tmp_path / "o", "nifti", ext="nii")
    assert isinstance(nib.load(tmp_path / "o" / "a.nii"), nib.Nifti2Image)


@pytest.mark.parametrize("kind", [nib.Nifti1Pair, nib.Nifti2Pair])
def test_pairs_of_files_are_one_item(tmp_path, kind):
    nib.save(kind(scan(), AFFINE), tmp_path / "a.img")
    item = one(tmp_path)
    assert item.id == "a"
    assert np.array_equal(np.asarray(open_volume(item.media)), scan())
    assert np.array_equal(affine_of(item), AFFINE)


def test_analyze_does_not_state_orientation(tmp_path):
    nib.save(nib.analyze.AnalyzeImage(scan(), np.diag([-2.0, 2, 3, 1])), tmp_path / "a.img")
    with pytest.warns(DskWarning, match=r"Analyze 7\.5.*orientation"):
        item = one(tmp_path)
    assert np.array_equal(np.asarray(open_volume(item.media)), scan())


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((9, 8, 5, 1), (9, 8, 5)),
        ((9, 8, 5, 1, 1), (9, 8, 5)),
        ((9, 8), (9, 8, 1)),
        ((9, 8, 5, 1, 3), (9, 8, 5, 3)),
    ],
)
def test_axes_of_length_one(tmp_path, shape, expected):
    save(tmp_path / "a.nii.gz", scan(shape))
    item = one(tmp_path)
    assert item.media.shape == expected
    assert np.array_equal(np.asarray(open_volume(item.media)), scan(shape).reshape(expected))


def test_vectors_over_time_are_refused(tmp_path):
    save(tmp_path / "a.nii.gz", scan((4, 3, 2, 3, 2)))
    with pytest.raises(RecordError, match=r"5 axes .* not supported"):
        one(tmp_path)


@pytest.mark.parametrize("slope", [0.0, np.nan])
def test_a_slope_of_zero_or_nan_means_none(tmp_path, slope):
    path = save(tmp_path / "a.nii", scan())
    data = bytearray(path.read_bytes())
    data[112:120] = np.array([slope, 7], "<f4").tobytes()
    path.write_bytes(bytes(data))
    item = one(tmp_path)
    assert item.media.dtype == "int16"
    assert np.array_equal(np.asarray(open_volume(item.media)), scan())


def test_a_mask_of_one_channel_has_three_axes(tmp_path):
    save(tmp_path / "a.nii.gz", scan())
    save(tmp_path / "a" / "x.nii.gz", blocks(1, 300, dtype=np.uint16)[..., None])
    item = one(tmp_path)
    assert [a.value for a in item.annotations] == [1, 300]
    assert np.array_equal(voxels(item.annotations[1]), blocks(1, 300, dtype=np.uint16) == 300)


@pytest.mark.parametrize(
    ("top", "dtype"), [(255, np.uint8), (256, np.uint16), (65535, np.uint16), (70000, np.int32)]
)
def test_labels_get_the_smallest_type_that_holds_them(tmp_path, top, dtype):
    labels = blocks(1, top, dtype=np.float32)
    save(tmp_path / "in" / "a.nii.gz", scan())
    save(tmp_path / "in" / "a" / "x.nii.gz", labels)
    Dataset.import_from(tmp_path / "in", "nifti").export(tmp_path / "out", "nifti")
    after = nib.load(tmp_path / "out" / "a" / "x.nii.gz")
    assert after.get_data_dtype() == dtype
    assert after.dataobj.slope == 1
    assert np.array_equal(np.asarray(after.dataobj), labels)


def test_masks_get_the_forms_of_their_volume_not_its_type(tmp_path):
    save(tmp_path / "in" / "a.nii.gz", scan().astype(np.float32), OBLIQUE, (2, 1))
    save(tmp_path / "in" / "a" / "x.nii.gz", blocks(1), OBLIQUE, (1, 0))
    Dataset.import_from(tmp_path / "in", "nifti").export(tmp_path / "out", "nifti")
    volume = nib.load(tmp_path / "out" / "a.nii.gz")
    mask = nib.load(tmp_path / "out" / "a" / "x.nii.gz")
    assert mask.get_data_dtype() == np.uint8
    assert mask.affine.tobytes() == volume.affine.tobytes()
    for field in ("sform_code", "qform_code"):
        assert int(mask.header[field]) == int(volume.header[field])
    images = [sitk.ReadImage(str(tmp_path / "out" / n)) for n in ("a.nii.gz", "a/x.nii.gz")]
    assert images[0].IsSameImageGeometryAs(images[1])


# --- Names, colour maps, tables -------------------------------------------------------------------


def test_a_plane_within_a_word_is_taken_with_a_warning(tmp_path):
    save(tmp_path / "kneeaxlanatomic.nii", scan())
    save(tmp_path / "kneeaxlmask.nii", blocks(1))
    assert "kneeaxl" in warnings_of(Dataset.import_from(tmp_path, "nifti"))
    assert len(one(tmp_path).annotations) == 1


def test_names_that_say_nothing_are_told(tmp_path):
    save(tmp_path / "axl_anatomic.nii", scan())
    save(tmp_path / "axl_mask.nii", blocks(1))
    save(tmp_path / "localizer.nii", scan())
    dataset = Dataset.import_from(tmp_path, "nifti")
    assert any("localizer.nii" in text for text in dataset.opening_ledger.warnings)
    assert [item.id for item in dataset] == ["axl_anatomic"]


def test_order_of_words_and_separators_are_free(tmp_path):
    save(tmp_path / "anatomical-COR.p7.nii.gz", scan())
    save(tmp_path / "seg COR p7 2.nii.gz", blocks(4))
    item = one(tmp_path)
    assert item.attributes["plane"] == "cor"
    assert len(item.annotations) == 1


def test_tables_that_hold_no_scores_are_left(tmp_path):
    save(tmp_path / "axl_anatomic.nii", scan())
    save(tmp_path / "axl_mask.nii", blocks(1))
    (tmp_path / "patients.csv").write_text("id,name\n1,x\n")
    (tmp_path / "axl_score.csv").write_text("a,b\n1,2\n")
    assert "no column Layer" in warnings_of(Dataset.import_from(tmp_path, "nifti"))


@pytest.mark.parametrize(
    ("line", "told"),
    [("1 Other 4 5 6", "1"), ("2 Good 4 5 6", "Good"), ("# classes", "no comments")],
)
def test_oddities_of_a_color_map_are_told(tmp_path, line, told):
    save(tmp_path / "axl_anatomic.nii", scan())
    save(tmp_path / "axl_mask.nii", blocks(1))
    (tmp_path / "map.txt").write_text(f"1 Good 1 2 3\n{line}\n")
    dataset = Dataset.import_from(tmp_path, "nifti", on_error="skip")
    ledger = dataset.opening_ledger
    texts = [*ledger.warnings, *(e.what for e in ledger.events)]
    assert any("map.txt" in text and told in text for text in texts), texts


def test_a_name_that_ends_with_numbers_loses_three_to_the_colour(tmp_path):
    save(tmp_path / "axl_anatomic.nii", scan())
    save(tmp_path / "axl_mask.nii", blocks(1, 2))
    (tmp_path / "map.txt").write_text("1 Zone 1 2 3\n2 Zone 1 2\n")
    categories = Dataset.import_from(tmp_path, "nifti").categories()
    assert categories.names == ["Zone", "Zone 1 2"]


@pytest.mark.parametrize("text", ["", "[1", '{"a.nii": [1]}', "[1]", '{"axl_mask.nii": "../x"}'])
def test_damaged_mappings(tmp_path, text):
    save(tmp_path / "masks" / "axl_mask.nii", blocks(1))
    save(tmp_path / "volumes" / "axl_anatomic.nii", scan())
    (tmp_path / "masks" / "mapping.json").write_text(text)
    options = {"volumes": str(tmp_path / "volumes")}
    try:
        dataset = Dataset.import_from(tmp_path / "masks", "nifti", **options)
        told = [*dataset.opening_ledger.warnings, *(e.what for e in dataset.opening_ledger.events)]
        list(dataset)
    except UnsafePathError as error:
        told = [str(error)]
    assert any("mapping.json" in line or "axl_mask" in line for line in told), told


def test_mapping_keys_name_datasets(tmp_path):
    for name in ("d1", "d2"):
        save(tmp_path / "masks" / name / "axl_mask.nii", blocks(1))
        save(tmp_path / "volumes" / f"{name}.nii", scan())
    mapping = {f"{name}/axl_mask.nii": f"{name}.nii" for name in ("d1", "d2")}
    (tmp_path / "masks" / "mapping.json").write_text(json.dumps(mapping))
    dataset = Dataset.import_from(tmp_path / "masks", "nifti", volumes=str(tmp_path / "volumes"))
    assert sorted((i.id, len(i.annotations)) for i in dataset) == [("d1", 1), ("d2", 1)]


def test_scores_of_instances_have_a_table_each(tmp_path):
    save(tmp_path / "axl_anatomic.nii", scan())
    for number in (1, 3):
        save(tmp_path / f"axl_inference_{number}.nii", blocks(1, 5))
        (tmp_path / f"axl_score_{number}.csv").write_text(
            f"Layer,Label-1\n2,0.{number}5\n3,0.{number}5\n"
        )
    item = one(tmp_path)
    assert [a.attributes for a in item.annotations] == [{"score": 0.15}, {}, {"score": 0.35}, {}]


@pytest.mark.parametrize("ext", ["NII", "NII.GZ"])
def test_upper_case_endings(tmp_path, ext):
    path = save(tmp_path / f"x.{ext.lower()}", scan())
    path.rename(tmp_path / f"A.{ext}")
    assert one(tmp_path).media.shape == SHAPE
