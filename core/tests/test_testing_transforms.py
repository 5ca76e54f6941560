"""TransformSuite on toy transforms, and its checks on transforms with one thing wrong."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest
from msgspec.structs import replace

from dsk import registry as registry_module
from dsk.descriptors import Option, TransformInfo
from dsk.flow import Header, Transform
from dsk.hooks import ENTRY_POINT_GROUP
from dsk.testing import TransformSuite

MODULE = "dsk_steps_for_tests"


class Reverse(Transform):
    """Turns the labels around, numbers items, removes small boxes; correct unless ``fault``."""

    needs_plan = True
    fault = ""

    def __init__(self, *, least=5.0):
        self._least = least
        self._numbers = {}
        self._count = 0
        self._clock = -1
        if self.fault == "unpicklable":
            self._function = lambda: None

    def header(self, header: Header) -> Header:
        cats = header.categories
        self._count = count = len(cats.labels)
        if self.fault == "header-labels":
            return replace(header, categories=cats.with_labels(cats.labels[:1]))
        if self.fault == "header-changed":
            cats.colors[0] = (9, 9, 9)
        moved = {
            "labels": cats.labels[::-1],
            "colors": {count - 1 - n: c for n, c in cats.colors.items()},
            "points": {count - 1 - n: p for n, p in cats.points.items()},
        }
        return replace(
            header,
            categories=replace(cats, **moved),
            subsets=("nowhere",) if self.fault == "header-subsets" else header.subsets,
            items=99 if self.fault == "header-items" else header.items,
        )

    def plan(self, items):
        self._numbers = {(item.id, item.subset): n for n, item in enumerate(items)}

    def apply(self, item, ledger):
        number = self._numbers[item.id, item.subset]
        if self.fault == "counter":
            number = self._clock = self._clock + 1
        if self.fault == "impure":
            item.attributes["touched"] = True
        if self.fault == "needs-annotations":
            item.annotations[0]
        if self.fault == "removes-items" and number % 2:
            return []
        kept = []
        for a in item.annotations:
            if a.kind == "bbox" and a.w < self._least:
                ledger.add("DSK-L019", "too small", kind="bbox")
                continue
            if self.fault == "silent" and a.kind == "mask":
                continue
            if self.fault == "label-needed":
                a.label + 1
            label = None if a.label is None else self._count - 1 - a.label
            kept.append(replace(a, label=label))
        return item.replace(annotations=kept, attributes={**item.attributes, "number": number})


@pytest.fixture(scope="module", autouse=True)
def steps():
    """The toy transform, installed as the only one."""
    module = ModuleType(MODULE)
    module.DSK_API = (1, 0)
    module.Reverse = Reverse
    option = Option(name="least", type=float, default=5.0, help="boxes below this width go")
    info = TransformInfo(
        name="reverse", target=f"{MODULE}:Reverse", summary="turn around", options=(option,)
    )
    module.dsk_transforms = lambda: [info]
    patch = pytest.MonkeyPatch()
    patch.setitem(sys.modules, MODULE, module)
    point = EntryPoint("steps", MODULE, ENTRY_POINT_GROUP)
    patch.setattr(registry_module, "entry_points", lambda group: [point])
    registry_module.registry.cache_clear()
    yield module
    patch.undo()
    registry_module.registry.cache_clear()


class TestReverse(TransformSuite):
    name = "reverse"


class TestReverseMuch(TransformSuite):
    name = "reverse"
    options = {"least": 13.0}  # noqa: RUF012 - a suite is no place for mutable state


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("impure", "test_input_stays_as_it_is"),
        ("header-changed", "test_input_stays_as_it_is"),
        ("counter", "test_same_result_twice"),
        ("counter", "test_partitions_do_not_matter"),
        ("counter", "test_works_in_another_process"),
        ("unpicklable", "test_works_in_another_process"),
        ("header-labels", "test_header_is_true"),
        ("header-subsets", "test_header_is_true"),
        ("header-items", "test_header_is_true"),
        ("needs-annotations", "test_items_without_annotations"),
        ("label-needed", "test_unlabelled_annotations"),
        ("silent", "test_annotations_are_accounted_for"),
        ("silent", "test_each_kind"),
        ("removes-items", "test_annotations_are_accounted_for"),
    ],
)
def test_faults_are_found(monkeypatch, fault, check):
    monkeypatch.setattr(Reverse, "fault", fault)
    with pytest.raises((AssertionError, IndexError, TypeError, AttributeError, pickle_error())):
        getattr(TestReverse(), check)()


def pickle_error():
    """The exception that a lambda in the state leads to."""
    import pickle

    return pickle.PicklingError


def test_wrong_options_are_found(monkeypatch):
    info = replace_info(least=6.0)
    monkeypatch.setitem(registry_module.registry().transforms.by_name, "reverse", info)
    with pytest.raises(AssertionError):
        TestReverse().test_is_described()


def replace_info(least):
    """The descriptor with another default."""
    from msgspec.structs import replace

    info = registry_module.registry().transform("reverse")
    option = replace(info.options[0], default=least)
    return replace(info, options=(option,))
