"""What a terminal shows of long work."""

from __future__ import annotations

import io
import threading
from types import SimpleNamespace

import pytest

from dsk import progress
from dsk.progress import Progress, waiting


class Terminal(io.StringIO):
    """A terminal that says when something was written."""

    def __init__(self, *, tty: bool = True):
        super().__init__()
        self.tty = tty
        self.written = threading.Event()

    def isatty(self):
        return self.tty

    def write(self, text):
        self.written.set()
        return super().write(text)


@pytest.fixture
def terminal(monkeypatch):
    made = Terminal()
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=made))
    monkeypatch.setattr(progress, "SILENT_FIRST", 0.0)
    monkeypatch.setattr(progress, "EVERY", 0.0)
    return made


def test_what_is_waited_for_is_shown_and_removed(terminal):
    with waiting("opening data"):
        assert terminal.written.wait(30)
    text = terminal.getvalue()
    assert text.startswith("\r\x1b[Kopening data 0 s")
    assert text.endswith("\r\x1b[K")


def test_an_error_removes_it_and_passes(terminal):
    def work():
        with waiting("opening data"):
            assert terminal.written.wait(30)
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_short_work_shows_nothing(terminal, monkeypatch):
    monkeypatch.setattr(progress, "SILENT_FIRST", 60.0)
    with waiting("opening data"):
        pass
    assert not terminal.getvalue()


def test_pipes_get_nothing(terminal):
    terminal.tty = False
    with waiting("opening data"):
        assert not terminal.written.wait(0.1)
    shown = Progress.on_terminal(10, "coco to yolo")
    shown.advance(5)
    shown.close()
    assert not terminal.getvalue()


@pytest.mark.parametrize(("total", "text"), [(10, " 50% 5/10 "), (None, "coco 5 items ")])
def test_items_are_counted(terminal, total, text):
    shown = Progress.on_terminal(total, "coco")
    shown.advance(5)
    assert text in terminal.getvalue()
    shown.close()
    assert terminal.getvalue().endswith("\r\x1b[K")
