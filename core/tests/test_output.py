from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from msgspec import Raw
from PIL import Image as PilImage

from dsk.annotations import Mask, Rle
from dsk.errors import OutputError, RecordError
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import ArchiveMember, Image, PointCloud, VideoFrame
from dsk.output import MediaSettings, WriteContext
from dsk.staging import Output


@pytest.fixture
def context(tmp_path):
    made = []

    def make(**settings):
        out = Output(tmp_path / "out", overwrite=True)
        made.append(out)
        return WriteContext(out, Ledger(), MediaSettings(**{"save": True, **settings}))

    yield make
    for out in made:
        out.discard()


def published(ctx, tree, tmp_path):
    ctx.out.publish()
    return tree(tmp_path / "out")


def losses(ctx):
    return [(e.code, e.what, e.count) for e in ctx.ledger.losses()]


def item(source, path="a.jpg", **fields):
    return DatasetItem("sub/a", media=Image(path, source, **fields))


@pytest.mark.parametrize(
    ("path", "image_ext", "name"),
    [
        ("x/y.PNG", None, "sub/a.PNG"),
        ("x/y.PNG", ".jpg", "sub/a.jpg"),
        ("", None, "sub/a.bmp"),
        ("noext", None, "sub/a.bmp"),
    ],
)
def test_names_of_images(context, path, image_ext, name):
    assert context(image_ext=image_ext).image_name(item(None, path), ".bmp") == name


def test_an_item_without_image_has_a_name_too(context):
    assert context().image_name(DatasetItem("a")) == "a.jpg"


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.JPG", "deep/er/a.jpe"])
@pytest.mark.parametrize("where", ["file", "bytes", "zip"])
def test_images_are_copied_byte_by_byte(  # noqa: PLR0917 - fixtures
    context, tmp_path, tree, encoded, name, where
):
    data = encoded("JPEG")
    (tmp_path / "source.jpg").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("m.jpg", data)
    places = {
        "file": str(tmp_path / "source.jpg"),
        "bytes": data,
        "zip": ArchiveMember(str(tmp_path / "x.zip"), "m.jpg"),
    }
    ctx = context()
    assert ctx.save_image(item(places[where]), name)
    assert published(ctx, tree, tmp_path) == {name: data}
    assert (ctx.ledger.media_saved, losses(ctx)) == (1, [])


def test_damaged_images_are_copied_all_the_same(context, tmp_path, tree):
    ctx = context()
    assert ctx.save_image(item(b"no image"), "a.jpg")
    assert published(ctx, tree, tmp_path) == {"a.jpg": b"no image"}


def test_nothing_is_saved_unless_asked_for(context, tmp_path, tree):
    ctx = context(save=False)
    assert not ctx.save_image(item(b"data"), "a.jpg")
    assert not ctx.save_image(item(None), "a.jpg")
    assert published(ctx, tree, tmp_path) == {}
    assert losses(ctx) == []
    assert not ctx.save_media


def test_another_ending_means_encoding_anew(context, tmp_path, tree, encoded):
    ctx = context(image_ext=".png")
    a = item(encoded("BMP", 7, 5), "a.bmp")
    assert ctx.save_image(a, ctx.image_name(a))
    files = published(ctx, tree, tmp_path)
    assert PilImage.open(io.BytesIO(files["sub/a.png"])).size == (7, 5)
    assert losses(ctx) == [("DSK-L016", "image re-encoded .bmp→.png", 1)]


def test_arrays_are_encoded_without_a_loss(context, tmp_path, tree):
    ctx = context()
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for n, source in enumerate((pixels, lambda: pixels)):
        assert ctx.save_image(DatasetItem("a", media=Image.from_array(source)), f"{n}.png")
    files = published(ctx, tree, tmp_path)
    assert (np.asarray(PilImage.open(io.BytesIO(files["1.png"]))) == pixels).all()
    assert (losses(ctx), ctx.ledger.media_saved) == ([], 2)


