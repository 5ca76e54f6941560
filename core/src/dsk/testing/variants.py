"""The makers of hostile datasets, one for each attack of ``dsk.testing.attacks``."""

from __future__ import annotations

import io
import itertools
import json
import pickle
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from dsk.testing.arena import BOMB, SECRET, VICTIMS, Arena, Variants, first_of_each_sort
from dsk.testing.mutations import sort_of

__all__ = [
    "absolute",
    "climbing",
    "huge_files",
    "huge_sizes",
    "impossible",
    "json_deep",
    "linking",
    "numbers_replaced",
    "pickles",
    "renaming",
    "tar_links",
    "tar_slip",
    "xml_entities",
    "zip_bomb",
    "zip_lies",
    "zip_link",
    "zip_slip",
]


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


def renaming(names: Callable[[Arena], list[str]]) -> Callable[[Arena], Variants]:
    """Rename the victim in all texts, to each name of a list."""

    def made(arena: Arena) -> Variants:
        _secrets(arena)
        for name in names(arena):
            if _rename_victim(arena, name):
                yield f"an item is named {name[:20]!r}…{name[-20:]!r}", arena.data

    return made


def climbing(arena: Arena) -> list[str]:  # noqa: ARG001 - one signature
    """Return names with ``..``."""
    return [f"{'../' * n}outside/secret" for n in range(1, 5)] + [
        "..",
        "a/../../../outside/secret",
        "..\\..\\outside\\secret",
        "..\\outside\\secret.png",
    ]


def absolute(arena: Arena) -> list[str]:
    """Return absolute names, with drives and shares too."""
    secret = arena.outside / "secret"
    return [
        str(secret),
        f"{secret}.png",
        f"//{secret}",
        "C:\\secret",
        "C:secret",
        "\\\\host\\secret",
    ]


def impossible(arena: Arena) -> list[str]:  # noqa: ARG001 - one signature
    """Return names that no file can have."""
    return ["nul\0byte", "", ".", "/", "x" * 5000, "x/" * 600 + "x", "\ud800", "a\nb", " ", "a//b"]


# Links


def linking(*, media: bool) -> Callable[[Arena], Variants]:
    """Put links in place of media, or of texts: outwards, then to themselves."""

    def made(arena: Arena) -> Variants:
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

    return made


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


def zip_slip(arena: Arena) -> Variants:
    """Pack members that climb, are absolute, or come twice."""
    members = _members(arena)
    for evil in ("../../evil.txt", f"{arena.outside}/evil.txt", "..\\evil.txt", "C:\\evil.txt"):
        yield f"a member named {evil}", _pack(arena, [(evil, SECRET.encode()), *members])
    climbing = [(f"../outside/{name}", data) for name, data in members]
    yield "all members climb", _pack(arena, climbing)
    twice = [(name, data[: len(data) // 2]) for name, data in members]
    yield "members twice", _pack(arena, [*twice, *((n.upper(), d) for n, d in members)])


def zip_link(arena: Arena) -> Variants:
    """Pack members that are symbolic links."""
    _secrets(arena)
    packed = arena.folder / "data.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for name, _ in _members(arena):
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, str(arena.outside / "secret.txt"))
    yield "all members are links", packed


def zip_bomb(arena: Arena) -> Variants:
    """Pack members that grow, and very many members."""
    members = _members(arena)
    for name, data in [m for m in members if sort_of(m[1]) != "binary"][:2]:
        swollen = [(n, b" " * BOMB + data if n == name else d) for n, d in members]
        yield f"{name} unpacks to {BOMB >> 20} MiB", _pack(arena, swollen)
    crowd = [(f"{'d/' * 50}{n}", b"") for n in range(5000)]
    yield "many members", _pack(arena, [*members, *crowd])


def zip_lies(arena: Arena) -> Variants:
    """Damage members inside the zip, one of each sort, and mark them as encrypted."""
    victims = set(first_of_each_sort(arena.data))
    for n, (name, _) in enumerate(_members(arena)):
        if name not in victims:
            continue
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


def tar_links(arena: Arena) -> Variants:
    """Pack members that are links, devices and pipes."""
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


def tar_slip(arena: Arena) -> Variants:
    """Pack members that climb or are absolute, and a bomb."""
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


def xml_entities(arena: Arena) -> Variants:
    """Declare entities that grow or read files; nest deeply."""
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


def json_deep(arena: Arena) -> Variants:
    """Nest 100 000 levels deep."""
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


def numbers_replaced(values: tuple[bytes, ...]) -> Callable[[Arena], Variants]:
    """Put values in place of numbers."""

    def made(arena: Arena) -> Variants:
        for path in arena.examples():
            for value in values:
                data = path.read_bytes()
                for what, places in _picks(list(_NUMBER[sort_of(data)].finditer(data))):
                    path.write_bytes(_with(data, places, value))
                    yield f"{path.name}: {what} is {value[:20].decode()}", arena.data

    return made


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


def huge_files(arena: Arena) -> Variants:
    """Put headers that claim huge content in place of files."""
    for suffix, make in _HUGE.items():
        for number in range(min(2, len(arena.files(suffix)))):
            path = arena.files(suffix)[number]
            path.write_bytes(make())
            yield f"{path.name} claims to be huge", arena.data


_SIZES = re.compile(
    rb"""("?(?:height|width|size|h|w|rows|cols)"?\s*[:=]\s*\[?\s*"?|<(?:height|width|depth)>)(\d+)"""
)


def huge_sizes(arena: Arena) -> Variants:
    """State image sizes that are huge, zero or negative."""
    for path in arena.examples():
        for value in (b"1000000000", b"0", b"-5"):
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


def pickles(arena: Arena) -> Variants:
    """Put pickles, arrays of objects and YAML tags that run code."""
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
