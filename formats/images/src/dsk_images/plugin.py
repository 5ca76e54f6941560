"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option
from dsk.hooks import hookimpl

DSK_API = (1, 0)

_SUBSET = Option(name="subset", help="the subset that the items shall be in")
_HOLDS = Capabilities(media=frozenset({"image"}), subsets=False)


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the readers."""
    return [
        ImporterInfo(
            name="image_dir",
            target="dsk_images.importer:ImageDirImporter",
            summary="a folder of images",
            detector="dsk_images.detect:detect_dir",
            options=(_SUBSET,),
            layout="<any>/<folders>/<item>.<ext>",
        ),
        ImporterInfo(
            name="image_zip",
            target="dsk_images.importer:ImageZipImporter",
            summary="a zip archive of images, or a folder of such archives",
            detector="dsk_images.detect:detect_zip",
            options=(_SUBSET,),
            layout="<name>.zip: <folders>/<item>.<ext>",
        ),
    ]


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writers."""
    return [
        ExporterInfo(
            name="image_dir",
            target="dsk_images.exporter:ImageDirExporter",
            summary="a folder of images",
            capabilities=_HOLDS,
            always_saves_media=True,
            layout="<item>.<ext>",
        ),
        ExporterInfo(
            name="image_zip",
            target="dsk_images.exporter:ImageZipExporter",
            summary="a zip archive of images",
            capabilities=_HOLDS,
            always_saves_media=True,
            options=(
                Option(name="name", default="default.zip", help="file name of the archive"),
                Option(
                    name="compression",
                    default="ZIP_STORED",
                    choices=("ZIP_STORED", "ZIP_DEFLATED", "ZIP_BZIP2", "ZIP_LZMA"),
                    help="how members are compressed; many tools read the first two only",
                ),
            ),
            layout="<name>: <item>.<ext>",
        ),
    ]
