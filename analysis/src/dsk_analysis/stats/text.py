"""Statistics for people: a screen of them, the most common first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk.cli.text import counted, glyph, table, tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["show"]

MOST_LABELS = 20
MOST_ATTRIBUTES = 12
MOST_VALUES = 5
MOST_SIZES = 5
MOST_SUBSETS = 10
MOST_ITEMS = 10
MOST_GROUPS = 5
BAR = 24
TITLE = 12

Found = dict[str, Any]


def show(found: Found, hints: Iterable[str]) -> None:
    """Print statistics on standard output.

    Args:
        found: What ``compute`` returned.
        hints: What may be asked for next.
    """
    for part in (_head, _labels, _attributes, _areas, _boxes, _solids, _items, _pixels, _rest):
        for line in part(found):
            tell(line)
    for n, hint in enumerate(hints):
        tell(_titled("" if n else "next", hint))


def _titled(title: str, text: str) -> str:
    return f"{title:{TITLE}}{text}".rstrip()


def _number(value: float) -> str:
    """Return a number with about four digits."""
    size = abs(value)
    if size >= 1e15:
        return f"{value:.3g}"
    if size >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _percent(part: float) -> str:
    return f"{part:.1%}"


def _bar(part: float, most: float) -> str:
    """Return a bar; whatever is not nothing can be seen."""
    if part <= 0 or most <= 0:
        return ""
    return glyph("█", "#") * max(1, round(BAR * part / most))


def _dash() -> str:
    return glyph("–", "-")


def _dots() -> str:
    return glyph("…", "...")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield an indented table; all columns but the first and those without a head are numbers."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]
    aligned = [
        [cell.rjust(widths[n]) if n and head[n] else cell for n, cell in enumerate(line)]
        for line in lines
    ]
    yield from table(aligned, indent="  ")


def _more(shown: int, total: int, what: str) -> Iterator[str]:
    if total > shown:
        yield f"  {_dots()} and {total - shown:,} more {what}"


def _head(found: Found) -> Iterator[str]:
    subsets = found["subsets"]
    items, count = found["images count"], found["annotations count"]
    name = f"{found['format']}: " if found["format"] else ""
    counts = (
        counted(items, "item"),
        counted(count, "annotation"),
        counted(len(subsets), "subset"),
    )
    yield name + ", ".join(counts)
    if len(subsets) == 1:
        yield _titled("subset", next(iter(subsets)))
    elif subsets:
        head = ("subset", "items", "annotations", "unannotated")
        rows = [
            (
                subset,
                f"{part['images count']:,}",
                f"{part['annotations count']:,}",
                f"{part['unannotated images count']:,}",
            )
            for subset, part in subsets.items()
        ]
        yield from _table(head, rows[:MOST_SUBSETS])
        yield from _more(MOST_SUBSETS, len(rows), "subsets")
    kinds = {kind: v["count"] for kind, v in found["annotations by type"].items() if v["count"]}
    if kinds:
        listed = sorted(kinds.items(), key=lambda pair: -pair[1])
        yield _titled("kinds", ", ".join(f"{kind} {n:,}" for kind, n in listed))
    if found["media"]:
        yield _titled("media", ", ".join(f"{kind} {n:,}" for kind, n in found["media"].items()))


def _labels(found: Found) -> Iterator[str]:
    labels = found["annotations"]["labels"]
    used = [(name, n, part) for name, (n, part) in labels["distribution"].items() if n]
    used.sort(key=lambda row: -row[1])
    total = len(labels["distribution"])
    if total:
        unused = f", {total - len(used):,} of them unused" if len(used) < total else ""
        yield _titled("labels", f"{total:,}{unused}")
    if used:
        most = used[0][1]
        rows = [
            (name, f"{n:,}", _percent(part), _bar(n, most)) for name, n, part in used[:MOST_LABELS]
        ]
        yield from _table(("label", "count", "share", ""), rows)
        yield from _more(MOST_LABELS, len(used), "labels")
    if labels["unlabelled count"]:
        yield _titled("unlabelled", f"{labels['unlabelled count']:,}")


def _attributes(found: Found) -> Iterator[str]:
    labels = found["annotations"]["labels"]
    attributes = labels["attributes"]
    if not attributes:
        return
    yield _titled("attributes", f"{len(attributes):,}")
    rows = []
    for name, facts in list(attributes.items())[:MOST_ATTRIBUTES]:
        listed = sorted(facts["distribution"].items(), key=lambda pair: -pair[1][0])
        values = [f"{text or '(empty)'}: {n:,}" for text, (n, _) in listed[:MOST_VALUES]]
        if len(listed) > MOST_VALUES:
            values.append(f"{_dots()} {len(listed) - MOST_VALUES:,} more values")
        if facts["others"][0]:
            values.append(f"others: {facts['others'][0]:,} (further values are not told apart)")
        rows.append((name, f"{facts['count']:,}", ", ".join(values)))
    yield from table(rows, head=("attribute", "count", "values"), indent="  ")
    yield from _more(MOST_ATTRIBUTES, len(attributes), "attributes")
    if "values of further attributes" in labels:
        yield f"  values of further attributes: {labels['values of further attributes']:,}"


def _areas(found: Found) -> Iterator[str]:
    segments = found["annotations"]["segments"]
    if not segments["count"]:
        return
    sizes = ", ".join(f"{size} {n:,}" for size, n in segments["COCO sizes"].items())
    mean, median = segments["avg. area"], segments["area"]["median"]
    yield _titled(
        "area, px" + glyph("²", "2"),
        f"{counted(segments['count'], 'segment')}, mean {_number(mean)}, "
        f"median {_number(median)}; {sizes}",
    )
    bins = segments["area distribution"]
    most = max(row["count"] for row in bins)
    rows = [
        (
            f"{_number(row['min'])} {_dash()} {_number(row['max'])}",
            f"{row['count']:,}",
            _percent(row["percent"]),
            _bar(row["count"], most),
        )
        for row in bins
    ]
    yield from _table(("from, to", "count", "share", ""), rows)


def _range(summary: Found | None) -> str:
    """Return the median, and least and greatest in brackets."""
    if summary is None:
        return _dash()
    low, high = _number(summary["min"]), _number(summary["max"])
    if low == high:
        return low
    return f"{_number(summary['median'])} ({low} {_dash()} {high})"


def _by_count(labels: Found) -> list[tuple[str, Found]]:
    return sorted(labels.items(), key=lambda pair: -pair[1]["count"])


def _boxes(found: Found) -> Iterator[str]:
    boxes = found["boxes"]
    if not boxes["count"]:
        return
    columns = ("width", "height", "area", "aspect ratio")
    rows = [
        (name, f"{sizes['count']:,}", *(_range(sizes[column]) for column in columns))
        for name, sizes in [("all", boxes["all"]), *_by_count(boxes["labels"])[:MOST_LABELS]]
    ]
    yield _titled("boxes, px", "medians, with the least and the greatest")
    yield from _table(("label", "count", *columns), rows)
    yield from _more(MOST_LABELS, len(boxes["labels"]), "labels")


def _solids(found: Found) -> Iterator[str]:
    solids = found["boxes 3d"]
    if solids["count"]:
        frames = ", ".join(f"{frame} {n:,}" for frame, n in solids["frames"].items())
        rest = solids["count"] - solids["measured"]
        yield _titled(
            "boxes 3d, m",
            f"{solids['count']:,}, frame {frames}" + (f"; {rest:,} not measured" if rest else ""),
        )
    columns = ("length", "width", "height", "distance")
    listed = _by_count(solids["labels"])
    if solids["unlabelled"] is not None:
        listed.append(("(unlabelled)", solids["unlabelled"]))
    if listed:
        rows = [
            (
                name,
                f"{sizes['count']:,}",
                *(_range(sizes[column]) for column in columns),
                f"{sizes['tracks']:,}",
            )
            for name, sizes in listed[:MOST_LABELS]
        ]
        yield from _table(("label", "count", *columns, "tracks"), rows)
        yield from _more(MOST_LABELS, len(listed), "labels")
    tracks = found["tracks"]
    if tracks["count"]:
        length = _range(tracks["annotations per track"])
        yield _titled(
            "tracks",
            f"{tracks['count']:,} with {tracks['annotations with track']:,} annotations; "
            f"each {length}",
        )


def _items(found: Found) -> Iterator[str]:
    each = found["annotations per item"]
    if each["summary"] is not None:
        mean = _number(each["summary"]["mean"])
        yield _titled("per item", f"annotations: {_range(each['summary'])}, mean {mean}")
        bins = each["histogram"]
        while not bins[0]["count"]:
            bins = bins[1:]
        most = max(row["count"] for row in bins)
        rows = [
            (
                str(row["min"])
                if row["min"] == row["max"]
                else f"{row['min']:,} {_dash()} {row['max']:,}",
                f"{row['count']:,}",
                _bar(row["count"], most),
            )
            for row in bins
        ]
        yield from _table(("annotations", "items", ""), rows)
    sizes = found["image sizes"]
    if sizes["known"]:
        cross = glyph("×", "x")
        common = sizes["most common"]
        listed = [f"{s['width']}{cross}{s['height']} {s['count']:,}" for s in common[:MOST_SIZES]]
        if sizes["distinct"] > MOST_SIZES:
            listed.append(f"{_dots()} {sizes['distinct'] - MOST_SIZES:,} more sizes")
        yield _titled("image sizes", ", ".join(listed))
    if sizes["unknown"]:
        yield _titled("" if sizes["known"] else "image sizes", f"not stated: {sizes['unknown']:,}")


def _pixels(found: Found) -> Iterator[str]:
    if found["image mean"] is not None:
        for name in ("mean", "std"):
            channels = ", ".join(f"{value:.2f}" for value in found[f"image {name}"])
            yield _titled(f"image {name}", f"{channels} (red, green, blue; 0 to 255)")
    if found["unique images count"]:
        groups = found["repeating images"]
        yield _titled(
            "repeated",
            f"{counted(len(groups), 'group')} of equal images; "
            f"{found['unique images count']:,} different",
        )
        for group in groups[:MOST_GROUPS]:
            names = [f"{subset}/{name}" for name, subset in group[:MOST_ITEMS]]
            rest = (
                f" {_dots()} and {len(group) - MOST_ITEMS:,} more"
                if len(group) > MOST_ITEMS
                else ""
            )
            yield f"  {', '.join(names)}{rest}"
        yield from _more(MOST_GROUPS, len(groups), "groups")
    if found["images without pixels"]:
        listed = ", ".join(f"{n:,} {why}" for why, n in found["images without pixels"].items())
        yield _titled("left out", f"images: {listed}")


def _rest(found: Found) -> Iterator[str]:
    if found["not finite"]:
        listed = ", ".join(f"{kind} {n:,}" for kind, n in found["not finite"].items())
        yield _titled("not finite", f"{listed}: left out of areas and sizes")
    names = found["unannotated images"]
    if names:
        yield _titled("unannotated", counted(len(names), "item"))
        for name in names[:MOST_ITEMS]:
            yield f"  {name}"
        yield from _more(MOST_ITEMS, len(names), "items")
