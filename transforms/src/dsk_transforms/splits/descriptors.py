"""What the transforms of this folder are called and which options they have."""

from __future__ import annotations

from dsk.descriptors import Option, TransformInfo

__all__ = ["TRANSFORMS"]

_SEED = Option(name="seed", type=int, default=0, help="Another seed gives another split.")
_GROUP_BY = Option(
    name="group_by",
    default="",
    help="Keep together: attribute:NAME, id:REGEX, image (equal files) or near_duplicates.",
)
_THRESHOLD = Option(
    name="threshold",
    type=int,
    default=4,
    help="Bits of 64 in which the image hashes of near-duplicates may differ.",
)

TRANSFORMS: tuple[TransformInfo, ...] = (
    TransformInfo(
        name="random_split",
        target="dsk_transforms.splits.random_split:RandomSplit",
        summary="Part the items at random.",
        options=(
            Option(
                name="subset",
                type="mapping",
                short="s",
                aliases=("splits",),
                help="name:ratio, repeatable; the ratios sum up to 1 (train:.67, test:.33).",
            ),
            _SEED,
            _GROUP_BY,
            _THRESHOLD,
        ),
    ),
    TransformInfo(
        name="split",
        target="dsk_transforms.splits.split:Split",
        summary="Part the items for a task, balanced over labels and attributes.",
        options=(
            Option(
                name="task",
                short="t",
                default="classification",
                choices=("classification", "detection", "segmentation", "reid"),
                help="What the subsets are for.",
            ),
            Option(
                name="subset",
                type="mapping",
                short="s",
                aliases=("splits",),
                help="name:ratio, repeatable; they sum up to 1 (train:.5, val:.2, test:.3).",
            ),
            _SEED,
            Option(
                name="query",
                type=float,
                default=0.5,
                help="reid: the part of test that becomes test-query; test-gallery is the rest.",
            ),
            Option(
                name="attr_for_id",
                default="",
                aliases=("attr",),
                help="reid: the attribute that names the identity, instead of the label.",
            ),
            _GROUP_BY,
            _THRESHOLD,
        ),
    ),
    TransformInfo(
        name="kfold",
        target="dsk_transforms.splits.kfold:KFold",
        summary="Part the items into folds for cross-validation.",
        options=(
            Option(name="k", type=int, default=5, short="k", help="Number of folds."),
            Option(
                name="fold",
                type=int,
                help="Only tell val (this fold, from 0) from train (all others).",
            ),
            Option(
                name="names",
                type="list",
                help="Names of the folds (fold0, fold1 …); with fold, of val and train.",
            ),
            _SEED,
            Option(
                name="stratify",
                type=bool,
                default=True,
                help="Share out labels and attributes evenly; otherwise folds are random.",
            ),
            Option(
                name="task",
                short="t",
                default="any",
                choices=("classification", "detection", "segmentation", "any"),
                help="Which annotations count when labels are shared out.",
            ),
            _GROUP_BY,
            _THRESHOLD,
        ),
    ),
    TransformInfo(
        name="check_leakage",
        target="dsk_transforms.splits.leakage:CheckLeakage",
        summary="Report groups and near-duplicates that stand in more than one subset.",
        options=(
            Option(
                name="group_by",
                default="near_duplicates",
                help="What belongs together: attribute:NAME, id:REGEX, image or near_duplicates.",
            ),
            _THRESHOLD,
            Option(
                name="on_leak",
                default="warn",
                choices=("warn", "error"),
                help="What to do if something is found.",
            ),
        ),
    ),
)
