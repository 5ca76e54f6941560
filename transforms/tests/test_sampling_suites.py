"""What the transforms of sampling share with all others, by the suite of dsk."""

from __future__ import annotations

from typing import ClassVar

import pytest

from dsk.dataset import Dataset
from dsk.errors import UsageError
from dsk.testing import TransformSuite, samples


class TestRandomSampler(TransformSuite):
    name = "random_sampler"
    options: ClassVar = {"count": 3}


class TestRandomSamplerOfSubset(TransformSuite):
    name = "random_sampler"
    options: ClassVar = {"count": 2, "subset": "val", "seed": 5}


class TestLabelRandomSampler(TransformSuite):
    name = "label_random_sampler"
    options: ClassVar = {"count": 2}


class TestLabelRandomSamplerOfSome(TransformSuite):
    name = "label_random_sampler"
    options: ClassVar = {"label_counts": {"cat": 2, "person": 1}}


class Scored(TransformSuite):
    """The sample has class probabilities, other ones on each item."""

    name = "sampler"

    def sample(self, **changes):
        made = super().sample(**changes)
        items = []
        for n, item in enumerate(made):
            scores = [0.5 + n / 20, 0.5 - n / 20]
            annotations = [
                samples._changed(a, {"attributes": {**a.attributes, "scores": scores}})
                for a in item.annotations
            ]
            items.append(item.replace(annotations=annotations))
        return Dataset(samples.SmallParts(items, made.header))

    def test_items_without_annotations(self):
        """Without annotations there are no scores, and nothing to choose by."""
        made = self.sample()
        bare = [item.replace(annotations=()) for item in made]
        with pytest.raises(UsageError, match="no item has scores"):
            self.run(Dataset(samples.SmallParts(bare, made.header)))


class TestTopK(Scored):
    options: ClassVar = {"count": 3}


class TestMixK(Scored):
    options: ClassVar = {"count": 3, "sampling_method": "mixk", "input_subset": "train"}


class TestRandTopK(Scored):
    options: ClassVar = {"count": 2, "sampling_method": "randtopk"}


class TestRandK(TransformSuite):
    name = "sampler"
    options: ClassVar = {"count": 3, "sampling_method": "randk"}


class TestNdr(TransformSuite):
    name = "ndr"
    options: ClassVar = {"working_subset": "train"}


class TestNdrCut(TransformSuite):
    name = "ndr"
    options: ClassVar = {"working_subset": "val", "num_cut": 2, "under_sample": "inverse"}


class TestDeduplicateExact(TransformSuite):
    name = "deduplicate_items"


class TestDeduplicateNear(TransformSuite):
    name = "deduplicate_items"
    options: ClassVar = {"method": "near", "threshold": 30}
