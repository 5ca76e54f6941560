"""Keys and tokens that are always the same for the same names."""

from __future__ import annotations

import hashlib

__all__ = ["key_of"]


def key_of(*parts: object) -> str:
    """Return a key, always the same for the same names."""
    text = "/".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).hexdigest()
