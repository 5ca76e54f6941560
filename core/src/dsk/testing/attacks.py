"""The attack corpus: what hostile datasets hold, and a helper that tries it on a format.

An attack takes a valid dataset and yields hostile variants of it. ``strike`` reads and converts
each variant in a child process that is bounded in memory and time, and tells what went wrong:
another exception than a DskError, a crash, a file touched outside of the output, code run, a secret
from beside the dataset in the items or in the output, or values that are no numbers.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import pickle
import re
import shutil
import stat
import struct
import tarfile
import traceback
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from dsk.errors import DskError
from dsk.names import clean_name
from dsk.testing import sandbox
from dsk.testing.mutations import DAMAGES, mutations, sort_of

__all__ = [
    "ATTACKS",
    "DAMAGES",
    "SECRET",
    "VICTIMS",
    "Arena",
    "Attack",
    "mutations",
    "strike",
    "tell",
]

VICTIMS = ("victim-one", "victim-two", "bystander")
"""Ids of the items of a dataset under attack; the first is the one that is renamed."""

SECRET = "dsk-secret-4711"  # noqa: S105 - bait
"""Text that stands in files beside the dataset and must never turn up in it."""

BOMB = 80 << 20
"""Bytes that a bomb unpacks to: more than what archives may hold for free."""

Variants = Iterator[tuple[str, Path]]


@dataclass(frozen=True, slots=True)
class Arena:
    """Where an attack takes place.

    Attributes:
        folder: Holds all of it; nothing in it may change but ``converted``.
        good: The valid dataset.
    """

    folder: Path
    good: Path

    @property
    def data(self) -> Path:
        """The dataset under attack."""
        return self.folder / "data"

    @property
    def outside(self) -> Path:
        """A folder beside the dataset, with secrets in it."""
        return self.folder / "outside"

    @property
    def marker(self) -> Path:
        """A file that appears when code from the dataset is run."""
        return self.folder / "marker"

    @property
    def converted(self) -> Path:
        """Where the dataset is exported to."""
        return self.folder / "converted"

    def reset(self) -> None:
        """Make the dataset valid again."""
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self.good, self.data)

    def files(self, *suffixes: str) -> list[Path]:
        """Return the dataset's files with one of some endings, or all."""
        found = [p for p in sorted(self.data.rglob("*")) if p.is_file()]
        return [p for p in found if p.suffix.lower() in suffixes] if suffixes else found

    def texts(self) -> list[Path]:
        """Return the dataset's text files."""
        return [p for p in self.files() if sort_of(p.read_bytes()) != "binary"]

    def sorts(self, *sorts: str) -> list[Path]:
        """Return the dataset's files whose content is of some sorts, see ``sort_of``."""
        return [p for p in self.files() if sort_of(p.read_bytes()) in sorts]


@dataclass(frozen=True, slots=True)
class Attack:
    """One way to attack.

    Attributes:
        summary: What it tries.
        variants: Makes hostile datasets in an arena and yields (what, path) for each; none when
            the format has no files of the sort.
    """

    summary: str
    variants: Callable[[Arena], Variants]


def strike(
    attack: Attack, good: Path, folder: Path, consume: Callable[[Path, Path, str], list[Any]]
) -> list[str]:
    """Try all variants of an attack and return what went wrong.

    Args:
        attack: One of ``ATTACKS``.
        good: A valid dataset with items named ``VICTIMS``.
        folder: A new folder to work in.
        consume: (path, output, on_error) → items: reads, uses and converts a dataset.
    """
    arena = Arena(folder, good)
    folder.mkdir(parents=True)
    arena.outside.mkdir()
    run = sandbox.run(lambda: _strike(attack, arena, consume))
    return [run.trouble] if run.trouble else list(run.value)


def _strike(
    attack: Attack, arena: Arena, consume: Callable[[Path, Path, str], list[Any]]
) -> list[str]:
    problems = []
    arena.reset()
    for what, path in attack.variants(arena):
        for policy in ("raise", "skip"):
            before = _state(arena)
            items: list[Any] = []
            try:
                items = consume(path, arena.converted, policy)
            except DskError:
                pass  # what an attack shall lead to
            except Exception as error:  # noqa: BLE001 - any other is what is looked for
                problems.append(f"{what}, {policy}: {tell(error)}")
            problems += [f"{what}, {policy}: {p}" for p in _harm(arena, items, before)]
            shutil.rmtree(arena.converted, ignore_errors=True)
        if path != arena.data:
            path.unlink(missing_ok=True)
        arena.reset()
    return problems