@pytest.mark.parametrize("mode", ["copy", "link"])
@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
@pytest.mark.parametrize("where", ["nowhere", "file", "zip"])
def test_a_missing_image_is_reported_and_no_error(  # noqa: PLR0917 - fixtures
    context, tmp_path, tree, mode, name, where
):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("other", b"")
    places = {
        "nowhere": None,
        "file": str(tmp_path / "gone.jpg"),
        "zip": ArchiveMember(str(tmp_path / "x.zip"), "gone.jpg"),
    }
    ctx = context(mode=mode)
    assert not ctx.save_image(item(places[where]), name)
    assert published(ctx, tree, tmp_path) == {}
    assert losses(ctx) == [("DSK-L016", "image not found", 1)]
    assert ctx.ledger.media_saved == 0


def test_a_damaged_image_that_must_be_encoded_anew_is_an_error(context):
    with pytest.raises(RecordError, match="no readable image"):
        context().save_image(item(b"no image"), "a.png")


def test_links_are_made_on_request(context, tmp_path):
    (tmp_path / "s.jpg").write_bytes(b"x")
    ctx = context(mode="link")
    ctx.save_image(item(str(tmp_path / "s.jpg")), "a.jpg")
    ctx.out.publish()
    assert (tmp_path / "out" / "a.jpg").stat().st_nlink == 2


def test_what_is_no_image_is_not_saved_as_one(context):
    ctx = context()
    assert not ctx.save_image(DatasetItem("a"), "a.jpg")
    assert not ctx.save_image(DatasetItem("a", media=PointCloud("a.pcd", b"x")), "a.jpg")


def test_other_media_are_copied(context, tmp_path, tree):
    ctx = context()
    cloud = PointCloud("a.pcd", b"points")
    assert ctx.save_file(DatasetItem("a", media=cloud), cloud, "a.pcd")
    gone = PointCloud("b.pcd", "/no/such/file")
    assert not ctx.save_file(DatasetItem("b", media=gone), gone, "b.pcd")
    assert published(ctx, tree, tmp_path) == {"a.pcd": b"points"}
    assert losses(ctx) == [("DSK-L016", "point_cloud not found", 1)]


def test_frames_of_videos_are_images(context, tmp_path, tree):
    ctx = context()
    frame = VideoFrame("f.jpg", b"jpeg", video="v.mp4", index=3)
    assert ctx.save_image(DatasetItem("f", media=frame), "f.jpg")
    assert published(ctx, tree, tmp_path) == {"f.jpg": b"jpeg"}


def test_two_items_with_one_image_name_are_an_error(context):
    ctx = context()
    ctx.save_image(item(b"1"), "a.jpg")
    with pytest.raises(OutputError, match="two items want the same file"):
        ctx.save_image(item(b"2"), "a.jpg")


def test_fragments_are_those_of_the_partition(context):
    ctx = context()
    ctx.part = 7
    ctx.fragment("list.txt").close()
    assert [name.rpartition("/")[2] for name in ctx.out.fragments("list.txt")] == ["00000007"]


def test_the_size_of_an_image_is_what_it_says_or_a_mask(context, tmp_path):
    ctx = context()
    mask = Mask(Rle((3, 4), [12]))
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    damaged = Image("bad.jpg", str(tmp_path / "bad.jpg"))
    assert ctx.image_size(item(b"", size=(5, 6)), masks=True) == (5, 6)
    assert ctx.image_size(DatasetItem("a", annotations=[mask])) is None
    assert ctx.image_size(DatasetItem("a", annotations=[mask]), masks=True) == (3, 4)
    assert not ctx.ledger.warnings
    found = DatasetItem("a", media=damaged, annotations=[mask])
    assert ctx.image_size(found, masks=True) == (3, 4)
    assert ctx.image_size(found) is None
    assert "no readable size" in next(iter(ctx.ledger.warnings))


def test_a_mask_that_is_damaged_states_no_size(context):
    broken = DatasetItem("a", annotations=[Mask(Raw(b'{"size": 3}'))])
    assert context().image_size(broken, masks=True) is None
