"""What all volume formats share: lazy arrays, geometry, label volumes, writing NIfTI.

- ``reader``: bytes of a file, compressed or not, at any place, in bounded memory;
- ``arrays``: lazy arrays with slices along the third axis; ``open_volume`` of any ``Volume``;
- ``nifti``: NIfTI headers and files, read and written plane by plane;
- ``geometry``: affines, orientations, how far two grids are apart;
- ``labels``: label volumes checked for whole numbers, their values, masks of slices;
- ``annotate``: from a label volume to annotations;
- ``compose``: from annotations to the slices of a label volume;
- ``tables``: label lists, class colour maps, CSV;
- ``pickles``: the restricted unpickler.
"""