def tell(error: Exception) -> str:
    """Return an unexpected exception with the place it comes from."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    where = " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames))
    return f"{type(error).__name__}: {str(error)[:200]} ({where})"


def _state(arena: Arena) -> dict[str, tuple[int, int]]:
    state = {}
    for folder, _, files in os.walk(arena.folder):
        if Path(folder).is_relative_to(arena.converted):
            continue
        for name in files:
            info = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - may be a bad link
            state[os.path.join(folder, name)] = (info.st_size, info.st_mtime_ns)  # noqa: PTH118
    return state


def _harm(arena: Arena, items: list[Any], before: dict[str, tuple[int, int]]) -> Iterator[str]:
    if arena.marker.exists():
        arena.marker.unlink()
        yield "code of the dataset was run"
    changed = {k for k, v in _state(arena).items() if before.get(k) != v}
    if changed or before.keys() - _state(arena).keys():
        yield f"files outside of the output changed: {sorted(changed)}"
    for path in sorted(arena.converted.rglob("*")):
        if path.is_symlink():
            yield f"the output holds a link: {path.name}"
        elif path.is_file() and SECRET.encode() in path.read_bytes():
            yield f"a secret is in the output: {path.name}"
    for item in items:
        yield from _unclean(arena, item)


def _unclean(arena: Arena, item: Any) -> Iterator[str]:
    if SECRET in repr(item):
        yield f"a secret is in item {item.id!r}"
    try:
        clean = clean_name(item.id) == item.id
    except DskError:
        clean = False
    if not clean:
        yield f"the id {item.id!r} is no clean name"
    source = getattr(item.media, "source", None)
    if isinstance(source, str) and not Path(os.path.abspath(source)).is_relative_to(arena.data):  # noqa: PTH100 - links stay as they are
        yield f"the medium of {item.id!r} lies outside: {source}"
    for a in item.annotations:
        if not all(map(math.isfinite, _numbers(a))):
            yield f"coordinates that are no numbers: {a}"


def _numbers(a: Any) -> Iterator[float]:
    for name in ("x", "y", "w", "h", "cx", "cy", "r", "points", "position", "scale", "rotation"):
        value = getattr(a, name, None)
        if isinstance(value, int | float):
            yield float(value)
        elif isinstance(value, list | tuple):
            yield from (float(v) for v in value if isinstance(v, int | float))


# Names


def _escaped(text: str, sort: str) -> bytes:
    if sort in ("json", "lines"):
        return json.dumps(text)[1:-1].encode()
    if sort == "xml":
        return escape(text, {'"': "&quot;"}).encode("utf-8", "surrogatepass")
    return text.encode("utf-8", "surrogatepass")


def _rename_victim(arena: Arena, name: str) -> bool:
    """Put a name in place of the victim's in all texts; tell whether it stood anywhere."""
    done = False
    for path in arena.texts():
        data = path.read_bytes()
        if VICTIMS[0].encode() in data:
            path.write_bytes(data.replace(VICTIMS[0].encode(), _escaped(name, sort_of(data))))
            done = True
    return done


def _secrets(arena: Arena) -> None:
    for ext in (".png", ".jpg", ".txt", ".xml", ".json", ""):
        (arena.outside / f"secret{ext}").write_text(f"{SECRET}\n")


def _renaming(names: Callable[[Arena], list[str]]) -> Callable[[Arena], Variants]:
    def variants(arena: Arena) -> Variants:
        _secrets(arena)
        for name in names(arena):
            if _rename_victim(arena, name):
                yield f"an item is named {name[:20]!r}…{name[-20:]!r}", arena.data

    return variants


def _climbing(arena: Arena) -> list[str]:  # noqa: ARG001 - one signature
    return [f"{'../' * n}outside/secret" for n in range(1, 5)] + [
        "..",
        "a/../../../outside/secret",
        "..\\..\\outside\\secret",
        "..\\outside\\secret.png",
    ]


def _absolute(arena: Arena) -> list[str]:
    secret = arena.outside / "secret"
    return [
        str(secret),
        f"{secret}.png",
        f"//{secret}",
        "C:\\secret",
        "C:secret",
        "\\\\host\\secret",
    ]


