"""What BraTS, nnU-Net, Decathlon and BIDS share: cases of NIfTI volumes with one label volume each.

- ``reading``: from the files of cases to items;
- ``writing``: channels, label volumes, what becomes of annotations on the way.
"""
