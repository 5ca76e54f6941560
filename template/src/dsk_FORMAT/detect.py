"""Recognising the format, by names and by the first bytes of a file."""

from __future__ import annotations

from dsk.files import InputRoot
from dsk.flow import Detection


def detect(root: InputRoot) -> Detection | None:
    """Look for ``labels.json`` and a ``.jsonl`` file that begins as ours do."""
    if not root.is_file("labels.json"):
        return None
    tables = root.listing().pick((".jsonl",))
    if any(root.text_bytes(name, 16).startswith(b'{"id":') for name in tables):
        return Detection(80, f"labels.json and {len(tables)} .jsonl files of boxes")
    return None