def _impossible(arena: Arena) -> list[str]:  # noqa: ARG001 - one signature
    return ["nul\0byte", "", ".", "/", "x" * 5000, "x/" * 600 + "x", "\ud800", "a\nb", " ", "a//b"]


# Links


def _linking(*, media: bool) -> Callable[[Arena], Variants]:
    def variants(arena: Arena) -> Variants:
        for path in arena.files():
            if media != (sort_of(path.read_bytes()) == "binary"):
                continue
            target = arena.outside / path.name
            data = path.read_bytes().replace(VICTIMS[0].encode(), SECRET.encode())
            target.write_bytes(data if SECRET.encode() in data else data + SECRET.encode())
            name = path.relative_to(arena.data)
            for what, to in (("outside", target), ("itself", Path(path.name))):
                path.unlink()
                path.symlink_to(to)
                yield f"{name} is a link to {what}", arena.data

    return variants


# Archives


def _members(arena: Arena) -> list[tuple[str, bytes]]:
    return [(p.relative_to(arena.data).as_posix(), p.read_bytes()) for p in arena.files()]


_numbers_of_packs = itertools.count()


def _pack(arena: Arena, members: list[tuple[str, bytes]]) -> Path:
    packed = arena.folder / f"data{next(_numbers_of_packs)}.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members:
            archive.writestr(zipfile.ZipInfo(member), data, zipfile.ZIP_DEFLATED)
    return packed


