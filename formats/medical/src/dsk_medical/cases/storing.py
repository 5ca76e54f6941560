"""One array written as a file of the format that its name's ending says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk_medical.cases.channels import unscaled
from dsk_medical.nrrd.forms import forms_of
from dsk_medical.nrrd.writing import write_nrrd
from dsk_medical.volume import geometry
from dsk_medical.volume.metaimage import write_metaimage
from dsk_medical.volume.nifti import header_of, make_header, write_nifti

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.media import Volume
    from dsk.output import WriteContext
    from dsk_medical.cases.channels import Stored

__all__ = ["write_array"]


def write_array(
    ctx: WriteContext,
    item: DatasetItem,
    grid: Volume,
    name: str,
    array: Stored,
    *,
    texts: bool = False,
    values: bool = False,
) -> None:
    """Write an array.

    Args:
        ctx: Where it goes.
        item: The item it is of, for messages.
        grid: The volume on whose grid it lies.
        name: Name of the new file: ``.nii``, ``.nii.gz``, ``.nrrd``, ``.mha``, ``.tif``, ``.png``.
        array: The array; all formats but NIfTI take three axes and have no scale factors.
        texts: Whether free texts of the grid's NIfTI header are kept in NIfTI.
        values: Whether the values are the grid's, see ``make_header``.

    Raises:
        MediaError: The array's source is damaged, or the format does not hold such an array.
    """
    affine = geometry.matrix(grid.affine)
    if name.endswith((".nii", ".nii.gz")):
        like, more = header_of(grid), {"texts": texts, "values": values}
        header = make_header(
            array.shape, array.dtype, affine, like=like, scaling=array.scaling, **more
        )
        write_nifti(ctx.out.open, name, header, array.planes)
        return
    plain = unscaled(ctx, item, array)
    if name.endswith(".nrrd"):
        write_nrrd(ctx.out.open, name, plain, affine, forms_of(grid))
    elif name.endswith(".mha"):
        write_metaimage(
            ctx.out.open, name, plain.planes, shape=plain.shape, dtype=plain.dtype, affine=affine
        )
        if header_of(grid) is not None:
            what, hint = "form codes and units of NIfTI", "file_ending=.nrrd keeps them"
            ctx.ledger.add_at("DSK-L016", what, item, hint=hint)
    else:
        from dsk_medical.cases.pictures import write_picture

        write_picture(ctx, item, grid, name, plain)
