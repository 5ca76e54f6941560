"""Entry point of ``dsk``: arguments in, exit code out, no traceback for expected errors."""

from __future__ import annotations

import gc
import os
import signal
import sys
import warnings
from typing import TYPE_CHECKING

from dsk.errors import DskError, DskWarning, RecordError, printable

if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn, TextIO

__all__ = ["main"]

INTERNAL = 70
"""Exit code for a bug in dsk or a plugin (BSD's EX_SOFTWARE)."""


OBJECTS = 50_000
"""New objects before the cyclic collector looks: starting makes that many, and hardly a cycle."""


FILES = 65_536
"""Open files that are asked for, if the system allows as many."""


class Interrupted(BaseException):
    """A signal ended the work; carries the exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    signal.signal(number, signal.SIG_IGN)  # a second one must not break the cleaning up
    raise Interrupted(128 + number)


def _show_warning(  # noqa: PLR0917 - the signature of warnings.showwarning
    message: Warning | str,
    category: type[Warning],
    filename: str,  # noqa: ARG001
    lineno: int,  # noqa: ARG001
    file: TextIO | None = None,
    line: str | None = None,  # noqa: ARG001
) -> None:
    if issubclass(category, DskWarning) or os.environ.get("DSK_TRACEBACK"):
        print(f"warning: {printable(str(message))}", file=file or sys.stderr)


def _say(text: str) -> None:
    # Names of files may hold bytes that no terminal encoding has.
    data = f"{text}\n".encode(sys.stderr.encoding or "utf-8", "backslashreplace")
    sys.stderr.flush()
    sys.stderr.buffer.write(data)
    sys.stderr.flush()


def _internal(error: Exception) -> int:
    if os.environ.get("DSK_TRACEBACK"):
        raise error
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = f" at {last.tb_frame.f_code.co_filename}:{last.tb_lineno}" if last else ""
    text = printable(" ".join(str(error).split())[:300])
    _say(f"internal error: {type(error).__name__}: {text}{where}")
    _say("this is a bug in dsk or in a plugin; DSK_TRACEBACK=1 shows the whole story")
    return INTERNAL


def _allow_files() -> None:
    """Let this process have as many files open as it may: shells ask for a thousand at most.

    Datasets have thousands of tables, shards or subsets, each of them a file.
    """
    try:
        import resource  # not on Windows, where there is no such limit

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
        if wanted > soft != resource.RLIM_INFINITY:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ImportError, ValueError, OSError):
        return


def main() -> NoReturn:
    """Run ``dsk`` with the process's arguments and exit."""
    gc.set_threshold(OBJECTS)
    _allow_files()
    from dsk.cli.app import run

    warnings.showwarning = _show_warning
    warnings.simplefilter("always", DskWarning)
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = run(sys.argv[1:])
    except DskError as error:
        if os.environ.get("DSK_TRACEBACK"):
            raise
        if isinstance(error, RecordError):
            error.hint = error.hint or "--on-error skip goes on without it"
        _say(f"error: {error}")
        code = error.exit_code
    except Interrupted as error:
        if "dsk.staging" in sys.modules:  # or nothing was begun
            sys.modules["dsk.staging"].discard_all()
        _say("interrupted; nothing was left behind")
        code = error.code
    except MemoryError:
        _say("error: out of memory (fewer --jobs need less)")
        code = 1
    except Exception as error:  # noqa: BLE001 - the last line of defence, shown as a bug
        code = _internal(error)
    gc.freeze()  # or the collector would look at everything once more before the process ends
    sys.exit(code)


if __name__ == "__main__":
    main()
