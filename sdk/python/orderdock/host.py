"""The two things that the host offers, and `print`, which would otherwise trap: a plugin has no standard output."""

import linecache
import sys

from wit_world.imports import log as _log
from wit_world.imports import tables as _tables


class _Lines:
    """A text file whose lines go to the attempt's log."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, level: _log.Level) -> None:
        self._level = level
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            _log.log(self._level, line)
        return len(text)

    def flush(self) -> None:
        if self._rest:
            _log.log(self._level, self._rest)
            self._rest = ""

    def isatty(self) -> bool:
        return False


class log:  # noqa: N801 (used like a module: `log.info("…")`)
    """Lines for the attempt's log, seen by the plugin's author and the administrator."""

    @staticmethod
    def debug(*values: object) -> None:
        _write(_log.Level.DEBUG, values)

    @staticmethod
    def info(*values: object) -> None:
        _write(_log.Level.INFO, values)

    @staticmethod
    def warn(*values: object) -> None:
        _write(_log.Level.WARN, values)

    @staticmethod
    def error(*values: object) -> None:
        _write(_log.Level.ERROR, values)


def _write(level: _log.Level, values: tuple[object, ...]) -> None:
    _log.log(level, " ".join(str(value) for value in values))


def find(table: str, key: str) -> str | None:
    """The value of `key` in a look-up table, or None."""
    return _tables.find(table, key)


def missing(table: str, key: str, what: str) -> str:
    """Tells the host that the order fails for want of an entry; gives the sentence to reject it with."""
    return _tables.missing(table, key, what)


def remember_source(module: str) -> None:
    """Keeps a module's lines while the component is built: a traceback shows them later, when there are no files any more."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if sys.platform == "wasi" and file:
        linecache.getlines(file)


def fail(why: str) -> None:
    """Logs why a call is about to fail. What the runtime would print of it afterwards is the same once more."""
    log.error(why)
    if sys.platform == "wasi":
        sys.stderr = None


def take_over_output() -> None:
    """Sends what is printed to the attempt's log, and keeps tracebacks from looking for files: that would trap."""
    if sys.platform == "wasi":
        linecache.checkcache = lambda filename=None: None
        linecache.updatecache = lambda filename, module_globals=None: []
    sys.stdout = _Lines(_log.Level.INFO)  # type: ignore[assignment]
    sys.stderr = _Lines(_log.Level.WARN)  # type: ignore[assignment]