def _zip_slip(arena: Arena) -> Variants:
    members = _members(arena)
    for evil in ("../../evil.txt", f"{arena.outside}/evil.txt", "..\\evil.txt", "C:\\evil.txt"):
        yield f"a member named {evil}", _pack(arena, [(evil, SECRET.encode()), *members])
    climbing = [(f"../outside/{name}", data) for name, data in members]
    yield "all members climb", _pack(arena, climbing)
    twice = [(name, data[: len(data) // 2]) for name, data in members]
    yield "members twice", _pack(arena, [*twice, *((n.upper(), d) for n, d in members)])


def _zip_link(arena: Arena) -> Variants:
    _secrets(arena)
    packed = arena.folder / "data.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for name, _ in _members(arena):
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, str(arena.outside / "secret.txt"))
    yield "all members are links", packed


def _zip_bomb(arena: Arena) -> Variants:
    members = _members(arena)
    for name, data in [m for m in members if sort_of(m[1]) != "binary"][:2]:
        swollen = [(n, b" " * BOMB + data if n == name else d) for n, d in members]
        yield f"{name} unpacks to {BOMB >> 20} MiB", _pack(arena, swollen)
    crowd = [(f"{'d/' * 50}{n}", b"") for n in range(5000)]
    yield "many members", _pack(arena, [*members, *crowd])


def _zip_lies(arena: Arena) -> Variants:
    for n, (name, _) in enumerate(_members(arena)):
        packed = _pack(arena, _members(arena))
        with zipfile.ZipFile(packed) as archive:
            info = archive.infolist()[n]
        data = bytearray(packed.read_bytes())
        start = info.header_offset + 30 + len(info.filename.encode())
        middle = start + info.compress_size // 2
        data[middle] ^= 0xFF
        packed.write_bytes(data)
        yield f"{name} is damaged inside the zip", packed
        entry = data.rfind(info.filename.encode()) - 46
        data[entry + 8] |= 1
        packed.write_bytes(data)
        yield f"{name} is encrypted", packed


def _tar_links(arena: Arena) -> Variants:
    _secrets(arena)
    for n, sort in enumerate((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)):
        packed = arena.folder / f"links{n}.tar"
        with tarfile.open(packed, "w") as archive:
            for name, _ in _members(arena):
                info = tarfile.TarInfo(name)
                info.type = sort
                info.linkname = str(arena.outside / "secret.txt")
                archive.addfile(info)
        yield f"all members are of type {sort!r}", packed


def _tar_slip(arena: Arena) -> Variants:
    import io

    for n, prefix in enumerate(("../outside/", "/")):
        packed = arena.folder / f"slip{n}.tar"
        with tarfile.open(packed, "w") as archive:
            for name, data in _members(arena):
                info = tarfile.TarInfo(prefix + name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        yield f"members begin with {prefix}", packed
    packed = arena.folder / "data.tar.gz"
    packed.write_bytes(zlib.compress(b"\0" * (BOMB * 4), 9, 31))
    yield "zeros without end", packed


# XML


def _with_doctype(data: bytes, doctype: str, entity: str) -> bytes:
    text = re.sub(r"<\?xml.*?\?>", "", data.decode("utf-8", "replace"), count=1).lstrip()
    text = re.sub(r"<!DOCTYPE[^>\[]*>", "", text)
    root = re.match(r"<([\w.-]+)", text)
    name = root[1] if root else "x"
    text = text.replace(VICTIMS[0], f"&{entity};") if VICTIMS[0] in text else text
    text = re.sub(r">([^<>&]*\w[^<>&]*)<", f">&{entity};<", text, count=3)
    return f'<?xml version="1.0"?><!DOCTYPE {name} [{doctype}]>{text}'.encode()


def _xml_entities(arena: Arena) -> Variants:
    _secrets(arena)
    secret = (arena.outside / "secret.txt").as_uri()
    laughs = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 11)
    )
    long = f'<!ENTITY a10 "{"x" * 100_000}">'
    for what, doctype, entity in (
        ("entities that grow", laughs, "a10"),
        ("a long entity", long, "a10"),
        ("an external entity", f'<!ENTITY e SYSTEM "{secret}">', "e"),
        ("an external parameter entity", f'<!ENTITY % p SYSTEM "{secret}"> %p;', "e"),
    ):
        for path in arena.sorts("xml")[:3]:
            path.write_bytes(_with_doctype(path.read_bytes(), doctype, entity))
            yield f"{path.name}: {what}", arena.data
    for path in arena.sorts("xml")[:3]:
        path.write_bytes(b"<a>" * 100_000)
        yield f"{path.name}: deep", arena.data
        path.write_bytes(b"<a>" * 100_000 + b"</a>" * 100_000)
        yield f"{path.name}: deep and whole", arena.data


# JSON, numbers


def _json_deep(arena: Arena) -> Variants:
    deep = b"[" * 100_000 + b"]" * 100_000
    objects = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    for path in arena.sorts("json", "lines")[:3]:
        whole = path.read_bytes()
        for what, data in (
            ("nothing but brackets", deep),
            ("brackets that never close", b"[" * 100_000),
            ("nothing but braces", objects),
            ("a deep first value", whole.replace(b"{", b'{"deep":' + deep + b",", 1)),
            ("a deep value", re.sub(rb":\s*\[", lambda _: b":" + deep + b',"_":[', whole, count=1)),
        ):
            path.write_bytes(data)
            yield f"{path.name}: {what}", arena.data


_JSON_NUMBER = re.compile(rb"(?<=[\[:,\s])-?\d+(?:\.\d+)?(?=[\],}\s])")
_XML_NUMBER = re.compile(rb"(?<=[>\"])-?\d+(?:\.\d+)?(?=[<\"])")
_TEXT_NUMBER = re.compile(rb"(?<![\w.-])-?\d+\.\d+(?![\w.-])")


_NUMBER = {
    "json": _JSON_NUMBER,
    "lines": _JSON_NUMBER,
    "xml": _XML_NUMBER,
    "text": _TEXT_NUMBER,
}


def _picks(places: list[re.Match[bytes]]) -> Iterator[tuple[str, list[re.Match[bytes]]]]:
    """Yield choices of the numbers of a file: coordinates are decimal, ids and counts are not."""
    decimal = [place for place in places if b"." in place[0]]
    for what, picked in (
        ("every number", places),
        ("the last number", places[-1:]),
        ("every decimal number", decimal),
        ("the first decimal number", decimal[:1]),
    ):
        if picked:
            yield what, picked


def _with(data: bytes, places: list[re.Match[bytes]], value: bytes) -> bytes:
    parts = []
    done = 0
    for place in places:
        parts += [data[done : place.start()], value]
        done = place.end()
    return b"".join([*parts, data[done:]])


def _numbers_replaced(values: tuple[bytes, ...]) -> Callable[[Arena], Variants]:
    def variants(arena: Arena) -> Variants:
        for number in range(len(arena.texts())):
            for value in values:
                path = arena.texts()[number]
                data = path.read_bytes()
                for what, places in _picks(list(_NUMBER[sort_of(data)].finditer(data))):
                    path.write_bytes(_with(data, places, value))
                    yield f"{path.name}: {what} is {value[:20].decode()}", arena.data

    return variants


# Sizes


def _png(height: int, width: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def _npy(shape: str, dtype: str = "<f8") -> bytes:
    head = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({shape}), }}"
    head += " " * (64 - (len(head) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + b"\0" * 64


def _nifti() -> bytes:
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, 30000, 30000, 30000, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, 16, 32)
    struct.pack_into("<f", header, 108, 352.0)
    header[344:348] = b"n+1\0"
    return bytes(header)


def _pcd() -> bytes:
    return (
        b"VERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 1000000000000\n"
        b"HEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 1000000000000\nDATA binary\n"
    )


_HUGE: dict[str, Callable[[], bytes]] = {
    ".png": lambda: _png(40_000, 40_000),
    ".npy": lambda: _npy("1000000, 1000000"),
    ".nii": _nifti,
    ".gz": lambda: zlib.compress(_nifti(), 9, 31),
    ".pcd": _pcd,
    ".tfrecord": lambda: struct.pack("<Q", 1 << 62) + b"\0" * 64,
    ".npz": lambda: b"PK\x03\x04" + b"\0" * 64,
}


def _huge_files(arena: Arena) -> Variants:
    for suffix, make in _HUGE.items():
        for number in range(min(2, len(arena.files(suffix)))):
            path = arena.files(suffix)[number]
            path.write_bytes(make())
            yield f"{path.name} claims to be huge", arena.data


_SIZES = re.compile(
    rb"""("?(?:height|width|size|h|w|rows|cols)"?\s*[:=]\s*\[?\s*"?|<(?:height|width|depth)>)(\d+)"""
)


def _huge_sizes(arena: Arena) -> Variants:
    for number in range(len(arena.texts())):
        for value in (b"1000000000", b"0", b"-5"):
            path = arena.texts()[number]
            data = path.read_bytes()
            changed = _SIZES.sub(lambda m: m[1] + value, data)  # noqa: B023 - used at once
            if changed != data:
                path.write_bytes(changed)
                yield f"{path.name}: sizes are {value.decode()}", arena.data


# Code


class _Payload:
    """Writes the marker when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return (Path.touch, (self.marker,))


def _pickles(arena: Arena) -> Variants:
    payload = pickle.dumps(_Payload(arena.marker))
    binary = [
        p.relative_to(arena.data) for p in arena.files() if sort_of(p.read_bytes()) == "binary"
    ]
    for name in binary[:8]:
        (arena.data / name).write_bytes(payload)
        yield f"{name} is a pickle", arena.data
        (arena.data / name).write_bytes(_npy("1,", "|O")[:-64] + payload)
        yield f"{name} is an array of objects", arena.data
    for path in arena.files(".yaml", ".yml"):
        inner = f'!!python/object/apply:pathlib.Path ["{arena.marker}"]'
        call = f"x: !!python/object/apply:pathlib.Path.touch [{inner}]"
        path.write_text(f"{call}\n{path.read_text()}")
        yield f"{path.name} holds a YAML tag for Python", arena.data


ATTACKS: dict[str, Attack] = {
    "climbing-names": Attack("ids and file names with ..", _renaming(_climbing)),
    "absolute-names": Attack("absolute names, drives and shares", _renaming(_absolute)),
    "impossible-names": Attack("names no file can have", _renaming(_impossible)),
    "links": Attack("texts that are links, outwards or to themselves", _linking(media=False)),
    "media-links": Attack("media that are links, likewise", _linking(media=True)),
    "zip-slip": Attack("zip members that climb or are absolute", _zip_slip),
    "zip-links": Attack("zip members that are links", _zip_link),
    "zip-bomb": Attack("zip members that grow, and very many members", _zip_bomb),
    "zip-lies": Attack("zip members that are damaged or encrypted", _zip_lies),
    "tar-links": Attack("tar members that are links or devices", _tar_links),
    "tar-slip": Attack("tar members that climb; a bomb", _tar_slip),
    "xml-entities": Attack("entity bombs, external entities, deep nesting", _xml_entities),
    "json-deep": Attack("nesting of 100 000 levels", _json_deep),
    "not-numbers": Attack(
        "NaN and infinity", _numbers_replaced((b"NaN", b"Infinity", b"-inf", b"1e999"))
    ),
    "huge-numbers": Attack(
        "numbers of many digits", _numbers_replaced((b"1" * 5000, b"9" * 30, b"1e300"))
    ),
    "huge-files": Attack("files that claim to be huge", _huge_files),
    "huge-sizes": Attack("image sizes that are huge, zero or negative", _huge_sizes),
    "code": Attack("pickles and YAML tags that would run code", _pickles),
}
"""All attacks by name."""
