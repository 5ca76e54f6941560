"""Keys and tokens that are always the same for the same names."""

from __future__ import annotations

try:
    from _blake2 import blake2b  # hashlib's own, without OpenSSL, which takes longer to load
except ImportError:  # another Python than CPython
    from hashlib import blake2b

__all__ = ["key_of"]


def key_of(*parts: object) -> str:
    """Return a key, always the same for the same names."""
    text = "/".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=16).hexdigest()
