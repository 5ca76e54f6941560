"""What the transforms of this folder are called and which options they have."""

from __future__ import annotations

from dsk.descriptors import Option, TransformInfo

__all__ = ["TRANSFORMS"]

_FOLDER = "dsk_transforms.sampling"
_SEED = Option(name="seed", type=int, default=0, help="Another seed gives another sample.")
_COUNT = Option(name="count", short="k", type=int, help="How many items.")

TRANSFORMS: tuple[TransformInfo, ...] = (
    TransformInfo(
        name="random_sampler",
        target=f"{_FOLDER}.random_sampler:RandomSampler",
        summary="Keep a number of items, drawn at random.",
        options=(
            _COUNT,
            Option(name="subset", short="s", help="Sample this subset and keep all others."),
            _SEED,
        ),
    ),
    TransformInfo(
        name="label_random_sampler",
        target=f"{_FOLDER}.label_random_sampler:LabelRandomSampler",
        summary="Keep a number of items of each label, drawn at random.",
        options=(
            Option(name="count", short="k", type=int, help="Items of each label in each subset."),
            Option(
                name="label_counts",
                aliases=("label",),
                short="l",
                type="mapping",
                help="label:number, repeatable; instead of count.",
            ),
            _SEED,
        ),
    ),
    TransformInfo(
        name="sampler",
        target=f"{_FOLDER}.sampler:Sampler",
        summary="Choose the items of which a model is least (or most) certain.",
        options=(
            _COUNT,
            Option(
                name="algorithm",
                short="a",
                default="entropy",
                choices=("entropy",),
                help="What measures uncertainty.",
            ),
            Option(name="input_subset", short="i", help="Choose from this subset; else from all."),
            Option(
                name="sampled_subset",
                short="o",
                default="sample",
                help="Where the chosen items go.",
            ),
            Option(
                name="unsampled_subset",
                short="u",
                default="unsampled",
                help="Where the rest of the input goes.",
            ),
            Option(
                name="sampling_method",
                short="m",
                default="topk",
                choices=("topk", "lowk", "randk", "mixk", "randtopk"),
                help="Least certain, most certain, random, half of both, top of 3 k random ones.",
            ),
            Option(
                name="output_file",
                short="d",
                type="path",
                help="A .csv file for the list of the chosen items.",
            ),
            _SEED,
        ),
    ),
    TransformInfo(
        name="ndr",
        target=f"{_FOLDER}.ndr:NearDuplicateRemoval",
        summary="Move near-duplicate images of a subset to another one.",
        options=(
            Option(
                name="working_subset",
                short="w",
                help="The subset to look through; 'default' if not given.",
            ),
            Option(
                name="duplicated_subset",
                short="d",
                default="duplicated",
                help="Where the images go that are not kept.",
            ),
            Option(
                name="algorithm",
                short="a",
                default="gradient",
                choices=("gradient",),
                help="What images are compared by.",
            ),
            Option(name="num_cut", short="k", type=int, help="How many images are kept."),
            Option(
                name="over_sample",
                short="e",
                default="random",
                choices=("random", "similarity"),
                help="Which duplicates fill up to num_cut: any, or the least similar.",
            ),
            Option(
                name="under_sample",
                short="u",
                default="uniform",
                choices=("uniform", "inverse"),
                help="How to cut down to num_cut: evenly, or rather images that have few alike.",
            ),
            Option(
                name="seed",
                short="s",
                type=int,
                default=0,
                help="Another seed gives another sample.",
            ),
        ),
    ),
    TransformInfo(
        name="deduplicate_items",
        target=f"{_FOLDER}.deduplicate:DeduplicateItems",
        summary="Remove items whose images another item shows already.",
        options=(
            Option(
                name="method",
                short="m",
                default="exact",
                choices=("exact", "near"),
                help="Equal files, or images that look alike.",
            ),
            Option(
                name="threshold",
                type=int,
                default=4,
                help="near: bits of 64 in which the image hashes may differ.",
            ),
            Option(name="subset", short="s", help="Look at this subset only; else at all."),
        ),
    ),
)
