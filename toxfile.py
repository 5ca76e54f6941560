"""Let uv, with which tox-uv fills the environments, fetch packages from where pip does.

uv does not read pip's configuration. On a machine whose pip is set up for a mirror or behind a
proxy with its own certificate, `pip install tox tox-uv` would work and `tox` would not. tox loads
this file because it lies next to tox.ini.
"""

from __future__ import annotations

import os
import subprocess
import sys
from ast import literal_eval
from typing import TYPE_CHECKING

from tox.plugin import impl

if TYPE_CHECKING:
    from tox.config.sets import ConfigSet
    from tox.session.state import State

# Extra indexes are left out: everything dsk needs is on the main one, and uv would prefer them.
UV_NAMES = {
    "cert": "SSL_CERT_FILE",
    "find-links": "UV_FIND_LINKS",
    "index-url": "UV_DEFAULT_INDEX",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
}


def pip_settings() -> dict[str, str]:
    """Return pip's settings by option name; environment variables win over files, as in pip."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listing = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  fixed
    found: dict[str, str] = {}
    for line in listing.stdout.splitlines():
        key, separator, value = line.partition("=")
        scope, _, option = key.rpartition(".")
        if not separator or option not in UV_NAMES:
            continue
        if scope == ":env:" or (scope in {"global", "install"} and option not in found):
            found[option] = str(literal_eval(value))
    return found


@impl
def tox_add_core_config(core_conf: ConfigSet, state: State) -> None:  # noqa: ARG001  tox's signature
    """Translate pip's settings to uv's, unless uv has been told something else."""
    for option, value in pip_settings().items():
        os.environ.setdefault(UV_NAMES[option], " ".join(value.split()))
